"""Trains the networks of a ground-truth table: one short schedule, all networks of a group in lockstep.

Every network of a trial starts from the same draws (a tensor's first values depend on the trial and on
its place, not on the architecture) and sees the same batches in the same order, as NAS-Bench-201
trained all architectures with the same three seeds (Dong & Yang, ICLR 2020). Effects common to all
then cancel in their ranking, and the results of a network do not depend on its group, up to rounding.

The default recipe is what two cores can afford for 5,044 networks: 125 steps of 16 images. It ranks
architectures by how fast they learn, so skip connections lead, whereas on CIFAR-10 3x3 convolutions do. In one
trial of four epochs of 4,000 images the order reversed (all-3x3 75.7 %, all-skip 74.4 %; here 50.3 % and 60.3 %).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from nas_selection_bench.bench.problem.image_set import ImageSet
from nas_selection_bench.bench.problem.space import Architecture
from nas_selection_bench.bench.seeds import derive
from nas_selection_bench.supernets.network.accelerator import accelerator
from nas_selection_bench.supernets.network.precision import use_reproducible_kernels
from nas_selection_bench.supernets.table.population import Population

EVALUATION_BATCH = 100
WARM_UP_STEPS = 3
"""Steps run before a CUDA graph is captured, so that cuDNN has chosen its kernels."""


@dataclass(frozen=True)
class TableRecipe:
    """All settings of the training that change its results."""

    channels: int = 8
    cells: int = 1
    images: int = 2_000
    """Number of training images used, from the first on; for digits, the half that trains a supernet's weights."""
    epochs: int = 1
    batch_size: int = 16
    learning_rate: float = 0.05
    """Peak rate, reached linearly over `warm_up` and followed by a cosine to 0."""
    warm_up: float = 0.2
    """Share of all steps in which the rate rises."""
    momentum: float = 0.9
    """Nesterov momentum."""
    weight_decay: float = 5e-4
    root_seed: int = 0

    def rates(self, steps: int) -> list[float]:
        """The learning rate of each of `steps` steps."""
        rising = max(1.0, self.warm_up * steps)
        falling = max(1.0, steps - rising)
        turns = [max(0.0, k - rising) / falling for k in range(steps)]
        shares = [min((k + 1) / rising, 0.5 * (1 + math.cos(math.pi * turn))) for k, turn in enumerate(turns)]
        return [self.learning_rate * share for share in shares]


@dataclass(frozen=True)
class Arithmetic:
    """Device and number formats in which a group is trained; they change the results by rounding only."""

    device: str = "cpu"
    precision: str = "float32"
    """float32, tf32 or bf16, for the convolutions; batch norm and the update are in float32."""
    layout: str = "channels_last"
    """channels_last or contiguous."""
    graph: bool = False
    """Capture the training step as a CUDA graph and replay it."""


@dataclass(frozen=True)
class SplitImages:
    """The normalised images of a table on a device: the training images, and the test images in two halves."""

    train: Tensor
    """[n, 3, h, w] float32."""
    train_labels: Tensor
    held_out: Tensor
    """[m, 3, h, w] float32: the first half is `test`, the second `valid`."""
    held_out_labels: Tensor
    classes: int

    @classmethod
    def of(cls, train: ImageSet, held_out: ImageSet, device: str) -> "SplitImages":
        """Both splits, normalised by the training images' mean and standard deviation."""
        mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (train.mean, train.std))
        x, y = ((s.images.float() / 255 - mean) / std for s in (train, held_out))
        return cls(
            x.to(device), train.labels.to(device), y.to(device), held_out.labels.to(device), train.classes
        )  # fmt: skip


def train_group(
    architectures: Sequence[Architecture], trial: int, images: SplitImages, recipe: TableRecipe, arithmetic: Arithmetic
) -> tuple[list[float], list[float]]:
    """Train the stand-alone networks of `architectures` and return their (test, valid) accuracies, %."""
    population = new_population(architectures, trial, images.classes, recipe, arithmetic)
    fit(population, trial, images, recipe, graph=arithmetic.graph)
    return accuracies(population, images)


