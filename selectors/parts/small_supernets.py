"""The small untrained supernets on which TE-NAS measures its two proxies.

The kernel is measured on a supernet with C=3, N=1. The linear regions are measured on crops of one channel, on one cell
of one channel without a stem, followed by batch norm and a ReLU. Weights are Kaiming normal, by fan-out for the kernel
and by fan-in for the regions.
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
"""The paper's weight initialisation for each proxy."""

MEASURES = tuple(FILLS)
"""The names of the two proxies: NTK condition number and number of linear regions."""

KERNEL_CHANNELS = 3


def measured(
    search: Search, measure: str, masks: Sequence[Tensor], repeat: int, count: int, *, released: bool
) -> np.ndarray:
    """[m]: the condition number (`ntk`) or the number of regions of a small supernet, for each of m masks.

    A mask [6, 5] leaves only its operations in the supernet. `count` is the number of images, or of crops for the
    regions.
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
    """[n, c, h, w] -> [n, 1, h, w]: one channel of each image, drawn at random."""
    drawn = torch.randint(images.shape[1], (len(images),), generator=generator).to(images.device)
    return images[torch.arange(len(images), device=images.device), drawn].unsqueeze(1)


def small_supernet(search: Search, proxy: str, repeat: int, *, released: bool) -> Mixture:
    """A new network on which to measure `proxy`, as a module that takes images; its passes are counted.

    With `released`, weights are PyTorch's default and all kernels are measured on one network.
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
    """One cell of one channel, narrow enough for operations to differ in the number of linear regions.

    The batch norm and ReLU that end every network follow it; no other ReLU sees the outputs of the edges to node 3.
    """

    def __init__(self) -> None:
        super().__init__()
        self.cells = nn.ModuleList([LiteralCell(1)])
        self.end = nn.Sequential(nn.BatchNorm2d(1, affine=False), nn.ReLU())

    def forward(self, images: Tensor, weights: Tensor) -> Tensor:
        """[n, h * w] features of images [n, 1, h, w] with edge weights [6, 5]."""
        features: Tensor = self.end(self.cells[0](images, weights))
        return features.flatten(1)


def keep_only(mixture: nn.Module, mask: Tensor) -> None:
    """Keep only the operations of `mask` [6, 5] in every cell, sharing their edge's weight; the others do not run."""
    assert isinstance(mixture, Mixture)
    mixture.weights.copy_(mask / mask.sum(1, keepdim=True))
    mixture.run_only(mask)


def one(operation: int) -> Tensor:
    """[5] booleans, true at `operation`."""
    return torch.arange(len(OPERATIONS)) == operation


def at(edge: int, operation: int) -> Tensor:
    """[6, 5] booleans, true only at `edge` and `operation`."""
    place = torch.zeros(len(EDGES), len(OPERATIONS), dtype=torch.bool)
    place[edge, operation] = True
    return place
