"""Folder names of a checkout: `selectors` is also a standard-library module, the others must not be importable."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

OURS_FIRST = "import nas_selection_bench.selectors.proxies\nimport selectors, subprocess, asyncio"
NAMESAKE_FIRST = "import asyncio, selectors, subprocess\nimport nas_selection_bench.selectors.proxies"
WORKS = """
assert selectors.DefaultSelector().get_map() is not None and not hasattr(selectors, "__path__")
subprocess.run([__import__("sys").executable, "-c", ""], check=True, capture_output=True)
asyncio.run(asyncio.sleep(0))
print("both")
"""


@pytest.mark.thorough
@pytest.mark.parametrize("imports", [OURS_FIRST, NAMESAKE_FIRST], ids=["ours", "namesake"])
def test_both_modules_work_whichever_is_imported_first(imports: str) -> None:
    done = subprocess.run([sys.executable, "-c", imports + WORKS], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "both"


@pytest.mark.parametrize("name", ["bench", "reports", "supernets"])
def test_no_second_copy_of_a_package_can_be_imported(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a second copy, the program would not catch what `bench.errors` raises."""
    monkeypatch.syspath_prepend(ROOT)
    with pytest.raises(ImportError, match=rf"import nas_selection_bench\.{name}\b"):
        importlib.import_module(name)
    assert name not in sys.modules
