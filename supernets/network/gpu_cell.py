"""One supernet cell as a single differentiable function for GPUs, where the number of kernels limits the speed.

A training step of the supernet consists of thousands of kernels that take a microsecond or two each, whatever they
compute. So all edges that leave a node share kernel launches:

- all convolutions that leave a node form one 3x3 convolution, with 1x1 kernels in the centre of nine taps, and their
  batch norms form one batch norm, whose scales are the edge weights;
- the two convolutions of all leaving edges are added at once, then the skips, then the pools;
- the gradients of all edge weights that scale a node or its pool come from one matrix product.

The backward pass is written out. It can be run once; `Supernet.twice_differentiable` selects a path that can be
differentiated again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from nas_selection_bench.bench.problem.space import EDGES
from nas_selection_bench.supernets.network.skeleton import EPSILON, LEAVING, MOMENTUM

ORDER = tuple(edge for edges in LEAVING for edge in edges)
"""The edges, ordered by the node that they leave: (0, 1, 3, 2, 4, 5)."""
FIRST = (0, 3, 5)
"""Position in `ORDER` of the first edge of each node."""
aten = torch.ops.aten


@dataclass
class Statistics:
    """Statistics that the batch norms of one cell read and record: [2 edges C] numbers for each of nodes 0 to 2.

    The channels are those of the 3x3 convolutions of all leaving edges, then those of the 1x1 convolutions.
    """

    running: Sequence[tuple[Tensor, Tensor]] | None
    """Means and variances to normalise with; None to use those of the batch."""
    seen: list[tuple[Tensor, Tensor]] = field(default_factory=list)
    """Means and 1 / deviations of the batch, appended by the forward pass."""


class GpuCell(torch.autograd.Function):
    """node 3 = cell(x, shares [2, 6], statistics, three scales [2 edges C], three kernels [2 edges C, C, 3, 3])."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, shares: Tensor, statistics: Statistics, *fused: Tensor) -> Tensor:
        """[n, c, h, w] in channels_last -> the same; `shares` are the weights of skips and of pools, in `ORDER`."""
        scales, kernels = fused[:3], fused[3:]
        nodes, saved = [x], []
        arrived: dict[int, Tensor] = {}
        for node, edges in enumerate(LEAVING):
            x = nodes[node]
            r = torch.relu(x)
            y = F.conv2d(r, kernels[node], padding=1)
            running = (None, None) if statistics.running is None else statistics.running[node]
            z, mean, deviation = aten.native_batch_norm(
                y, scales[node], None, *running, statistics.running is None, MOMENTUM, EPSILON
            )
            statistics.seen.append((mean, deviation))
            pooled = F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)
            both = z.unflatten(1, (2, len(edges), x.shape[1]))
            terms = both[:, 0] + both[:, 1]
            skip, pool = shares[:, FIRST[node] : FIRST[node] + len(edges)].view(2, 1, -1, 1, 1, 1)
            terms.addcmul_(x.unsqueeze(1), skip).addcmul_(pooled.unsqueeze(1), pool)
            for place, edge in enumerate(edges):
                target = EDGES[edge][0]
                term = terms[:, place]
                arrived[target] = arrived[target] + term if target in arrived else term
            # A node that only one edge feeds is still a slice of a larger tensor.
            nodes.append(arrived[node + 1].contiguous(memory_format=torch.channels_last))
            saved += [x, r, pooled, y, mean, deviation, *running]
        if any(ctx.needs_input_grad):
            ctx.by_batch = statistics.running is None
            ctx.save_for_backward(shares, *scales, *kernels, *saved)
        return nodes[3]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients of x, the shares, the scales and the kernels."""
        shares, *rest = ctx.saved_tensors
        scales, kernels, saved = rest[:3], rest[3:6], rest[6:]
        wants_x, wants_shares, _, *wants = ctx.needs_input_grad
        at = {3: gradient.contiguous(memory_format=torch.channels_last)}
        of_scales: list[Tensor | None] = [None] * 3
        of_kernels: list[Tensor | None] = [None] * 3
        of_shares: list[Tensor] = []
        for node in (2, 1, 0):
            x, r, pooled, y, mean, deviation, *running = saved[8 * node : 8 * node + 8]
            edges = LEAVING[node]
            leaving = [at[EDGES[edge][0]] for edge in edges]
            of_z = torch.cat(leaving * 2, 1)
            of_y, of_scales[node], _ = aten.native_batch_norm_backward(
                of_z, y, scales[node], *running, mean, deviation, ctx.by_batch, EPSILON, [True, wants[node], False]
            )
            of_r, of_kernels[node], _ = aten.convolution_backward(
                of_y, r, kernels[node], None, (1, 1), (1, 1), (1, 1), False, (0, 0), 1,
                [node > 0 or wants_x, wants[3 + node], False],
            )  # fmt: skip
            if wants_shares:
                of_shares.insert(0, products(torch.cat([x, pooled], 1), of_z, len(edges)))
            if node > 0 or wants_x:
                at[node] = _of_node(leaving, of_r, x, r, shares[:, FIRST[node] : FIRST[node] + len(edges)])
        of_every_share = torch.cat(of_shares, 1).to(shares.dtype) if wants_shares else None
        return at.get(0), of_every_share, None, *of_scales, *of_kernels


def _of_node(leaving: list[Tensor], of_r: Tensor, x: Tensor, r: Tensor, shares: Tensor) -> Tensor:
    """The gradient of a node, through its skips, its pool and its ReLU."""
    of_x, of_pool = (leaving[0] * share[0] for share in shares)
    for gradient, skip, pool in zip(leaving[1:], shares[0, 1:], shares[1, 1:], strict=True):
        of_x.addcmul_(gradient, skip)
        of_pool.addcmul_(gradient, pool)
    of_x += aten.avg_pool2d_backward(of_pool, x, (3, 3), (1, 1), (1, 1), False, False, None)
    of_x += aten.threshold_backward(of_r, r, 0)
    return of_x


def products(values: Tensor, gradients: Tensor, edges: int) -> Tensor:
    """[2, edges] inner products of two feature maps with the gradient from each edge.

    `values` [n, 2 C, h, w] are the two feature maps; the first half of the channels of `gradients`
    [n, 2 edges C, h, w] are the gradients from the edges. The inner products are diagonals of the products of all
    channels with all channels: one matrix product instead of one multiplication and one sum for each.
    """
    c = values.shape[1] // 2
    rows = values.permute(0, 2, 3, 1).reshape(-1, 2 * c)
    columns = gradients.permute(0, 2, 3, 1).reshape(-1, 2 * edges * c)[:, : edges * c]
    return (rows.t() @ columns).view(2, c, edges, c).diagonal(dim1=1, dim2=3).sum(-1)


class JoinedKernels(torch.autograd.Function):
    """Joins the 3x3 and 1x1 kernels of cells of one width, given alternately, into one kernel for each node."""

    @staticmethod
    def forward(ctx: Any, dtype: torch.dtype, *kernels: Tensor) -> tuple[Tensor, ...]:
        """[edges C, C, 3, 3], [edges C, C, 1, 1], ... -> [2 edges C, C, 3, 3] in `dtype` for each pair."""
        wide, narrow = kernels[::2], kernels[1::2]
        sizes = [len(kernel) for kernel in wide]
        centred = F.pad(torch.cat(narrow), (1, 1, 1, 1)).split(sizes)
        joined = torch.cat([part for both in zip(wide, centred, strict=True) for part in both])
        ctx.sizes, ctx.dtype = sizes, wide[0].dtype
        return joined.to(dtype, memory_format=torch.channels_last).split([2 * size for size in sizes])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients of the single kernels; a 1x1 kernel gets the gradient of the centre tap."""
        whole = torch.cat(gradients).to(ctx.dtype, memory_format=torch.channels_last)
        centre = whole[:, :, 1:2, 1:2].contiguous()
        sizes = [size for size in ctx.sizes for _ in range(2)]
        wide, narrow = whole.split(sizes)[::2], centre.split(sizes)[1::2]
        return None, *(part for both in zip(wide, narrow, strict=True) for part in both)
