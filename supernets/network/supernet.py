"""The fast weight-sharing network.

It computes the same function as `supernets.network.literal`, with three fusions that change results only by rounding:

- all edges that leave a node share its average pool, and skip is the node itself;
- the convolutions of all edges that leave a node read the same ReLU, so they form one convolution
  with (edges x C) outputs;
- batch norm inside cells has no affine part and works per channel, so the edge weight of an
  operation *is* the scale of its batch norm: no separate product is needed, and batch norm's own
  backward pass gives the gradient of the edge weight.

Source of the search space: Dong & Yang, "NAS-Bench-201", ICLR 2020, section 2.
"""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nas_selection_bench.bench.problem.space import AVG_POOL, EDGES, OPERATIONS, SKIP, Architecture
from nas_selection_bench.bench.work.gpu_kernels import wants_triton
from nas_selection_bench.supernets.network.accelerator import on_gpu
from nas_selection_bench.supernets.network.fused_cell import FusedCell
from nas_selection_bench.supernets.network.fused_forward import CellPlan, Running
from nas_selection_bench.supernets.network.gpu_pass import GpuPass, places
from nas_selection_bench.supernets.network.pooling import average_pool
from nas_selection_bench.supernets.network.skeleton import (
    EPSILON,
    KERNELS,
    LEAVING,
    MOMENTUM,
    Normalisation,
    Skeleton,
    copy_weights,
    total,
)
from nas_selection_bench.supernets.network.standalone import StandaloneNetwork

Active = Sequence[Sequence[bool]] | Tensor
"""[6][5]: which operations run. If it is a bool tensor [6, 5], for GPUs, all operations run, but inactive ones
contribute nothing to sums, gradients and running statistics."""

Observer = Callable[[int, int, list[Tensor], Tensor], None]
"""observe(cell, edge, outputs of the five operations, mixed output of the edge)."""

ALL_ACTIVE = ((True,) * len(OPERATIONS),) * len(EDGES)


