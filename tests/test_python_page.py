"""The snippets of docs/python.md work, run in order, and the notebook runs."""

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from nas_selection_bench.bench.work.plugins import installed
from nas_selection_bench.program import main
from nas_selection_bench.selectors.parts.registry import SELECTORS
from tests.bench.plugin_files import installed_package

pytestmark = pytest.mark.program

ROOT = Path(__file__).parents[1]
SNIPPETS = re.findall(r"^```(\w*)\n(.*?)^```$", (ROOT / "docs" / "python.md").read_text(), re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# (\w+\.py)\n")
NOTEBOOK = ROOT / "docs" / "notebook.ipynb"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with the stored results beside it."""
    (tmp_path / "results").symlink_to(ROOT / "results")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return tmp_path


def test_the_structural_tests_check_a_plug_in(place: Path) -> None:
    snippet = next(text for _, text in SNIPPETS if text.startswith("# my_criteria.py"))
    (place / "my_criteria.py").write_text(snippet)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/selectors/test_structure.py",
               "-k", "my-criteria", "--plugin", str(place / "my_criteria.py")]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and re.search(r"\b[4-9] passed", done.stdout), done.stdout


def test_the_page(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names: dict[str, object] = {}
    for language, snippet in SNIPPETS:
        if language == "python" and (file := FILE.match(snippet)):
            (place / file[1]).write_text(snippet)
        elif language == "python":
            exec(compile(snippet, "docs/python.md", "exec"), names)
        elif language == "":
            program, *words = shlex.split(snippet, comments=True)[2:]
            assert (program, words[0]) == ("nas_selection_bench", "run")
            assert main(words[1:]) == 0
        else:
            declared = tomllib.loads(snippet)["project"]["entry-points"]
            site = place / "site-packages"
            site.mkdir()
            lines = [
                f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in names.items()) for group, names in declared.items()
            ]
            installed_package(site, "my_criteria", (place / "my_criteria.py").read_text(), "".join(lines))
            monkeypatch.syspath_prepend(str(site))
            installed.cache_clear()
            try:
                assert {"my-score", "my-other"} <= set(SELECTORS.names())
            finally:
                installed.cache_clear()
    assert {language for language, _ in SNIPPETS} == {"python", "", "toml"}
    mine = names["mine"].records  # type: ignore[attr-defined]
    assert sorted(mine["selector"]) == ["magnitude", "my-criteria", "my-criteria[factor=3]"]
    assert set(mine["state"]) == {"done"}
    assert names["measures"]["regret"] >= 0  # type: ignore[index]


def test_the_notebook(place: Path) -> None:
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(shutil.copy(NOTEBOOK, place), as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code), "outputs are not stored"
    NotebookClient(notebook, timeout=900, kernel_name="python3", resources={"metadata": {"path": str(place)}}).execute()
    assert code[-1].outputs[-1]["data"]["text/plain"]
