"""One supernet cell as a single differentiable function in Triton kernels: half the launches of `gpu_cell`.

The convolutions remain torch's: one per node, for all edges that leave it, as in `gpu_cell`. The rest of a node takes
two kernels for the statistics of its batch norms and one that sums what arrives at the next node. The backward pass
takes two kernels for the sums over pixels, and one each for the gradients of the convolutions and of the node.
Intermediate sums are in float32 where `gpu_cell` rounds to bfloat16.

Each launch is registered as a torch operation, so that tools which trace operations see it.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd.function import once_differentiable

from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.supernets.network import triton_kernels as kernels
from nas_selection_bench.supernets.network.gpu_cell import Statistics
from nas_selection_bench.supernets.network.gpu_pass import GpuPass, joined
from nas_selection_bench.supernets.network.skeleton import EPSILON, LEAVING

ELEMENTS, MOST_COLUMNS = 1024, 64
"""Elements of a map that a program processes at a time, and the most channels among them; twice as many would spill
registers."""
MOST_PARTS = 256
"""The most parts into which a sum over all pixels is split."""
CONVOLUTIONS = sum(2 * len(edges) for edges in LEAVING)
"""Number of convolutions in a cell."""
FACTORS = 2 * CONVOLUTIONS
"""Number of weights of a cell: those of its convolutions, skips and pools."""
LIBRARY = torch.library.Library("nas_selection_bench", "DEF")
aten = torch.ops.aten


def operation(schema: str) -> Callable[[Callable[..., None]], Any]:
    """Register a function that launches one kernel as a torch operation; on meta tensors it does nothing."""

    def define(launch: Callable[..., None]) -> Any:
        def on_its_device(first: Tensor, *others: Any) -> None:
            with torch.cuda.device_of(first):  # Triton launches on the current device, wherever the operands are
                launch(first, *others)

        name = LIBRARY.define(schema)
        LIBRARY.impl(name, on_its_device, "CompositeExplicitAutograd")
        LIBRARY.impl(name, lambda *_: None, "Meta")
        return getattr(torch.ops.nas_selection_bench, name)

    return define


class Tiles:
    """How a matrix with one row per pixel of `maps` [n, C, h, w] is divided among programs."""

    def __init__(self, maps: Tensor, columns: int) -> None:
        n, c, h, w = maps.shape
        self.pixels = n * h * w
        wide = min(MOST_COLUMNS, triton.next_power_of_2(columns))
        rows = min(ELEMENTS // wide, triton.next_power_of_2(self.pixels))
        self.across, self.down = triton.cdiv(columns, wide), triton.cdiv(self.pixels, rows)
        self.tiles = triton.cdiv(self.down, MOST_PARTS)
        """Number of tiles per part."""
        self.parts = triton.cdiv(self.down, self.tiles)
        precision = tl.float64 if maps.dtype == torch.float64 else tl.float32
        self.sizes = {"BLOCK": rows, "CHANNELS": wide, "ACC": precision}
        self.image = {"C": c, "H": h, "W": w}


@operation("sums_of_pixels(Tensor y, Tensor(a!) sums) -> ()")
def sums_of_pixels(y: Tensor, sums: Tensor) -> None:
    """Write to `sums` [parts, 2, columns] the partial sums of y, less its first pixel, and of the squares."""
    t = Tiles(y, y.shape[1])
    kernels.sums_of_pixels[(t.parts, t.across)](y, sums, t.pixels, t.tiles, COLUMNS=y.shape[1], **t.sizes)


@operation("moments(Tensor y, Tensor sums, Tensor(a!) mean, Tensor(b!) deviation) -> ()")
def moments(y: Tensor, sums: Tensor, mean: Tensor, deviation: Tensor) -> None:
    """Write the mean and 1 / deviation of each column, from `sums_of_pixels`."""
    t = Tiles(y, y.shape[1])
    kernels.moments[(triton.cdiv(y.shape[1], 16),)](
        y, sums, mean, deviation, t.pixels, t.parts, COLUMNS=y.shape[1], PARTS=triton.next_power_of_2(t.parts),
        CHANNELS=16, EPSILON=EPSILON, ACC=t.sizes["ACC"],
    )  # fmt: skip


@operation(
    "node(Tensor x, Tensor inner, Tensor[] ys, Tensor factors, Tensor mean, Tensor deviation, Tensor(a!) result,"
    " Tensor(b!)? rectified) -> ()"
)
def node(x: Tensor, inner: Tensor, ys: list[Tensor], factors: Tensor, mean: Tensor, deviation: Tensor, result: Tensor,
         rectified: Tensor | None) -> None:  # fmt: skip
    """Write the node that follows the nodes with convolutions `ys`, and its ReLU if `rectified` is given."""
    t = Tiles(x, x.shape[1])
    kernels.node[(t.down, t.across)](
        x, inner, ys[0], ys[min(1, len(ys) - 1)], ys[-1], factors, mean, deviation, result,
        result if rectified is None else rectified, t.pixels,
        SOURCES=len(ys), RECTIFIES=rectified is not None, **t.image, **t.sizes,
    )  # fmt: skip


@operation(
    "sums_of_edges(Tensor x, Tensor y, Tensor inner, Tensor last, Tensor mean, Tensor deviation, Tensor(a!) sums,"
    " int source, bool shares) -> ()"
)
def sums_of_edges(x: Tensor, y: Tensor, inner: Tensor, last: Tensor, mean: Tensor, deviation: Tensor, sums: Tensor,
                  source: int, shares: bool) -> None:  # fmt: skip
    """Write to `sums` [parts, 5, edges C] the partial sums of each edge's gradient times its five factors."""
    t = Tiles(last, last.shape[1])
    kernels.sums_of_edges[(t.parts, t.across, 3 - source)](
        x, y, inner, last, mean, deviation, sums, t.pixels, t.tiles, SOURCE=source, SHARES=shares, **t.image, **t.sizes
    )


