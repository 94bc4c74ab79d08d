"""Evaluates many architectures together, with the weights of one supernet.

Each architecture gives the outputs of `Supernet.subnetwork(architecture)`. Three things make this cheaper than one
network after another: under batch statistics, operations on no path to the output are not computed; in the first cell
all architectures read the same stem, so there are only 5 distinct first nodes and 125 second ones, and every term of
its output is computed once; in later cells the architectures of a group share the launches of each convolution.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nas_selection_bench.bench.problem.space import AVG_POOL, EDGES, NONE, SKIP, Architecture, as_architecture
from nas_selection_bench.supernets.network.accelerator import accelerator, on_gpu
from nas_selection_bench.supernets.network.pooling import average_pool
from nas_selection_bench.supernets.network.skeleton import ARRIVING, EPSILON, KERNELS, total
from nas_selection_bench.supernets.network.supernet import MixedCell, Supernet

CACHED_NUMBERS = 2**18
"""Size of a group on a CPU, in numbers in its first feature map, chosen to fit the cache of a core."""
AHEAD = ARRIVING[2][-1] + 1
"""How many of the first edges of an architecture node 2 depends on."""
BYTES_PER_NUMBER = 320
"""GPU memory per number in the first feature map of a group, for its feature maps and the terms of the first cell."""


def without_dead_ends(architecture: Architecture) -> Architecture:
    """The architecture with `none` on every edge that is on no path from the input to the output.

    It is equivalent under batch statistics. Under running ones a convolution of zeros is not zero: (0 - mean) / std.
    """
    fed = {0}
    for edge, (target, source) in enumerate(EDGES):
        if architecture[edge] != NONE and source in fed:
            fed.add(target)
    used = {3}
    for edge, (target, source) in reversed(list(enumerate(EDGES))):
        if architecture[edge] != NONE and target in used:
            used.add(source)
    return as_architecture(
        operation if source in fed and target in used else NONE
        for operation, (target, source) in zip(architecture, EDGES, strict=True)
    )


@torch.no_grad()
def evaluate_architectures(
    network: Supernet, architectures: Sequence[Architecture], batches: Sequence[tuple[Tensor, Tensor]]
) -> tuple[np.ndarray, np.ndarray]:
    """Accuracy [m] in % and mean cross-entropy [m] of m architectures with inherited weights, float64.

    Batch norm follows the mode of the network: batch statistics of each architecture on its own, or running statistics.
    """
    live = architectures if network.normalisation == "running" else [without_dead_ends(a) for a in architectures]
    distinct = sorted(set(live))
    figures = {a: np.zeros(2) for a in distinct}
    images = sum(len(y) for _, y in batches)
    for x, y in batches:
        for group, values in _batch_figures(network, distinct, x, y):
            for architecture, row in zip(group, values.cpu().numpy(), strict=True):
                figures[architecture] += row
    table = np.array([figures[a] for a in live])
    return 100 * table[:, 0] / images, table[:, 1] / images


def group_numbers(device: torch.device) -> int:
    """Size of a group, in numbers in its first feature map.

    On a GPU it depends on the memory of the card, not on how much of it is free, because the last bits of the results
    depend on the grouping.
    """
    if not on_gpu(device):
        return CACHED_NUMBERS
    _, whole = accelerator(device).mem_get_info(device)
    return int(whole // BYTES_PER_NUMBER)


def _batch_figures(
    network: Supernet, architectures: Sequence[Architecture], x: Tensor, y: Tensor
) -> Iterator[tuple[Sequence[Architecture], Tensor]]:
    """Yield each group of g architectures with [g, 2]: its numbers of correct images and summed cross-entropies."""
    running = network.normalisation == "running"
    stem = Groups(1, running).plain(network.stem, x)
    first = FirstCell(network.cells[0], stem, running)
    size = max(1, group_numbers(x.device) // stem.numel())
    for start in range(0, len(architectures), size):
        group = architectures[start : start + size]
        groups = Groups(len(group), running)
        outputs = [first.output(architecture) for architecture in group]
        h = outputs[0] if len(group) == 1 else torch.cat(outputs)
        for index, cell in enumerate(network.cells):
            stage, position = divmod(index, network.cells_per_stage)
            if stage and position == 0:
                block = network.reductions[stage - 1]
                residual = groups.plain(block.second, groups.plain(block.first, h))  # type: ignore[arg-type]
                h = block.shortcut(h) + residual  # type: ignore[operator]
            if index:
                h = groups.cell(cell, h, group)
        h = F.relu(groups.normalise(network.last_bn, h))
        logits = network.classifier(h.mean((2, 3))).double().view(len(group), len(y), -1)
        right = (logits.argmax(2) == y).sum(1).double()
        loss = F.cross_entropy(logits.flatten(0, 1), y.repeat(len(group)), reduction="none")
        yield group, torch.stack([right, loss.view(len(group), -1).sum(1)], dim=1)


class Groups:
    """Layers for feature maps [g * n, c, h, w] of g architectures; batch norm sees the n images of each separately."""

    def __init__(self, count: int, running: bool) -> None:
        self.count, self.running = count, running
        self._indices: dict[tuple[int, ...], Tensor] = {}

    def scale(self, x: Tensor, mean: Tensor, variance: Tensor, count: int) -> Tensor:
        """(x - mean) / std for `count` architectures in x, without an affine part."""
        if self.running:
            return F.batch_norm(x, mean, variance, None, None, False, 0.0, EPSILON)
        if count == 1:
            return F.batch_norm(x, None, None, None, None, True, 0.0, EPSILON)
        by_group = x.permute(0, 2, 3, 1).reshape(count, -1, x.shape[1])
        by_group = by_group.float() if x.dtype == torch.bfloat16 else by_group
        centred = by_group - by_group.mean(1, keepdim=True)
        # The mean of squares takes half the time of torch.var_mean, which updates sample by sample.
        normal = centred * torch.rsqrt((centred * centred).mean(1, keepdim=True) + EPSILON)
        n, c, h, w = x.shape
        return normal.to(x.dtype).view(n, h, w, c).permute(0, 3, 1, 2)

    def normalise(self, norm: nn.BatchNorm2d, x: Tensor) -> Tensor:
        """Apply a batch norm with an affine part."""
        assert norm.running_mean is not None
        assert norm.running_var is not None
        y = self.scale(x, norm.running_mean, norm.running_var, self.count)
        return torch.addcmul(norm.bias[:, None, None].to(y.dtype), y, norm.weight[:, None, None].to(y.dtype))

    def plain(self, layers: nn.Module, x: Tensor) -> Tensor:
        """Apply a sequence of ReLUs, convolutions and batch norms."""
        for layer in layers.children():
            x = self.normalise(layer, x) if isinstance(layer, nn.BatchNorm2d) else layer(x)
        return x

    def cell(self, cell: nn.Module, x: Tensor, architectures: Sequence[Architecture]) -> Tensor:
        """Apply one cell to [g * n, c, h, w], each architecture with its own operations; returns node 3."""
        assert isinstance(cell, MixedCell)
        nodes, rectified = [x], [F.relu(x)]
        for target in (1, 2, 3):
            common: Tensor | None = None
            partial: list[tuple[list[int], Tensor]] = []
            for edge in ARRIVING[target]:
                source = EDGES[edge][1]
                for operation in sorted({a[edge] for a in architectures} - {NONE}):
                    chosen = [i for i, a in enumerate(architectures) if a[edge] == operation]
                    inputs = rectified[source] if operation in KERNELS else nodes[source]
                    term = self.apply(cell, edge, operation, self._take(inputs, chosen), len(chosen))
                    if len(chosen) < self.count:
                        partial.append((chosen, term))
                    else:
                        common = term if common is None else common + term
            node = self._total(common, partial, x)
            nodes.append(node)
            if target < 3:
                rectified.append(F.relu(node))
        return nodes[3]

    def _total(self, common: Tensor | None, partial: list[tuple[list[int], Tensor]], like: Tensor) -> Tensor:
        """The sum of the terms of all architectures (`common`) and those of some (`partial`)."""
        if common is None:
            node = torch.zeros_like(like)
        elif partial:
            node = common.clone()  # a term may be a node itself
        else:
            return common
        view = node.unflatten(0, (self.count, -1))
        for chosen, term in partial:
            view.index_add_(0, self._index(chosen, term.device), term.unflatten(0, (len(chosen), -1)))
        return node

    def apply(self, cell: MixedCell, edge: int, operation: int, x: Tensor, count: int) -> Tensor:
        """Apply one operation to `count` architectures; for a convolution, x has already passed the ReLU."""
        if operation == SKIP:
            return x
        if operation == AVG_POOL:
            return average_pool(x)
        weight, mean, variance = cell.operation_state(edge, operation)
        return self.scale(F.conv2d(x, weight, padding=KERNELS[operation] // 2), mean, variance, count)

    def _take(self, x: Tensor, chosen: list[int]) -> Tensor:
        """The feature maps of the `chosen` architectures."""
        if len(chosen) == self.count:
            return x
        return x.unflatten(0, (self.count, -1))[self._index(chosen, x.device)].flatten(0, 1)

    def _index(self, chosen: list[int], device: torch.device) -> Tensor:
        """`chosen` on the device, copied there once for all cells."""
        key = tuple(chosen)
        if key not in self._indices:
            self._indices[key] = torch.tensor(chosen).to(device)
        return self._indices[key]


class FirstCell:
    """Computes the first cell's output for architectures in sorted order, reusing terms between them.

    A term depends on its own edge and on the edges up to its source node, which successive architectures often share.
    Only terms that match the first AHEAD edges of the present architecture are kept.
    """

    def __init__(self, cell: nn.Module, x: Tensor, running: bool) -> None:
        assert isinstance(cell, MixedCell)
        self._cell, self._x = cell, x
        self._groups = Groups(1, running)
        self._terms: dict[tuple[int, ...], Tensor] = {}
        self._nodes: dict[tuple[int, ...], Tensor] = {}
        self._ahead: tuple[int, ...] = ()

    def output(self, architecture: Architecture) -> Tensor:
        """Node 3 [n, c, h, w]."""
        if architecture[:AHEAD] != self._ahead:
            self._ahead = architecture[:AHEAD]
            self._terms = {key: t for key, t in self._terms.items() if key[2:] == architecture[: len(key) - 2]}
            self._nodes = {key: node for key, node in self._nodes.items() if key == architecture[: len(key)]}
        return self._sum(architecture, 3)

    def _node(self, architecture: Architecture, node: int) -> Tensor:
        if node == 0:
            return self._x
        key = architecture[: ARRIVING[node][-1] + 1]
        if key not in self._nodes:
            self._nodes[key] = self._sum(architecture, node)
        return self._nodes[key]

    def _sum(self, architecture: Architecture, node: int) -> Tensor:
        terms = [self._term(architecture, edge) for edge in ARRIVING[node] if architecture[edge] != NONE]
        return total(terms) if terms else torch.zeros_like(self._x)

    def _term(self, architecture: Architecture, edge: int) -> Tensor:
        source, operation = EDGES[edge][1], architecture[edge]
        before = architecture[: ARRIVING[source][-1] + 1] if source else ()
        key = (edge, operation, *before)
        if key not in self._terms:
            x = self._node(architecture, source)
            x = F.relu(x) if operation in KERNELS else x
            self._terms[key] = self._groups.apply(self._cell, edge, operation, x, 1)
        return self._terms[key]
