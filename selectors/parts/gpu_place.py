"""Where the parts of the acceptance of a GPU run, how they report failures, and their common helpers."""

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
    """Raised by a part of the acceptance that fails, with the reason."""


class Faults:
    """Collects the failures of many checks, so that one failure does not stop the others."""

    def __init__(self) -> None:
        self._found: list[str] = []

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Record an exception raised in this context under `name`."""
        try:
            yield
        except Exception as failure:  # noqa: BLE001 - whatever a GPU raises
            self._found.append(f"{name}: {in_brief(failure)}")

    def raise_any(self) -> None:
        """Raise Failed with all recorded failures, if there are any."""
        if self._found:
            raise Failed("; ".join(self._found))


@dataclass(frozen=True)
class Place:
    """The device, images, settings and folder with which the parts run."""

    device: Device
    images: ImageSet
    settings: Settings
    small: bool
    folder: Path
    """Folder for checkpoints, removed afterwards."""
    door: Callable[[Sequence[str]], int]
    """Runs run_bench.py with these arguments and returns its exit code."""

    @property
    def torch(self) -> torch.device:
        """The device as a torch.device."""
        return torch.device(self.device.name)

    def job(self, recipe: str, seed: int = 0) -> SupernetJob:
        """The job of training a supernet of this size by `recipe`."""
        return SupernetJob(self.images.name, recipe, seed, 0, self.settings)

    def recipes(self) -> Sequence[str]:
        """The names of all recipes; in a small run, two that are captured in different ways."""
        return ("darts", "drnas") if self.small else recipe_names()


def state_after(
    place: Place, recipe: str, device: torch.device, epochs: int, *, eager: bool = False
) -> dict[str, Tensor]:
    """The state of a supernet, alphas included, after training for `epochs` on `device`; tensors on the CPU."""
    run = Training(place.job(recipe), place.images, device)
    with eagerly(eager), own_stream(device):
        for _ in range(epochs):
            run.run_epoch()
        state = {**run.search.network.state_dict(), "alphas": run.search.alphas.detach()}
        return {name: tensor.cpu() for name, tensor in state.items()}


def furthest(one: dict[str, Tensor], other: dict[str, Tensor]) -> tuple[float, str]:
    """The largest |a - b| / (1 + |a|) between two sets of tensors, and the name of the tensor that has it."""
    gaps = {n: float(((t.double() - other[n].double()).abs() / (1 + t.double().abs())).max()) for n, t in one.items()}
    where = max(gaps, key=lambda name: gaps[name])
    return gaps[where], where


def at_preset_paper(place: Place) -> tuple[SupernetJob, ImageSet, float]:
    """A job of darts at preset paper, images for a part of an epoch, and the number of such parts in an epoch.

    If `place.small`, settings and images are smaller.
    """
    steps = 4 if place.small else 60
    sizes = replace(place.settings if place.small else PRESETS["paper"], batch_size=16 if place.small else 64)
    side = 8 if place.small else 32
    generator = torch.Generator().manual_seed(0)
    count = 2 * sizes.batch_size * steps
    pixels = torch.randint(256, (count, 3, side, side), generator=generator, dtype=torch.uint8)
    labels = torch.randint(10, (count,), generator=generator)
    noise = ImageSet("noise", pixels, labels, 10, (0.5,) * 3, (0.25,) * 3, crop_padding=side // 8, flip=True)
    return SupernetJob("noise", "darts", 0, 0, sizes), noise, STEPS_PER_EPOCH / steps