class MixedCell(nn.Module):
    """One cell of the supernet: four nodes, six edges, five operations on each edge."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.mode: Normalisation = "train"
        self.twice_differentiable = False
        for node, edges in enumerate(LEAVING):
            for kernel in KERNELS.values():
                # The initialisation of nn.Conv2d depends only on the fan-in, so it is that of the literal network.
                fused = nn.Conv2d(channels, len(edges) * channels, kernel, bias=False)
                self.register_parameter(f"weight_{kernel}x{kernel}_{node}", nn.Parameter(fused.weight.detach()))
                self.register_buffer(f"mean_{kernel}x{kernel}_{node}", torch.zeros(len(edges) * channels))
                self.register_buffer(f"variance_{kernel}x{kernel}_{node}", torch.ones(len(edges) * channels))

    def _fused(self, kernel: int, node: int) -> tuple[Tensor, Tensor, Tensor]:
        """Weight, running mean and running variance of the fused convolutions of size `kernel` that leave `node`."""
        ending = f"_{kernel}x{kernel}_{node}"
        return getattr(self, "weight" + ending), getattr(self, "mean" + ending), getattr(self, "variance" + ending)

    def operation_rows(self, edge: int, operation: int) -> tuple[str, slice]:
        """The location of one convolution's weights: the name of a parameter of this cell, and the rows in it."""
        node = EDGES[edge][1]
        first = LEAVING[node].index(edge) * self.channels
        kernel = KERNELS[operation]
        return f"weight_{kernel}x{kernel}_{node}", slice(first, first + self.channels)

    def operation_state(self, edge: int, operation: int) -> tuple[Tensor, Tensor, Tensor]:
        """Views of one convolution's weight [C, C, k, k], running mean [C] and running variance [C]."""
        _, rows = self.operation_rows(edge, operation)
        weight, mean, variance = self._fused(KERNELS[operation], EDGES[edge][1])
        return weight[rows], mean[rows], variance[rows]

    def _normalise(
        self, y: Tensor, mean: Tensor, variance: Tensor, scale: Tensor, moves: Tensor | None = None
    ) -> Tensor:  # fmt: skip
        """Batch norm in the cell's mode; `moves`: the channels whose running statistics are updated, None for all."""
        if self.mode == "batch":
            return F.batch_norm(y, None, None, scale, None, True, MOMENTUM, EPSILON)
        if moves is None or self.mode == "running":
            return F.batch_norm(y, mean, variance, scale, None, self.mode == "train", MOMENTUM, EPSILON)
        moved = mean.clone(), variance.clone()
        z = F.batch_norm(y, *moved, scale, None, True, MOMENTUM, EPSILON)
        for kept, new in zip((mean, variance), moved, strict=True):
            kept.copy_(torch.where(moves, new, kept))
        return z

    def forward(
        self, x: Tensor, weights: Tensor, skip: float | Tensor = 0.0, active: Active | None = None
    ) -> Tensor:  # fmt: skip
        """[n, c, h, w] and weights [6, 5] -> node 3 [n, c, h, w]."""
        if not (on_gpu(x.device) or self.twice_differentiable or isinstance(active, Tensor)) and min(x.shape[2:]) > 1:
            return self._fused_forward(x, weights, float(skip), active or ALL_ACTIVE)
        return self._composed_forward(x, weights, skip, active)

    def _fused_forward(self, x: Tensor, weights: Tensor, skip: float, active: Sequence[Sequence[bool]]) -> Tensor:
        running = {
            operation: tuple(Running(*self._fused(kernel, node)[1:]) for node in range(3))
            for operation, kernel in KERNELS.items()
        }
        plan = CellPlan(self.mode, running, skip, active)
        kernels = (self._fused(kernel, node)[0] for kernel in (3, 1) for node in range(3))
        node_3: Tensor = FusedCell.apply(x, weights, plan, *kernels)
        return node_3

    def _composed_forward(self, x: Tensor, weights: Tensor, skip: float | Tensor, active: Active | None) -> Tensor:
        """The three fusions in torch's own operations, for GPUs, and differentiable any number of times."""
        c = self.channels
        seen, active = (active, None) if isinstance(active, Tensor) else (None, active)
        # Unbind all weights to scalars at once: each is used a few times, and its gradient would otherwise cost
        # several small kernels per use.
        weight = [edge.unbind() for edge in weights.unbind()]
        arriving: dict[int, list[Tensor]] = {1: [], 2: [], 3: []}
        nodes = [x]
        for node, edges in enumerate(LEAVING):
            x = nodes[node]
            rectified = F.relu(x)
            for operation, kernel in KERNELS.items():
                running = [e for e in edges if active is None or active[e][operation]]
                if len(running) == len(edges):
                    fused, mean, variance = self._fused(kernel, node)
                    scale = torch.stack([weight[e][operation] for e in edges]).unsqueeze(1).repeat(1, c).view(-1)
                    y = F.conv2d(rectified, fused, padding=kernel // 2)
                    moves = None
                    if seen is not None:
                        moves = torch.stack([seen[e, operation] for e in edges]).unsqueeze(1).repeat(1, c).view(-1)
                    y = self._normalise(y, mean, variance, scale, moves)
                    for e, output in zip(running, y.split(c, dim=1), strict=True):
                        arriving[EDGES[e][0]].append(output)
                    continue
                for e in running:
                    one, mean, variance = self.operation_state(e, operation)
                    y = F.conv2d(rectified, one, padding=kernel // 2)
                    scale = weight[e][operation].repeat(c)  # not expand: batch norm needs contiguous memory
                    arriving[EDGES[e][0]].append(self._normalise(y, mean, variance, scale))
            if active is None or any(active[e][AVG_POOL] for e in edges):
                pooled = average_pool(x)
            for e in edges:
                target = EDGES[e][0]
                if active is None or active[e][SKIP]:
                    arriving[target].append(x * (weight[e][SKIP] + skip))
                elif not isinstance(skip, float) or skip:
                    arriving[target].append(x * skip)
                if active is None or active[e][AVG_POOL]:
                    arriving[target].append(pooled * weight[e][AVG_POOL])
            # If nothing arrives, add an empty sum of weights, so that their gradient exists; it is zero.
            nodes.append(
                total(arriving[node + 1]) if arriving[node + 1] else torch.zeros_like(x) + weights[:, :0].sum()
            )
        return nodes[3]

    def observed(
        self, x: Tensor, weights: Tensor, skip: float | Tensor, show: Callable[[int, list[Tensor], Tensor], None]
    ) -> Tensor:
        """As forward, but one operation at a time; calls `show(edge, outputs, mixed)` for each edge."""
        c = self.channels
        unit = torch.ones(c, dtype=weights.dtype, device=weights.device)
        nodes = [x]
        sums: list[Tensor | None] = [None, None, None, None]
        for node, edges in enumerate(LEAVING):
            x = nodes[node]
            for e in edges:
                outputs = [torch.zeros_like(x), x]
                for operation, kernel in KERNELS.items():
                    weight, mean, variance = self.operation_state(e, operation)
                    y = F.conv2d(F.relu(x), weight, padding=kernel // 2)
                    outputs.append(self._normalise(y, mean, variance, unit))
                outputs.append(average_pool(x))
                mixed = x * skip + sum(w * o for w, o in zip(weights[e], outputs, strict=True))
                show(e, outputs, mixed)
                target = EDGES[e][0]
                before = sums[target]
                sums[target] = mixed if before is None else before + mixed
            arrived = sums[node + 1]
            assert arrived is not None
            nodes.append(arrived)
        return nodes[3]


def per_cell_active(active: Active | Sequence[Active] | None, cells: int) -> Sequence[Active | None]:
    """`active` as a sequence with one entry per cell."""
    if active is None or isinstance(active, Tensor) or not isinstance(active[0][0], (Sequence, Tensor)):
        return [active] * cells  # type: ignore[list-item]
    return active  # type: ignore[return-value]


def mask_inactive(weights: Tensor, active: Active | Sequence[Active] | None) -> Tensor:
    """`weights`, with zeros and no gradient for operations that a tensor `active` switches off."""
    if isinstance(active, Tensor):
        return torch.where(active, weights, 0.0)
    if active is not None and isinstance(active[0], Tensor):
        return torch.where(torch.stack(list(active)), weights, 0.0)  # type: ignore[arg-type]
    return weights


class Supernet(Skeleton):
    """The weight-sharing network of NAS-Bench-201; the edge weights are an argument of `forward`."""

    places: Tensor

    def __init__(self, channels: int = 16, cells: int = 5, classes: int = 10) -> None:
        super().__init__(channels, cells, classes, MixedCell)
        self.normalisation: Normalisation = "train"
        self.register_buffer("places", places(), persistent=False)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def normalise(self, mode: Normalisation) -> None:
        """Switch every batch norm: `train` (batch statistics, running ones updated), `batch`, or `running`."""
        super().normalise(mode)
        self.normalisation = mode
        for cell in self.cells:
            cell.mode = mode  # type: ignore[assignment]

    def forward(
        self, images: Tensor, weights: Tensor, *,
        skip: float | Tensor = 0.0, active: Active | Sequence[Active] | None = None, observe: Observer | None = None,
    ) -> Tensor:  # fmt: skip
        """The logits [n, classes] of `images` [n, 3, h, w].

        weights: [6, 5] shared by all cells or [n_cells, 6, 5] one per cell; differentiable.
        skip: an auxiliary identity added to every edge (the beta of DARTS-).
        active: the operations that run, whatever their weight (see `Active`); one for all cells or one per cell.
        observe: called with every operation's output, which is part of the graph; slow, and runs all operations.
        """
        weights = mask_inactive(weights, active).expand(self.n_cells, -1, -1)
        images = images.contiguous(memory_format=torch.channels_last)
        if on_gpu(images.device) and observe is None and self._shares_launches(active):
            return self._on_gpu(images, weights, skip, active)
        per_cell = weights.unbind()
        actives = per_cell_active(active, self.n_cells)

        def run(index: int, cell: nn.Module, x: Tensor) -> Tensor:
            assert isinstance(cell, MixedCell)
            if observe is None:
                return cell(x, per_cell[index], skip, actives[index])
            return cell.observed(x, per_cell[index], skip, lambda e, o, m: observe(index, e, o, m))

        return self.through(images, run)

    def _shares_launches(self, active: Active | Sequence[Active] | None) -> bool:
        """Whether a pass on a GPU can use `GpuPass`."""
        return not self.twice_differentiable and (active is None or isinstance(active[0], Tensor))

    def _gpu_pass(
        self, cells: Sequence[MixedCell], weights: Tensor, skip: float | Tensor, dtype: torch.dtype
    ) -> GpuPass:  # fmt: skip
        if wants_triton():
            from nas_selection_bench.supernets.network.triton_cell import TritonPass  # may not be installed

            return TritonPass(cells, self.places, weights, skip, dtype)
        return GpuPass(cells, self.places, weights, skip, dtype)

    def _on_gpu(
        self, images: Tensor, weights: Tensor, skip: float | Tensor, active: Active | Sequence[Active] | None
    ) -> Tensor:  # fmt: skip
        kind = images.device.type
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else weights.dtype
        cells: list[MixedCell] = list(self.cells)  # type: ignore[arg-type]
        counts: list[int] = []
        with torch.autocast(kind, enabled=False):
            one_pass = self._gpu_pass(cells, weights, skip, dtype)

        def run(index: int, _cell: nn.Module, x: Tensor) -> Tensor:
            if index % self.cells_per_stage == 0:
                counts.append(x.numel() // x.shape[1])
            with torch.autocast(kind, enabled=False):
                return one_pass.run(index, x.to(dtype))

        logits = self.through(images, run)
        if self.normalisation == "train":
            if active is not None:
                active = active[None] if isinstance(active, Tensor) else torch.stack(list(active))  # type: ignore[arg-type]
            one_pass.move_statistics(counts, active)
        return logits

    @property
    def twice_differentiable(self) -> bool:
        """Whether gradients of this network can be differentiated again; slower on a CPU."""
        return all(bool(cell.twice_differentiable) for cell in self.cells)

    @twice_differentiable.setter
    def twice_differentiable(self, wanted: bool) -> None:
        for cell in self.cells:
            cell.twice_differentiable = wanted  # type: ignore[assignment]

    def subnetwork(self, architecture: Architecture) -> StandaloneNetwork:
        """The stand-alone network of `architecture` with a copy of the shared weights and statistics.

        For users of the Python interface, and the reference for `selectors.parts.shared_weights`.

        It runs only the chosen operations, its batch norms inside cells have no affine part, and it
        starts in this network's batch-norm mode.
        """
        network = StandaloneNetwork(architecture, self.channels, self.cells_per_stage, self.classes, affine=False)
        chosen = [(edge, operation) for edge, operation in enumerate(architecture) if operation in KERNELS]
        copy_weights(self, network, chosen, lambda cell, edge, _: cell.edges[edge])
        network.normalise(self.normalisation)
        return network
