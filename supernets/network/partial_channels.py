"""The network of PC-DARTS: operations see part of a node's channels; the other channels bypass them.

Xu et al., "PC-DARTS: Partial Channel Connections for Memory-Efficient Architecture Search", ICLR 2020.
An edge mixes the first 1/k of the channels, appends the others unchanged and shuffles the channels, so that
the next edge sees different ones. All edges shuffle alike, so a node adds first and shuffles once.
"""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from nas_selection_bench.bench.errors import SkipCell, UsageError
from nas_selection_bench.bench.problem.space import ALL_OPERATIONS, AVG_POOL, EDGES, SKIP
from nas_selection_bench.supernets.network.gpu_partial import PartialPass, mixing_pattern
from nas_selection_bench.supernets.network.gpu_pass import GpuPass, places
from nas_selection_bench.supernets.network.pooling import average_pool
from nas_selection_bench.supernets.network.skeleton import KERNELS, LEAVING, STAGES, Normalisation, Skeleton
from nas_selection_bench.supernets.network.supernet import Active, MixedCell, Supernet


class PartialCell(MixedCell):
    """A cell whose operations see 1/`parts` of its channels.

    Edge weights are [6, 5] as elsewhere, or [6, 6] with the edge normalisation in the sixth column. Without that
    column, the cell uses its stored edge normalisation, which is initially 1 for every edge.
    """

    edge_log_scale: Tensor

    def __init__(self, channels: int, parts: int) -> None:
        super().__init__(channels // parts)
        self.parts = parts
        self.register_buffer("edge_log_scale", torch.zeros(len(EDGES)))

    def operation_state(self, edge: int, operation: int) -> tuple[Tensor, Tensor, Tensor]:
        """Raises SkipCell: the weights of an operation do not fit a network that uses all channels."""
        raise SkipCell(
            f"operations of this supernet see 1/{self.parts} of the channels: no network inherits its weights"
        )

    def forward(
        self, x: Tensor, weights: Tensor, skip: float | Tensor = 0.0, active: Active | None = None
    ) -> Tensor:  # fmt: skip
        """[n, c, h, w] and weights [6, 5] or [6, 6] -> node 3 [n, c, h, w]."""

        def mix(node: int, part: Tensor) -> list[Tensor]:
            return [
                sum(
                    (w * o for w, o in zip(weights[e, : len(outputs)], outputs, strict=True) if o is not None),
                    part * skip,
                )
                for e, outputs in zip(LEAVING[node], self._outputs(node, part, active), strict=True)
            ]

        return self._run(x, weights, mix)

    def observed(
        self, x: Tensor, weights: Tensor, skip: float | Tensor, show: Callable[[int, list[Tensor], Tensor], None]
    ) -> Tensor:
        """As forward; calls `show(edge, outputs, mixed)` for each edge, with the channels that the operations see."""

        def mix(node: int, part: Tensor) -> list[Tensor]:
            mixed = []
            for e, outputs in zip(LEAVING[node], self._outputs(node, part, None), strict=True):
                shown = [torch.zeros_like(part) if o is None else o for o in outputs]
                mixed.append(sum((w * o for w, o in zip(weights[e, :5], shown, strict=True)), part * skip))
                show(e, shown, mixed[-1])
            return mixed

        return self._run(x, weights, mix)

    def _run(self, x: Tensor, weights: Tensor, mix: Callable[[int, Tensor], list[Tensor]]) -> Tensor:
        scale = weights[:, 5] if weights.shape[1] > 5 else self.edge_log_scale.exp()
        mixtures: dict[int, Tensor | float] = {1: 0.0, 2: 0.0, 3: 0.0}
        rests: dict[int, Tensor | float] = {1: 0.0, 2: 0.0, 3: 0.0}
        nodes = [x]
        for node, edges in enumerate(LEAVING):
            part, rest = nodes[node][:, : self.channels], nodes[node][:, self.channels :]
            for e, mixed in zip(edges, mix(node, part), strict=True):
                target = EDGES[e][0]
                mixtures[target] = mixtures[target] + mixed * scale[e]
                rests[target] = rests[target] + rest * scale[e]
            nodes.append(shuffled(torch.cat([mixtures[node + 1], rests[node + 1]], 1), self.parts))  # type: ignore[list-item]
        return nodes[3]

    def _outputs(self, node: int, part: Tensor, active: Active | None) -> list[list[Tensor | None]]:
        """Outputs of the five operations on each edge that leaves `node`; None for `none` and inactive operations."""
        edges = LEAVING[node]
        outputs: list[list[Tensor | None]] = [[None] * 5 for _ in edges]
        rectified, pooled = F.relu(part), average_pool(part)
        for operation, kernel in KERNELS.items():
            if active is None or any(active[e][operation] for e in edges):
                weight, mean, variance = self._fused(kernel, node)
                unit = torch.ones_like(mean)
                y = self._normalise(F.conv2d(rectified, weight, padding=kernel // 2), mean, variance, unit)
                for row, output in zip(outputs, y.chunk(len(edges), 1), strict=True):
                    row[operation] = output
        for e, row in zip(edges, outputs, strict=True):
            row[SKIP], row[AVG_POOL] = part, pooled
            for operation in ALL_OPERATIONS:
                if active is not None and not active[e][operation]:
                    row[operation] = None
        return outputs


def shuffled(x: Tensor, groups: int) -> Tensor:
    """[n, c, h, w] with shuffled channels: channel g c/groups + i becomes channel i groups + g."""
    n, c, h, w = x.shape
    pixels = x.permute(0, 2, 3, 1)  # so that the copy below is in the network's memory format
    return pixels.reshape(n, h, w, groups, c // groups).transpose(3, 4).reshape(n, h, w, c).permute(0, 3, 1, 2)


class PartialSupernet(Supernet):
    """The weight-sharing network with partial channels; `parts` is the paper's k."""

    def __init__(self, channels: int, cells: int, classes: int, parts: int) -> None:
        if parts < 1 or channels % parts:
            raise UsageError(f"pc-darts[k={parts}]: {channels} channels do not fall into {parts} equal parts.")
        Skeleton.__init__(self, channels, cells, classes, lambda width: PartialCell(width, parts))
        self.normalisation: Normalisation = "train"
        self.register_buffer("places", places(), persistent=False)
        for stage in range(STAGES):
            for name, buffer in zip(("fixed", "pattern"), mixing_pattern(channels * 2**stage, parts), strict=True):
                self.register_buffer(f"{name}_{stage}", buffer, persistent=False)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def _gpu_pass(
        self, cells: Sequence[MixedCell], weights: Tensor, skip: float | Tensor, dtype: torch.dtype
    ) -> GpuPass:  # fmt: skip
        patterns = [(self.get_buffer(f"fixed_{i}"), self.get_buffer(f"pattern_{i}")) for i in range(STAGES)]
        return PartialPass(cells, self.places, patterns, weights, skip, dtype)  # type: ignore[arg-type]

    def store_edge_scale(self, scale: Tensor) -> None:
        """Store the edge normalisation `scale` [6], for edge weights that come without one."""
        kept: list[Tensor] = [cell.edge_log_scale for cell in self.cells]  # type: ignore[misc]
        torch._foreach_copy_(kept, [scale.log()] * len(kept))
