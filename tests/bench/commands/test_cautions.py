"""The warnings of a run, each given only if it applies."""

from pathlib import Path

import pytest

from nas_selection_bench.bench.commands.cautions import cautions
from nas_selection_bench.bench.commands.devices import Device
from nas_selection_bench.bench.errors import ExitCode
from nas_selection_bench.bench.work.methods import MethodDeclaration
from nas_selection_bench.bench.work.plan import Request, make_plan
from nas_selection_bench.bench.work.presets import Settings, settings_for
from nas_selection_bench.bench.work.record import Circumstances
from tests.bench import fake_bench


def warned(settings: Settings, workers: int = 1, threads: int = 1) -> list[str]:
    method = MethodDeclaration("a", 1, "")
    here = Circumstances("cpu", threads)
    request = Request({"cifar10": settings}, (method,), (method,), 1, 1, None, "batch", 0, here)
    return list(cautions(Device("cpu", "cpu", "a CPU", ()), make_plan(request), workers, threads, Path("nowhere")))


def test_training_at_the_papers_size_is_warned_of_and_a_smaller_one_is_not() -> None:
    paper = settings_for("paper")
    assert ["paper" in line for line in warned(paper)] == [True]
    assert ["paper" in line for line in warned(paper.with_budget("lite"))] == [True], "the supernets are the same"
    assert warned(paper.with_sizes(4, None, 256).with_epochs(2)) == []


@pytest.mark.parametrize(("workers", "threads"), [(1, 100_000), (100_000, 1)])
def test_too_many_threads_are_told_with_both_ways_out(workers: int, threads: int) -> None:
    (said,) = warned(settings_for("lite"), workers, threads)
    assert "fewer --threads or --jobs" in said


@pytest.mark.usefixtures("worker_processes")
def test_no_more_workers_are_claimed_than_there_are_cells(place: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    words = ["100000" if word == "1" and before == "--jobs" else word
             for before, word in zip(["", *place], place, strict=False)]  # fmt: skip
    assert fake_bench.run(*words, "--selectors", "random", "--seeds", "1", "--plan") == ExitCode.OK
    said = capsys.readouterr().err
    assert "1 worker with 1 thread" in said and "100,000" not in said