@operation("totals_of_edges(Tensor sums, Tensor(a!) of_factors, Tensor(b!) of_edges, int source, bool shares) -> ()")
def totals_of_edges(sums: Tensor, of_factors: Tensor, of_edges: Tensor, source: int, shares: bool) -> None:
    """Add the parts: write this node's rows of `of_factors` [24, C], and `of_edges` [3, C]."""
    parts, _, columns = sums.shape
    kernels.totals_of_edges[(triton.cdiv(columns, 16), 5 if shares else 3)](
        sums, of_factors, of_edges, parts, SOURCE=source, SHARES=shares, C=of_edges.shape[1],
        PARTS=triton.next_power_of_2(parts), CHANNELS=16,
    )  # fmt: skip


@operation(
    "onto_convolutions(Tensor y, Tensor inner, Tensor last, Tensor factors, Tensor mean, Tensor deviation,"
    " Tensor of_factors, Tensor of_edges, Tensor(a!) result, int source, bool by_batch) -> ()"
)
def onto_convolutions(y: Tensor, inner: Tensor, last: Tensor, factors: Tensor, mean: Tensor, deviation: Tensor,
                      of_factors: Tensor, of_edges: Tensor, result: Tensor, source: int,
                      by_batch: bool) -> None:  # fmt: skip
    """Write the gradient of the convolutions that leave node `source` to `result`, of y's shape."""
    t = Tiles(last, last.shape[1])
    kernels.onto_convolutions[(t.down, t.across, 3 - source)](
        y, inner, last, factors, mean, deviation, of_factors, of_edges, result, t.pixels, SOURCE=source,
        BY_BATCH=by_batch, C=last.shape[1], **t.sizes,
    )  # fmt: skip


@operation(
    "onto_node(Tensor x, Tensor of_rectified, Tensor inner, Tensor last, Tensor factors, Tensor(a!) result,"
    " int source) -> ()"
)
def onto_node(x: Tensor, of_rectified: Tensor, inner: Tensor, last: Tensor, factors: Tensor, result: Tensor,
              source: int) -> None:  # fmt: skip
    """Write the gradient of node `source` to `result`, of x's shape; needs the gradients of all later nodes."""
    t = Tiles(last, last.shape[1])
    kernels.onto_node[(t.down, t.across)](
        x, of_rectified, inner, last, factors, result, t.pixels, SOURCE=source, **t.image, **t.sizes
    )


def pixelwise(x: Tensor) -> Tensor:
    """x in channels_last memory, as the kernels read it; no copy if it already is."""
    return x.contiguous(memory_format=torch.channels_last)


