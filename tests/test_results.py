"""The stored results still hold: rows, tables and page follow from their records, bit for bit."""

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
