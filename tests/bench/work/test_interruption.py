"""Runs that are killed, interrupted or run out of disk, over fake methods: what is left, and how they go on."""

import os
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from bench.errors import ExitCode
from tests.bench import fake_bench
from tests.bench.fake_bench import in_subprocess, results, rows, states


def test_a_full_disk_ends_the_run_and_keeps_what_was_done(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fake_bench.run(*place, "--seeds", "1", "--selectors", "random,full-disk,ranks") == ExitCode.USAGE
    assert "The disk is full" in capsys.readouterr().err
    fake_bench.run(*place, "--seeds", "1", "--selectors", "random,ranks")
    assert "2 cells, 1 to do (1 done)" in capsys.readouterr().err


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


def test_a_killed_worker_costs_the_cell_that_kills_it(place: list[str], tmp_path: Path) -> None:
    command = [*place, "--selectors", "random,killed,ranks", "--seeds", "2", "--jobs", "2", "--selector-seeds", "3"]
    assert fake_bench.run(*command) == ExitCode.SOME_CELLS_FAILED
    found = rows(tmp_path / "out")
    assert {row["selector"] for row in found if row["state"] == "failed"} == {"killed"}
    assert Counter(row["state"] for row in found) == {"failed": 2, "done": 8}
    assert all("worker process was killed" in row["reason"] for row in found if row["state"] == "failed")


TRAINING, SELECTING = ("cache/*/[0-9]*.json", 2), ("out/records/*.json", 4)
"""Moments of a run: so many of these files are there. A clock would kill a slow machine while it imports."""


@pytest.mark.parametrize(("jobs", "moments"), [("1", [TRAINING, SELECTING]), ("2", [SELECTING])])
def test_kill_9_at_any_moment_ends_in_the_same_bytes(
    place: list[str], tmp_path: Path, jobs: str, moments: list[tuple[str, int]]
) -> None:
    command = [*place, "--selectors", "alphas,random,ranks,fails", "--jobs", jobs]
    whole = [*command, "--out", str(tmp_path / "whole"), "--cache", str(tmp_path / "whole-cache")]
    assert fake_bench.run(*whole) == ExitCode.SOME_CELLS_FAILED
    for files, enough in moments:
        before = len(list(tmp_path.glob(files)))
        running = in_subprocess(command, FAKE_SECONDS="0.1")
        while len(list(tmp_path.glob(files))) < enough:
            assert running.poll() is None
            time.sleep(0.01)
        os.killpg(running.pid, signal.SIGKILL)
        running.communicate()
        assert running.returncode == -signal.SIGKILL
        assert before < enough
        assert len(list(tmp_path.glob("out/records/*"))) < len(list(tmp_path.glob("whole/records/*")))
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
