"""The eight parts of the acceptance of a GPU: `gpu_acceptance` runs them and keeps what they found."""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nas_selection_bench.bench.commands.resolve import Device
from nas_selection_bench.bench.errors import ExitCode, SkipCell
from nas_selection_bench.bench.problem.image_set import ImageSet
from nas_selection_bench.bench.work.cells import Cell, SupernetJob
from nas_selection_bench.bench.work.presets import PRESETS, Settings
from nas_selection_bench.bench.yardsticks.kendall import tau_b
from nas_selection_bench.selectors import proxies
from nas_selection_bench.selectors.parts import registry
from nas_selection_bench.selectors.parts.apply import select
from nas_selection_bench.supernets.network import cuda_graph
from nas_selection_bench.supernets.network.accelerator import accelerator, has_bfloat16
from nas_selection_bench.supernets.network.cuda_graph import own_stream
from nas_selection_bench.supernets.network.literal import LiteralSupernet
from nas_selection_bench.supernets.network.precision import autocast, prepare
from nas_selection_bench.supernets.parts.registry import names as recipe_names
from nas_selection_bench.supernets.training.checkpoint import load
from nas_selection_bench.supernets.training.evaluation import Evaluator
from nas_selection_bench.supernets.training.loop import Training, train
from nas_selection_bench.supernets.training.speed import eagerly, epoch_seconds, literal_seconds

EAGER = ("oles",)
"""Recipes whose steps are not captured."""
STEPS_PER_EPOCH = 25_000 // 64
SLOWEST = 6.0
"""Seconds of an epoch of darts at preset paper that are accepted; 3 are aimed at."""
LEAST_GAIN = 4.0
"""How many times faster than the literal network, run eagerly, a captured step has to be."""


class Failed(Exception):
    """What a part found."""


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
    """run_bench.py with these arguments; its exit code."""

    @property
    def torch(self) -> torch.device:
        """As torch has it."""
        return torch.device(self.device.name)

    def job(self, recipe: str, seed: int = 0) -> SupernetJob:
        """A supernet of this size."""
        return SupernetJob(self.images.name, recipe, seed, 0, self.settings)

    def recipes(self) -> Sequence[str]:
        """All of them; of the small run those that differ in how they are captured."""
        return ("darts", "gdas", "drnas", "idarts") if self.small else recipe_names()


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


def hardware(place: Place) -> dict[str, Any]:
    """A: what there is."""
    free, whole = accelerator(place.torch).mem_get_info(place.torch)
    return {"bfloat16": has_bfloat16(place.torch), "torch": torch.__version__, "memory": whole, "free": free}


def captures(place: Place) -> dict[str, Any]:
    """B: a captured step is the eager one to the last bit, twice the same, and is captured."""
    found: dict[str, Any] = {}
    for recipe in place.recipes():
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            captured = state_after(place, recipe, place.torch, 2)
        if recipe not in EAGER and (told := [str(w.message) for w in said if w.category is RuntimeWarning]):
            raise Failed(f"{recipe}: {told[0]}")
        for what, other in (
            ("eager steps give other numbers", state_after(place, recipe, place.torch, 2, eager=True)),
            ("a second run gives other numbers", state_after(place, recipe, place.torch, 2)),
        ):
            gap, where = furthest(captured, other)
            found[recipe] = max(gap, found.get(recipe, 0.0))
            if gap:
                raise Failed(f"{recipe}: {what}, by up to {gap:.2g} in {where}")
    return found