def new_population(
    architectures: Sequence[Architecture], trial: int, classes: int, recipe: TableRecipe, arithmetic: Arithmetic
) -> Population:
    """The networks before the first step of `trial`."""
    if arithmetic.device != "cpu":
        use_reproducible_kernels(tf32=arithmetic.precision == "tf32")
    population = Population(
        architectures, recipe.channels, recipe.cells, classes, device=arithmetic.device,
        autocast=torch.bfloat16 if arithmetic.precision == "bf16" else None,
        memory_format=torch.channels_last if arithmetic.layout == "channels_last" else torch.contiguous_format,
    )  # fmt: skip
    population.initialise(derive(recipe.root_seed, purpose="table weights", trial=trial))
    return population


def fit(population: Population, trial: int, images: SplitImages, recipe: TableRecipe, *, graph: bool = False) -> None:
    """Train all networks of `population` by `recipe`."""
    used = min(recipe.images, len(images.train))
    per_epoch = used // recipe.batch_size
    generator = torch.Generator().manual_seed(derive(recipe.root_seed, purpose="table order", trial=trial))
    orders = [torch.randperm(used, generator=generator) for _ in range(recipe.epochs)]
    batches = torch.cat([o[: per_epoch * recipe.batch_size] for o in orders]).view(-1, recipe.batch_size)
    batches = batches.to(images.train.device)
    rates = torch.tensor(recipe.rates(len(batches)), device=images.train.device)
    momentum = torch.zeros_like(population.values)
    chosen, rate = batches[0].clone(), rates[0].clone()

    def step() -> None:
        x, y = images.train[chosen], images.train_labels[chosen]
        population.gradients.zero_()
        logits = population.forward(x, train=True)
        # A sum over networks of their mean losses: each gets the gradient of its own loss.
        losses = functional.cross_entropy(logits.flatten(0, 1), y.repeat(len(logits)), reduction="sum")
        (losses / len(y)).backward()
        with torch.no_grad():
            slope = population.gradients.add(population.values, alpha=recipe.weight_decay)
            momentum.mul_(recipe.momentum).add_(slope)
            population.values.sub_(slope.add_(momentum, alpha=recipe.momentum).mul_(rate))

    run = step
    if graph:
        run = _captured(step, [population.values, momentum, *population.buffers()])
    for indices, value in zip(batches, rates, strict=True):
        chosen.copy_(indices)
        rate.copy_(value)
        run()


def _captured(step: Callable[[], None], changed: list[Tensor]) -> Callable[[], None]:
    """`step` as a CUDA graph; the tensors `changed` by its warm-up are restored."""
    before = [t.clone() for t in changed]
    device = changed[0].device
    gpu = accelerator(device)
    stream, graph = gpu.Stream(device), gpu.CUDAGraph()
    stream.wait_stream(gpu.current_stream(device))
    with gpu.device(device), gpu.stream(stream):
        for _ in range(WARM_UP_STEPS):
            step()
        stream.synchronize()
        graph.capture_begin(capture_error_mode="thread_local")
        try:
            step()
        finally:
            graph.capture_end()
    gpu.current_stream(device).wait_stream(stream)
    for tensor, value in zip(changed, before, strict=True):
        tensor.copy_(value)
    return graph.replay


def accuracies(population: Population, images: SplitImages) -> tuple[list[float], list[float]]:
    """(test, valid) accuracy of each network, %, with the running statistics of batch norm."""
    split = images.held_out.split(EVALUATION_BATCH), images.held_out_labels.split(EVALUATION_BATCH)
    batches = zip(*split, strict=True)
    with torch.inference_mode():
        right = torch.cat(
            [population.forward(x, train=False).argmax(-1) == y for x, y in batches],
            dim=1,
        ).double()
        half = right.shape[1] // 2
        return (100 * right[:, :half].mean(1)).tolist(), (100 * right[:, half:].mean(1)).tolist()
