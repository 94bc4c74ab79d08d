"""The small untrained supernets on which TE-NAS measures.

C=3, N=1 for the kernel; for the linear regions one cell of one channel without a stem, then batch norm and a ReLU, on
crops of one channel. Weights are Kaiming normal, by fan-out for the kernel and by fan-in for the regions.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from nas_selection_bench.bench.problem.space import EDGES, OPERATIONS
from nas_selection_bench.selectors import proxies
from nas_selection_bench.selectors.parts.initialisation import (
    Fill,
    initialise,
    kaiming_normal_fan_in,
    kaiming_normal_fan_out,
    pytorch_default,
)
from nas_selection_bench.selectors.parts.view import Search
from nas_selection_bench.supernets.network.literal import LiteralCell, LiteralSupernet, Mixture

FILLS: dict[str, Fill] = {"ntk": kaiming_normal_fan_out, "linear_regions": kaiming_normal_fan_in}
"""How the paper draws the weights, by what is measured."""

MEASURES = tuple(FILLS)
"""The proxies that measure."""

KERNEL_CHANNELS = 3


def measured(
    search: Search, measure: str, masks: Sequence[Tensor], repeat: int, count: int, *, released: bool
) -> np.ndarray:
    """[m]: the condition number (`ntk`) of one small supernet with only the operations of each mask, or its regions.

    From `count` images, or `count` crops of images for the regions.
    """
    network = small_supernet(search, measure, repeat, released=released)
    images = search.proxy_batch(repeat)[0]
    if measure == "ntk":
        name, images = measure, images[:count]
    else:
        name = f"{measure}[samples={count}]"
        images = one_channel(images, search.shared_generator("channel of regions", repeat=repeat))
    variants = (partial(keep_only, mask=mask) for mask in masks)
    seed = search.shared_seed("regions", repeat=repeat)
    values = np.array(proxies.defined(proxies.scores(name, network, variants, images, seed=seed, bn=search.cell.bn)))
    return values if proxies.find(measure).higher_is_better else -values


def one_channel(images: Tensor, generator: torch.Generator) -> Tensor:
    """[n, c, h, w] -> [n, 1, h, w]: of each image a channel drawn at random."""
    drawn = torch.randint(images.shape[1], (len(images),), generator=generator).to(images.device)
    return images[torch.arange(len(images), device=images.device), drawn].unsqueeze(1)


def small_supernet(search: Search, proxy: str, repeat: int, *, released: bool) -> Mixture:
    """A new network to measure `proxy` on, as a module of images; its passes are counted.

    As `released`, weights are PyTorch's own and all kernels are measured on one network.
    """
    same = released and proxy == "ntk"
    generator = search.shared_generator("te-nas", proxy=proxy, repeat=0 if same else repeat)
    with torch.device("meta"):
        empty = LiteralSupernet(KERNEL_CHANNELS, 1, search.network.classes) if proxy == "ntk" else ThinSupernet()
    network = empty.to_empty(device=search.like.device).to(search.like.dtype)
    initialise(network, generator, pytorch_default if released else FILLS[proxy])
    mixture = Mixture(network, search.like.new_zeros(len(EDGES), len(OPERATIONS)))
    search.meter.watch(mixture)
    return mixture


class ThinSupernet(nn.Module):
    """One cell of one channel, so narrow that operations differ in how many regions they leave apart.

    Batch norm and ReLU, the end of every network, stay behind it: no other ReLU sees what edges to node 3 put out.
    """

    def __init__(self) -> None:
        super().__init__()
        self.cells = nn.ModuleList([LiteralCell(1)])
        self.end = nn.Sequential(nn.BatchNorm2d(1, affine=False), nn.ReLU())

    def forward(self, images: Tensor, weights: Tensor) -> Tensor:
        """[n, 1, h, w] and weights [6, 5] -> [n, h * w]."""
        features: Tensor = self.end(self.cells[0](images, weights))
        return features.flatten(1)


def keep_only(mixture: nn.Module, mask: Tensor) -> None:
    """Leave the operations of `mask` [6, 5] in every cell, sharing the weight of their edge; the others do not run."""
    assert isinstance(mixture, Mixture)
    mixture.weights.copy_(mask / mask.sum(1, keepdim=True))
    mixture.run_only(mask)


def one(operation: int) -> Tensor:
    """[5] booleans, true at `operation`."""
    return torch.arange(len(OPERATIONS)) == operation


def at(edge: int, operation: int) -> Tensor:
    """[6, 5] booleans, true at one place."""
    place = torch.zeros(len(EDGES), len(OPERATIONS), dtype=torch.bool)
    place[edge, operation] = True
    return place