def float32(place: Place) -> dict[str, Any]:
    """C: one pass in float32 is that of the CPU, and the literal network's, gradients and statistics included."""
    generator = torch.Generator().manual_seed(0)
    found = {}
    x = torch.randn(16, *place.images.images.shape[1:], generator=generator)
    y = torch.randint(place.images.classes, (16,), generator=generator)
    run = Training(place.job("darts"), place.images, torch.device("cpu"))
    passes = {}
    for name, network in (("cpu", run.search.network), ("literal", LiteralSupernet.like(run.search.network))):
        for device in (torch.device("cpu"), place.torch):
            network.zero_grad(set_to_none=True)
            network.normalise("train")
            prepare(network, device)
            weights = torch.full((6, 5), 0.2, device=device, requires_grad=True)
            loss = torch.nn.functional.cross_entropy(network(x.to(device), weights), y.to(device))
            loss.backward()
            assert weights.grad is not None
            passes[name, device.type] = {"loss": loss.detach().cpu(), "weights": weights.grad.cpu()}
    expected = passes["cpu", "cpu"]
    for key, values in passes.items():
        gap, where = furthest(expected, values)
        found[" on ".join(key)] = gap
        if gap > 1e-4:
            raise Failed(f"{' on '.join(key)}: {where} differs by {gap:.2g}")
    return found


def accuracies(place: Place) -> dict[str, Any]:
    """D: accuracies of mixtures rank as on the CPU; how bfloat16 would rank them is told."""
    run = Training(place.job("darts"), place.images, place.torch)
    with own_stream(place.torch):
        run.run_epoch()
    masks = torch.rand(25, 6, 5, generator=torch.Generator().manual_seed(0))
    network = run.search.network
    network.normalise("batch")

    def losses(device: torch.device) -> tuple[np.ndarray, np.ndarray]:
        prepare(network, device)
        batches = [(x.to(device), y.to(device)) for x, y in run.selection_half.fixed(128, 256)]
        accuracy, loss = Evaluator(network)(batches, masks)
        return accuracy.numpy(), loss.numpy()

    accuracy, loss = losses(place.torch)
    with autocast(place.torch):
        _, rounded = losses(place.torch)
    accuracy_there, loss_there = losses(torch.device("cpu"))
    found = {"tau": tau_b(loss, loss_there), "tau of bfloat16": tau_b(rounded, loss_there)}
    found["accuracy differs by"] = float(np.abs(accuracy - accuracy_there).max())
    if found["tau"] < 0.99 or found["accuracy differs by"] > 1:
        raise Failed(f"25 mixtures rank otherwise than on the CPU: tau {found['tau']:.3f}")
    return found


def criteria(place: Place) -> dict[str, Any]:
    """E: every criterion chooses what it chooses on the CPU, from one checkpoint."""
    folder = place.folder / "criteria"
    train(place.job("darts"), place.images, "cpu", folder)
    found: dict[str, Any] = {}
    for name in ("magnitude", "op-snip", "disc-zc-plain") if place.small else distinct_selectors():
        if registry.find(name).needs.tuning:
            continue  # tuning trains, and amplifies rounding; part B looks at training
        cell = Cell(place.job("darts"), place.settings.epochs, name, 0, "batch", place.settings.budget)
        try:
            began = time.perf_counter()
            there = select(cell, folder, place.images, place.device.name)
            found[name] = round(time.perf_counter() - began, 2)
            here = select(cell, folder, place.images, "cpu")
        except SkipCell:
            continue
        if here.architecture != there.architecture:
            gap = np.abs(here.scores - there.scores).max()
            raise Failed(f"{name} chooses another architecture; its scores differ by up to {gap:.2g}")
    return found


def distinct_selectors() -> list[str]:
    """The selectors, of those that differ only in their proxy one."""
    others = tuple(f"-{proxy.replace('_', '-')}" for proxy in proxies.names() if proxy != "plain")
    rules = ("disc-zc", "zero-cost-pt", "zero-cost-rank")
    return [n for n in registry.names() if not (n.startswith(rules) and n.removesuffix("-post").endswith(others))]


