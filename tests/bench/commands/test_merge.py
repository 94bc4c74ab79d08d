"""Merged output folders equal one run, packed or not; folders that do not belong together are refused."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from nas_selection_bench.bench.commands.merge import main
from nas_selection_bench.bench.errors import ExitCode
from nas_selection_bench.bench.work.json_files import write_json
from nas_selection_bench.bench.work.pack import main as pack
from nas_selection_bench.bench.work.record import read_record, write_record
from nas_selection_bench.bench.work.run_file import read_run
from tests.as_command import as_command
from tests.bench import fake_bench


def run_into(place: list[str], out: Path, *arguments: object) -> None:
    words = [*place, *map(str, arguments)]
    words[words.index("--out") + 1] = str(out)
    fake_bench.run(*words)


@pytest.fixture
def halves(place: list[str], tmp_path: Path) -> tuple[Path, Path]:
    """The folders of two machines, each with one selector that only it has and one that both have."""
    run_into(place, tmp_path / "a", "--selectors", "alphas,fails,blind", "--seeds", 2)
    run_into(place, tmp_path / "b", "--selectors", "random,blind", "--seeds", 3)
    return tmp_path / "a", tmp_path / "b"


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def merged(out: Path, *folders: Path) -> int:
    return as_command("merge", main)([*map(str, folders), "--out", str(out)])


@pytest.mark.parametrize("packed", [(), ("a",), ("a", "b")])
def test_the_report_of_joined_folders_is_that_of_one_run(
    halves: tuple[Path, Path], place: list[str], tmp_path: Path, packed: tuple[str, ...]
) -> None:
    run_into(place, tmp_path / "whole", "--selectors", "alphas,fails,blind", "--seeds", 2)
    run_into(place, tmp_path / "whole", "--selectors", "random,blind", "--seeds", 3)
    if packed:
        pack([str(tmp_path / name) for name in packed])
    before = [files(folder) for folder in halves]
    assert merged(tmp_path / "c", *halves) == ExitCode.OK
    assert [files(folder) for folder in halves] == before
    assert not (tmp_path / "c" / ".lock").exists()
    for name in ("c", "whole"):
        run_into([*fake_bench.places(place), "--report-only"], tmp_path / name)
    joined, whole = files(tmp_path / "c"), files(tmp_path / "whole")
    differing = {"run.json", "costs.csv", "gathered.json"} | {
        name for name in whole if name.startswith(("costs/", "logs/"))
    }
    assert joined.keys() == whole.keys()
    assert {name for name in joined if joined[name] != whole[name]} <= differing
    one, other = read_run(tmp_path / "c"), read_run(tmp_path / "whole")
    assert one is not None and other is not None and len(one["commands"]) == 2
    assert (one["supernet_seeds"], one["datasets"], one["seed"]) == (3, ["digits"], other["seed"])
    assert set(one["selectors"]) == {"alphas", "fails", "blind", "random"}


def test_a_result_is_kept_where_another_folder_failed(place: list[str], tmp_path: Path) -> None:
    for name in ("a", "b"):  # the first run failed, and marked that in the shared cache
        run_into(place, tmp_path / name, "--selectors", "fails-once", "--seeds", 1)
    assert merged(tmp_path / "c", tmp_path / "a", tmp_path / "b") == ExitCode.OK
    (record,) = (tmp_path / "c" / "records").iterdir()
    assert json.loads(record.read_bytes())["state"] == "done"
    assert not list((tmp_path / "c" / "logs").iterdir())
    assert len(list((tmp_path / "c" / "costs").glob("*fails-once*"))) == 1


def test_different_results_of_one_cell_are_one_sentence_and_exit_code_3(
    halves: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(halves[1], tmp_path / "other")
    for path in (tmp_path / "other" / "records").glob("*random*"):
        record = read_record(path.read_bytes(), path)
        assert record is not None
        write_record(path, replace(record, choice={**(record.choice or {}), "forward_passes": 10**6}))
    capsys.readouterr()
    assert merged(tmp_path / "c", halves[1], tmp_path / "other") == ExitCode.DIFFERS
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "different results of" in said and "random" in said
    assert not (tmp_path / "c").exists()


def test_results_of_different_versions_of_a_method_are_not_joined(
    place: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run_into(place, tmp_path / "a", "--selectors", "random", "--seeds", 1)
    monkeypatch.setenv("FAKE_SELECTOR_VERSION", "2")
    run_into([*place[:-1], "shaky"], tmp_path / "b", "--selectors", "random", "--seeds", 1)
    run_into([*place[:-1], "shaky"], tmp_path / "other", "--selectors", "ranks", "--seeds", 1)
    capsys.readouterr()
    assert merged(tmp_path / "c", tmp_path / "a", tmp_path / "b") == ExitCode.USAGE
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "selector random of one is version 1, of the other version 2" in said
    assert not (tmp_path / "c").exists()
    assert merged(tmp_path / "c", tmp_path / "a", tmp_path / "other") == ExitCode.OK


def test_results_of_different_contents_of_a_plugin_are_not_joined(
    halves: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder, digest in zip(halves, ("0123", "4567"), strict=True):
        described = json.loads((folder / "methods.json").read_text())
        described["selectors"]["blind"] |= {"from": "--plugin blind.py", "digest": digest}
        write_json(folder / "methods.json", described, indent=1)
    capsys.readouterr()
    assert merged(tmp_path / "c", *halves) == ExitCode.USAGE
    assert "version 1 with content 0123, of the other version 1 with content 4567" in capsys.readouterr().err


def test_other_weights_of_one_supernet_are_not_joined(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shaky = [word if word != "steady" else "shaky" for word in place]
    for name, selector in (("a", "alphas"), ("b", "random")):
        cache = [str(tmp_path / f"cache of {name}") if word == str(tmp_path / "cache") else word for word in shaky]
        run_into(cache, tmp_path / name, "--selectors", selector, "--seeds", 1)
    capsys.readouterr()
    assert merged(tmp_path / "c", tmp_path / "a", tmp_path / "b") == ExitCode.DIFFERS
    assert "different checkpoints of digits shaky seed 0" in capsys.readouterr().err


@pytest.mark.parametrize("odd", ["--seed", "--threads"])
def test_what_does_not_belong_together_is_refused(
    halves: tuple[Path, Path], place: list[str], tmp_path: Path, odd: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run_into([*place, odd, "2"], tmp_path / "other", "--selectors", "alphas", "--seeds", 1)
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    taken = tmp_path / "taken"
    shutil.copytree(halves[0], taken)
    capsys.readouterr()
    for out, folders, said in (
        ("c", (halves[0], tmp_path / "other"), f"the {odd.removeprefix('--')} of one is"),
        ("c", (halves[0], nothing), "is not an output folder"),
        ("c", (halves[0],), "two or more"),
        ("c", (halves[0], halves[0]), "two or more"),
        ("taken", halves, "already exists"),
    ):
        assert merged(tmp_path / out, *folders) == ExitCode.USAGE
        assert said in (line := capsys.readouterr().err) and line.count("\n") == 1
        assert not (tmp_path / "c").exists()


def test_variables_that_differ_are_named(
    halves: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = json.loads((halves[0] / "run.json").read_text())
    write_json(halves[0] / "run.json", run | {"environment": {"MKL_CBWR": "SSE41"}}, indent=1)
    write_json(halves[1] / "run.json", run | {"environment": {}}, indent=1)
    assert merged(tmp_path / "c", *halves) == ExitCode.USAGE
    said = capsys.readouterr().err
    assert "MKL_CBWR=SSE41" in said and "{" not in said and "run one of them again" in said


def test_a_damaged_record_is_named(
    halves: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = next((halves[0] / "records").iterdir())
    path.write_text(path.read_text()[:-9])
    assert merged(tmp_path / "c", *halves) == ExitCode.USAGE
    assert str(path) in capsys.readouterr().err
