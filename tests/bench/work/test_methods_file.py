"""methods.json describes the criteria and supernets of an output folder."""

import json
from pathlib import Path

import pytest

from nas_selection_bench.bench.errors import DataError, ExitCode
from nas_selection_bench.bench.work.methods import MethodDeclaration, Source
from nas_selection_bench.bench.work.methods_file import METHODS_FILE, read_described, write_described
from tests.bench import fake_bench


def selector(name: str, **declared: str) -> MethodDeclaration:
    return MethodDeclaration(name, 1, f"the paper of {name}", declared=declared)


RECIPE = MethodDeclaration("darts", 1, "the paper of darts", declared={"update": "a step"})


def test_what_runs_said_is_added_up_and_the_last_one_holds(tmp_path: Path) -> None:
    write_described(tmp_path, [RECIPE], [selector("b", score="old"), selector("a")])
    write_described(tmp_path, [], [selector("b", score="new"), selector("c")])
    described = read_described(tmp_path)
    assert described["supernets"] == {"darts": {"paper": "the paper of darts", "update": "a step"}}
    assert list(described["selectors"]) == ["a", "b", "c"]
    assert described["selectors"]["b"] == {"paper": "the paper of b", "score": "new"}


def test_a_method_is_told_in_the_first_line_of_its_file(tmp_path: Path) -> None:
    mine = Source("mine.py", "0123", "--plugin mine.py", "Mine: the edge with most alpha first.")
    write_described(tmp_path, [RECIPE], [selector("mine")], ({}, {"mine": mine}))
    told = read_described(tmp_path)["selectors"]["mine"]
    assert told["what"] == "Mine: the edge with most alpha first." and told["from"] == "--plugin mine.py"


def test_what_is_no_text_is_written_as_one(tmp_path: Path) -> None:
    odd = {"passes": 30, "differs": None, "score": Path("x")}
    write_described(tmp_path, [], [MethodDeclaration("a", 1, "p", declared=odd)])  # type: ignore[arg-type]
    assert read_described(tmp_path)["selectors"]["a"] == {"paper": "p", "passes": "30", "differs": "", "score": "x"}


def test_order_changes_no_byte(tmp_path: Path) -> None:
    methods = [selector("b", score="x", keeps="y"), selector("a")]
    texts = []
    for place, of_place in (("one", methods), ("two", methods[::-1])):
        (tmp_path / place).mkdir()
        write_described(tmp_path / place, [RECIPE], of_place)
        texts.append((tmp_path / place / METHODS_FILE).read_bytes())
    assert texts[0] == texts[1]


def test_a_folder_of_before_it_was_kept_says_nothing(tmp_path: Path) -> None:
    assert read_described(tmp_path) == {"supernets": {}, "selectors": {}}


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"supernets": {}, "selectors": {"a": "text"}}'])
def test_a_damaged_file_is_one_line_and_exit_2(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    command = [*place, "--selectors", "random", "--seeds", "1"]
    assert fake_bench.run(*command) == ExitCode.OK
    path = tmp_path / "out" / METHODS_FILE
    assert set(json.loads(path.read_text())["selectors"]) == {"random"}
    path.write_text(content)
    with pytest.raises(DataError, match=r"methods\.json is damaged .*; delete it and run the command again"):
        read_described(tmp_path / "out")
    capsys.readouterr()
    assert fake_bench.run(*command) == ExitCode.USAGE
    assert f"{METHODS_FILE} is damaged" in capsys.readouterr().err
    path.unlink()
    assert fake_bench.run(*command) == ExitCode.OK
