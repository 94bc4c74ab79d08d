"""The macro skeleton shared by all networks of this package, and its plain building blocks.

Stem, three stages of N cells at C, 2C and 4C channels, a residual block of stride 2 between two
stages, and a classifier. Source: Dong & Yang, "NAS-Bench-201", ICLR 2020.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from nas_selection_bench.bench.problem.space import CONV_1X1, CONV_3X3, EDGES

STAGES = 3
KERNELS = {CONV_1X1: 1, CONV_3X3: 3}
"""Kernel sizes of the operations that have weights."""

MOMENTUM, EPSILON = 0.1, 1e-5
"""Momentum and epsilon of every batch norm: the defaults of nn.BatchNorm2d."""

ARRIVING = {node: tuple(e for e, (target, _) in enumerate(EDGES) if target == node) for node in (1, 2, 3)}
"""The edges that arrive at each node of a cell except its input: (0,), (1, 2), (3, 4, 5)."""

LEAVING = tuple(tuple(e for e, (_, source) in enumerate(EDGES) if source == node) for node in range(3))
"""The edges that leave each node of a cell except its output: (0, 1, 3), (2, 4), (5,)."""

Normalisation = Literal["train", "batch", "running"]
"""The statistics that batch norm uses: batch statistics, updating the running ones (`train`); batch statistics without
updates (`batch`); or the running statistics (`running`)."""


def relu_conv_bn(inputs: int, outputs: int, kernel: int, stride: int = 1, *, affine: bool) -> nn.Sequential:
    """ReLU, convolution without bias, batch norm: the order of NAS-Bench-201."""
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs, affine=affine),
    )


def total(terms: Sequence[Tensor]) -> Tensor:
    """The sum of one or more tensors, added in the given order."""
    result = terms[0]
    for term in terms[1:]:
        result = result + term
    return result


class ReductionBlock(nn.Module):
    """The residual block between two stages, which halves the resolution and doubles the channels."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = relu_conv_bn(inputs, outputs, 3, stride=2, affine=True)
        self.second = relu_conv_bn(outputs, outputs, 3, affine=True)
        self.shortcut = nn.Sequential(nn.AvgPool2d(2, 2), nn.Conv2d(inputs, outputs, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        """[n, inputs, h, w] -> [n, outputs, h/2, w/2]."""
        residual: Tensor = self.shortcut(x)
        return residual + self.second(self.first(x))


class Skeleton(nn.Module):
    """Stem, cells, reductions and classifier; `make_cell(channels)` creates each cell, in order."""

    def __init__(self, channels: int, cells: int, classes: int, make_cell: Callable[[int], nn.Module]) -> None:
        super().__init__()
        self.channels, self.cells_per_stage, self.classes = channels, cells, classes
        self.stem = nn.Sequential(nn.Conv2d(3, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels))
        self.cells = nn.ModuleList()
        self.reductions = nn.ModuleList()
        for stage in range(STAGES):
            width = channels * 2**stage
            if stage:
                self.reductions.append(ReductionBlock(width // 2, width))
            self.cells.extend(make_cell(width) for _ in range(cells))
        self.last_bn = nn.BatchNorm2d(4 * channels)
        self.last_relu = nn.ReLU()
        self.classifier = nn.Linear(4 * channels, classes)

    @property
    def n_cells(self) -> int:
        """Number of cells in the whole network: 3 N."""
        return len(self.cells)

    def through(self, images: Tensor, run_cell: Callable[[int, nn.Module, Tensor], Tensor]) -> Tensor:
        """The logits [n, classes] of `images` [n, 3, h, w]; `run_cell(index, cell, x)` runs one cell."""
        x = self.stem(images)
        for index, cell in enumerate(self.cells):
            stage, position = divmod(index, self.cells_per_stage)
            if stage and position == 0:
                x = self.reductions[stage - 1](x)
            x = run_cell(index, cell, x)
        x = self.last_relu(self.last_bn(x))
        logits: Tensor = self.classifier(x.mean((2, 3)))
        return logits

    def normalise(self, mode: Normalisation) -> None:
        """Switch every batch norm to `mode`."""
        if mode not in ("train", "batch", "running"):
            raise ValueError(f"unknown batch-norm mode {mode!r}; it is train, batch or running")
        # Set nn.Module's own flag first: some plain modules, and hooks of other code, read it.
        nn.Module.train(self, mode != "running")
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                # Without tracking, a batch norm in training mode uses batch statistics and updates nothing.
                module.track_running_stats = mode != "batch"

    def train(self, mode: bool = True) -> "Skeleton":
        """`train()` is normalise("train"), `eval()` is normalise("running")."""
        self.normalise("train" if mode else "running")
        return self


def initialise(network: nn.Module, generator: torch.Generator) -> None:
    """Draw fresh weights with torch's own initialisation; equal generators give equal weights on every device.

    Convolutions and linear layers are uniform in +-1/sqrt(fan in), as `nn.Conv2d` and `nn.Linear`
    are initialised; batch norms become the identity with statistics (0, 1).
    """
    with torch.no_grad():
        for name, tensor in sorted(network.state_dict().items()):
            entry = name.rpartition(".")[2]
            if entry.startswith("weight") and tensor.dim() > 1:
                bound = tensor[0].numel() ** -0.5
                tensor.copy_(torch.empty(tensor.shape).uniform_(-bound, bound, generator=generator))
            elif name == "classifier.bias":
                bound = network.get_parameter("classifier.weight").shape[1] ** -0.5
                tensor.copy_(torch.empty(tensor.shape).uniform_(-bound, bound, generator=generator))
            elif entry == "weight" or "var" in entry:
                tensor.fill_(1)
            else:
                tensor.zero_()


def copy_weights(
    source: Skeleton,
    target: Skeleton,
    convolutions: Sequence[tuple[int, int]],
    layers: Callable[[Any, int, int], Iterable[Any]],
) -> None:
    """Give `target`, a network of plain modules, the weights, statistics, dtype and device of a supernet.

    `convolutions` are the (edge, operation) pairs to copy in every cell; `layers(cell, edge, operation)` returns the
    ReLU, the convolution and the batch norm of one of them in `target`.
    """
    first = next(source.parameters())
    target.to(device=first.device, dtype=first.dtype)
    frame = {k: v for k, v in source.state_dict().items() if not k.startswith("cells.")}
    missing = target.load_state_dict(frame, strict=False)
    if missing.unexpected_keys or any(not k.startswith("cells.") for k in missing.missing_keys):
        raise ValueError(f"the two networks differ outside their cells: {missing}")
    with torch.no_grad():
        cells: Any = zip(source.cells, target.cells, strict=True)
        for cell, plain in cells:
            for edge, operation in convolutions:
                weight, mean, variance = cell.operation_state(edge, operation)
                _, convolution, norm = layers(plain, edge, operation)
                convolution.weight.copy_(weight)
                norm.running_mean.copy_(mean)
                norm.running_var.copy_(variance)
