"""The nine parts of the acceptance of a GPU; `gpu_acceptance` runs them and records what they return."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from copy import deepcopy
from typing import Any

import numpy as np
import torch

from nas_selection_bench.bench.errors import ExitCode, SkipCell
from nas_selection_bench.bench.work.cells import Cell
from nas_selection_bench.bench.yardsticks.kendall import tau_b
from nas_selection_bench.selectors import proxies
from nas_selection_bench.selectors.parts import registry
from nas_selection_bench.selectors.parts.apply import select
from nas_selection_bench.selectors.parts.gpu_node_kernels import node_kernels
from nas_selection_bench.selectors.parts.gpu_place import (
    Failed,
    Faults,
    Place,
    at_preset_paper,
    furthest,
    state_after,
)
from nas_selection_bench.supernets.network import cuda_graph
from nas_selection_bench.supernets.network.accelerator import accelerator, has_bfloat16
from nas_selection_bench.supernets.network.cuda_graph import own_stream
from nas_selection_bench.supernets.network.literal import LiteralSupernet
from nas_selection_bench.supernets.network.precision import autocast, prepare
from nas_selection_bench.supernets.training.checkpoint import load
from nas_selection_bench.supernets.training.evaluation import Evaluator
from nas_selection_bench.supernets.training.loop import Training, train
from nas_selection_bench.supernets.training.speed import epoch_seconds, literal_seconds

EAGER = ("oles",)
"""Recipes whose training steps are not captured as CUDA graphs."""
SLOWEST = 6.0
"""Largest accepted time of an epoch of darts at preset paper, in seconds; the target is 3."""
LEAST_GAIN = 4.0
"""Smallest accepted speed-up of captured steps over the literal network, run eagerly."""

LEAST_TAU = 0.9
"""Smallest accepted tau-b between the scores on the two devices if these choose different architectures."""
MOST_SECONDS = 150.0
"""Seconds after which part E starts no further criterion, so that all parts end within ten minutes."""
LAST = ("az-nas", "balenas-tf", "disc-zc", "one-shot", "te-nas", "zero-cost")
"""Beginnings of the names of criteria that evaluate a hundred networks or more; part E runs them last."""


def hardware(place: Place) -> dict[str, Any]:
    """A: report the hardware: bfloat16 support, torch version, memory in bytes."""
    free, whole = accelerator(place.torch).mem_get_info(place.torch)
    return {"bfloat16": has_bfloat16(place.torch), "torch": torch.__version__, "memory": whole, "free": free}


def captures(place: Place) -> dict[str, Any]:
    """B: training steps are captured, equal eager steps to the last bit, and are reproducible."""
    seconds: dict[str, Any] = {}
    faults = Faults()
    for recipe in place.recipes():
        began = time.perf_counter()
        with faults.of(recipe):
            same_captured_or_not(place, recipe)
        seconds[recipe] = round(time.perf_counter() - began, 2)
    faults.raise_any()
    return seconds


def same_captured_or_not(place: Place, recipe: str) -> None:
    """Raise Failed unless captured training, eager training and a second captured run give equal numbers."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        captured = state_after(place, recipe, place.torch, 2)
    if recipe not in EAGER and (messages := [str(w.message) for w in caught if w.category is RuntimeWarning]):
        raise Failed(messages[0])
    for what, other in (
        ("eager steps give other numbers", state_after(place, recipe, place.torch, 2, eager=True)),
        ("a second run gives other numbers", state_after(place, recipe, place.torch, 2)),
    ):
        gap, where = furthest(captured, other)
        if gap:
            raise Failed(f"{what}, by up to {gap:.2g} in {where}")


