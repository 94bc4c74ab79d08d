"""The files shown in CONTRIBUTING.md work unchanged, in a copy of the project that contains them."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.program

ROOT = Path(__file__).parents[1]
ROOMS = ("bench", "supernets", "selectors", "reports")


def shown(heading: str) -> list[str]:
    """The Python files in the section of CONTRIBUTING.md under `heading`."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    section = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^```python\n(.*?)^```$", section, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with the example added, as a contributor would have it."""
    root = tmp_path_factory.mktemp("checkout")
    skip = shutil.ignore_patterns("__pycache__")
    for room in ROOMS:
        shutil.copytree(ROOT / room, root / room, ignore=skip)
    shutil.copytree(ROOT / "tests" / "selectors", root / "tests" / "selectors", ignore=skip)
    for file in ("tests/__init__.py", "tests/coloured.py", "tests/conftest.py", "setup.cfg", "pyproject.toml"):
        shutil.copy(ROOT / file, root / file)
    if (ROOT / ".mypy_cache").exists():  # `make test` has just filled it; without it, mypy reads all of torch again
        shutil.copytree(ROOT / ".mypy_cache", root / ".mypy_cache")
    shutil.copytree(ROOT / "nas_selection_bench", root / "nas_selection_bench", symlinks=True)
    selector, test = shown("Add a selector")
    (root / "selectors" / "doubling.py").write_text(selector)
    (root / "tests" / "selectors" / "test_doubling.py").write_text(test)
    return root


def in_copy(copy: Path, *command: str) -> str:
    """The output of `python command` in the copy; fails the test unless it exits with 0."""
    done = subprocess.run([sys.executable, *command], cwd=copy, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_example_is_found_with_its_options(copy: Path) -> None:
    code = (
        "from nas_selection_bench.selectors.parts.registry import find, names\n"
        "assert 'doubling' in names()\n"
        "print(find('doubling[factor=1.5,order=fixed,tune=1]').name, find('doubling[factor=2.0]').name)"
    )
    assert in_copy(copy, "-c", code).split() == ["doubling[factor=1.5,order=fixed,tune=1]", "doubling"]


def test_the_example_passes_its_own_test_and_the_structural_tests(copy: Path) -> None:
    printed = in_copy(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/selectors", "-k", "doubling")
    passed = re.search(r"(\d+) passed", printed)
    assert passed, printed
    assert int(passed[1]) > 4, "its own four cases, and structural tests that found it by its file"


def test_the_example_has_the_style_and_types_of_the_project(copy: Path) -> None:
    in_copy(copy, "-m", "ruff", "check", "--no-cache", "selectors/doubling.py", "tests/selectors/test_doubling.py")
    in_copy(copy, "-m", "ruff", "format", "--no-cache", "--check", "selectors/doubling.py")
    in_copy(copy, "-m", "mypy", "nas_selection_bench/selectors/doubling.py")
