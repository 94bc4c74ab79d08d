"""A real file system that fills up: one sentence, no lost results, and equal bytes once there is space."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nas_selection_bench.bench.errors import ExitCode
from tests.bench import fake_bench
from tests.bench.fake_bench import ROOT, in_subprocess, results

pytestmark = pytest.mark.program


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """An empty file system of 256 KiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)], capture_output=True, check=False
    )
    if not mounted or mounted.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def filler(disk: Path, room: int) -> Path:
    """Create a file that leaves only `room` bytes of the disk free."""
    path = disk / "filler"
    path.write_bytes(bytes(max(0, shutil.disk_usage(disk).free - room)))
    return path


@pytest.mark.parametrize(
    ("what", "jobs", "room"), [("out", "1", 40_960), ("out", "2", 12_288), ("cache", "1", 4_096), ("cache", "2", 0)]
)
def test_what_is_full_is_told_and_lost_nothing(
    place: list[str], tmp_path: Path, disk: Path, jobs: str, what: str, room: int
) -> None:
    command = [*place, "-q", "--selectors", "alphas,random,blind", "--seeds", "2", "--jobs", jobs]
    whole = [*command, "--jobs", "1", "--out", str(tmp_path / "whole"), "--cache", str(tmp_path / "whole-cache")]
    assert fake_bench.run(*whole) == ExitCode.OK
    small = [*command, f"--{what}", str(disk / what)]
    out = disk / what if what == "out" else tmp_path / "out"
    full = filler(disk, room)
    running = in_subprocess(small)
    _, said = running.communicate(timeout=120)
    kept = {path.name for path in out.glob("records/*.json")}
    assert running.returncode == ExitCode.USAGE, said
    assert "disk is full" in said.casefold() and "Traceback" not in said
    assert len([line for line in said.splitlines() if line.startswith("run_bench.py:")]) == 1
    assert said.count("make room") == 1
    assert not list(out.rglob(".*.part"))
    full.unlink()
    again = in_subprocess(small)
    _, said = again.communicate(timeout=120)
    assert again.returncode == ExitCode.OK, said
    assert kept <= {path.name for path in out.glob("records/*.json")}
    assert results(out) == results(tmp_path / "whole")


@pytest.mark.parametrize("option", ["--check", "--plan"])
def test_a_full_folder_of_temporary_files_is_one_sentence(tmp_path: Path, disk: Path, option: str) -> None:
    stored = ROOT / "results" / "digits-tiny"
    out = tmp_path / "packed"
    shutil.copytree(stored, out)
    for room in (0, 65_536):
        full = filler(disk, room)
        line = ["--check", str(out)] if option == "--check" else ["--plan", "--out", str(out)]
        done = subprocess.run(
            [sys.executable, "run_bench.py", *line], cwd=ROOT, capture_output=True, text=True, check=False,
            env={**os.environ, "TMPDIR": str(disk)},
        )  # fmt: skip
        full.unlink()
        assert "Traceback" not in done.stderr, done.stderr
        assert done.returncode in (ExitCode.OK, ExitCode.USAGE, ExitCode.NOTHING_MEASURED, ExitCode.DIFFERS)
        assert all(len(line) < 600 for line in done.stderr.splitlines())
        assert not [path for path in disk.rglob("*") if path.is_file()]


@pytest.mark.parametrize("line", [["--help"], ["--version"], ["lookup", "digits", "0"], ["run", "--list"], ["nothing"]])
def test_a_full_standard_output_is_one_sentence(line: list[str]) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "nas_selection_bench", *line], cwd=ROOT, stdout=full, stderr=subprocess.PIPE,
            text=True, check=False,
        )  # fmt: skip
    assert done.returncode == ExitCode.USAGE
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr
    assert ("there is no command" if line == ["nothing"] else "Standard output cannot be written") in done.stderr