def float32(place: Place) -> dict[str, Any]:
    """C: a pass in float32 agrees with the CPU's and the literal network's, in loss, gradients and statistics."""
    generator = torch.Generator().manual_seed(0)
    found = {}
    x = torch.randn(16, *place.images.images.shape[1:], generator=generator)
    y = torch.randint(place.images.classes, (16,), generator=generator)
    run = Training(place.job("darts"), place.images, torch.device("cpu"))
    passes, within = {}, {}
    for name, network in (("supernet", run.search.network), ("literal", LiteralSupernet.like(run.search.network))):
        state = deepcopy(network.state_dict())
        for device in (torch.device("cpu"), place.torch):
            network.load_state_dict(state)
            network.zero_grad(set_to_none=True)
            network.normalise("train")
            prepare(network, device)
            weights = torch.full((6, 5), 0.2, device=device, requires_grad=True)
            loss = torch.nn.functional.cross_entropy(network(x.to(device), weights), y.to(device))
            loss.backward()
            assert weights.grad is not None
            passes[name, device.type] = {"loss": loss.detach().cpu(), "edge weights": weights.grad.cpu()}
            inside = dict(network.named_buffers())
            inside |= {f"gradient of {n}": p.grad for n, p in network.named_parameters() if p.grad is not None}
            within[name, device.type] = {n: tensor.cpu().clone() for n, tensor in inside.items()}
    pairs = {" on ".join(key): (passes["supernet", "cpu"], values) for key, values in passes.items()}
    there = place.torch.type
    pairs |= {f"inside {name}": (within[name, "cpu"], within[name, there]) for name in ("supernet", "literal")}
    for key, (expected, values) in pairs.items():
        gap, where = furthest(expected, values)
        found[key] = gap
        if gap > 1e-4:
            raise Failed(f"{key}: {where} differs by {gap:.2g}")
    return found


def accuracies(place: Place) -> dict[str, Any]:
    """D: mixtures rank as on the CPU by their loss, with accuracies within 1 point; reports bfloat16's ranking too."""
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
        raise Failed(f"25 mixtures do not rank or score as on the CPU: tau {found['tau']:.3f}")
    return found


def criteria(place: Place) -> dict[str, Any]:
    """E: every criterion chooses the same architecture as on the CPU from one checkpoint, except for near ties."""
    folder = place.folder / "criteria"
    train(place.job("darts"), place.images, "cpu", folder)
    began = time.perf_counter()
    found: dict[str, Any] = {}
    faults = Faults()
    near_ties, not_reached = [], []
    for name in ("magnitude", "op-snip", "ostr") if place.small else distinct_selectors():
        if registry.find(name).needs.tuning:
            continue  # training amplifies rounding; part B checks training
        if time.perf_counter() - began > MOST_SECONDS:
            not_reached.append(name)
            continue
        with faults.of(name), suppress(SkipCell):
            cell = Cell(place.job("darts"), place.settings.epochs, name, 0, "batch", place.settings.budget)
            started = time.perf_counter()
            there = select(cell, folder, place.images, place.device.name)
            found[name] = round(time.perf_counter() - started, 2)
            here = select(cell, folder, place.images, "cpu")
            if here.architecture != there.architecture:
                tau = tau_b(here.scores.ravel(), there.scores.ravel())
                if tau < LEAST_TAU:
                    raise Failed(f"it chooses another architecture and ranks the scores differently, tau {tau:.3f}")
                near_ties.append(name)
    faults.raise_any()
    return found | {"near ties": near_ties, "not reached": not_reached}


def distinct_selectors() -> list[str]:
    """All selectors, but of those that differ only in their proxy just nwot's and plain's; the costliest last."""
    others = tuple(f"-{proxy.replace('_', '-')}" for proxy in proxies.names() if proxy != "plain")
    rules = ("disc-zc", "zero-cost-pt", "zero-cost-rank")
    names = [n for n in registry.names() if not (n.startswith(rules) and n.removesuffix("-post").endswith(others))]
    return sorted(names, key=lambda name: name.startswith(LAST))


