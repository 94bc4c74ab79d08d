"""Many stand-alone networks of NAS-Bench-201 trained at once, in lockstep.

One small network keeps neither a GPU nor a vector unit busy: its kernels are too small. A population
holds G networks, each with its own weights, side by side as groups of channels, [B, G * C, H, W]: the
convolutions of all networks that chose the same operation after the same node are one grouped
convolution, their batch norms one batch norm over the concatenated channels, and
the update is one update of one long vector. Every network still computes what
`supernets.network.standalone` computes, because no operation here mixes channels of two networks.

Network: Dong & Yang, "NAS-Bench-201", ICLR 2020 (stem, three stages of N cells with
residual blocks of stride 2 between them, affine batch norm, global average pooling).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from nas_selection_bench.bench.problem.space import AVG_POOL, EDGES, SKIP, Architecture
from nas_selection_bench.bench.seeds import derive
from nas_selection_bench.supernets.network.pooling import average_pool
from nas_selection_bench.supernets.network.skeleton import EPSILON, KERNELS, LEAVING, MOMENTUM, STAGES


@dataclass(frozen=True)
class Part:
    """One parameter tensor, stacked over the networks that have it."""

    name: str
    shape: tuple[int, ...]
    """Shape in one network."""
    networks: tuple[int, ...]
    """Positions of the networks that have it, in the order in which they are stacked."""
    start: int
    """Index at which the stack begins in the long vector."""

    @property
    def size(self) -> int:
        """Number of elements of one network's tensor."""
        return math.prod(self.shape)

    @property
    def stop(self) -> int:
        """Index at which the stack ends in the long vector."""
        return self.start + self.size * len(self.networks)


@dataclass(frozen=True)
class Job:
    """The convolutions of one kernel size on one edge of one cell, for all networks that chose them there."""

    name: str
    kernel: int
    edge: int
    networks: tuple[int, ...]


def _conv_bn(name: str, inputs: int, outputs: int, kernel: int) -> list[tuple[str, tuple[int, ...]]]:
    return [
        (f"{name}.conv", (outputs, inputs, kernel, kernel)),
        (f"{name}.scale", (outputs,)),
        (f"{name}.shift", (outputs,)),
    ]