class TritonCell(torch.autograd.Function):
    """node 3 = cell(x, factors [24 C], statistics of the whole cell [12 C], three kernels [2 edges C, C, 3, 3])."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, factors: Tensor, statistics: Statistics, *weights: Tensor) -> Tensor:
        """[n, C, h, w] in channels_last -> the same."""
        x = pixelwise(x)
        n, c, h, w = x.shape
        by_batch = statistics.running is None
        if statistics.running is None:
            mean, deviation = factors.new_empty(2, CONVOLUTIONS * c).unbind()
            statistics.seen.append((mean, deviation))
        else:
            [(mean, deviation)] = statistics.running
        inner = x.new_empty(2, n, h, w, c)
        node_3 = torch.empty_like(x)
        results = (*inner.unbind(), node_3)
        rectified, ys = [torch.relu(x)], []
        for source, (kernel, result) in enumerate(zip(weights, results, strict=True)):
            ys.append(y := pixelwise(F.conv2d(rectified[source], kernel, padding=1)))
            if by_batch:
                columns = y.shape[1]
                own = slice(source * (7 - source) * c, source * (7 - source) * c + columns)
                sums = factors.new_empty(Tiles(y, columns).parts, 2, columns)
                sums_of_pixels(y, sums)
                moments(y, sums, mean[own], deviation[own])
            if source < 2:
                rectified.append(torch.empty_like(x))
            node(x, inner, ys, factors, mean, deviation, result, rectified[-1] if source < 2 else None)
        if any(ctx.needs_input_grad):
            ctx.by_batch = by_batch
            ctx.save_for_backward(x, inner, factors, mean, deviation, *rectified, *ys, *weights)
        return node_3

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients of x, the factors and the kernels."""
        x, inner, factors, mean, deviation, *saved = ctx.saved_tensors
        rectified, ys, weights = saved[:3], saved[3:6], saved[6:]
        wants_x, wants_factors, _, *wants = ctx.needs_input_grad
        last, c = pixelwise(gradient), x.shape[1]
        onto_inner, onto_x = torch.empty_like(inner), torch.empty_like(x)
        of_factors, of_edges = factors.new_empty(FACTORS, c), factors.new_empty(3, c)
        of_weights: list[Tensor | None] = [None] * 3
        for source, (here, onto) in reversed(list(enumerate(zip((x, *inner), (onto_x, *onto_inner), strict=True)))):
            y = ys[source]
            if ctx.by_batch or wants_factors:
                sums = factors.new_empty(Tiles(x, c).parts, 5, y.shape[1] // 2)
                sums_of_edges(here, y, onto_inner, last, mean, deviation, sums, source, wants_factors)
                totals_of_edges(sums, of_factors, of_edges, source, wants_factors)
            wanted = source > 0 or wants_x
            if not wanted and not wants[source]:
                continue
            onto_y = torch.empty_like(y)
            onto_convolutions(
                y, onto_inner, last, factors, mean, deviation, of_factors, of_edges, onto_y, source, ctx.by_batch
            )
            of_rectified, of_weights[source], _ = aten.convolution_backward(
                onto_y, rectified[source], weights[source], None, (1, 1), (1, 1), (1, 1), False, (0, 0), 1,
                [wanted, wants[source], False],
            )  # fmt: skip
            if wanted:
                onto_node(here, pixelwise(of_rectified), onto_inner, last, factors, onto, source)
        return onto_x if wants_x else None, of_factors.flatten() if wants_factors else None, None, *of_weights


class TritonPass(GpuPass):
    """One pass through the cells of a network, in Triton kernels."""

    def _weigh(self, weights: Tensor, dtype: torch.dtype) -> None:
        """Expand the weights [n_cells, 24] to the factors [24 C] of each cell."""
        self._factors: list[Tensor] = []
        for cells, rows in zip(self._stages, weights.chunk(len(self._stages)), strict=True):
            self._factors += rows.unsqueeze(-1).expand(-1, -1, cells[0].channels).flatten(1).unbind()

    def _running(self) -> list[list[tuple[Tensor, Tensor]] | None]:
        if self._cells[0].mode != "running":
            return [None for _ in self._cells]
        found: list[list[tuple[Tensor, Tensor]] | None] = []
        for cells in self._stages:
            means, variances = (torch.cat(joined(cells, name)) for name in ("mean", "variance"))
            pairs = zip(means.chunk(len(cells)), (variances + EPSILON).rsqrt().chunk(len(cells)), strict=True)
            found += [[pair] for pair in pairs]
        return found

    def run(self, index: int, x: Tensor) -> Tensor:
        """Run cell `index`, [n, C, h, w] -> [n, C, h, w]; raises UsageError for batches that 32 bits cannot index."""
        if x.numel() * 2 * len(LEAVING[0]) >= 2**31:
            raise UsageError(f"{len(x)} images at once are too many for Triton's kernels: take smaller batches.")
        node_3: Tensor = TritonCell.apply(
            x, self._factors[index], self._statistics[index], *self._kernels[3 * index : 3 * index + 3]
        )
        return node_3
