"""Figures are drawn whatever backend of matplotlib's the environment names: they need none."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

DRAW = """
import reports.figures.along_training
from reports.figures.style import Figure
import io
Figure().savefig(io.BytesIO(), format="svg")
"""


@pytest.mark.parametrize("backend", ["nonsense", "module://matplotlib_inline.nowhere", "QtAgg", "agg", ""])
def test_no_backend_keeps_figures_from_being_drawn(backend: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DRAW], cwd=Path(__file__).parents[3], env={**os.environ, "MPLBACKEND": backend},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