class Population:
    """G networks of one skeleton, each with its own parameters, running statistics and gradients.

    The parameters are views of one vector, `values`, and their gradients views of `gradients`.
    """

    def __init__(
        self,
        architectures: Sequence[Architecture],
        channels: int,
        cells: int,
        classes: int,
        dtype: torch.dtype = torch.float32,
        device: str = "cpu",
        autocast: torch.dtype | None = None,
        memory_format: torch.memory_format = torch.channels_last,
    ) -> None:
        self.architectures = tuple(architectures)
        self.channels, self.cells, self.classes = channels, cells, classes
        self.device, self.dtype, self.autocast, self.memory_format = device, dtype, autocast, memory_format
        self._everybody = tuple(range(len(self.architectures)))
        self.parts: dict[str, Part] = {}
        self._plan()
        length = max(part.stop for part in self.parts.values())
        self.values = torch.zeros(length, dtype=dtype, device=device)
        self.gradients = torch.zeros_like(self.values)
        self._tensors = {name: self._view(self.values, part) for name, part in self.parts.items()}
        for name, tensor in self._tensors.items():
            tensor.requires_grad_()
            tensor.grad = self._view(self.gradients, self.parts[name])
        self.statistics: dict[str, tuple[Tensor, Tensor]] = {}
        for name, part in self.parts.items():
            if name.endswith(".scale"):
                size = part.size * len(part.networks)
                self.statistics[name.removesuffix(".scale")] = (
                    torch.zeros(size, dtype=dtype, device=device),
                    torch.ones(size, dtype=dtype, device=device),
                )
        self._indices: dict[tuple[int, ...], Tensor] = {}

    # ---- parameters

    def _plan(self) -> None:
        c = self.channels
        self._add(_conv_bn("stem", 3, c, 3), self._everybody)
        self.jobs: dict[str, dict[int, list[Job]]] = {}
        for stage in range(STAGES):
            if stage:
                name = f"stage{stage}.reduce"
                self._add(_conv_bn(f"{name}.a", c, 2 * c, 3), self._everybody)
                self._add(_conv_bn(f"{name}.b", 2 * c, 2 * c, 3), self._everybody)
                self._add([(f"{name}.shortcut", (2 * c, c, 1, 1))], self._everybody)
                c *= 2
            for cell in range(self.cells):
                self._plan_cell(f"stage{stage}.cell{cell}", c)
        self._add([("last.scale", (c,)), ("last.shift", (c,))], self._everybody)
        self._add([("classifier.weight", (self.classes, c)), ("classifier.bias", (self.classes,))], self._everybody)

    def _plan_cell(self, cell: str, channels: int) -> None:
        jobs: dict[int, list[Job]] = {}
        for edge, (_, source) in enumerate(EDGES):
            for operation, kernel in KERNELS.items():
                if members := self._who(edge, operation):
                    job = Job(f"{cell}.edge{edge}.{kernel}x{kernel}", kernel, edge, members)
                    jobs.setdefault(source, []).append(job)
                    self._add(_conv_bn(job.name, channels, channels, kernel), members)
        self.jobs[cell] = jobs

    def _add(self, parts: list[tuple[str, tuple[int, ...]]], networks: tuple[int, ...]) -> None:
        for name, shape in parts:
            start = max((part.stop for part in self.parts.values()), default=0)
            self.parts[name] = Part(name, shape, networks, -(-start // 64) * 64)

    def _who(self, edge: int, operation: int) -> tuple[int, ...]:
        return tuple(n for n, a in enumerate(self.architectures) if a[edge] == operation)

    def _view(self, vector: Tensor, part: Part) -> Tensor:
        return vector[part.start : part.stop].view(part.shape[0] * len(part.networks), *part.shape[1:])

    def initialise(self, seed: int) -> None:
        """Draw the initial weights as PyTorch's layers do (uniform, +-1/sqrt(fan in)), the same for every network.

        A tensor's draw depends only on `seed` and its place (cell, edge, operation), so two networks that share
        a choice start from the same numbers there.
        """
        with torch.no_grad():
            for part in self.parts.values():
                values = first_values(part.name, part.shape, self.channels, seed).flatten()
                self.values[part.start : part.stop] = values.repeat(len(part.networks)).to(self.values)

    def buffers(self) -> list[Tensor]:
        """The running statistics of every batch norm, which training changes in place."""
        return [tensor for pair in self.statistics.values() for tensor in pair]

    # ---- forward pass

    def forward(self, images: Tensor, train: bool) -> Tensor:
        """Logits [G, B, classes] of every network for `images` [B, 3, H, W].

        `train` normalises by batch statistics and updates the running ones; otherwise the running ones are used.
        """
        x = images.to(memory_format=self.memory_format)
        x = self._norm("stem", self._convolve(x, "stem.conv", 1, 1, 1), train)
        for stage in range(STAGES):
            if stage:
                x = self._reduce(x, f"stage{stage}.reduce", train)
            for cell in range(self.cells):
                x = self._cell(x, f"stage{stage}.cell{cell}", train)
        x = functional.relu(self._norm("last", x, train)).to(self.dtype)
        pooled = x.mean((2, 3)).unflatten(1, (len(self.architectures), -1)).transpose(0, 1)
        weight = self._tensors["classifier.weight"].unflatten(0, (-1, self.classes))
        return torch.baddbmm(self._tensors["classifier.bias"].view(-1, 1, self.classes), pooled, weight.transpose(1, 2))

    def _reduce(self, x: Tensor, name: str, train: bool) -> Tensor:
        groups = len(self.architectures)
        y = self._norm(f"{name}.a", self._convolve(functional.relu(x), f"{name}.a.conv", groups, 2, 1), train)
        y = self._norm(f"{name}.b", self._convolve(functional.relu(y), f"{name}.b.conv", groups, 1, 1), train)
        return y + self._convolve(functional.avg_pool2d(x, 2), f"{name}.shortcut", groups, 1, 0)

    def _cell(self, x: Tensor, cell: str, train: bool) -> Tensor:
        nodes: list[Tensor | None] = [x, None, None, None]
        for source, edges in enumerate(LEAVING):
            node = nodes[source]
            if node is None:
                continue
            relued: Tensor | None = None
            for job in self.jobs[cell].get(source, ()):
                if relued is None:
                    relued = functional.relu(node)
                y = self._gather(relued, job.networks)
                y = self._convolve(y, f"{job.name}.conv", len(job.networks), 1, job.kernel // 2)
                target = EDGES[job.edge][0]
                nodes[target] = self._put(nodes[target], self._norm(job.name, y, train), job.networks)
            pooled: Tensor | None = None
            for edge in edges:
                target = EDGES[edge][0]
                if members := self._who(edge, SKIP):
                    nodes[target] = self._put(nodes[target], self._gather(node, members), members)
                if members := self._who(edge, AVG_POOL):
                    if pooled is None:
                        pooled = average_pool(node)
                    nodes[target] = self._put(nodes[target], self._gather(pooled, members), members)
        last = nodes[3]
        return torch.zeros_like(x) if last is None else last

    def _convolve(self, x: Tensor, name: str, groups: int, stride: int, padding: int) -> Tensor:
        weight = self._tensors[name]
        if self.autocast:
            x, weight = x.to(self.autocast), weight.to(self.autocast)
        return functional.conv2d(x, weight, None, stride, padding, 1, groups)

    def _norm(self, name: str, x: Tensor, train: bool) -> Tensor:
        mean, variance = self.statistics[name]
        scale, shift = self._tensors[f"{name}.scale"], self._tensors[f"{name}.shift"]
        return functional.batch_norm(x, mean, variance, scale, shift, train, MOMENTUM, EPSILON)

    def _index(self, members: tuple[int, ...]) -> Tensor:
        if members not in self._indices:
            self._indices[members] = torch.tensor(members, device=self.device)
        return self._indices[members]

    def _gather(self, x: Tensor, members: tuple[int, ...]) -> Tensor:
        groups = len(self.architectures)
        if members == self._everybody:
            return x
        b, gc, h, w = x.shape
        if self.memory_format is torch.channels_last:
            rows = x.permute(0, 2, 3, 1).view(b, h, w, groups, gc // groups).index_select(3, self._index(members))
            return rows.view(b, h, w, -1).permute(0, 3, 1, 2)
        return x.view(b, groups, -1).index_select(1, self._index(members)).view(b, -1, h, w)

    def _put(self, node: Tensor | None, piece: Tensor, members: tuple[int, ...]) -> Tensor:
        """`node` with `piece` added to the channels of the networks `members`."""
        if members == self._everybody:
            return piece if node is None else node + piece
        groups = len(self.architectures)
        b, _, h, w = piece.shape
        c = piece.shape[1] // len(members)
        if node is None:
            node = piece.new_zeros((b, groups * c, h, w)).to(memory_format=self.memory_format)
        if self.memory_format is torch.channels_last:
            rows = node.permute(0, 2, 3, 1).reshape(b, h, w, groups, c)
            source = piece.permute(0, 2, 3, 1).reshape(b, h, w, len(members), c)
            total = rows.index_add(3, self._index(members), source.to(rows.dtype))
            return total.view(b, h, w, -1).permute(0, 3, 1, 2)
        rows = node.reshape(b, groups, -1)
        source = piece.reshape(b, len(members), -1).to(rows.dtype)
        return rows.index_add(1, self._index(members), source).view(b, -1, h, w)


def first_values(name: str, shape: tuple[int, ...], channels: int, seed: int) -> Tensor:
    """The initial values of the tensor called `name`, which depend only on the arguments."""
    kind = name.rsplit(".", 1)[-1]
    if kind == "scale":
        return torch.ones(shape)
    if kind == "shift":
        return torch.zeros(shape)
    # The classifier's bias has the fan in of its weight: the width of the last stage.
    fan_in = channels * 2 ** (STAGES - 1) if kind == "bias" else math.prod(shape[1:])
    bound = 1 / math.sqrt(fan_in)
    generator = torch.Generator().manual_seed(derive(seed, tensor=name))
    return torch.empty(shape).uniform_(-bound, bound, generator=generator)
