"""The small untrained supernets on which TE-NAS measures: three channels for the kernel, one cell for the regions."""

import torch
from torch import Tensor, nn

from nas_selection_bench.bench.problem.space import EDGES, OPERATIONS
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

KERNEL_CHANNELS = 3


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
    """One cell of one channel, so narrow that operations differ in how many regions they leave apart."""

    def __init__(self) -> None:
        super().__init__()
        self.cells = nn.ModuleList([LiteralCell(1)])

    def forward(self, images: Tensor, weights: Tensor) -> Tensor:
        """[n, 1, h, w] and weights [6, 5] -> [n, h * w]."""
        features: Tensor = self.cells[0](images, weights)
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
