"""The stored results still hold: their pages follow from their records, and the smallest from its command."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
STORED = sorted(path.parent for path in (ROOT / "results").glob("*/run.json"))


def test_something_is_stored() -> None:
    assert STORED


@pytest.mark.parametrize("folder", STORED, ids=lambda folder: folder.name)
def test_a_stored_result_follows_from_its_records(folder: Path) -> None:
    datasets = json.loads((folder / "run.json").read_text())["datasets"]
    if datasets != ["digits"] and "NAS_BENCH_TABLE" not in os.environ:
        pytest.skip("NAS_BENCH_TABLE does not name the real table that these results were looked up in")
    done = subprocess.run(
        [sys.executable, "run_bench.py", "--check", str(folder)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_smallest_result_comes_out_of_its_command_again(tmp_path: Path) -> None:
    """Trains and selects anew, half a minute; the unit tests cannot see that all numbers changed a little."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.commands.regenerate", "digits-tiny", "--into", str(tmp_path / "fresh")],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    tight = [line for line in done.stdout.splitlines() if line.startswith("tight:")]
    assert tight and "holds" in tight[0], done.stdout + done.stderr
