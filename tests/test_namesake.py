"""The folder selectors/ shares its name with a module of the standard library; both must work."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

OURS_FIRST = """
import selectors, subprocess, asyncio
assert selectors.DefaultSelector().get_map() is not None
subprocess.run([__import__("sys").executable, "-c", ""], check=True, capture_output=True)
asyncio.run(asyncio.sleep(0))
import selectors.proxies
print("both")
"""

NAMESAKE_FIRST = """
import sys
sys.path[:] = [p for p in sys.path if p not in ("", {root!r})]
import selectors
assert not hasattr(selectors, "__path__")
sys.path.append({root!r})
from pathlib import Path
from bench.stdlib_selectors import open_folder
open_folder(Path({root!r}) / "selectors")
import selectors.proxies, subprocess
subprocess.run([sys.executable, "-c", ""], check=True, capture_output=True)
print("both")
"""


@pytest.mark.parametrize("program", [OURS_FIRST, NAMESAKE_FIRST.format(root=str(ROOT))], ids=["ours", "namesake"])
def test_both_modules_work_whichever_is_imported_first(program: str) -> None:
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "both"
