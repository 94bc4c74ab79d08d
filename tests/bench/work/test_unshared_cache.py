"""Workers that do not see the cache of the run."""

from dataclasses import replace
from pathlib import Path

import pytest

from nas_selection_bench.bench.problem.pixels import Pixels
from nas_selection_bench.bench.work import unshared_cache
from nas_selection_bench.bench.work.cells import Cell, SupernetJob
from nas_selection_bench.bench.work.plan import planned_cell
from nas_selection_bench.bench.work.presets import settings_for
from nas_selection_bench.bench.work.record import DONE, FAILED, Circumstances
from nas_selection_bench.bench.work.tasks import SelectTask, TrainTask, Workplace
from nas_selection_bench.bench.work.unshared_cache import ELSEWHERE, RemoteTask, checkpoints_read
from nas_selection_bench.bench.work.workers import Pool
from tests.bench import fake_bench


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    supernets = fake_bench.methods().supernets
    return Workplace(supernets, fake_bench.work, tmp_path, tmp_path / "run", "cpu", Pool(1, "none", 1))


def tasks(place: Workplace) -> tuple[TrainTask, SelectTask]:
    """The training of a supernet, and a cell that reads its last checkpoint."""
    settings = settings_for("digits")
    job = SupernetJob("digits", "steady", 0, 0, settings)
    cell = Cell(job, settings.checkpoint_epochs[-1], "ranks", 0, "batch", settings.budget)
    methods = fake_bench.methods()
    planned = planned_cell(
        cell, methods.recipes.find("steady"), methods.selectors.find("ranks"), Circumstances("cpu", 1)
    )
    return TrainTask(planned.supernet, planned.cell.epoch, place), SelectTask(planned, place)


def test_what_a_worker_trains_comes_back(place: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train, _ = tasks(place)
    alone = train()
    of_run = {path.name: path.read_bytes() for path in train.supernet.folder(place.cache).glob("[0-9]*.json")}
    monkeypatch.setenv(unshared_cache.CACHE_VARIABLE, str(tmp_path / "own"))
    outcome = RemoteTask(train, tmp_path / "mark", {})()
    assert alone.state == outcome.state == DONE and outcome.files == of_run and len(of_run) > 1
    assert train.supernet.folder(tmp_path / "own").is_dir()


def test_a_checkpoint_of_one_s_own_is_read_only_if_it_is_that_of_the_run(
    place: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train, select = tasks(place)
    train()
    of_run = checkpoints_read(select)
    assert [*of_run] == [*select.planned.cell.supernet.settings.checkpoint_epochs] and len(of_run) > 1
    expected = select()
    monkeypatch.setenv(unshared_cache.CACHE_VARIABLE, str(tmp_path / "own"))
    sent = RemoteTask(select, tmp_path / "mark", of_run)
    assert sent() == ELSEWHERE, "nothing is here"
    own = select.planned.supernet.folder(tmp_path / "own")
    own.mkdir(parents=True)
    note = place.supernets.files(own, select.planned.cell.epoch)[0]
    note.write_text('{"sha256": "another", "accuracy": 1.0}')
    assert sent() == ELSEWHERE, "another training's"
    found = sent.with_checkpoints()()
    assert (found.state, found.choice, found.checkpoint) == (DONE, expected.choice, expected.checkpoint)
    again = sent()
    assert (again.choice, again.checkpoint) == (expected.choice, expected.checkpoint), "it is kept"
    place.supernets.files(own, next(iter(of_run)))[0].unlink()
    assert sent() == ELSEWHERE, "an earlier one, which a selector may read, is missing"


def test_a_worker_that_sees_the_cache_of_the_run_uses_it(place: Workplace, tmp_path: Path) -> None:
    train, _ = tasks(place)
    (tmp_path / "mark").touch()
    outcome = RemoteTask(train, tmp_path / "mark", {})()
    assert outcome.state == DONE and not outcome.files and train.supernet.folder(place.cache).is_dir()


def test_other_images_and_no_place_for_a_cache_fail_the_cell(
    place: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train, _ = tasks(place)
    (tmp_path / "file").touch()
    monkeypatch.setenv(unshared_cache.CACHE_VARIABLE, str(tmp_path / "file" / "cache"))
    outcome = RemoteTask(train, tmp_path / "mark", {})()
    assert outcome.state == FAILED and unshared_cache.CACHE_VARIABLE in outcome.reason
    monkeypatch.setenv(unshared_cache.CACHE_VARIABLE, str(tmp_path / "own"))
    monkeypatch.setattr(unshared_cache, "pixels_of", lambda *_: Pixels("unknown", "f00d", "f00d"))
    outcome = RemoteTask(train, tmp_path / "mark", {})()
    assert outcome.state == FAILED and "f00d" in outcome.reason
    own = replace(train.supernet, job=replace(train.supernet.job, data="f00d"))
    assert RemoteTask(replace(train, supernet=own), tmp_path / "mark", {})().state == DONE
