"""run_bench.py with the real methods: equal bytes for any number of workers and after kills; a light --help."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from filelock import FileLock

from nas_selection_bench.bench.errors import ExitCode
from tests.small_data import small_data

pytestmark = pytest.mark.thorough

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder shared by all pytest-xdist workers, so that one of them runs the program for all."""
    base = tmp_path_factory.getbasetemp()
    place = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "run-bench"
    place.mkdir(exist_ok=True)
    return place


@pytest.fixture(scope="module")
def data_root(shared: Path) -> Path:
    """A data root with 160 small images of noise and a ground truth for them."""
    root = shared / "data"
    with FileLock(shared / "data.lock"):
        if not root.exists():
            root.mkdir()
            small_data(root)
    return root


ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "JOBLIB_MULTIPROCESSING"}
"""The environment of users, in which runs start worker processes."""


@pytest.fixture(scope="module")
def command(data_root: Path) -> list[str]:
    """A tiny experiment: two supernets of two epochs, a criterion with fine-tuning and one that reads alphas."""
    return [
        sys.executable, "run_bench.py", "--datasets", "tiny", "--preset", "digits", "--train-epochs", "2",
        "--data-root", str(data_root), "--table", str(data_root / "table.npz"),
        "--device", "cpu", "--jobs", "1", "--threads", "1",
        "--supernets", "darts,blank", "--seeds", "1", "--selectors", "magnitude,darts-pt-loss[order=fixed,tune=1]",
    ]  # fmt: skip


def places(folder: Path) -> list[str]:
    return ["--out", str(folder / "out"), "--cache", str(folder / "cache")]


def run(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False, env=ENVIRONMENT
    )


def results(out: Path) -> dict[str, bytes]:
    files = [*out.glob("records/*.json"), *out.glob("tables/*"), out / "records.csv", out / "scores.csv"]
    return {str(path.relative_to(out)): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def unbroken(command: list[str], shared: Path) -> Path:
    """The output folder of an undisturbed run with one worker."""
    folder = shared / "unbroken"
    with FileLock(shared / "unbroken.lock"):
        if not folder.exists():
            done = run([*command, *places(folder)])
            assert done.returncode == 0, done.stderr
            assert done.stdout.strip().startswith("report: ")
            assert Path(done.stdout.strip().removeprefix("report: ")).exists()
    return folder / "out"


def test_every_cell_of_the_real_methods_is_measured(unbroken: Path) -> None:
    with (unbroken / "records.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["recipe"], row["selector"].partition("[")[0], row["state"]) for row in rows] == [
        ("blank", "darts-pt-loss", "done"), ("blank", "magnitude", "skipped"),
        ("darts", "darts-pt-loss", "done"), ("darts", "magnitude", "done"),
    ]  # fmt: skip
    assert rows[1]["reason"] == "blank never trains its alphas, so a choice by them would be random"
    assert len(list((unbroken.parent / "cache").iterdir())) == 2


def test_run_json_says_how_it_was_made(unbroken: Path) -> None:
    run_facts = json.loads((unbroken / "run.json").read_text())
    assert run_facts["settings"]["tiny"]["epochs"] == 2
    assert run_facts["supernets"] == ["darts", "blank"] and run_facts["device"] == "cpu" and run_facts["threads"] == 1
    assert "--train-epochs" in run_facts["argv"] and run_facts["versions"]["torch"]


def test_the_page_says_what_was_compared(unbroken: Path) -> None:
    described = json.loads((unbroken / "methods.json").read_text())
    assert set(described["supernets"]) == {"darts", "blank"}
    said = described["selectors"]["darts-pt-loss[order=fixed,tune=1]"]
    assert "ICLR 2021" in said["paper"] and said["score"] == "loss(supernet without o on e)"
    page = (unbroken / "report.html").read_text(encoding="utf-8")
    assert said["score"] in page and "ICLR 2021, alg. 1" in page


@pytest.mark.program
def test_two_workers_give_the_same_bytes(unbroken: Path, command: list[str], tmp_path: Path) -> None:
    done = run([*command, *places(tmp_path), "--jobs", "2"])
    assert done.returncode == 0, done.stderr
    assert results(tmp_path / "out") == results(unbroken)


@pytest.mark.program
def test_kill_9_in_training_and_in_selection_ends_in_the_same_bytes(
    unbroken: Path, command: list[str], tmp_path: Path
) -> None:
    """Kill the run once after the first checkpoints, and once after the first record."""
    for awaited in ("cache/*/*.safetensors", "out/records/*.json"):
        running = subprocess.Popen(
            [*command, *places(tmp_path)],
            cwd=ROOT,
            start_new_session=True,
            stderr=subprocess.DEVNULL,
            env=ENVIRONMENT,
        )
        deadline = time.monotonic() + 120
        while not list(tmp_path.glob(awaited)) and running.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        os.killpg(running.pid, signal.SIGKILL)
        assert running.wait() == -signal.SIGKILL
    done = run([*command, *places(tmp_path)])
    assert done.returncode == 0, done.stderr
    assert results(tmp_path / "out") == results(unbroken)


def test_help_imports_nothing_heavy() -> None:
    program = "import sys, run_bench\ntry: run_bench.main(['--help'])\nexcept SystemExit: pass\nprint(*sys.modules)"
    done = run([sys.executable, "-c", program])
    *said, modules = done.stdout.splitlines()
    assert any("exit codes" in line for line in said)
    assert not {"torch", "numpy", "pandas", "matplotlib", "joblib", "tqdm"} & set(modules.split())


def test_list_names_the_four_papers_criteria() -> None:
    done = run([sys.executable, "run_bench.py", "--list"])
    assert done.returncode == 0
    assert all(name in done.stdout for name in ("magnitude", "darts-pt", "darts-minus", "cifar10", "lite"))


def test_a_reader_that_leaves_does_not_turn_a_difference_into_success(tmp_path: Path) -> None:
    stored = tmp_path / "digits-tiny"
    shutil.copytree(ROOT / "results" / "digits-tiny", stored)
    (stored / "tables" / "accuracy.md").write_text("edited by hand\n")
    command = [sys.executable, "run_bench.py", "--check", str(stored)]
    check = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert check.stdout is not None
    assert check.stderr is not None
    check.stdout.close()
    assert "Traceback" not in check.stderr.read()
    assert check.wait() == ExitCode.DIFFERS


def test_a_reader_that_has_seen_enough_gets_no_traceback() -> None:
    listing = subprocess.Popen(
        [sys.executable, "run_bench.py", "--list"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert listing.stdout is not None
    assert listing.stderr is not None
    listing.stdout.close()
    assert listing.stderr.read() == ""
    assert listing.wait() == 0
