"""What the parts of the acceptance of a GPU run on, and how they report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from nas_selection_bench.bench.commands.devices import Device
from nas_selection_bench.bench.errors import in_brief
from nas_selection_bench.bench.problem.image_set import ImageSet
from nas_selection_bench.bench.work.cells import SupernetJob
from nas_selection_bench.bench.work.presets import PRESETS, Settings
from nas_selection_bench.supernets.network.cuda_graph import eagerly, own_stream
from nas_selection_bench.supernets.parts.registry import names as recipe_names
from nas_selection_bench.supernets.training.loop import Training

STEPS_PER_EPOCH = 25_000 // 64


class Failed(Exception):
    """A part of the acceptance fails, for this reason."""


class Faults:
    """Collects the failures of many checks; one that fails does not stop the others."""

    def __init__(self) -> None:
        self._found: list[str] = []

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """A failure in here is recorded for `name`."""
        try:
            yield
        except Exception as failure:  # noqa: BLE001 - whatever a GPU does
            self._found.append(f"{name}: {in_brief(failure)}")

    def raise_any(self) -> None:
        """Raises Failed where there are any."""
        if self._found:
            raise Failed("; ".join(self._found))


@dataclass(frozen=True)
class Place:
    """Where the parts run, and on what."""

    device: Device
    images: ImageSet
    settings: Settings
    small: bool
    folder: Path
    """For checkpoints; removed afterwards."""
    door: Callable[[Sequence[str]], int]
    """Runs run_bench.py with these arguments; its exit code."""

    @property
    def torch(self) -> torch.device:
        """As torch has it."""
        return torch.device(self.device.name)

    def job(self, recipe: str, seed: int = 0) -> SupernetJob:
        """A supernet of this size."""
        return SupernetJob(self.images.name, recipe, seed, 0, self.settings)

    def recipes(self) -> Sequence[str]:
        """All of them; of the small run those that differ in how they are captured."""
        return ("darts", "drnas") if self.small else recipe_names()


def state_after(
    place: Place, recipe: str, device: torch.device, epochs: int, *, eager: bool = False
) -> dict[str, Tensor]:
    """All that a supernet is after some epochs, on the CPU."""
    run = Training(place.job(recipe), place.images, device)
    with eagerly(eager), own_stream(device):
        for _ in range(epochs):
            run.run_epoch()
        state = {**run.search.network.state_dict(), "alphas": run.search.alphas.detach()}
        return {name: tensor.cpu() for name, tensor in state.items()}


def furthest(one: dict[str, Tensor], other: dict[str, Tensor]) -> tuple[float, str]:
    """The largest difference, relative where numbers are large, and where it is."""
    gaps = {n: float(((t.double() - other[n].double()).abs() / (1 + t.double().abs())).max()) for n, t in one.items()}
    where = max(gaps, key=lambda name: gaps[name])
    return gaps[where], where


def at_preset_paper(place: Place) -> tuple[SupernetJob, ImageSet, float]:
    """A supernet of darts, images for a part of an epoch, and how many such parts a whole one has."""
    steps = 4 if place.small else 60
    sizes = replace(place.settings if place.small else PRESETS["paper"], batch_size=16 if place.small else 64)
    side = 8 if place.small else 32
    generator = torch.Generator().manual_seed(0)
    count = 2 * sizes.batch_size * steps
    pixels = torch.randint(256, (count, 3, side, side), generator=generator, dtype=torch.uint8)
    labels = torch.randint(10, (count,), generator=generator)
    noise = ImageSet("noise", pixels, labels, 10, (0.5,) * 3, (0.25,) * 3, crop_padding=side // 8, flip=True)
    return SupernetJob("noise", "darts", 0, 0, sizes), noise, STEPS_PER_EPOCH / steps