def accidents(place: Place) -> dict[str, Any]:
    """F: a step that cannot be captured, three supernets in threads, and an interrupted run are handled correctly."""
    total = torch.zeros((), device=place.torch)
    with warnings.catch_warnings(record=True) as caught, own_stream(place.torch):
        warnings.simplefilter("always")
        run = cuda_graph.Repeated(lambda x: total.add_(x.sum().item()), place.torch)
        for _ in range(cuda_graph.EAGER_CALLS + 3):
            run(torch.ones(2, device=place.torch))
    if not any("no CUDA graph" in str(w.message) for w in caught) or cuda_graph.captures_given_up():
        raise Failed("a step that waits for the device was captured")

    class Stop(Exception):
        pass

    def stop(_done: int, _of: int) -> None:
        raise Stop

    def in_thread(seed: int) -> None:
        train(place.job("darts", seed), place.images, place.device.name, place.folder / f"thread {seed}")

    seeds = range(2 if place.small else 3)
    with ThreadPoolExecutor(len(seeds)) as threads:
        list(threads.map(in_thread, seeds))  # re-raises an exception of a thread
    train(place.job("darts"), place.images, place.device.name, place.folder / "alone")
    broken = place.folder / "broken"
    try:
        train(place.job("darts"), place.images, place.device.name, broken, stop)
    except Stop:
        train(place.job("darts"), place.images, place.device.name, broken)
    last = place.settings.epochs
    expected = load(place.folder / "alone", last).sha256
    for name in ("broken", "thread 0"):
        if load(place.folder / name, last).sha256 != expected:
            raise Failed(f"the supernet in {name!r} is not byte for byte the one trained alone")
    return {"threads": len(seeds)}


def speed(place: Place) -> dict[str, Any]:
    """G: seconds of an epoch at preset paper: captured, eager, and of the literal network."""
    job, noise, epochs = at_preset_paper(place)
    found = {
        "captured": epochs * epoch_seconds(job, noise, place.torch),
        "eager": epochs * epoch_seconds(job, noise, place.torch, eager=True),
        "literal": epochs * literal_seconds(job, noise, place.torch),
    }
    found["literal over captured"] = found["literal"] / found["captured"]
    if not place.small and (found["captured"] > SLOWEST or found["literal over captured"] < LEAST_GAIN):
        raise Failed(
            f"an epoch takes {found['captured']:.1f} s,"
            f" one of the literal network {found['literal over captured']:.1f} times as long"
        )
    return found


def whole_program(place: Place) -> dict[str, Any]:
    """H: a whole run, from the command line to the report page."""
    out = place.folder / "out"
    selectors = "magnitude" if place.small else "magnitude,darts-pt,op-snip,disc-zc,one-shot-sampled"
    code = place.door([
        "--device", place.device.name, "--datasets", "digits", "--supernets", "darts", "--selectors", selectors,
        "--seeds", "1", "--selector-seeds", "1", "--out", str(out), "--cache", str(place.folder / "cache"),
        *(["--train-epochs", "1", "--channels", "4"] if place.small else []),
    ])  # fmt: skip
    if code != ExitCode.OK:
        raise Failed(f"run --device {place.device.name} ended with exit code {code}")
    return {"cells": len(list((out / "records").glob("*.json")))}


NODE_KERNELS = "I node kernels"
PARTS: dict[str, tuple[Callable[[Place], dict[str, Any]], str]] = {
    "A hardware": (hardware, "check the driver and that torch was built for this CUDA"),
    "B captures": (captures, "run the recipe inside cuda_graph.eagerly() and report both numbers"),
    "C float32": (float32, "compare supernets/network/gpu_cell.py with literal.py on this card, node by node"),
    "D accuracies": (accuracies, "check that TF32 is off: torch.backends.cudnn.allow_tf32"),
    "E criteria": (criteria, "run the criterion on both devices and compare its scores"),
    "F accidents": (accidents, "use --jobs 1, and report the exception"),
    "G speed": (speed, "check that nothing else uses the card; results are correct, only slow"),
    "H whole program": (whole_program, "read what the command printed"),
    NODE_KERNELS: (node_kernels, "unset NAS_BENCH_TRITON; the fault is in supernets/network/triton_kernels.py"),
}
"""The parts by name: the function, which raises Failed or returns what it found, and what to do if it fails."""
