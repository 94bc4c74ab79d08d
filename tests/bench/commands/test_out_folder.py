"""The --out folder before anything is written: foreign files stay, and a new folder is reported as new."""

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from nas_selection_bench.bench.commands import resolve
from nas_selection_bench.bench.commands.options import DEFAULTS
from nas_selection_bench.bench.commands.out_folder import OURS, WRITTEN
from nas_selection_bench.bench.errors import ExitCode
from nas_selection_bench.bench.work.json_files import write_json
from nas_selection_bench.bench.work.pack import pack
from tests.bench import fake_bench


@pytest.mark.parametrize("name", ["report.html", "records.csv", "tables/own.csv"])
@pytest.mark.parametrize("mode", [[], ["--plan"]])
def test_files_of_somebody_else_are_not_overwritten(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, mode: list[str]
) -> None:
    own = tmp_path / "out" / name
    own.parent.mkdir(parents=True)
    own.write_text("mine")
    (tmp_path / "out" / "notes.txt").touch()
    assert fake_bench.run(*place, "--selectors", "random", *mode) == ExitCode.USAGE
    said = capsys.readouterr().err
    assert name.partition("/")[0] in said and "notes.txt" not in said and said.count("\n") == 1
    assert own.read_text() == "mine" and not (tmp_path / "out" / "run.json").exists()


def test_a_folder_with_other_files_and_one_of_a_killed_run_are_taken(place: list[str], tmp_path: Path) -> None:
    (tmp_path / "out" / "tables").mkdir(parents=True)
    (tmp_path / "out" / "notes.txt").touch()
    assert fake_bench.run(*place, "--selectors", "random") == ExitCode.OK
    (tmp_path / "out" / "run.json").unlink()
    assert fake_bench.run(*place, "--selectors", "random") == ExitCode.OK


def test_what_a_run_writes_is_known(place: list[str], tmp_path: Path) -> None:
    fake_bench.run(*place, "--selectors", "random,fails")
    assert {path.name for path in (tmp_path / "out").iterdir()} <= {*OURS, *WRITTEN}


def test_a_new_folder_alone_is_told_with_the_near_ones(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(DEFAULTS, "supernets", "steady")
    monkeypatch.setattr(resolve, "usual_extent", lambda settings: resolve.Extent())
    fake_bench.run(*place, "--selectors", "random", "--out", tmp_path / "digits-two")
    given = [str(word) for word in fake_bench.places(place)]
    capsys.readouterr()
    for out, near in (("digits-tow", "digits-two"), ("elsewhere", "")):
        given[given.index("--out") + 1] = str(tmp_path / out)
        fake_bench.run(*given, "--supernets", "steady", "--plan")
        assert "is new" not in capsys.readouterr().err, "it says what is compared"
        fake_bench.run(*given, "--plan")
        (told,) = (line for line in capsys.readouterr().err.splitlines() if f"{tmp_path / out} is new" in line)
        assert (str(tmp_path / "digits-two") in told) is bool(near)


def _lose_plan(out: Path) -> None:
    (out / "plan.json").unlink()


def _empty_plan(out: Path) -> None:
    write_json(out / "plan.json", {"cells": []}, indent=0)


def _lose_run(out: Path) -> None:
    (out / "run.json").unlink()


def _lose_both(out: Path) -> None:
    _lose_plan(out)
    _lose_run(out)


@pytest.mark.parametrize(
    ("lose", "packed"),
    [(_lose_plan, False), (_lose_plan, True), (_empty_plan, False), (_lose_run, False), (_lose_both, False)],
)
@pytest.mark.parametrize("mode", [[], ["--plan"]])
def test_a_folder_that_no_longer_says_what_was_asked_for_is_refused_alone(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], lose: Callable[[Path], None],
    packed: bool, mode: list[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setitem(DEFAULTS, "supernets", "steady")
    monkeypatch.setattr(fake_bench, "SELECTORS", ("random", "ranks"))
    out, alone = tmp_path / "out", place[:-2]
    command = [*place, "--selectors", "random"]
    assert fake_bench.run(*command) == ExitCode.OK
    if packed:
        pack(out)
    lose(out)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    capsys.readouterr()
    assert fake_bench.run(*alone, *mode) == ExitCode.USAGE
    said = capsys.readouterr().err
    assert (shlex.join(command) in said) is (out / "run.json").exists() and said.count("\n") == 1
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    assert fake_bench.run(*command) == fake_bench.run(*alone) == ExitCode.OK


def test_a_default_comparison_goes_on_without_its_plan(
    place: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(DEFAULTS, "supernets", "steady")
    monkeypatch.setattr(fake_bench, "SELECTORS", ("random", "ranks"))
    assert fake_bench.run(*place[:-2]) == ExitCode.OK
    plan = (tmp_path / "out" / "plan.json").read_bytes()
    _lose_plan(tmp_path / "out")
    assert fake_bench.run(*place[:-2]) == ExitCode.OK
    assert (tmp_path / "out" / "plan.json").read_bytes() == plan
