"""Lists, plans and typos import neither torch nor anything else that is slow to import."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.program

ROOT = Path(__file__).parents[1]
SLOW = {"torch", "triton", "scipy", "pandas", "sklearn", "matplotlib", "joblib", "dask", "distributed"}
PROGRAM = """
import json, sys
from nas_selection_bench.program import main
try:
    code = main(sys.argv[2:])
except SystemExit as left:
    code = left.code
open(sys.argv[1], "w").write(json.dumps([int(code), sorted(sys.modules)]))
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder in which the catalogue of methods exists."""
    home = tmp_path_factory.mktemp("home")
    ask(home, "--list")
    return home


def ask(home: Path, *arguments: str) -> tuple[int, set[str]]:
    """Run the program; return its exit code and the modules that it imported."""
    told = home / "told.json"
    variables = {**os.environ, "HOME": str(home), "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", PROGRAM, str(told), *arguments], cwd=home, env=variables, check=True,
                   capture_output=True)  # fmt: skip
    code, modules = json.loads(told.read_text())
    return code, set(modules)


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        (0, ["--list"]),
        (0, ["--list", "--json"]),
        (0, ["--list", "zero-cost-pt-snip"]),
        (0, ["--list", "stable-ranking"]),
        (0, ["--plan"]),
        (0, ["--plan", "--datasets", "cifar10", "--preset", "lite"]),
        (0, ["--plan", "--selectors", "darts-pt[order=fixed,tune=0],magnitude"]),
        (2, ["--selectors", "dart-pt"]),
        (2, ["--selectors", "darts-pt[tune=x]"]),
        (2, ["--selectors", "darts-pt[tun=0]"]),
        (2, ["--supernets", "draw"]),
        (2, ["--datasets", "CIFAR-10"]),
        (2, ["--epochs", "3"]),
        (2, ["--device", "cuda:99"]),
        (2, ["--prset", "lite"]),
    ],
)
def test_no_torch(home: Path, code: int, arguments: list[str]) -> None:
    if "cuda:99" in arguments and Path("/dev/nvidiactl").exists():
        pytest.skip("torch is asked where there is a GPU")
    ended, modules = ask(home, *arguments)
    assert ended == code
    assert not SLOW & modules


def test_a_setting_that_nobody_asked_for_is_looked_up_once(home: Path) -> None:
    command = ["--plan", "--supernets", "gdas[tau_max=4.5]", "--selectors", "darts-pt[tune=7]"]
    ended, modules = ask(home, *command)
    assert ended == 0 and "torch" in modules
    ended, modules = ask(home, *command)
    assert ended == 0 and not SLOW & modules
