"""Cells of an earlier version of their method are no longer valid, and `--check` lists them."""

from pathlib import Path

import pytest

from nas_selection_bench.bench.check.superseded import superseded
from nas_selection_bench.bench.errors import ExitCode
from tests.bench import fake_bench

DONE = {"recipe": "steady", "recipe_version": "1", "selector": "random", "version": "1", "state": "done"}


def test_each_method_and_version_is_counted_once() -> None:
    rows = [
        {**DONE, "version": "0"}, {**DONE, "version": "0"}, DONE, {**DONE, "selector": "ranks", "version": "2"},
        {**DONE, "state": "failed", "recipe_version": "3"},
    ]  # fmt: skip
    differences, notes = superseded(rows, fake_bench.methods())
    assert [(d.cell, d.column, d.stored, d.fresh) for d in differences] == [
        ({"selector": "random"}, "version", "0 (2 cells)", "1"),
        ({"selector": "ranks"}, "version", "2 (1 cell)", "1"),
        ({"recipe": "steady"}, "recipe_version", "3 (1 cell)", "1"),
    ]
    assert notes == []


def test_skipped_cells_and_those_that_no_supernet_was_trained_for_say_nothing() -> None:
    rows = [{**DONE, "state": "skipped", "version": "7"}, {**DONE, "recipe_version": ""}]
    assert superseded(rows, fake_bench.methods()) == ([], [])


def test_a_method_that_is_not_here_is_a_note() -> None:
    differences, notes = superseded([{**DONE, "selector": "of-a-plug-in"}] * 2, fake_bench.methods())
    assert differences == []
    assert len(notes) == 1
    assert "of-a-plug-in" in notes[0]


@pytest.mark.parametrize(("variable", "method"), [("SELECTOR", "random"), ("RECIPE", "steady")])
def test_the_command_says_so_and_ends_with_differs(
    place: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path,
    variable: str, method: str,
) -> None:  # fmt: skip
    assert fake_bench.run(*place, "--selectors", "random,ranks") == ExitCode.OK
    check = ["--table", place[place.index("--table") + 1], "--check", str(tmp_path / "out")]
    assert fake_bench.run(*check) == ExitCode.OK
    monkeypatch.setenv(f"FAKE_{variable}_VERSION", "2")
    capsys.readouterr()
    assert fake_bench.run(*check) == ExitCode.DIFFERS
    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("- records.csv")]
    assert len(told) == 1
    assert method in told[0]
