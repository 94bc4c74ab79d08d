"""A small supernet with random weights, images of noise, and searches on it for the tests."""

import dataclasses
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from nas_selection_bench.bench.problem.batches import Half
from nas_selection_bench.bench.problem.image_set import ImageSet
from nas_selection_bench.bench.work.cells import Cell, SupernetJob
from nas_selection_bench.bench.work.presets import PRESETS, Settings
from nas_selection_bench.selectors.parts import registry
from nas_selection_bench.selectors.parts.view import Batches, Search
from nas_selection_bench.supernets.network.literal import LiteralSupernet
from nas_selection_bench.supernets.network.skeleton import initialise
from nas_selection_bench.supernets.network.supernet import Supernet
from nas_selection_bench.supernets.parts.registry import find as find_recipe
from nas_selection_bench.supernets.training.checkpoint import Checkpoint
from nas_selection_bench.supernets.training.tuning import Tuner

CLASSES = 4

SETTINGS = dataclasses.replace(
    PRESETS["digits"], channels=4, cells=1, batch_size=8, epochs=3, checkpoint_epochs=(1, 2, 3), tune_epochs=1,
    selection_batch=10, selection_images=24, proposals=2, proposal_batch=12, validation_batches=2,
)  # fmt: skip


def images(labels_seed: int = 0, pixels_seed: int = 5) -> ImageSet:
    """64 images of 8x8, 32 in each half."""
    generator = torch.Generator().manual_seed(pixels_seed)
    pixels = torch.randint(256, (64, 3, 8, 8), generator=generator, dtype=torch.uint8)
    labels = torch.randint(CLASSES, (64,), generator=torch.Generator().manual_seed(labels_seed))
    return ImageSet("noise", pixels, labels, CLASSES, (0.5,) * 3, (0.25,) * 3, 1, True)


def cell(selector: str, *, bn: str = "batch", seed: int = 0, settings: Settings = SETTINGS) -> Cell:
    """A cell on the last checkpoint of the supernet `darts`."""
    return Cell(SupernetJob("noise", "darts", 0, 0, settings), settings.epochs, selector, seed, bn, settings.budget)


def network(seed: int = 0, dtype: torch.dtype = torch.float64, channels: int = SETTINGS.channels) -> Supernet:
    """A supernet with C=4 and N=1, whose running statistics are not those of a fresh network."""
    net = Supernet(channels, SETTINGS.cells, CLASSES)
    generator = torch.Generator().manual_seed(seed)
    initialise(net, generator)
    with torch.no_grad():
        for name, buffer in net.named_buffers():
            if buffer.is_floating_point():
                noise = torch.rand(buffer.shape, generator=generator)
                buffer.copy_(0.5 + noise if "var" in name else noise - 0.5)
    return net.to(dtype)


def alphas(seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    """Alphas [6, 5], far from uniform."""
    return torch.randn(6, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def store(place: Path, *, weights_seed: int = 0, alphas_seed: int = 0) -> None:
    """Write the checkpoints of one supernet: the same weights in each, but different alphas."""
    job = cell("magnitude").supernet
    state = network(weights_seed, torch.float32).state_dict()
    for epoch in job.settings.checkpoint_epochs:
        held = alphas(alphas_seed + epoch, torch.float32)
        Checkpoint(job, epoch, state, held, {"supernet_accuracy": 25.0}).save(place)


def search(
    selector: str, *, bn: str = "batch", seed: int = 0, history: Sequence[Tensor] = (),
    make_tuner: Callable[[Supernet, Tensor], Tuner] | None = None,
) -> Search:  # fmt: skip
    """The search that the selector named `selector` receives, in float64."""
    found = registry.find(selector)
    return Search(
        cell(found.name, bn=bn, seed=seed), network(), alphas(), find_recipe("darts"),
        Half(images(), "selection", "cpu"), found.needs, make_tuner, history=lambda: history,
    )  # fmt: skip


def batches() -> Batches:
    """The fixed mini-batches in float64, read independently of the search: images 32 to 55, in tens.

    The search reads them in float32 first, so figures agree to 1e-7.
    """
    every = images()
    pixels = (every.images[32:56].double() / 255 - 0.5) / 0.25
    return list(zip(pixels.split(10), every.labels[32:56].split(10), strict=True))


@cache
def literal(bn: str = "batch") -> LiteralSupernet:
    """The literal network with the same weights."""
    net = network()
    net.normalise("batch" if bn == "batch" else "running")
    return LiteralSupernet.like(net)


@torch.no_grad()
def literal_figures(weights: Tensor, bn: str = "batch", net: LiteralSupernet | None = None) -> tuple[float, float]:
    """Accuracy in % and mean loss of the literal network with one mixture [6, 5] on the fixed images."""
    net, right, loss, count = net or literal(bn), 0, 0.0, 0
    for x, y in batches():
        logits = net(x, weights)
        right += int((logits.argmax(1) == y).sum())
        loss += float(F.cross_entropy(logits, y, reduction="sum"))
        count += len(y)
    return 100 * right / count, loss / count
