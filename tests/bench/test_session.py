"""The whole command line over fake methods: states, exit codes, resume, retries, damage, kills, workers."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.errors import ExitCode
from tests.bench import fake_bench

ROOT = Path(__file__).parents[2]
Run = Callable[..., ExitCode]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fake_bench.make_table(tmp_path_factory.mktemp("table") / "table.npz")


@pytest.fixture
def place(tmp_path: Path, table: Path) -> list[str]:
    """Arguments that keep a run inside the test's folder."""
    return ["--device", "cpu", "--jobs", "1", "--threads", "1", "--table", str(table), "--out", str(tmp_path / "out"),
            "--cache", str(tmp_path / "cache"), "--data-root", str(tmp_path / "data"),
            "--supernets", "steady"]  # fmt: skip


def rows(out: Path) -> list[dict[str, str]]:
    with (out / "records.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def states(out: Path) -> Counter[str]:
    return Counter(row["state"] for row in rows(out))


def results(out: Path) -> dict[str, bytes]:
    """Every file that must not depend on clocks, workers or interruptions."""
    files = [*out.glob("records/*.json"), out / "records.csv", out / "scores.csv", out / "plan.json"]
    return {str(path.relative_to(out)): path.read_bytes() for path in files}


def listen_to_interrupts() -> None:
    """A background job of a shell ignores Ctrl-C, and its children inherit that; these tests must not."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def in_subprocess(arguments: list[str], **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.bench.fake_bench", *arguments], cwd=ROOT, text=True, start_new_session=True,
        env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=listen_to_interrupts,
    )  # fmt: skip


def test_a_clean_run_measures_every_cell(place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fake_bench.run(*place, "--selectors", "alphas,random,ranks", "--selector-seeds", "2") == ExitCode.OK
    found = rows(tmp_path / "out")
    # Two supernets; alphas at four checkpoints, random with two selector seeds, ranks once.
    assert len(found) == 2 * (4 + 2 + 1)
    assert states(tmp_path / "out") == {"done": 14}
    assert {row["epoch"] for row in found if row["selector"] == "alphas"} == {"2", "4", "6", "8"}
    assert {row["epoch"] for row in found if row["selector"] != "alphas"} == {"8"}
    assert all(float(row["regret"]) >= 0 and row["tau_space_n"] == "15625" for row in found)
    assert f"report: {tmp_path / 'out' / 'report.html'}" in capsys.readouterr().out


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
    assert "--retry-failed" in capsys.readouterr().err


def test_a_failing_training_costs_its_own_cells(place: list[str], tmp_path: Path) -> None:
    code = fake_bench.run(*place[:-1], "steady,diverges-late", "--seeds", "1", "--selectors", "alphas,random")
    assert code == ExitCode.SOME_CELLS_FAILED
    found = {(row["recipe"], row["selector"], row["epoch"]): row for row in rows(tmp_path / "out")}
    failed = sorted(key for key, row in found.items() if row["state"] == "failed")
    # The checkpoint of epoch 2 was stored before the loss became nan.
    assert failed == [("diverges-late", "alphas", "4"), ("diverges-late", "alphas", "6"),
                      ("diverges-late", "alphas", "8"), ("diverges-late", "random", "8")]  # fmt: skip
    reason = "supernet digits diverges-late seed 0 failed: FloatingPointError: loss is nan in epoch 3"
    assert {found[key]["reason"] for key in failed} == {reason}


def test_nothing_measured_has_its_own_exit_code(place: list[str]) -> None:
    assert fake_bench.run(*place, "--selectors", "skips") == ExitCode.NOTHING_MEASURED
    assert fake_bench.run(*place, "--selectors", "fails") == ExitCode.NOTHING_MEASURED


def test_done_cells_are_not_computed_again(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_bench.run(*place, "--selectors", "random")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "records").iterdir()}
    assert fake_bench.run(*place, "--selectors", "random,ranks") == ExitCode.OK
    assert (
        before.items() <= {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "records").iterdir()}.items()
    )
    assert "4 cells, 2 to do (2 done)" in capsys.readouterr().err


def test_failed_cells_run_again_only_on_request(place: list[str], tmp_path: Path) -> None:
    command = [*place, "--selectors", "fails-once,random"]
    assert fake_bench.run(*command) == ExitCode.SOME_CELLS_FAILED
    assert fake_bench.run(*command) == ExitCode.SOME_CELLS_FAILED
    assert len(list((tmp_path / "out" / "logs").iterdir())) == 2
    assert fake_bench.run(*command, "--retry-failed") == ExitCode.OK
    assert states(tmp_path / "out") == {"done": 4}
    assert not list((tmp_path / "out" / "logs").iterdir())


def test_a_new_version_of_a_selector_makes_its_cells_to_do(
    place: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_bench.run(*place, "--selectors", "random,ranks")
    monkeypatch.setenv("FAKE_SELECTOR_VERSION", "2")
    fake_bench.run(*place, "--selectors", "random,ranks")
    assert "4 cells, 2 to do (2 done)" in capsys.readouterr().err
    assert {(row["selector"], row["version"]) for row in rows(tmp_path / "out")} == {("random", "2"), ("ranks", "1")}


def test_a_new_version_of_a_recipe_trains_and_selects_again(
    place: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_bench.run(*place, "--selectors", "random")
    monkeypatch.setenv("FAKE_RECIPE_VERSION", "2")
    fake_bench.run(*place, "--selectors", "random")
    assert "2 cells, 2 to do" in capsys.readouterr().err
    assert len(list((tmp_path / "cache").iterdir())) == 4


def test_a_supernet_trained_anew_takes_its_old_records_along(place: list[str], tmp_path: Path) -> None:
    command = [*place[:-1], "shaky", "--seeds", "1", "--selectors"]
    fake_bench.run(*command, "random")
    for path in (tmp_path / "cache").glob("*/*.json"):
        path.unlink()
    fake_bench.run(*command, "random,ranks")
    assert len({row["checkpoint"] for row in rows(tmp_path / "out")}) == 1


def test_records_outlive_the_cache(place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fake_bench.run(*place, "--selectors", "random")
    for path in (tmp_path / "cache").glob("*/*.json"):
        path.unlink()
    assert fake_bench.run(*place, "--selectors", "random") == ExitCode.OK
    assert "2 cells, 0 to do (2 done)" in capsys.readouterr().err
    assert not list((tmp_path / "cache").glob("*/*.json"))


def test_the_cache_is_shared_between_output_folders(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_bench.run(*place, "--selectors", "random")
    fake_bench.run(*place, "--selectors", "random", "--out", tmp_path / "other")
    assert capsys.readouterr().err.count("trained digits steady") == 2
    assert results(tmp_path / "out") == results(tmp_path / "other")


def test_a_damaged_record_is_named_and_made_again(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [*place, "--selectors", "random,ranks"]
    fake_bench.run(*command)
    before = results(tmp_path / "out")
    first, second, third, _ = sorted((tmp_path / "out" / "records").iterdir())
    first.write_bytes(first.read_bytes()[:100])
    second.write_text(second.read_text().replace('"epoch":8', '"epoch":6'))
    third.write_text(third.read_text().replace('"forward_passes":30', '"forward_passes":31'))
    assert fake_bench.run(*command) == ExitCode.OK
    said = capsys.readouterr().err
    assert all(f"{path} is damaged" in said for path in (first, second, third))
    assert results(tmp_path / "out") == before


def test_a_damaged_record_of_another_run_is_refused(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_bench.run(*place, "--selectors", "random")
    path = next((tmp_path / "out" / "records").iterdir())
    path.write_text("{")
    assert fake_bench.run(*place, "--selectors", "ranks") == ExitCode.USAGE
    assert str(path) in capsys.readouterr().err


def test_a_record_of_a_newer_program_is_refused(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_bench.run(*place, "--selectors", "random")
    path = next((tmp_path / "out" / "records").iterdir())
    path.write_text(path.read_text().replace('"schema":1', '"schema":99'))
    assert fake_bench.run(*place, "--selectors", "random") == ExitCode.USAGE
    assert "schema 99" in capsys.readouterr().err


def test_report_only_gathers_what_is_there_and_computes_nothing(place: list[str], tmp_path: Path) -> None:
    fake_bench.run(*place, "--selectors", "random,ranks")
    before = results(tmp_path / "out")
    (tmp_path / "out" / "records.csv").unlink()
    assert fake_bench.run(*place, "--report-only") == ExitCode.OK
    assert results(tmp_path / "out") == before
    next((tmp_path / "out" / "records").glob("*ranks*")).unlink()
    assert fake_bench.run(*place, "--report-only") == ExitCode.OK
    assert states(tmp_path / "out") == {"done": 3, "missing": 1}


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
    # Two more trainings of 1.5 s each; ranks was never timed.
    assert "8 cells: 6 to do; 2 done" in said and "estimated time: 3.0 s, and 4 cells" in said


def test_list_names_everything(capsys: pytest.CaptureFixture[str]) -> None:
    assert fake_bench.run("--list") == ExitCode.OK
    said = capsys.readouterr().out
    assert all(name in said for name in ("digits", "cifar100", "paper", *fake_bench.RECIPES, *fake_bench.SELECTORS))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--selectors", "randon"], "did you mean random"),
        (["--supernets", "stead"], "did you mean steady"),
        (["--datasets", "cifar"], "did you mean cifar"),
        (["--selectors", "nothing-*"], "The selectors are: alphas"),
        (["--selectors", "random", "--epochs", "3"], "stores the epochs 2, 4, 6, 8"),
        (["--datasets", "cifar100"], "not cifar100"),
        (["--table", "nowhere.npz"], "nowhere.npz does not exist"),
        (["--device", "cuda:7"], "--device cpu"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(
    place: list[str], capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert fake_bench.run(*place, *arguments) == ExitCode.USAGE
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


def test_missing_images_are_told_before_anything_is_computed(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = fake_bench.make_table(tmp_path / "cifar.npz", ["cifar10"])
    assert fake_bench.run(*place, "--datasets", "cifar10", "--table", table) == ExitCode.USAGE
    assert "cifar-10-batches-py is missing" in capsys.readouterr().err
    assert not list((tmp_path / "cache").iterdir())


def test_an_output_folder_that_cannot_be_written_is_refused(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert fake_bench.run(*place, "--out", tmp_path / "file" / "out") == ExitCode.USAGE
    assert "choose another place" in capsys.readouterr().err


def test_a_full_disk_ends_the_run_and_keeps_what_was_done(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fake_bench.run(*place, "--seeds", "1", "--selectors", "random,full-disk,ranks") == ExitCode.USAGE
    assert "The disk is full" in capsys.readouterr().err
    fake_bench.run(*place, "--seeds", "1", "--selectors", "random,ranks")
    assert "2 cells, 1 to do (1 done)" in capsys.readouterr().err


@pytest.mark.parametrize(("option", "value"), [("--seed", "1"), ("--threads", "2")])
def test_another_experiment_in_the_same_folder_is_refused(
    place: list[str], capsys: pytest.CaptureFixture[str], option: str, value: str
) -> None:
    fake_bench.run(*place, "--selectors", "random")
    assert fake_bench.run(*place, "--selectors", "random", option, value) == ExitCode.USAGE
    assert f"pass {option}" in capsys.readouterr().err


def test_threads_default_to_those_that_the_folder_was_begun_with(place: list[str], tmp_path: Path) -> None:
    begin = place.index("--threads")
    without = place[:begin] + place[begin + 2 :]
    fake_bench.run(*place, "--selectors", "random")
    assert fake_bench.run(*without, "--selectors", "random") == ExitCode.OK
    assert {row["threads"] for row in rows(tmp_path / "out")} == {"1"}


def test_two_workers_give_the_same_bytes_as_one(place: list[str], tmp_path: Path) -> None:
    command = [*place, "--selectors", "all,!full-disk,!killed,!fails-once", "--selector-seeds", "3"]
    assert fake_bench.run(*command) == ExitCode.SOME_CELLS_FAILED
    parallel = [*command, "--jobs", "2", "--out", str(tmp_path / "two"), "--cache", str(tmp_path / "cache2")]
    assert fake_bench.run(*parallel) == ExitCode.SOME_CELLS_FAILED
    assert results(tmp_path / "out") == results(tmp_path / "two")


def test_a_killed_worker_costs_the_cell_that_kills_it(place: list[str], tmp_path: Path) -> None:
    command = [*place, "--selectors", "random,killed,ranks", "--seeds", "2", "--jobs", "2", "--selector-seeds", "3"]
    assert fake_bench.run(*command) == ExitCode.SOME_CELLS_FAILED
    found = rows(tmp_path / "out")
    assert {row["selector"] for row in found if row["state"] == "failed"} == {"killed"}
    assert Counter(row["state"] for row in found) == {"failed": 2, "done": 8}
    assert all("worker process was killed" in row["reason"] for row in found if row["state"] == "failed")


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_kill_9_at_any_moment_ends_in_the_same_bytes(place: list[str], tmp_path: Path, jobs: str) -> None:
    command = [*place, "--selectors", "alphas,random,ranks,fails", "--jobs", jobs]
    whole = [*command, "--out", str(tmp_path / "whole"), "--cache", str(tmp_path / "whole-cache")]
    assert fake_bench.run(*whole) == ExitCode.SOME_CELLS_FAILED
    kills = 0
    for moment in (0.7, 1.1, 1.4):
        running = in_subprocess(command, FAKE_SECONDS="0.05")
        time.sleep(moment)
        if running.poll() is None:
            os.killpg(running.pid, signal.SIGKILL)
            kills += 1
        running.communicate()
    assert kills >= 2
    assert fake_bench.run(*command) == ExitCode.SOME_CELLS_FAILED
    assert results(tmp_path / "out") == results(tmp_path / "whole")
    assert not list((tmp_path / "out").rglob(".*.part"))


@pytest.mark.parametrize(("jobs", "how"), [("1", signal.SIGINT), ("2", signal.SIGINT), ("1", signal.SIGTERM)])
def test_an_interrupted_run_leaves_valid_files_and_says_how_to_go_on(
    place: list[str], tmp_path: Path, jobs: str, how: signal.Signals
) -> None:
    command = [*place, "--selectors", "alphas,random,ranks", "--jobs", jobs]
    running = in_subprocess(command, FAKE_SECONDS="0.1")
    while not list(tmp_path.glob("out/records/*.json")):
        assert running.poll() is None
        time.sleep(0.02)
    os.killpg(running.pid, how)
    _, said = running.communicate(timeout=20)
    assert running.returncode == ExitCode.INTERRUPTED, said
    assert "python run_bench.py " + " ".join(command[:4]) in said
    assert "Traceback" not in said
    found = states(tmp_path / "out")
    assert found["done"] >= 1 and found["missing"] >= 1 and sum(found.values()) == 12
    assert fake_bench.run(*command) == ExitCode.OK
    assert states(tmp_path / "out") == {"done": 12}


def test_two_runs_do_not_write_one_folder(place: list[str], tmp_path: Path) -> None:
    command = [*place, "--selectors", "random"]
    running = in_subprocess(command, FAKE_SECONDS="1")
    while not (tmp_path / "out" / "run.json").exists():
        assert running.poll() is None
        time.sleep(0.02)
    second = in_subprocess(command)
    _, said = second.communicate(timeout=20)
    os.killpg(running.pid, signal.SIGKILL)
    running.communicate()
    assert second.returncode == ExitCode.USAGE and f"process {running.pid}" in said


def test_check_holds_for_what_was_stored_and_tells_what_differs(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_bench.run(*place, "--selectors", "random,ranks")
    without_out = [argument for argument in place if argument not in ("--out", str(tmp_path / "out"))]
    assert fake_bench.run(*without_out, "--check", tmp_path / "out") == ExitCode.OK
    path = tmp_path / "out" / "records.csv"
    path.write_text(path.read_text().replace(",ranks,", ",ranked,", 1))
    capsys.readouterr()
    assert fake_bench.run(*without_out, "--check", tmp_path / "out") == ExitCode.DIFFERS
    assert "ranked" in capsys.readouterr().out
    assert fake_bench.run(*without_out, "--check", tmp_path / "nowhere") == ExitCode.USAGE


def test_check_compares_a_fresh_run_with_the_stored_one(place: list[str], tmp_path: Path) -> None:
    fake_bench.run(*place, "--selectors", "random")
    fresh = [*place, "--out", str(tmp_path / "fresh"), "--cache", str(tmp_path / "fresh-cache")]
    fake_bench.run(*fresh, "--selectors", "random")
    assert fake_bench.run(*fresh, "--check", tmp_path / "out") == ExitCode.OK
    path = tmp_path / "fresh" / "records.csv"
    path.write_text(path.read_text().replace(",done,", ",failed,", 1))
    assert fake_bench.run(*fresh, "--check", tmp_path / "out") == ExitCode.DIFFERS


def test_outdated_records_are_no_results_even_if_the_run_is_interrupted(place: list[str], tmp_path: Path) -> None:
    command = [*place, "--selectors", "random,ranks", "--seeds", "3"]
    fake_bench.run(*command)
    running = in_subprocess(command, FAKE_SECONDS="0.1", FAKE_RECIPE_VERSION="2")
    while not list(tmp_path.glob("out/records/*.old")):
        assert running.poll() is None
        time.sleep(0.02)
    os.killpg(running.pid, signal.SIGTERM)
    running.communicate(timeout=20)
    assert running.returncode == ExitCode.INTERRUPTED
    assert {row["recipe_version"] for row in rows(tmp_path / "out") if row["state"] == "done"} <= {"2"}
    assert states(tmp_path / "out")["missing"] >= 1


def test_a_retried_failure_stays_a_failure_until_it_is_replaced(place: list[str], tmp_path: Path) -> None:
    command = [*place, "--selectors", "fails,random", "--seeds", "1"]
    fake_bench.run(*command)
    before = results(tmp_path / "out")
    assert fake_bench.run(*command, "--retry-failed") == ExitCode.SOME_CELLS_FAILED
    assert results(tmp_path / "out") == before
