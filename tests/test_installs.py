"""The package in a checkout, an editable install and a wheel: in kernels, in workers, in tests of other projects."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.program

ROOT = Path(__file__).parents[1]
ROOMS = ("bench", "supernets", "selectors", "reports")

WORKERS = """
import asyncio, multiprocessing, sys
asyncio.run(asyncio.sleep(0))
from nas_selection_bench import Greedy, Needs, Rule

def found(name):
    from nas_selection_bench.selectors.parts.registry import find
    return find(name).name, issubclass(type(find(name)), Greedy)

if __name__ == "__main__":
    for method in ("spawn", "fork", "forkserver"):
        with multiprocessing.get_context(method).Pool(1) as pool:
            print(method, *pool.apply(found, ("darts-pt[tune=preset]",)))
"""
KERNEL = """
import nbformat
from nbclient import NotebookClient

cell = '''
import asyncio
import nas_selection_bench as nsb
from nas_selection_bench import Greedy, Needs, Rule
assert asyncio.get_running_loop()
table = nsb.embedded_table("digits")
print(Rule.__name__, table.datasets, len(nsb.proxy_names()) > 10)
'''
notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)])
NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
print(notebook.cells[0].outputs[0].text)
"""
THEIR_TEST = """
import asyncio, selectors
import bench
import numpy as np
from nas_selection_bench import Decision, GroundTruth, Selection, Truth, embedded_table, measure


def test_the_best_choice_has_no_regret():
    truth = Truth(embedded_table("digits"), "digits")
    best = truth.table.best("digits")
    chosen = Selection(best, np.eye(5)[list(best)], [Decision(e, o) for e, o in enumerate(best)])
    assert bench.MINE and selectors.DefaultSelector() and measure(chosen, truth)["regret"] == 0
"""


class Installed:
    """A separate Python environment that finds the package in one of these ways, and the folder where it is used."""

    def __init__(self, folder: Path, wheel: Path | None) -> None:
        environment = folder / "environment"
        venv.create(environment, with_pip=False, symlinks=True)
        self.bin = environment / "bin"
        if wheel:
            pip = [sys.executable, "-m", "pip", "--python", str(self.bin / "python"), "install", "--quiet"]
            subprocess.run([*pip, "--no-deps", "--no-index", str(wheel)], check=True, capture_output=True)
        # Everything else comes from the tests' environment; a .pth file of an editable install there is not read.
        (site,) = environment.glob("lib/python*/site-packages")
        (site / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
        self.code = (wheel.parent if wheel and "editable" in wheel.name else folder) if wheel else ROOT
        """The folder that contains the package."""
        self.place = folder / "elsewhere" if wheel else ROOT
        self.place.mkdir(exist_ok=True)
        self.environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "JOBLIB_MULTIPROCESSING")}
        if not wheel:
            self.environment["PYTHONPATH"] = str(ROOT)

    def __call__(self, *words: str, cwd: Path | None = None) -> str:
        done = subprocess.run(
            words, cwd=cwd or self.place, env=self.environment, capture_output=True, text=True, timeout=600, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @property
    def python(self) -> str:
        return str(self.bin / "python")


def built(folder: Path, how: str) -> Path:
    """The wheel that setuptools builds of a copy of the project, by `build_wheel` or `build_editable`."""
    source = folder / "source"
    for room in ROOMS:
        shutil.copytree(ROOT / room, source / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "nas_selection_bench", source / "nas_selection_bench", symlinks=True)
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    program = f"from setuptools import build_meta; print(build_meta.{how}('.'))"
    done = subprocess.run([sys.executable, "-c", program], cwd=source, capture_output=True, text=True, check=True)
    return source / done.stdout.splitlines()[-1]


@pytest.fixture(scope="module", params=["checkout", "build_editable", "build_wheel"])
def here(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp(request.param)
    return Installed(folder, None if request.param == "checkout" else built(folder, request.param))


def test_workers_of_every_kind_after_asyncio(here: Installed, tmp_path: Path) -> None:
    (tmp_path / "workers.py").write_text(WORKERS)
    assert here(here.python, str(tmp_path / "workers.py")).splitlines() == [
        "spawn darts-pt True", "fork darts-pt True", "forkserver darts-pt True",
    ]  # fmt: skip


def test_a_kernel(here: Installed, tmp_path: Path) -> None:
    (tmp_path / "kernel.py").write_text(KERNEL)
    assert here(here.python, str(tmp_path / "kernel.py")).strip() == "Rule ('digits',) True"


def test_the_tests_of_another_project(here: Installed, tmp_path: Path) -> None:
    """The other project has a package with the name of one of our subpackages."""
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench" / "__init__.py").write_text("MINE = True\n")
    (tmp_path / "test_mine.py").write_text(THEIR_TEST)
    assert "1 passed" in here(here.python, "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=tmp_path)


def test_the_program_says_its_version(here: Installed) -> None:
    program = "import nas_selection_bench as nsb; print(nsb.__file__, nsb.__version__)"
    file, version = here(here.python, "-c", program).split()
    assert Path(file).is_relative_to(here.code)
    said = f"nas-selection-bench {version}"
    assert here(here.python, "-m", "nas_selection_bench", "--version").strip() == said
    if here.place != ROOT:
        assert here(str(here.bin / "run-bench"), "--version").strip() == said


def test_stored_results_are_drawn_again(here: Installed, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "results" / "digits-tiny", tmp_path / "results" / "digits-tiny")
    words = ("regenerate", "--exact", "--results", str(tmp_path / "results"))
    assert "0 differences" in here(here.python, "-m", "nas_selection_bench", *words)


def test_a_wheel_installs_one_name_with_all_that_it_needs(tmp_path: Path) -> None:
    with zipfile.ZipFile(built(tmp_path, "build_wheel")) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert {name.split("/")[0] for name in names} == {"nas_selection_bench"}
    ours = {
        f"nas_selection_bench/{path.relative_to(ROOT).as_posix()}"
        for room in ROOMS
        for path in (ROOT / room).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    top = ROOT / "nas_selection_bench"
    ours |= {path.relative_to(ROOT).as_posix() for path in top.iterdir() if path.is_file()}
    assert names == {name for name in ours if not name.endswith(".md")}