def accidents(place: Place) -> dict[str, Any]:
    """F: a step that cannot be captured, three supernets at once, and a run that is broken off."""
    total = torch.zeros((), device=place.torch)
    with warnings.catch_warnings(record=True) as said, own_stream(place.torch):
        warnings.simplefilter("always")
        run = cuda_graph.Repeated(lambda x: total.add_(x.sum().item()), place.torch)
        for _ in range(cuda_graph.EAGER_CALLS + 3):
            run(torch.ones(2, device=place.torch))
    if not any("no CUDA graph" in str(w.message) for w in said) or cuda_graph._failed:
        raise Failed("a step that waits for the device was captured")

    class Stop(Exception):
        pass

    def stop(_done: int, _of: int) -> None:
        raise Stop

    names = [f"thread {seed}" for seed in range(2 if place.small else 3)]
    threads = [
        threading.Thread(
            target=train, args=(place.job("darts", seed), place.images, place.device.name, place.folder / name)
        )
        for seed, name in enumerate(names)
    ]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    train(place.job("darts"), place.images, place.device.name, place.folder / "alone")
    broken = place.folder / "broken"
    try:
        train(place.job("darts"), place.images, place.device.name, broken, stop)
    except Stop:
        train(place.job("darts"), place.images, place.device.name, broken)
    last = place.settings.epochs
    expected = load(place.folder / "alone", last).sha256
    for name in ("broken", names[0]):
        if load(place.folder / name, last).sha256 != expected:
            raise Failed(f"a supernet trained {name} ends in other bytes than one trained alone")
    return {"threads": len(threads)}


def speed(place: Place) -> dict[str, Any]:
    """G: seconds of an epoch at preset paper, captured, eager, and by the literal network."""
    steps = 4 if place.small else 60
    sizes = replace(place.settings if place.small else PRESETS["paper"], batch_size=16 if place.small else 64)
    side = 8 if place.small else 32
    generator = torch.Generator().manual_seed(0)
    count = 2 * sizes.batch_size * steps
    pixels = torch.randint(256, (count, 3, side, side), generator=generator, dtype=torch.uint8)
    labels = torch.randint(10, (count,), generator=generator)
    noise = ImageSet("noise", pixels, labels, 10, (0.5,) * 3, (0.25,) * 3, crop_padding=side // 8, flip=True)

    job = SupernetJob("noise", "darts", 0, 0, sizes)
    found = {
        "captured": epoch_seconds(job, noise, place.torch),
        "eager": epoch_seconds(job, noise, place.torch, eager=True),
        "literal": literal_seconds(job, noise, place.torch),
    }
    found = {name: seconds / steps * STEPS_PER_EPOCH for name, seconds in found.items()}
    found["literal over captured"] = found["literal"] / found["captured"]
    if not place.small and (found["captured"] > SLOWEST or found["literal over captured"] < LEAST_GAIN):
        raise Failed(
            f"an epoch takes {found['captured']:.1f} s,"
            f" the literal network's {found['literal over captured']:.1f} times as long"
        )
    return found


def whole_program(place: Place) -> dict[str, Any]:
    """H: the door, from the command line to the page."""
    out = place.folder / "out"
    selectors = "magnitude" if place.small else "magnitude,darts-pt,op-snip,disc-zc,one-shot-sampled"
    code = place.door([
        "--device", place.device.name, "--datasets", "digits", "--supernets", "darts", "--selectors", selectors,
        "--seeds", "1", "--selector-seeds", "1", "--out", str(out), "--cache", str(place.folder / "cache"),
        *(["--train-epochs", "1", "--channels", "4"] if place.small else []),
    ])  # fmt: skip
    if code != ExitCode.OK:
        raise Failed(f"run_bench.py --device {place.device.name} ended with exit code {code}")
    return {"cells": len(list((out / "records").glob("*.json")))}


PARTS: dict[str, tuple[Callable[[Place], dict[str, Any]], str]] = {
    "A hardware": (hardware, "check the driver and that torch was built for this CUDA"),
    "B captures": (captures, "run the recipe with cuda_graph.EAGER_CALLS = 10**9 and report both numbers"),
    "C float32": (float32, "compare supernets/network/gpu_cell.py with literal.py on this card, node by node"),
    "D accuracies": (accuracies, "see that TF32 is off: torch.backends.cudnn.allow_tf32"),
    "E criteria": (criteria, "run the criterion on both devices and compare its scores"),
    "F accidents": (accidents, "use --jobs 1, and report the exception"),
    "G speed": (speed, "see that nothing else uses the card; results are right, only late"),
    "H whole program": (whole_program, "read what the command printed"),
}
"""Each with what to do where it fails."""
