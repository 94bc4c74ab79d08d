"""The whole command line with fake methods: states, exit codes, workers."""

import csv
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from nas_selection_bench.bench.commands import devices
from nas_selection_bench.bench.errors import DataError, ExitCode
from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.bench.work.cells import Cell
from nas_selection_bench.bench.work.runner import MOST_TITLES
from tests.bench import fake_bench
from tests.bench.fake_bench import results, rows, states


def test_a_clean_run_measures_every_cell(place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fake_bench.run(*place, "--selectors", "alphas,random,ranks", "--selector-seeds", "2") == ExitCode.OK
    found = rows(tmp_path / "out")
    # Two supernets; `alphas` at four checkpoints, `random` with two selector seeds, `ranks` once.
    assert len(found) == 2 * (4 + 2 + 1)
    assert states(tmp_path / "out") == {"done": 14}
    assert {row["epoch"] for row in found if row["selector"] == "alphas"} == {"2", "4", "6", "8"}
    assert {row["epoch"] for row in found if row["selector"] != "alphas"} == {"8"}
    assert all(float(row["regret"]) >= 0 and row["tau_space_n"] == "15625" for row in found)
    assert f"report: {tmp_path / 'out' / 'report.html'}" in capsys.readouterr().out


def test_images_that_cannot_be_used_leave_no_folder(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(dataset: str, root: Path, limit: int | None) -> str:
        raise DataError(f"{root}/{dataset} is damaged.")

    readable = fake_bench.load_images
    monkeypatch.setattr(fake_bench, "load_images", damaged)
    assert fake_bench.run(*place, "--selectors", "random") == ExitCode.USAGE
    assert "is damaged" in capsys.readouterr().err
    assert not (tmp_path / "out").exists() and not (tmp_path / "cache").exists()
    monkeypatch.setattr(fake_bench, "load_images", readable)
    assert fake_bench.run(*place, "--selectors", "random") == ExitCode.OK
    monkeypatch.setattr(fake_bench, "load_images", damaged)
    assert fake_bench.run(*place, "--selectors", "random") == ExitCode.OK, "nothing is to do"
    assert fake_bench.run(*place, "--selectors", "random,ranks") == ExitCode.USAGE
    assert states(tmp_path / "out") == {"done": 2}


def test_scores_and_costs_have_the_rows_that_belong_to_the_cells(place: list[str], tmp_path: Path) -> None:
    fake_bench.run(*place, "--selectors", "ranks", "--seeds", "1")
    with (tmp_path / "out" / "scores.csv").open(newline="") as stream:
        scores = list(csv.DictReader(stream))
    record = json.loads(next((tmp_path / "out" / "records").glob("*.json")).read_text())
    assert [float(row["score"]) for row in scores] == [score for edge in record["scores"] for score in edge]
    assert scores[5]["edge"] == "2<-0" and scores[5]["operation"] == "none"
    with (tmp_path / "out" / "costs.csv").open(newline="") as stream:
        costs = list(csv.DictReader(stream))
    assert [(row["selector"], row["training_seconds"]) for row in costs] == [("", "1.5"), ("ranks", "")]


def test_a_failing_selector_costs_its_own_cell(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = fake_bench.run(*place, "--seeds", "1", "--selectors", "fails,random,skips,lies")
    assert code == ExitCode.SOME_CELLS_FAILED
    found = {row["selector"]: row for row in rows(tmp_path / "out")}
    assert {name: row["state"] for name, row in found.items()} == {
        "fails": "failed", "lies": "failed", "random": "done", "skips": "skipped"
    }  # fmt: skip
    assert found["fails"]["reason"] == "ValueError: the paper's formula divides by zero"
    assert found["lies"]["reason"] == "ValueError: the selector returned scores that are not finite"
    assert found["skips"]["reason"] == "needs alphas, and the recipe has none"
    assert found["fails"]["test"] == found["fails"]["architecture"] == ""
    log = (tmp_path / "out" / found["fails"]["log"]).read_text()
    assert "Traceback" in log and "second line" in log
    told = capsys.readouterr().err
    assert "--retry-failed" in told and "failed: fails, 1 cell: ValueError" in told


def test_only_what_is_done_has_a_cost(place: list[str], tmp_path: Path) -> None:
    fake_bench.run(*place, "--seeds", "1", "--selectors", "fails,ranks")
    out = tmp_path / "out"
    (record,) = (path for path in (out / "records").iterdir() if "fails" in path.name)
    (cost,) = (path for path in (out / "costs").iterdir() if "ranks" in path.name)
    of_before = json.loads(cost.read_text())
    of_before["cell"]["selector"] = "fails"
    stale = out / "costs" / record.name
    stale.write_text(json.dumps(of_before))
    for more in ([], ["--retry-failed"]):
        fake_bench.run(*place, "--seeds", "1", "--selectors", "fails,ranks", *more)
        with (out / "costs.csv").open(newline="") as stream:
            assert [row["selector"] for row in csv.DictReader(stream)] == ["", "ranks"]
        assert stale.exists() is not bool(more), "removed when the cell has run again"


def test_a_method_that_ends_the_program_costs_its_own_cells(
    place: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`sys.exit(3)` in a criterion must not set the exit code of the benchmark, where 3 means that results differ."""
    select, train = fake_bench.select, fake_bench.train

    def leave(*given: Any) -> Any:
        if "ranks" in given[0].selector:
            sys.exit(3)
        return select(*given)

    def leave_training(*given: Any) -> None:
        if given[0].recipe == "diverges":
            sys.exit("no such luck")
        train(*given)

    monkeypatch.setattr(fake_bench, "select", leave)
    monkeypatch.setattr(fake_bench, "train", leave_training)
    code = fake_bench.run(*place[:-1], "steady,diverges", "--seeds", "1", "--selectors", "ranks,random")
    assert code == ExitCode.SOME_CELLS_FAILED
    assert {(row["recipe"], row["selector"]): row["reason"] for row in rows(tmp_path / "out")} == {
        ("diverges", "random"): "supernet digits diverges seed 0 failed: SystemExit: no such luck",
        ("diverges", "ranks"): "supernet digits diverges seed 0 failed: SystemExit: no such luck",
        ("steady", "random"): "",
        ("steady", "ranks"): "SystemExit: 3",
    }


def test_a_fault_of_the_program_is_not_taken_for_cells_that_failed(
    place: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def break_down(store: object, table: GroundTruth) -> Path:
        raise ZeroDivisionError("in the page")

    monkeypatch.setattr(fake_bench, "draw_report", break_down)
    assert fake_bench.run(*place, "--selectors", "random", "--seeds", "1") == ExitCode.FAULT == 70
    told = capsys.readouterr().err
    assert "ZeroDivisionError: in the page" in told and "this is a bug in the program" in told
    assert len(list((tmp_path / "out" / "records").glob("*.json"))) == 1, "finished work is kept"


def test_a_failing_training_costs_its_own_cells(place: list[str], tmp_path: Path) -> None:
    code = fake_bench.run(*place[:-1], "steady,diverges-late", "--seeds", "1", "--selectors", "alphas,random")
    assert code == ExitCode.SOME_CELLS_FAILED
    found = {(row["recipe"], row["selector"], row["epoch"]): row for row in rows(tmp_path / "out")}
    failed = sorted(key for key, row in found.items() if row["state"] == "failed")
    # The checkpoint of epoch 2 was stored before the loss became NaN.
    assert failed == [("diverges-late", "alphas", "4"), ("diverges-late", "alphas", "6"),
                      ("diverges-late", "alphas", "8"), ("diverges-late", "random", "8")]  # fmt: skip
    reason = "supernet digits diverges-late seed 0 failed: FloatingPointError: loss is nan in epoch 3"
    assert {found[key]["reason"] for key in failed} == {reason}


def test_nothing_measured_has_its_own_exit_code(place: list[str]) -> None:
    assert fake_bench.run(*place, "--selectors", "skips") == ExitCode.NOTHING_MEASURED
    assert fake_bench.run(*place, "--selectors", "fails") == ExitCode.NOTHING_MEASURED


@pytest.mark.parametrize(("text", "stops"), [("CUDA error: an illegal memory access", True),
                                             ("CUDA error: out of memory", False)])  # fmt: skip
def test_a_lost_gpu_ends_the_run_and_costs_one_cell(
    text: str, stops: bool, place: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accelerator_error = getattr(pytest.importorskip("torch"), "AcceleratorError", None)
    if accelerator_error is None:
        pytest.skip("this torch is too old to tell a lost GPU from other errors")
    right = fake_bench.select

    def select(cell: Cell, *given: Any) -> Any:
        if cell.selector == "random":
            raise accelerator_error(text)
        return right(cell, *given)

    monkeypatch.setattr(fake_bench, "select", select)
    command = [*place, "--seeds", "1", "--selectors", "random,ranks"]
    assert fake_bench.run(*command) == (ExitCode.USAGE if stops else ExitCode.SOME_CELLS_FAILED)
    assert len(list((tmp_path / "out" / "records").iterdir())) == (1 if stops else 2)
    assert fake_bench.run(*command) == ExitCode.SOME_CELLS_FAILED
    assert states(tmp_path / "out") == {"failed": 1, "done": 1}


def test_plan_runs_nothing_and_estimates_from_what_was_timed(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [*place, "--selectors", "random,ranks", "--plan"]
    assert fake_bench.run(*command) == ExitCode.OK
    said = capsys.readouterr().out
    assert "4 cells: 4 to do" in said and "2 supernets to train" in said and "estimated time: unknown" in said
    assert not (tmp_path / "out").exists() and not (tmp_path / "cache").exists()
    fake_bench.run(*place, "--selectors", "random")
    capsys.readouterr()
    fake_bench.run(*command[:-1], "--seeds", "4", "--plan")
    said = capsys.readouterr().out
    # Two more trainings of 1.5 s each; `ranks` was never timed.
    estimate = re.search(r"estimated time: ([\d.]+) s \(4 items", said)
    assert "8 cells: 6 to do; 2 done" in said and estimate is not None
    assert float(estimate[1]) >= 3  # plus the time of two measured cells


def test_a_plan_of_many_supernets_names_some_and_counts_the_others(
    place: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert fake_bench.run(*place, "--selectors", "random", "--seeds", "100", "--plan") == ExitCode.OK
    (line,) = (line for line in capsys.readouterr().out.splitlines() if "to train" in line)
    assert line.startswith("100 supernets") and line.count(" seed ") == MOST_TITLES and line.endswith(" 76 more")


def test_list_names_everything(capsys: pytest.CaptureFixture[str]) -> None:
    assert fake_bench.run("--list") == ExitCode.OK
    said = capsys.readouterr().out
    assert all(name in said for name in ("digits", "cifar100", "paper", *fake_bench.RECIPES, *fake_bench.SELECTORS))


def test_threads_default_to_those_that_the_folder_was_begun_with(place: list[str], tmp_path: Path) -> None:
    begin = place.index("--threads")
    without = place[:begin] + place[begin + 2 :]
    fake_bench.run(*place, "--selectors", "random")
    assert fake_bench.run(*without, "--selectors", "random") == ExitCode.OK
    assert {row["threads"] for row in rows(tmp_path / "out")} == {"1"}


@pytest.mark.usefixtures("worker_processes")
def test_two_workers_give_the_same_bytes_as_one(place: list[str], tmp_path: Path) -> None:
    command = [*place, "--selectors", "all,!full-disk,!killed,!fails-once", "--selector-seeds", "3"]
    assert fake_bench.run(*command) == ExitCode.SOME_CELLS_FAILED
    parallel = [*command, "--jobs", "2", "--out", str(tmp_path / "two"), "--cache", str(tmp_path / "cache2")]
    assert fake_bench.run(*parallel) == ExitCode.SOME_CELLS_FAILED
    assert results(tmp_path / "out") == results(tmp_path / "two")


@pytest.mark.parametrize(("record", "told"), [(None, True), ({"small": True}, True), ({"small": False}, False)])
def test_hardware_on_which_the_gpu_path_was_not_verified_is_told(
    record: dict[str, object] | None, told: bool, place: list[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    gpu = devices.Device("cuda:0", "cuda", "a GPU", (0,), "a GPU and its libraries")
    monkeypatch.setattr(devices, "find_device", lambda name: gpu)
    monkeypatch.setattr(fake_bench, "__file__", str(tmp_path / "fake_bench.py"))
    if record is not None:
        (tmp_path / "results/gpu").mkdir(parents=True)
        kept = {"hardware": gpu.hardware, "passed": True} | record
        (tmp_path / "results/gpu/a.json").write_text(json.dumps(kept))
    assert fake_bench.run(*place, "--device", "cuda", "--selectors", "random", "--seeds", "1") == ExitCode.OK
    assert ("gpu-acceptance" in capsys.readouterr().err) is told
    assert json.loads((tmp_path / "out" / "run.json").read_text())["hardware"] == gpu.hardware
