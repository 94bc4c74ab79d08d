"""The fast network and the literal one with the same weights, in float64."""

import torch
from torch import Tensor

from nas_selection_bench.bench.problem.space import CONV_1X1, CONV_3X3, EDGES
from nas_selection_bench.supernets.network.literal import LiteralSupernet
from nas_selection_bench.supernets.network.supernet import Supernet

CLOSE = {"rtol": 1e-9, "atol": 1e-9}


def pair(cells: int = 1, composed: bool = False) -> tuple[Supernet, LiteralSupernet]:
    torch.manual_seed(cells)
    network = Supernet(3, cells, classes=4).double()
    for name, buffer in network.named_buffers():
        if "mean" in name or "var" in name:
            buffer.uniform_(0.5, 1.5)
    network.twice_differentiable = composed
    return network, LiteralSupernet.like(network)


def inputs(n: int = 6, size: int = 8) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(n)
    x = torch.randn(n, 3, size, size, dtype=torch.float64, generator=generator)
    weights = torch.rand(6, 5, dtype=torch.float64, generator=generator) - 0.3
    return x.requires_grad_(), weights.requires_grad_()


def kernels_like(network: Supernet, literal: LiteralSupernet) -> list[tuple[Tensor | None, Tensor]]:
    """Pairs of gradients of every parameter: the fast network's and the literal one's."""
    pairs = []
    for cell, plain in zip(network.cells, literal.cells, strict=True):
        for edge, (_, source) in enumerate(EDGES):
            leaving = [e for e, (_, s) in enumerate(EDGES) if s == source]
            for operation, kernel in ((CONV_1X1, 1), (CONV_3X3, 3)):
                fused = getattr(cell, f"weight_{kernel}x{kernel}_{source}").grad
                part = None if fused is None else fused.chunk(len(leaving))[leaving.index(edge)]
                pairs.append((part, plain.edges[edge].operations[operation][1].weight.grad))
    frame = dict(literal.named_parameters())
    pairs += [(p.grad, frame[name].grad) for name, p in network.named_parameters() if not name.startswith("cells.")]
    return pairs
