"""Cells with partial channels on a GPU: the input of a node is computed by matrix products.

As in `gpu_cell`, the convolutions that leave a node form one convolution, and their batch norms one batch norm. The
rest of such a cell is linear in the channels of a pixel: it adds the convolutions, weights the channels of the node
that the operations see, their pool and the channels that bypass the operations, and shuffles the channels. So it is a
matrix, the `mixer` of the node: [convolutions | node | pool] times the mixer is what the node sends to all later
nodes. The gradient of the mixer contains those of the edge weights; its transpose propagates gradients back.

A mixer has the precision of the feature maps: in bfloat16, it rounds the weights of skips, pools and edges as well.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from nas_selection_bench.bench.problem.space import OPERATIONS, SKIP
from nas_selection_bench.supernets.network.fused_forward import picture, rows
from nas_selection_bench.supernets.network.gpu_cell import FIRST, ORDER, Statistics
from nas_selection_bench.supernets.network.gpu_pass import GpuPass, PlainCell
from nas_selection_bench.supernets.network.skeleton import EPSILON, LEAVING, MOMENTUM

aten = torch.ops.aten


def mixing_pattern(channels: int, parts: int) -> tuple[Tensor, Tensor]:
    """`fixed` [s] and `pattern` [18, s] such that the mixers of a cell are fixed + weights @ pattern.

    The 18 weights are those of skips and of pools in `ORDER`, then those of the edges; s is the number of elements of
    all three mixers, [2 edges C/k + C + C/k, edges C] each.
    """
    seen = channels // parts
    dealt = torch.arange(channels).view(seen, parts).t().reshape(-1)  # channel g C/k + i goes to i k + g
    fixed: list[Tensor] = []
    pattern: list[Tensor] = []
    for node, edges in enumerate(LEAVING):
        rows, columns = 2 * len(edges) * seen + channels + seen, len(edges) * channels
        always, by_weight = torch.zeros(rows, columns), torch.zeros(3 * len(ORDER), rows, columns)
        first = torch.arange(seen)
        own, pool = torch.arange(channels) + 2 * len(edges) * seen, first + rows - seen
        for place, edge in enumerate(edges):
            to = dealt + place * channels
            for convolution in range(2):
                always[first + (convolution * len(edges) + place) * seen, to[:seen]] = 1
            by_weight[FIRST[node] + place, own[:seen], to[:seen]] = 1
            by_weight[len(ORDER) + FIRST[node] + place, pool, to[:seen]] = 1
            by_weight[2 * len(ORDER) + edge, own[seen:], to[seen:]] = 1
        fixed.append(always.flatten())
        pattern.append(by_weight.flatten(1))
    return torch.cat(fixed), torch.cat(pattern, 1)


class CellOfParts(PlainCell, Protocol):
    """The attributes that a pass reads from a cell whose operations see part of its channels."""

    parts: int
    edge_log_scale: Tensor


class PartialPass(GpuPass):
    """One pass through the cells of a network with partial channels."""

    def __init__(
        self, cells: Sequence[CellOfParts], index: Tensor, patterns: Sequence[tuple[Tensor, Tensor]],
        weights: Tensor, skip: float | Tensor, dtype: torch.dtype,
    ) -> None:  # fmt: skip
        """weights: [n_cells, 6, 5], or [n_cells, 6, 6] with edge normalisation; patterns: for each stage."""
        weights, edges = weights[..., : len(OPERATIONS)], weights[..., len(OPERATIONS) :]
        if not edges.shape[-1]:
            edges = torch.stack([cell.edge_log_scale for cell in cells]).exp().unsqueeze(-1)
        weights = weights * edges
        if isinstance(skip, Tensor) or skip:
            weights = weights + F.pad(edges * skip, (SKIP, len(OPERATIONS) - SKIP - 1))
        self._edges, self._patterns, self._parts = edges.squeeze(-1), patterns, cells[0].parts
        super().__init__(cells, index, weights, 0.0, dtype)

    def _by_cell(self, shares: Tensor, dtype: torch.dtype) -> list[tuple[Tensor, ...]]:
        """The three mixers of each cell."""
        found: list[tuple[Tensor, ...]] = []
        all_weights = torch.cat([shares, self._edges.to(shares)], 1).chunk(len(self._stages))
        for cells, weights, (fixed, pattern) in zip(self._stages, all_weights, self._patterns, strict=True):
            seen = cells[0].channels
            c = seen * self._parts
            mixers = torch.addmm(fixed, weights, pattern).to(dtype)
            columns = [len(edges) * c for edges in LEAVING]
            sizes = [(2 * len(edges) * seen + c + seen) * n for edges, n in zip(LEAVING, columns, strict=True)]
            by_node = [m.unflatten(1, (-1, n)).unbind() for m, n in zip(mixers.split(sizes, 1), columns, strict=True)]
            found += zip(*by_node, strict=True)
        return found

    def run(self, index: int, x: Tensor) -> Tensor:
        """One cell, [n, C, h, w] -> [n, C, h, w]."""
        nodes = slice(3 * index, 3 * index + 3)
        node_3: Tensor = PartialGpuCell.apply(
            x, self._statistics[index], *self._scales[nodes], *self._kernels[nodes], *self._shares[index]
        )
        return node_3


class PartialGpuCell(torch.autograd.Function):
    """node 3 = cell(x, statistics, scales [2 edges C/k], kernels [2 edges C/k, C/k, 3, 3], mixers), three of each."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, statistics: Statistics, *given: Tensor) -> Tensor:
        """[n, C, h, w] in channels_last -> the same."""
        scales, kernels, mixers = given[:3], given[3:6], given[6:]
        shape, seen = x.shape, kernels[0].shape[1]
        saved: list[Tensor | None] = []
        arrived = torch.empty(0)
        for node in range(3):
            part = x[:, :seen].contiguous(memory_format=torch.channels_last)
            r = torch.relu(part)
            y = F.conv2d(r, kernels[node], padding=1)
            running = (None, None) if statistics.running is None else statistics.running[node]
            z, mean, deviation = aten.native_batch_norm(
                y, scales[node], None, *running, statistics.running is None, MOMENTUM, EPSILON
            )
            statistics.seen.append((mean, deviation))
            pooled = F.avg_pool2d(part, 3, stride=1, padding=1, count_include_pad=False)
            joined = torch.cat([rows(z), rows(x), rows(pooled)], 1)
            # Node 0 sends to nodes 1, 2 and 3, node 1 to 2 and 3, node 2 to 3.
            if node:
                arrived[:, node * shape[1] :].addmm_(joined, mixers[node])
            else:
                arrived = joined @ mixers[0]
            x = picture(arrived[:, node * shape[1] : (node + 1) * shape[1]], shape)
            saved += [part, r, y, mean, deviation, *running, joined if ctx.needs_input_grad[8 + node] else None]
        if any(ctx.needs_input_grad):
            ctx.by_batch, ctx.shape = statistics.running is None, shape
            ctx.save_for_backward(*given, *saved)
        return x.contiguous(memory_format=torch.channels_last)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients of x, the scales, the kernels and the mixers."""
        scales, kernels, mixers = (ctx.saved_tensors[3 * i : 3 * i + 3] for i in range(3))
        saved = ctx.saved_tensors[9:]
        wants_x, _, *wants = ctx.needs_input_grad
        c, seen = ctx.shape[1], kernels[0].shape[1]
        found: list[Tensor | None] = [None] * 9
        at = gradient.new_empty(gradient.numel() // c, 3 * c)  # gradients of nodes 1 to 3, side by side
        at[:, 2 * c :].copy_(rows(gradient))
        of_x = None
        for node in (2, 1, 0):
            part, r, y, mean, deviation, *running, joined = saved[8 * node : 8 * node + 8]
            behind = at[:, node * c :]
            convolutions, own, pool = mixers[node].split([len(mixers[node]) - c - seen, c, seen])
            if wants[6 + node]:
                found[6 + node] = joined.t() @ behind
            of_y, found[node], _ = aten.native_batch_norm_backward(
                picture(behind @ convolutions.t(), ctx.shape), y, scales[node], *running, mean, deviation,
                ctx.by_batch, EPSILON, [True, wants[node], False],
            )  # fmt: skip
            of_r, found[3 + node], _ = aten.convolution_backward(
                of_y, r, kernels[node], None, (1, 1), (1, 1), (1, 1), False, (0, 0), 1,
                [node > 0 or wants_x, wants[3 + node], False],
            )  # fmt: skip
            if node or wants_x:
                of_node = at[:, (node - 1) * c : node * c] if node else at.new_empty(len(at), c)
                torch.mm(behind, own.t(), out=of_node)
                of_pool = picture(behind @ pool.t(), ctx.shape)
                of_part = picture(of_node, ctx.shape)[:, :seen]
                of_part += aten.avg_pool2d_backward(of_pool, part, (3, 3), (1, 1), (1, 1), False, False, None)
                of_part += aten.threshold_backward(of_r, r, 0)
                of_x = picture(of_node, ctx.shape)
        return of_x if wants_x else None, None, *found
