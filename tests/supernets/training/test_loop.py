"""The training loop: the contents of a step, determinism, and resuming after a kill."""

import gc
import math
import multiprocessing
import signal
import time
from dataclasses import replace
from pathlib import Path
from weakref import ref

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from nas_selection_bench.bench.problem.batches import Half
from nas_selection_bench.bench.problem.image_set import ImageSet
from nas_selection_bench.bench.work.cells import SupernetJob
from nas_selection_bench.bench.work.presets import Settings
from nas_selection_bench.supernets.network.literal import LiteralSupernet
from nas_selection_bench.supernets.parts.registry import names
from nas_selection_bench.supernets.training import loop as training
from nas_selection_bench.supernets.training.checkpoint import load, load_progress
from nas_selection_bench.supernets.training.loop import Training, train
from nas_selection_bench.supernets.training.notes import TIMING, epochs_present, training_seconds


def files(folder: Path) -> dict[str, bytes]:
    """Every file of a supernet except the one with wall-clock times."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != TIMING}


DRAW = ("drnas", "gdas", "importance-sampling", "reinmax", "rsps", "setn")
"""Recipes whose weights are trained in drawn architectures."""


@pytest.mark.thorough
@pytest.mark.parametrize("recipe", names())
def test_every_recipe_tells_easy_classes_apart(
    recipe: str, settings: Settings, images: ImageSet, tmp_path: Path
) -> None:
    job = SupernetJob("patterns", recipe, 0, 0, settings)
    told: list[tuple[int, int]] = []
    train(job, images, "cpu", tmp_path, lambda done, of: told.append((done, of)))
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert epochs_present(tmp_path) == [1, 3]
    first, last = load(tmp_path, 1), load(tmp_path, 3)
    # is-darts does all its pruning after the second of three epochs, so the third trains another network.
    assert last.facts["train_loss"] < (math.log(4) if recipe == "is-darts" else first.facts["train_loss"])
    assert all(math.isfinite(value) for value in last.facts.values())
    if recipe not in DRAW:  # their weights never saw the mixture
        assert last.facts["supernet_accuracy"] > 30, "four classes"


def test_one_step_is_alphas_then_weights(job: SupernetJob, images: ImageSet) -> None:
    """One step of darts against the literal network and textbook Adam and SGD."""
    run = Training(job, images, torch.device("cpu"))
    literal = LiteralSupernet.like(run.search.network)
    alphas = run.search.alphas.detach().clone().requires_grad_()
    network = run.search.network
    seed = {half: job.derive("batches", half=half, use="step", epoch=0) for half in ("weights", "selection")}
    x, y = next(Half(images, "selection", "cpu").epoch(seed["selection"], 32))
    train_x, train_y = next(Half(images, "weights", "cpu").epoch(seed["weights"], 32))
    run.recipe.step(run.search, (x, y), (train_x, train_y))

    (slope,) = torch.autograd.grad(F.cross_entropy(literal(x, alphas.softmax(-1)), y), alphas)
    slope = slope + 1e-3 * alphas.detach()
    # Adam's first step: the corrected moments are the gradient and its square.
    moved = alphas.detach() - 3e-4 * slope / (slope.square().sqrt() + 1e-8)
    torch.testing.assert_close(run.search.alphas.detach(), moved, rtol=1e-4, atol=1e-6)

    F.cross_entropy(literal(train_x, moved.softmax(-1)), train_y).backward()
    norm = torch.sqrt(sum(p.grad.square().sum() for p in literal.parameters()))
    for name in ("classifier.weight", "stem.0.weight", "reductions.0.first.1.weight"):
        before = literal.get_parameter(name)
        gradient = before.grad * min(1.0, 5 / norm.item()) + 3e-4 * before.detach()
        after = before.detach() - 0.025 * gradient
        torch.testing.assert_close(network.get_parameter(name).detach(), after, rtol=1e-3, atol=1e-5)


def test_learning_rate_follows_a_cosine(job: SupernetJob, images: ImageSet) -> None:
    run = Training(job, images, torch.device("cpu"))
    rates = []
    for _ in range(3):
        run.run_epoch()
        rates.append(run.search.weight_optimiser.param_groups[0]["lr"])
    reference = torch.optim.SGD([torch.zeros(1)], lr=0.025)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(reference, T_max=3, eta_min=0.001)
    expected = []
    for _ in range(3):
        expected.append(reference.param_groups[0]["lr"])
        reference.step()
        schedule.step()
    assert rates == pytest.approx(expected)


def test_a_network_is_freed_with_its_training(job: SupernetJob, images: ImageSet) -> None:
    """At once, not by the garbage collector, which does not know how much memory a GPU has left."""
    run = Training(job, images, torch.device("cpu"))
    run.run_epoch()
    run.checkpoint()
    network = ref(run.search.network)
    gc.disable()
    try:
        del run
        assert network() is None
    finally:
        gc.enable()


def test_seeds_matter_and_do_not_mix(settings: Settings, images: ImageSet) -> None:
    def start(recipe: str, seed: int) -> Tensor:
        run = Training(SupernetJob("patterns", recipe, seed, 0, settings), images, torch.device("cpu"))
        return run.search.network.get_parameter("classifier.weight").detach()

    assert torch.equal(start("darts", 0), start("darts", 0))
    assert not torch.equal(start("darts", 0), start("darts", 1))
    assert not torch.equal(start("darts", 0), start("blank", 0))


@pytest.mark.thorough
def test_the_global_generator_does_not_matter(job: SupernetJob, images: ImageSet, tmp_path: Path) -> None:
    torch.manual_seed(1)
    train(job, images, "cpu", tmp_path / "a")
    torch.manual_seed(2)
    train(job, images, "cpu", tmp_path / "b")
    assert files(tmp_path / "a") == files(tmp_path / "b")


@pytest.mark.parametrize(
    "recipe", ["darts", *(pytest.param(r, marks=pytest.mark.thorough) for r in ("darts-minus", "balenas"))]
)
def test_a_run_broken_between_epochs_ends_in_the_same_bytes(
    recipe: str, settings: Settings, images: ImageSet, tmp_path: Path
) -> None:
    class Broken(Exception):
        pass

    def stop(done: int, of: int) -> None:
        raise Broken

    job = SupernetJob("patterns", recipe, 0, 0, settings)
    train(job, images, "cpu", tmp_path / "whole")
    for _ in range(3):
        with pytest.raises(Broken):
            train(job, images, "cpu", tmp_path / "broken", stop)
    train(job, images, "cpu", tmp_path / "broken")
    assert files(tmp_path / "whole") == files(tmp_path / "broken")


def test_training_ends_at_the_epoch_that_is_asked_for_and_goes_on_later(
    job: SupernetJob, images: ImageSet, tmp_path: Path
) -> None:
    train(job, images, "cpu", tmp_path / "whole")
    told: list[tuple[int, int]] = []
    for until in (1, 1):
        train(job, images, "cpu", tmp_path / "parts", lambda done, of: told.append((done, of)), until)
    assert told == [(1, 1)] and epochs_present(tmp_path / "parts") == [1]
    train(job, images, "cpu", tmp_path / "parts")
    assert files(tmp_path / "whole") == files(tmp_path / "parts")


def test_a_checkpoint_lost_from_a_part_is_made_again(job: SupernetJob, images: ImageSet, tmp_path: Path) -> None:
    job = replace(job, settings=replace(job.settings, checkpoint_epochs=(1, 2, 3)))
    train(job, images, "cpu", tmp_path / "whole")
    train(job, images, "cpu", tmp_path / "parts", until=2)
    (tmp_path / "parts" / "epoch_0001.safetensors").unlink()
    told: list[tuple[int, int]] = []
    train(job, images, "cpu", tmp_path / "parts", lambda done, of: told.append((done, of)), until=2)
    assert told == [(1, 2), (2, 2)] and epochs_present(tmp_path / "parts") == [1, 2]
    train(job, images, "cpu", tmp_path / "parts")
    assert files(tmp_path / "whole") == files(tmp_path / "parts")


def epochs_done(job: SupernetJob, folder: Path) -> int:
    """Number of finished epochs according to the progress file, which is replaced as a whole."""
    found = load_progress(folder / training.PROGRESS, job)
    return 0 if found is None else int(found[0]["epoch"])


def train_alone(job: SupernetJob, images: ImageSet, folder: Path) -> None:
    """Run a training in its own process, with one thread like the tests."""
    torch.set_num_threads(1)
    train(job, images, "cpu", folder)


@pytest.mark.program
def test_a_killed_run_ends_in_the_same_bytes(job: SupernetJob, images: ImageSet, tmp_path: Path) -> None:
    """The run is killed twice, each time after finishing another epoch and during a later one."""
    job = replace(job, settings=replace(job.settings, epochs=6, checkpoint_epochs=(1, 2, 6)))
    train(job, images, "cpu", tmp_path / "whole")
    context = multiprocessing.get_context("spawn")  # torch forbids a fork once a test has used autograd's threads
    for _ in range(2):
        before, deadline = epochs_done(job, tmp_path / "killed"), time.monotonic() + 120
        child = context.Process(target=train_alone, args=(job, images, tmp_path / "killed"))
        child.start()
        while epochs_done(job, tmp_path / "killed") == before and time.monotonic() < deadline:
            time.sleep(0.01)
        child.kill()
        child.join()
        assert child.exitcode == -signal.SIGKILL, "it was killed at work"
        assert before < epochs_done(job, tmp_path / "killed") < 6
    train(job, images, "cpu", tmp_path / "killed")
    left = {n: b for n, b in files(tmp_path / "killed").items() if not n.endswith(".part")}
    assert left == files(tmp_path / "whole")


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["epoch_0001.json", "epoch_0003.json", "epoch_0001.safetensors"])
def test_a_lost_checkpoint_is_made_again(name: str, job: SupernetJob, images: ImageSet, tmp_path: Path) -> None:
    assert job.settings.checkpoint_epochs[0] == 1 and job.settings.epochs == 3
    train(job, images, "cpu", tmp_path)
    before = files(tmp_path)
    (tmp_path / name).unlink()
    train(job, images, "cpu", tmp_path)
    assert files(tmp_path) == before


def test_damaged_timings_are_no_timings(job: SupernetJob, images: ImageSet, tmp_path: Path) -> None:
    assert training_seconds(tmp_path) == []
    train(job, images, "cpu", tmp_path)
    assert len(training_seconds(tmp_path)) == job.settings.epochs
    for damaged in (
        b"",
        b"\xff",
        b"null",
        b"5",
        b"{}",
        b'["a"]',
        b'{"a":1}',
        b"[null]",
        b"[-1]",
        b"[NaN]",
        b"[" * 100_000,
    ):
        (tmp_path / TIMING).write_bytes(damaged)
        assert training_seconds(tmp_path) == []


def test_progress_of_another_job_is_not_continued(job: SupernetJob, images: ImageSet, tmp_path: Path) -> None:
    first = Training(job, images, torch.device("cpu"))
    first.run_epoch()
    first.checkpoint().save(tmp_path)
    first.save(tmp_path)
    other = Training(replace(job, seed=1), images, torch.device("cpu"))
    other.resume(tmp_path)
    assert other.epoch == 0
    same = Training(job, images, torch.device("cpu"))
    same.resume(tmp_path)
    assert same.epoch == 1


@pytest.mark.thorough
def test_progress_with_any_damage_is_no_progress(job: SupernetJob, images: ImageSet, tmp_path: Path) -> None:
    """Bits are flipped anywhere (JSON of the header, the note in it, weights, alphas), and the file is cut short."""
    broken = Training(job, images, torch.device("cpu"))
    broken.run_epoch()
    broken.save(tmp_path)
    path = tmp_path / training.PROGRESS
    whole = path.read_bytes()
    header = 8 + int.from_bytes(whole[:8], "little")
    rng = np.random.default_rng(0)
    # The blanks that pad the header hold no state. Nor does the digest, but a damaged one does not match.
    said = len(whole[8:header].rstrip()) + 8
    places = [*rng.choice(said, 150, replace=False), *rng.choice(np.arange(header, len(whole)), 150), len(whole) - 1]
    for place in places:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        found = load_progress(path, job)
        assert found is None, f"byte {place} of {len(whole)}"
    for length in (0, 7, 8, header // 2, header, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert load_progress(path, job) is None
    path.unlink()
    path.mkdir()
    assert load_progress(path, job) is None
    path.rmdir()
    path.write_bytes(whole)
    assert load_progress(path, job) is not None


@pytest.mark.thorough
def test_a_flipped_bit_in_progress_changes_no_result(job: SupernetJob, images: ImageSet, tmp_path: Path) -> None:
    train(job, images, "cpu", tmp_path / "whole")
    broken = Training(job, images, torch.device("cpu"))
    broken.run_epoch()
    (tmp_path / "damaged").mkdir()
    broken.checkpoint().save(tmp_path / "damaged")
    broken.save(tmp_path / "damaged")
    path = tmp_path / "damaged" / training.PROGRESS
    data = bytearray(path.read_bytes())
    data[-5] ^= 4
    path.write_bytes(data)
    (tmp_path / "damaged" / TIMING).write_text("{}")
    train(job, images, "cpu", tmp_path / "damaged")
    assert files(tmp_path / "damaged") == files(tmp_path / "whole")
