"""Stored results are recomputed by their own commands and compared, with fake methods."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from nas_selection_bench.bench.commands import regenerate
from nas_selection_bench.bench.commands.options import parse_options
from nas_selection_bench.bench.commands.out_folder import TEMPORARY
from nas_selection_bench.bench.commands.regenerate import Program, claim, main
from nas_selection_bench.bench.errors import ExitCode, UsageError
from nas_selection_bench.bench.work.json_files import write_json
from nas_selection_bench.bench.work.pack import pack
from nas_selection_bench.bench.work.run_file import commands
from nas_selection_bench.bench.work.runner import Run
from tests.bench import fake_bench

pytestmark = pytest.mark.program

PROGRAM = Program((sys.executable, "-m", "tests.bench.fake_bench"))


@pytest.fixture
def stored(tmp_path: Path, fake_table: Path) -> Path:
    """Two results: `one` was filled by two commands, the first of which ran twice, `two` by one."""
    common = ["--device", "cpu", "--jobs", "1", "--threads", "1", "--table", str(fake_table), "--supernets", "steady",
              "--seeds", "1", "--cache", str(tmp_path / "cache")]  # fmt: skip
    results = tmp_path / "results"
    for name, selectors in (("one", "random"), ("one", "alphas"), ("one", "random"), ("two", "ranks")):
        arguments = ["--out", str(results / name), "--selectors", selectors, *common]
        assert fake_bench.run(*arguments) == ExitCode.OK
    return results


def edit(folder: Path, **changed: Any) -> None:
    run = json.loads((folder / "run.json").read_text()) | changed
    write_json(folder / "run.json", {name: value for name, value in run.items() if value is not None}, indent=1)


def again(stored: Path, *arguments: str | Path) -> int:
    return main([str(argument) for argument in ("--results", stored, *arguments)], PROGRAM)


def test_run_json_keeps_every_command_once(stored: Path) -> None:
    run = json.loads((stored / "one" / "run.json").read_text())
    assert [parse_options(line).selectors for line in commands(run)] == ["random", "alphas"]
    assert parse_options(run["argv"]).selectors == "random"
    assert commands({"argv": ["--seeds", "2"]}) == [["--seeds", "2"]]
    assert commands({}) == []


def test_a_result_of_several_commands_is_made_again_and_holds(
    stored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (stored / "one" / "scores.csv").read_bytes()
    pack(stored / "two")
    capsys.readouterr()
    assert again(stored, "--into", tmp_path / "fresh") == ExitCode.OK
    said = capsys.readouterr().out
    assert said.index("### one") < said.index("tight: holds (5 compared") < said.index("### two")
    assert (tmp_path / "fresh" / "one" / "scores.csv").read_bytes() == before
    assert (tmp_path / "fresh" / "supernets").is_dir()


def test_it_runs_on_the_kind_of_device_that_the_result_was_made_on(stored: Path, tmp_path: Path) -> None:
    """Also if the command left the device to the program, which uses a GPU if there is one."""
    argv = [*json.loads((stored / "two" / "run.json").read_text())["argv"], "--device", "auto"]
    edit(stored / "two", argv=argv, commands=[argv])
    assert again(stored, "--into", tmp_path / "fresh", "two") == ExitCode.OK
    assert parse_options(json.loads((tmp_path / "fresh" / "two" / "run.json").read_text())["argv"]).device == "cpu"


def test_what_differs_is_told_with_its_exit_code(
    stored: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FAKE_SELECTOR_VERSION", "2")
    assert again(stored, "one") == ExitCode.DIFFERS
    said = capsys.readouterr().out
    assert "random, selector seed 0, version: stored 1, fresh 2" in said
    assert "random, version: stored 1 (1 cell), fresh 2" in said
    assert "exact: DIFFERS (5 compared, 1 difference)" in said  # the records themselves are unchanged


def test_a_check_that_crashes_says_nothing_and_is_not_all_right(
    stored: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    crashing = Program((sys.executable, "-c", "raise ZeroDivisionError"))
    assert main(["--exact", "--results", str(stored)], crashing) == ExitCode.USAGE
    assert "the check itself ended with exit code 1" in capsys.readouterr().out
    with (stored / "one" / "records.csv").open("ab") as damaged:
        damaged.write(b"\xff")
    assert again(stored, "--exact") == ExitCode.USAGE, "the other result holds"


def test_a_selector_that_is_new_since_contradicts_nothing(
    stored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = json.loads((stored / "two" / "run.json").read_text())
    wider = [word if word != "ranks" else "ranks,alphas" for word in run["argv"]]
    edit(stored / "two", argv=wider, commands=[wider])
    assert again(stored, "two", "--into", tmp_path / "fresh") == ExitCode.OK
    said = capsys.readouterr().out
    assert "not compared: alphas: 4 cells only in the fresh run" in said
    assert "tight: holds (1 compared" in said


def test_it_computes_with_the_instructions_that_the_stored_run_used(
    stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(stored / "two", environment={"MKL_CBWR": "COMPATIBLE"})
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "avx2")
    assert again(stored, "two", "--into", tmp_path / "fresh") == ExitCode.OK
    run = json.loads((tmp_path / "fresh" / "two" / "run.json").read_text())
    assert run["environment"] == {"MKL_CBWR": "COMPATIBLE"}


def test_an_old_run_json_knows_its_last_command(stored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(stored / "one", commands=None)
    assert again(stored, "one") == ExitCode.DIFFERS
    assert "row: stored present, fresh absent" in capsys.readouterr().out
    edit(stored / "one", argv=None)
    assert again(stored, "one") == ExitCode.USAGE
    assert "names no command" in capsys.readouterr().err


def test_a_run_json_that_lost_its_last_command_line_is_gone_on_with(stored: Path) -> None:
    edit(stored / "two", argv=None)
    line = json.loads((stored / "one" / "run.json").read_text())["argv"]
    table = line[line.index("--table") + 1]
    where = ["--out", stored / "two", "--cache", stored.parent / "cache", "--table", table, "--jobs", "1"]
    assert fake_bench.run(*where) == ExitCode.OK


def test_missing_data_is_a_reason_to_skip_and_nothing_compared_is_not_all_right(
    stored: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = json.loads((stored / "two" / "run.json").read_text())["argv"]
    edit(stored / "two", commands=[[*line, "--table", "nowhere.npz"]], argv=[*line, "--table", "nowhere.npz"])
    for mode in ([], ["--exact"]):
        assert again(stored, "two", *mode) == ExitCode.NOTHING_MEASURED
        said = capsys.readouterr().out
        assert said.splitlines()[2].startswith("skipped: ") and "nowhere.npz" in said
    assert again(stored, "--exact") == ExitCode.OK


def test_a_command_that_no_longer_works_is_told(stored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = json.loads((stored / "two" / "run.json").read_text())["argv"]
    changed = [*line, "--selectors", "gone"]
    edit(stored / "two", commands=[changed], argv=changed)
    assert again(stored, "two") == ExitCode.USAGE
    assert "ended with exit code 2: " in capsys.readouterr().out


@pytest.mark.parametrize("mode", [[], ["--exact"]])
@pytest.mark.parametrize("line", [["--help"], ["--version"], ["--nosuch", "1"], ["--seeds", "many"], ["--list", "-q"]])
def test_a_stored_command_that_runs_nothing_is_told_and_the_others_are_compared(
    line: list[str], mode: list[str], stored: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(stored / "one", commands=[line], argv=line)
    assert again(stored, *mode) == ExitCode.USAGE
    said = capsys.readouterr()
    assert str(stored / "one") in said.err and "options:" not in said.out
    assert "exact: holds (1 compared" in said.out, "the other result"
    assert again(stored, "one", *mode) == ExitCode.USAGE


def test_a_damaged_run_json_is_told_and_the_others_are_compared(
    stored: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (stored / "one" / "run.json").write_text("{")
    assert again(stored, "--exact") == ExitCode.USAGE
    said = capsys.readouterr()
    assert str(stored / "one") in said.err and "exact: holds (1 compared" in said.out


def test_interrupted_without_a_folder_of_its_own_it_says_how_to_keep_one(
    stored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    interrupted = Program((sys.executable, "-c", "import sys; sys.exit(130)"))
    assert main(["--results", str(stored), "two"], interrupted) == ExitCode.INTERRUPTED
    said = capsys.readouterr()
    assert "--into DIR" in said.err
    (command,) = (line for line in said.out.splitlines() if "exit code 130" in line)
    assert command.count("--out ") == command.count("--cache ") == 1 and str(stored / "two") not in command
    kept = ["--results", str(stored), "--into", str(tmp_path / "fresh"), "two"]
    assert main(kept, interrupted) == ExitCode.INTERRUPTED
    assert "--into" not in capsys.readouterr().err


@pytest.mark.parametrize("vanishes", [False, True])
def test_a_run_whose_folder_will_be_removed_names_no_command_to_go_on(
    vanishes: bool, place: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(run: Run) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Run, "work", interrupt)
    if vanishes:
        monkeypatch.setenv(TEMPORARY, "1")
    assert fake_bench.run(*place, "--selectors", "random") == ExitCode.INTERRUPTED
    assert ("--selectors random" in capsys.readouterr().err) is not vanishes


def test_the_environment_of_its_runs_says_that_their_folder_is_removed(stored: Path, tmp_path: Path) -> None:
    noting = (
        f"import os, pathlib; pathlib.Path({str(tmp_path / 'noted')!r}).write_text(os.environ.get({TEMPORARY!r}, ''))"
    )
    main(["--results", str(stored), "two"], Program((sys.executable, "-c", noting + "; raise SystemExit(130)")))
    assert (tmp_path / "noted").read_text()
    again = ["--results", str(stored), "--into", str(tmp_path / "fresh"), "two"]
    main(again, Program((sys.executable, "-c", noting + "; raise SystemExit(130)")))
    assert not (tmp_path / "noted").read_text()


def test_an_unknown_name_is_answered_with_the_known_ones(stored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert again(stored, "tow") == ExitCode.USAGE
    assert "two" in capsys.readouterr().err


def test_a_name_in_a_folder_without_results_is_answered_with_that(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert again(tmp_path, "one") == ExitCode.USAGE
    assert str(tmp_path) in capsys.readouterr().err


def test_runs_of_other_code_are_not_taken_for_fresh_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regenerate, "git_commit", lambda folder: "abc")
    claim(tmp_path / "fresh")
    claim(tmp_path / "fresh")  # resumes
    (tmp_path / "strange").mkdir()
    (tmp_path / "strange" / "file").touch()
    for commit, folder in (("def", "fresh"), ("abc-dirty", "fresh"), (None, "fresh"), ("abc", "strange")):
        monkeypatch.setattr(regenerate, "git_commit", lambda folder, commit=commit: commit)
        with pytest.raises(UsageError, match="other code"):
            claim(tmp_path / folder)
