"""One architecture as a plain network: that of NAS-Bench-201, or one with weights inherited from a supernet."""

from torch import Tensor, nn

from nas_selection_bench.bench.problem.space import AVG_POOL, EDGES, NONE, SKIP, Architecture
from nas_selection_bench.supernets.network.pooling import AveragePool
from nas_selection_bench.supernets.network.skeleton import ARRIVING, KERNELS, Skeleton, relu_conv_bn, total


class Zero(nn.Module):
    """The operation `none`: zeros of the input's shape (NaN where the input is not finite)."""

    def forward(self, x: Tensor) -> Tensor:
        """[n, c, h, w] -> zeros."""
        return x.mul(0.0)


def operation(index: int, channels: int, *, affine: bool) -> nn.Module:
    """The plain module of operation `index` (bench.problem.space.OPERATIONS)."""
    if index == NONE:
        return Zero()
    if index == SKIP:
        return nn.Identity()
    if index == AVG_POOL:
        return AveragePool()
    return relu_conv_bn(channels, channels, KERNELS[index], affine=affine)


class StandaloneCell(nn.Module):
    """One cell that runs one operation per edge."""

    def __init__(self, architecture: Architecture, channels: int, *, affine: bool) -> None:
        super().__init__()
        self.edges = nn.ModuleList(operation(o, channels, affine=affine) for o in architecture)

    def forward(self, x: Tensor) -> Tensor:
        """[n, c, h, w] -> [n, c, h, w]: node 3."""
        nodes = [x]
        for edges in ARRIVING.values():
            nodes.append(total([self.edges[e](nodes[EDGES[e][1]]) for e in edges]))
        return nodes[3]


class StandaloneNetwork(Skeleton):
    """The network that NAS-Bench-201 trains for one architecture, in plain modules.

    It runs only the chosen operations; `affine`: whether batch norms inside cells have an affine part.
    Source: Dong & Yang, "NAS-Bench-201", ICLR 2020.
    """

    def __init__(
        self, architecture: Architecture, channels: int = 16, cells: int = 5, classes: int = 10, *, affine: bool = True
    ) -> None:
        super().__init__(channels, cells, classes, lambda c: StandaloneCell(architecture, c, affine=affine))
        self.architecture = architecture

    def forward(self, images: Tensor) -> Tensor:
        """[n, 3, h, w] -> logits [n, classes]."""
        return self.through(images, lambda _, cell, x: cell(x))
