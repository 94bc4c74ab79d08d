"""One pass through all cells on a GPU: prepares the tensors of all cells at once; see `gpu_cell`."""

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from nas_selection_bench.bench.problem.space import AVG_POOL, CONV_1X1, CONV_3X3, EDGES, OPERATIONS, SKIP
from nas_selection_bench.supernets.network.gpu_cell import ORDER, GpuCell, JoinedKernels, Statistics
from nas_selection_bench.supernets.network.skeleton import EPSILON, LEAVING, MOMENTUM, STAGES, Normalisation

SHARES = [edge * len(OPERATIONS) + operation for operation in (SKIP, AVG_POOL) for edge in ORDER]
SCALES = [
    edge * len(OPERATIONS) + operation
    for edges in LEAVING for operation in (CONV_3X3, CONV_1X1) for edge in edges
]  # fmt: skip
"""`SHARES` and `SCALES`: positions, among the 30 weights of a cell, of those that `GpuCell` reads, in its order."""


def places() -> Tensor:
    """`SHARES` and `SCALES` as an index tensor [24], which a network keeps on its device."""
    return torch.tensor(SHARES + SCALES)


class PlainCell(Protocol):
    """The attributes that a pass reads from a cell, besides its tensors, which `joined` finds by name."""

    channels: int
    mode: Normalisation


class GpuPass:
    """One pass through the cells of a network."""

    def __init__(
        self, cells: Sequence[PlainCell], index: Tensor, weights: Tensor, skip: float | Tensor, dtype: torch.dtype
    ) -> None:  # fmt: skip
        """weights: [n_cells, 6, 5]; skip: added to the weight of every skip; dtype: of the feature maps."""
        self._cells, self._index = cells, index
        self._stages = [cells[i * len(cells) // STAGES : (i + 1) * len(cells) // STAGES] for i in range(STAGES)]
        weights = weights.flatten(1).index_select(1, index)
        if isinstance(skip, Tensor) or skip:
            own, others = weights.split([len(EDGES), weights.shape[1] - len(EDGES)], 1)
            weights = torch.cat([own + skip, others], 1)
        self._weigh(weights, dtype)
        self._kernels = [
            kernel for stage in self._stages for kernel in JoinedKernels.apply(dtype, *joined(stage, "weight"))
        ]  # fmt: skip
        self._statistics = [Statistics(running) for running in self._running()]

    def _weigh(self, weights: Tensor, dtype: torch.dtype) -> None:
        """Prepare the weights [n_cells, 24] of skips, pools and convolutions for `run`."""
        shares, scales = weights.split([len(SHARES), len(SCALES)], 1)
        self._shares = self._by_cell(shares, dtype)
        self._scales = self._by_channel(scales)

    def _by_cell(self, shares: Tensor, dtype: torch.dtype) -> Sequence[Any]:
        """Split the weights of skips and pools [n_cells, 12] into [2, 6] for each cell."""
        return shares.unflatten(1, (2, -1)).unbind()

    def run(self, index: int, x: Tensor) -> Tensor:
        """Run cell `index`, [n, c, h, w] -> [n, c, h, w]."""
        nodes = slice(3 * index, 3 * index + 3)
        node_3: Tensor = GpuCell.apply(
            x, self._shares[index], self._statistics[index], *self._scales[nodes], *self._kernels[nodes]
        )
        return node_3

    @torch.no_grad()
    def move_statistics(self, counts: Sequence[int], seen: Tensor | None) -> None:
        """Move the running statistics towards those of the batch.

        counts: numbers per channel, for each stage; seen: [cells or 1, 6, 5], the operations whose statistics move,
        or None for all.
        """
        moves = None
        if seen is not None:
            by_cell = seen.flatten(1).index_select(1, self._index[len(SHARES) :]).expand(len(self._cells), -1)
            moves = self._by_channel(MOMENTUM * by_cell.to(joined(self._cells[:1], "mean")[0]))
        for stage, cells in enumerate(self._stages):
            nodes = slice(3 * stage * len(cells), 3 * (stage + 1) * len(cells))
            found = [of_node for cell in self._statistics[nodes.start // 3 : nodes.stop // 3] for of_node in cell.seen]
            kept = [joined(cells, name) for name in ("mean", "variance")]
            sizes = [len(buffer) for buffer in kept[0]]
            mean, deviation = (torch.cat(values) for values in zip(*found, strict=True))
            count = counts[stage]
            variance = (deviation.pow(-2) - EPSILON) * (count / (count - 1))
            parts = [*mean.split(sizes), *variance.split(sizes)]
            if moves is None:
                torch._foreach_lerp_([*kept[0], *kept[1]], parts, MOMENTUM)
            else:
                shares = torch.cat(moves[nodes]).split(sizes)
                torch._foreach_lerp_([*kept[0], *kept[1]], parts, [*shares, *shares])

    def _by_channel(self, scales: Tensor) -> list[Tensor]:
        """Expand [n_cells, 12], one number per convolution, to [2 edges C] for each node."""
        sizes = [2 * len(edges) for edges in LEAVING]
        found: list[Tensor] = []
        for cells, rows in zip(self._stages, scales.chunk(STAGES), strict=True):
            c = cells[0].channels
            channels = rows.unsqueeze(-1).expand(-1, -1, c).reshape(-1)
            found += channels.split([size * c for _ in cells for size in sizes])
        return found

    def _running(self) -> list[list[tuple[Tensor, Tensor]] | None]:
        if self._cells[0].mode != "running":
            return [None for _ in self._cells]
        found: list[list[tuple[Tensor, Tensor]] | None] = []
        for cells in self._stages:
            sizes = [2 * len(edges) * cells[0].channels for _ in cells for edges in LEAVING]
            means, variances = (torch.cat(joined(cells, name)).split(sizes) for name in ("mean", "variance"))
            nodes = list(zip(means, variances, strict=True))
            found += [nodes[3 * i : 3 * i + 3] for i in range(len(cells))]
        return found


def joined(cells: Sequence[PlainCell], name: str) -> list[Tensor]:
    """The tensor `name` of each fused convolution, in the order of `GpuCell`'s channels."""
    return [getattr(cell, f"{name}_{k}x{k}_{node}") for cell in cells for node in range(3) for k in (3, 1)]
