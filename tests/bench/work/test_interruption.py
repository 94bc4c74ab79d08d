"""Runs of fake methods that are killed, interrupted or run out of disk space: what is left, and how they resume."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from nas_selection_bench.bench.errors import ExitCode
from tests.bench import fake_bench
from tests.bench.fake_bench import ROOT, in_subprocess, results, rows, states

pytestmark = pytest.mark.program


def test_a_full_disk_ends_the_run_and_keeps_what_was_done(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fake_bench.run(*place, "--seeds", "1", "--selectors", "random,full-disk,ranks") == ExitCode.USAGE
    assert "The disk is full" in capsys.readouterr().err
    fake_bench.run(*place, "--seeds", "1", "--selectors", "random,ranks")
    assert "2 cells, 1 to do (1 done)" in capsys.readouterr().err


def test_two_runs_do_not_write_one_folder(place: list[str], tmp_path: Path) -> None:
    command = [*place, "--selectors", "random"]
    running = in_subprocess(command, FAKE_HANG="0")
    while not (tmp_path / "out" / "run.json").exists():
        assert running.poll() is None
        time.sleep(0.02)
    second = in_subprocess(command)
    _, said = second.communicate(timeout=120)
    os.killpg(running.pid, signal.SIGKILL)
    running.communicate()
    assert second.returncode == ExitCode.USAGE and f"process {running.pid}" in said


@pytest.mark.parametrize(("jobs", "backend"), [("1", "loky"), ("2", "loky"), ("2", "dask")])
@pytest.mark.usefixtures("worker_processes")
def test_a_dead_worker_costs_the_cell_that_ends_it(
    place: list[str], tmp_path: Path, fake_table: Path, jobs: str, backend: str
) -> None:
    if backend == "dask":
        pytest.importorskip("distributed")
    deadly = ("killed", "fails[how=hard-exit]", "fails[how=segfault]")[: 1 if backend == "dask" else 3]
    command = [*place, "--selectors", ",".join(["random", *deadly, "ranks"]), "--seeds", "1", "--selector-seeds", "3"]
    assert fake_bench.run(*command, "--jobs", jobs, "--backend", backend) == ExitCode.SOME_CELLS_FAILED
    found = rows(tmp_path / "out")
    assert {row["selector"] for row in found if row["state"] == "failed"} == set(deadly)
    assert Counter(row["state"] for row in found) == {"failed": len(deadly), "done": 4}
    assert all("worker process was killed" in row["reason"] for row in found if row["state"] == "failed")


@pytest.mark.parametrize(
    "how", ["surrogate", "surrogate-skip", "formula-skip", "unprintable", "wordy", "cancelled", "generator",
            "recursion", "exit"],
)  # fmt: skip
def test_whatever_a_selector_raises_costs_its_own_cell(place: list[str], tmp_path: Path, how: str) -> None:
    command = [*place, "--seeds", "1", "--selectors", f"random,fails[how={how}],ranks"]
    skips = how.endswith("skip")
    for _ in range(2):  # a folder with such a record can be resumed
        assert fake_bench.run(*command) == (ExitCode.OK if skips else ExitCode.SOME_CELLS_FAILED)
    assert states(tmp_path / "out") == {"done": 2, "skipped" if skips else "failed": 1}
    (reason,) = (row["reason"] for row in rows(tmp_path / "out") if row["reason"])
    assert reason[0] not in "=+-@" and reason.isprintable() and len(reason) < 2_000
    assert all(path.stat().st_size < 200_000 for path in (tmp_path / "out" / "logs").iterdir())


def alive(folder: Path) -> list[int]:
    """The processes whose environment names `folder` in FAULT_TEST, which child processes inherit."""
    return [pid for pid in map(int, filter(str.isdecimal, os.listdir("/proc"))) if in_folder(pid, folder)]


def in_folder(pid: int, folder: Path) -> bool:
    try:
        return f"FAULT_TEST={folder}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for processes in /proc")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGHUP])
@pytest.mark.parametrize(("jobs", "backend"), [("1", "loky"), ("2", "loky"), ("2", "dask")])
def test_workers_end_with_their_parent(
    place: list[str], tmp_path: Path, jobs: str, backend: str, how: signal.Signals
) -> None:
    """Only the parent is killed, as by the out-of-memory killer, while workers compute and return results."""
    if backend == "dask":
        pytest.importorskip("distributed")
    command = [*place, "--selectors", "ranks,random", "--selector-seeds", "9", "--jobs", jobs, "--backend", backend]
    running = in_subprocess(command, FAKE_SECONDS="0.05", FAKE_HANG="1", FAULT_TEST=str(tmp_path))
    while len(list(tmp_path.glob("out/records/*.json"))) < 2:
        assert running.poll() is None
        time.sleep(0.01)
    assert len(alive(tmp_path)) > int(jobs)
    running.send_signal(how)
    running.communicate(timeout=60)
    deadline = time.monotonic() + 60
    while alive(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert alive(tmp_path) == []
    assert running.returncode == (-signal.SIGKILL if how == signal.SIGKILL else ExitCode.INTERRUPTED)


@pytest.mark.program
def test_a_lost_dask_scheduler_is_one_sentence_and_costs_nothing_done(place: list[str], tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address, started = f"tcp://127.0.0.1:{port}", []
    for part in (["scheduler", "--host", "127.0.0.1", "--port", str(port)], ["worker", address, "--nthreads", "2"]):
        started.append(subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.dask_{part[0]}", *part[1:], "--no-dashboard"], cwd=ROOT,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "FAKE_SECONDS": "0.2", "FAKE_HANG": "1", "JOBLIB_MULTIPROCESSING": "1"},
        ))  # fmt: skip
    command = [*place, "--selectors", "alphas,random", "--seeds", "2"]
    running = in_subprocess([*command, "--jobs", "2", "--backend", "dask"], DASK_SCHEDULER_ADDRESS=address)
    try:
        while len(list(tmp_path.glob("out/records/*.json"))) < 2:
            assert running.poll() is None
            time.sleep(0.02)
        started[0].kill()
        _, said = running.communicate(timeout=120)
    finally:
        for process in started:
            process.kill()
            process.communicate()
    assert running.returncode == ExitCode.USAGE and "Traceback" not in said
    assert said.splitlines()[-1] == "run_bench.py: The dask cluster is gone; restart it and run the same command again."
    done = set(tmp_path.glob("out/records/*.json"))
    assert fake_bench.run(*command) == ExitCode.OK
    assert (
        len(done) >= 2 and done <= set(tmp_path.glob("out/records/*.json")) and states(tmp_path / "out")["done"] == 10
    )


TRAINING, SELECTING = ("cache/*/[0-9]*.json", 2), ("out/records/*.json", 4)
"""Moments of a run, given by the number of these files; by the clock, a slow machine might still be importing."""


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_kill_9_at_any_moment_ends_in_the_same_bytes(place: list[str], tmp_path: Path, jobs: str) -> None:
    command = [*place, "--selectors", "alphas,random,ranks,fails", "--jobs", jobs]
    whole = [*command, "--jobs", "1", "--out", str(tmp_path / "whole"), "--cache", str(tmp_path / "whole-cache")]
    assert fake_bench.run(*whole) == ExitCode.SOME_CELLS_FAILED
    for files, enough in (TRAINING, SELECTING):
        before = len(list(tmp_path.glob(files)))
        running = in_subprocess(command, FAKE_SECONDS="0.1", FAKE_HANG="1")
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
    running = in_subprocess(command, FAKE_SECONDS="0.1", FAKE_HANG="1")
    while not list(tmp_path.glob("out/records/*.json")):
        assert running.poll() is None
        time.sleep(0.02)
    os.killpg(running.pid, how)
    _, said = running.communicate(timeout=120)
    assert fake_bench.exit_code(running) == ExitCode.INTERRUPTED, said
    assert "python run_bench.py " + " ".join(command[:4]) in said
    assert "Traceback" not in said
    found = states(tmp_path / "out")
    assert found["done"] >= 1 and found["missing"] >= 1 and sum(found.values()) == 12
    assert fake_bench.run(*command) == ExitCode.OK
    assert states(tmp_path / "out") == {"done": 12}


def test_outdated_records_are_no_results_even_if_the_run_is_interrupted(place: list[str], tmp_path: Path) -> None:
    command = [*place, "--selectors", "random,ranks", "--seeds", "3"]
    fake_bench.run(*command)
    running = in_subprocess(command, FAKE_HANG="2", FAKE_RECIPE_VERSION="2")
    while not list(tmp_path.glob("out/records/*.old")):
        assert running.poll() is None
        time.sleep(0.02)
    os.killpg(running.pid, signal.SIGTERM)
    running.communicate(timeout=120)
    assert fake_bench.exit_code(running) == ExitCode.INTERRUPTED
    assert {row["recipe_version"] for row in rows(tmp_path / "out") if row["state"] == "done"} <= {"2"}
    assert states(tmp_path / "out")["missing"] >= 1


def test_a_damaged_checkpoint_costs_its_own_supernet(place: list[str], tmp_path: Path) -> None:
    command = [*place, "--supernets", "steady,shaky", "--seeds", "1", "--selectors", "random,ranks"]
    fake_bench.run(*command[:-1], "random")
    (found,) = tmp_path.glob("cache/digits.steady.s0.*/0008.json")
    found.write_text("{}")
    assert fake_bench.run(*command, "--plan") == ExitCode.OK
    assert fake_bench.run(*command) == ExitCode.SOME_CELLS_FAILED
    cells = {(row["recipe"], row["selector"]): row for row in rows(tmp_path / "out")}
    assert {cell for cell, row in cells.items() if row["state"] == "failed"} == {("steady", "ranks")}
    assert "0008.json is damaged" in cells["steady", "ranks"]["reason"]
    for left in found.parent.iterdir():
        left.unlink()
    assert fake_bench.run(*command, "--retry-failed") == ExitCode.OK
