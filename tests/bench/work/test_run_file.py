"""run.json: the commit of the program, and the commands that filled the folder."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from nas_selection_bench.bench.errors import DataError
from nas_selection_bench.bench.problem.open_table import embedded_table
from nas_selection_bench.bench.work import run_file
from nas_selection_bench.bench.work.json_files import write_json
from nas_selection_bench.bench.work.run_file import SCHEMA, commands, git_commit, read_run, write_run

BY = ("-c", "user.name=nobody", "-c", "user.email=nobody@example.org", "-c", "commit.gpgsign=false")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A Git repository with one selector."""
    (tmp_path / "selectors").mkdir()
    (tmp_path / "selectors" / "one.py").write_text("x = 1\n")
    (tmp_path / ".gitignore").write_text("__pycache__/\n")
    for command in (["init", "-q"], ["add", "."], [*BY, "commit", "-q", "-m", "One"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    return tmp_path


def test_a_clean_checkout_is_its_commit(checkout: Path) -> None:
    commit = git_commit(checkout)
    assert commit is not None and len(commit) == 40
    for name in ("results/mine/records.csv", "out/run.json", "selectors/__pycache__/one.pyc"):
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text("of a run")
    assert git_commit(checkout) == commit, "results and caches are no part of the program"
    assert git_commit(checkout / "selectors") is None


@pytest.mark.parametrize("name", ["selectors/one.py", "selectors/two.py", "supernets/two.py", "bench/two.py"])
def test_a_program_with_a_file_changed_or_added_is_not_that_of_the_commit(checkout: Path, name: str) -> None:
    commit = git_commit(checkout)
    (checkout / name).parent.mkdir(exist_ok=True)
    (checkout / name).write_text("x = 2\n")
    assert git_commit(checkout) == f"{commit}-dirty"


def test_a_command_that_tells_more_or_less_is_one_command(tmp_path: Path) -> None:
    table = embedded_table("digits")
    for argv in (["--seeds", "2"], ["--seeds", "2", "-q"], ["--verbose", "--seeds", "2"], ["--seeds", "3", "-v"]):
        write_run(tmp_path, None, table, {"datasets": ["digits"]}, argv)
    run = read_run(tmp_path)
    assert run is not None and run["argv"] == ["--seeds", "3", "-v"]
    assert commands(run) == [["--seeds", "2"], ["--seeds", "3"]]


def test_every_kind_of_cpu_that_filled_a_folder_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("A", "B", "B", "A"):
        monkeypatch.setattr(run_file, "processor", lambda name=name: name)
        write_run(tmp_path, None, embedded_table("digits"), {"datasets": ["digits"]}, ["--seeds", "1"])
    run = run_file.read_run(tmp_path) or {}
    assert (run["processor"], run_file.processors(run)) == ("A", ["A", "B"])
    assert run_file.processors({"processor": "C"}) == ["C"] and run_file.processors({}) == []


def test_a_file_of_a_newer_program_is_refused_with_both_versions(tmp_path: Path) -> None:
    write_run(tmp_path, None, embedded_table("digits"), {"datasets": ["digits"]}, [])
    content = read_run(tmp_path) or {}
    assert content["schema"] == SCHEMA
    write_json(tmp_path / "run.json", content | {"schema": SCHEMA + 1}, indent=1)
    with pytest.raises(DataError, match=rf"run\.json has schema {SCHEMA + 1}.* up to {SCHEMA}\)"):
        read_run(tmp_path)


@pytest.mark.parametrize(
    "entry",
    [
        {"plugins": 5}, {"plugins": [{"x": 1}]}, {"threads": 0}, {"jobs": -3}, {"datasets": []}, {"last_started": 5},
        {"supernet_seeds": "x"}, {"selectors": "magnitude"},
    ],
)  # fmt: skip
def test_an_entry_that_no_run_writes_is_refused_with_the_file(tmp_path: Path, entry: dict[str, Any]) -> None:
    write_run(tmp_path, None, embedded_table("digits"), {"datasets": ["digits"]}, [])
    path = tmp_path / "run.json"
    content = read_run(tmp_path) or {}
    write_json(path, content | entry, indent=1)
    with pytest.raises(DataError, match=r"run\.json"):
        read_run(tmp_path)
