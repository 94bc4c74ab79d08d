"""The supernet as the papers write it: one module per operation, one product and one sum per edge.

The fast network is tested against this reference. Since all its parts are plain modules, zero-cost
proxies that use hooks also run on it.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from nas_selection_bench.bench.problem.space import CONV_1X1, CONV_3X3, EDGES, NONE, OPERATIONS
from nas_selection_bench.supernets.network.skeleton import ARRIVING, Skeleton, copy_weights, total
from nas_selection_bench.supernets.network.standalone import operation
from nas_selection_bench.supernets.network.supernet import Supernet

Watched = Literal["everything", "relus", "nothing"]
"""The modules that hooks watch, which must run although they do not contribute to the output."""


class MixedEdge(nn.Module):
    """All operations of one edge, and their weighted sum."""

    running: tuple[int, ...]
    """The operations that run, at least one; all by default. The caller may omit those whose weight is zero."""
    fed_zeros: tuple[nn.Module, ...] = ()
    """Modules of the other operations that run on zeros, for hooks that observe every operation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.operations = nn.ModuleList(operation(o, channels, affine=False) for o in range(len(OPERATIONS)))
        self.running = tuple(range(len(OPERATIONS)))

    def forward(self, x: Tensor, weights: Tensor, zeros: Tensor | None = None) -> Tensor:
        """[n, c, h, w] and weights [5] -> [n, c, h, w]; `zeros`, in the shape of x, is the input of `fed_zeros`."""
        for module in self.fed_zeros:
            module(zeros)
        return total([weights[o] * self.operations[o](x) for o in self.running])


class LiteralCell(nn.Module):
    """One cell: four nodes, six mixed edges."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.edges = nn.ModuleList(MixedEdge(channels) for _ in EDGES)

    def forward(self, x: Tensor, weights: Tensor, skip: float | Tensor = 0.0) -> Tensor:
        """[n, c, h, w] and weights [6, 5] -> node 3."""
        nodes = [x]
        # One tensor for all edges: hooks on ReLUs look at each distinct input once.
        zeros = torch.zeros_like(x) if any(edge.fed_zeros for edge in self.edges) else None
        for edges in ARRIVING.values():
            arriving = [self.edges[e](nodes[EDGES[e][1]], weights[e], zeros) for e in edges]
            if isinstance(skip, Tensor) or skip:
                arriving += [skip * nodes[EDGES[e][1]] for e in edges]
            nodes.append(total(arriving))
        return nodes[3]


class LiteralSupernet(Skeleton):
    """The weight-sharing network, unfused."""

    def __init__(self, channels: int = 16, cells: int = 5, classes: int = 10) -> None:
        super().__init__(channels, cells, classes, LiteralCell)

    @classmethod
    def like(cls, supernet: Supernet) -> "LiteralSupernet":
        """A literal network with a copy of `supernet`'s weights, statistics, dtype, device and BN mode."""
        literal = cls(supernet.channels, supernet.cells_per_stage, supernet.classes)
        every = [(edge, operation) for edge in range(len(EDGES)) for operation in (CONV_1X1, CONV_3X3)]
        copy_weights(supernet, literal, every, lambda cell, edge, operation: cell.edges[edge].operations[operation])
        literal.normalise(supernet.normalisation)
        return literal

    def forward(self, images: Tensor, weights: Tensor, *, skip: float | Tensor = 0.0) -> Tensor:
        """[n, 3, h, w], weights [6, 5] or [n_cells, 6, 5] -> logits [n, classes]."""
        per_cell = weights.expand(self.n_cells, -1, -1)
        return self.through(images, lambda index, cell, x: cell(x, per_cell[index], skip))

    def mixture(self, weights: Tensor) -> "Mixture":
        """This network (not a copy) with fixed edge weights: a module whose only input is images."""
        return Mixture(self, weights)


class Mixture(nn.Module):
    """A supernet of literal cells with fixed edge weights."""

    weights: Tensor

    def __init__(self, network: nn.Module, weights: Tensor) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("weights", weights.detach().clone())

    def forward(self, images: Tensor) -> Tensor:
        """[n, 3, h, w] -> logits [n, classes]."""
        logits: Tensor = self.network(images, self.weights)
        return logits

    @property
    def cells(self) -> list[LiteralCell]:
        """The cells, in order."""
        return [module for module in self.network.modules() if isinstance(module, LiteralCell)]

    def run_only(self, mask: Tensor, *, on_zeros: Watched = "nothing") -> None:
        """In every cell, run only the operations in `mask` [6, 5]; on an edge without any, run `none`.

        Among the other operations, the modules selected by `on_zeros` run on zeros, so that hooks see the same output
        for all images.
        """
        rows = mask.tolist()
        for cell in self.cells:
            for edge, row in zip(cell.edges, rows, strict=True):
                assert isinstance(edge, MixedEdge)
                edge.running = tuple(o for o, runs in enumerate(row) if runs) or (NONE,)
                others = [operation for operation, runs in zip(edge.operations, row, strict=True) if not runs]
                edge.fed_zeros = tuple(fed_zeros(others, on_zeros))


def fed_zeros(operations: Sequence[nn.Module], watched: Watched) -> list[nn.Module]:
    """The modules of `operations` that must run on zeros, for hooks that watch `watched`."""
    if watched == "relus":
        return [module for operation in operations for module in operation.modules() if isinstance(module, nn.ReLU)]
    return list(operations) if watched == "everything" else []
