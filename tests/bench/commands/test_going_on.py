"""A second run on the results of a first: valid results are kept, the others are recomputed."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from nas_selection_bench.bench.errors import ExitCode
from nas_selection_bench.bench.work.record import SCHEMA, read_record, write_record
from tests.bench import fake_bench
from tests.bench.fake_bench import places, results, rows, states


def test_done_cells_are_not_computed_again(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_bench.run(*place, "--selectors", "random")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "records").iterdir()}
    assert fake_bench.run(*place, "--selectors", "random,ranks") == ExitCode.OK
    assert (
        before.items() <= {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "records").iterdir()}.items()
    )
    assert "4 cells, 2 to do (2 done)" in capsys.readouterr().err


def test_failed_cells_run_again_only_on_request(place: list[str], tmp_path: Path) -> None:
    command = [*place, "--selectors", "fails-once,random"]
    assert fake_bench.run(*command) == ExitCode.SOME_CELLS_FAILED
    assert fake_bench.run(*command) == ExitCode.SOME_CELLS_FAILED
    assert len(list((tmp_path / "out" / "logs").iterdir())) == 2
    assert fake_bench.run(*command, "--retry-failed") == ExitCode.OK
    assert states(tmp_path / "out") == {"done": 4}
    assert not list((tmp_path / "out" / "logs").iterdir())


def test_a_supernet_whose_training_broke_off_goes_on_where_it_was_and_says_so(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [*place[:-1], "diverges-late", "--seeds", "1", "--selectors", "random"]
    assert fake_bench.run(*command) == ExitCode.NOTHING_MEASURED
    trained = len(list((tmp_path / "cache").rglob("[0-9]*.json")))
    assert trained and "resumes after" not in capsys.readouterr().err
    assert fake_bench.run(*command, "--retry-failed") == ExitCode.NOTHING_MEASURED
    assert f"digits diverges-late seed 0 resumes after epoch {trained} of 8" in capsys.readouterr().err


def test_a_supernet_trains_no_further_than_the_last_epoch_that_is_selected_from(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def trained() -> list[str]:
        return sorted(path.stem for path in (tmp_path / "cache").rglob("[0-9]*.json"))

    def records(folder: str) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (tmp_path / folder / "records").iterdir()}

    command = [*place, "--seeds", "1", "--selectors", "random"]
    assert fake_bench.run(*command, "--epochs", "2,4") == ExitCode.OK
    assert trained() == ["0002", "0004"]
    before = records("out")
    capsys.readouterr()
    assert fake_bench.run(*command, "--epochs", "2,4,8", "--plan") == ExitCode.OK
    assert "3 cells: 1 to do; 2 done\n1 supernet to train" in capsys.readouterr().out
    assert fake_bench.run(*command, "--epochs", "last") == ExitCode.OK
    assert trained() == ["0002", "0004", "0006", "0008"]
    assert before.items() <= records("out").items()
    fake_bench.run(*command, "--epochs", "2,4,8", "--out", str(tmp_path / "at-once"), "--cache", str(tmp_path / "new"))
    assert records("at-once") == records("out")


def test_a_folder_goes_on_with_what_its_runs_asked_for(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_bench.run(*place, "--seeds", "1", "--selectors", "fails-once", "--train-epochs", "3")
    fake_bench.run(*place[:-2], "--supernets", "shaky", "--seeds", "1", "--selectors", "random", "--train-epochs", "3")
    run = (tmp_path / "out" / "run.json").read_text()
    before, whole = states(tmp_path / "out"), results(tmp_path / "out")
    assert before == {"failed": 1, "done": 1}
    capsys.readouterr()
    assert fake_bench.run(*place[:-2]) == ExitCode.SOME_CELLS_FAILED
    assert "(the default)" not in capsys.readouterr().err, "the preset is the folder's"
    assert results(tmp_path / "out") == whole, "nothing is to do, and nothing new is asked for"
    for path in (tmp_path / "out" / "records").glob("*random*"):
        path.unlink()
    capsys.readouterr()
    assert fake_bench.run(*place[:-2], "--plan") == ExitCode.OK
    assert "2 cells: 1 to do; 1 failed" in capsys.readouterr().out
    assert fake_bench.run(*place[:-2], "--retry-failed") == ExitCode.OK
    assert states(tmp_path / "out") == {"done": 2}
    after = json.loads((tmp_path / "out" / "run.json").read_text())
    kept = ("argv", "commands", "supernets", "selectors", "settings")
    assert {name: after[name] for name in kept} == {name: json.loads(run)[name] for name in kept}


def test_a_folder_that_asks_for_a_selector_that_is_gone_says_how_to_go_on(
    place: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_bench.run(*place, "--selectors", "random,ranks", "--seeds", "1")
    monkeypatch.setattr(fake_bench, "SELECTORS", ("random",))
    capsys.readouterr()
    assert fake_bench.run(*place[:-2]) == ExitCode.USAGE
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "'ranks'" in said and "plan.json" in said and "--selectors" in said
    assert fake_bench.run(*place, "--selectors", "random", "--seeds", "1") == ExitCode.OK
    assert states(tmp_path / "out") == {"done": 2}


def test_a_folder_of_two_sizes_asks_which_is_meant(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for epochs in ("1", "2"):
        fake_bench.run(*place, "--seeds", "1", "--selectors", "random", "--train-epochs", epochs)
    assert fake_bench.run(*place[:-2]) == ExitCode.USAGE
    assert "digits[epochs=1] and digits[epochs=2]" in capsys.readouterr().err


def test_a_retried_failure_stays_a_failure_until_it_is_replaced(place: list[str], tmp_path: Path) -> None:
    command = [*place, "--selectors", "fails,random", "--seeds", "1"]
    fake_bench.run(*command)
    before = results(tmp_path / "out")
    assert fake_bench.run(*command, "--retry-failed") == ExitCode.SOME_CELLS_FAILED
    assert results(tmp_path / "out") == before


def test_a_supernet_trained_anew_takes_its_old_records_along(place: list[str], tmp_path: Path) -> None:
    command = [*place[:-1], "shaky", "--seeds", "1", "--selectors"]
    fake_bench.run(*command, "random")
    for path in (tmp_path / "cache").glob("*/*.json"):
        path.unlink()
    fake_bench.run(*command, "random,ranks")
    assert len({row["checkpoint"] for row in rows(tmp_path / "out")}) == 1


def test_records_outlive_the_cache(place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fake_bench.run(*place, "--selectors", "random")
    for path in (tmp_path / "cache").glob("*/*.json"):
        path.unlink()
    assert fake_bench.run(*place, "--selectors", "random") == ExitCode.OK
    assert "2 cells, 0 to do (2 done)" in capsys.readouterr().err
    assert not list((tmp_path / "cache").glob("*/*.json"))


def test_the_cache_is_shared_between_output_folders(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_bench.run(*place, "--selectors", "random")
    fake_bench.run(*place, "--selectors", "random", "--out", tmp_path / "other")
    assert capsys.readouterr().err.count("trained digits steady") == 2
    assert results(tmp_path / "out") == results(tmp_path / "other")


def test_a_damaged_record_is_named_and_made_again(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [*place, "--selectors", "random,ranks"]
    fake_bench.run(*command)
    before = results(tmp_path / "out")
    first, second, third, _ = sorted((tmp_path / "out" / "records").iterdir())
    first.write_bytes(first.read_bytes()[:100])
    second.write_text(second.read_text().replace('"epoch":8', '"epoch":6'))
    third.write_text(third.read_text().replace('"forward_passes":30', '"forward_passes":31'))
    assert fake_bench.run(*command) == ExitCode.OK
    said = capsys.readouterr().err
    assert all(f"{path} is damaged" in said for path in (first, second, third))
    assert results(tmp_path / "out") == before


def test_a_record_that_is_no_result_is_told_and_left_out(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An earlier version stored records that break the contract; they must not prevent the report of the others."""
    fake_bench.run(*place, "--selectors", "random,ranks")
    path = next(path for path in (tmp_path / "out" / "records").iterdir() if "ranks" in path.name)
    record = read_record(path.read_bytes(), path)
    assert record is not None
    assert record.ranking is not None
    record.ranking["codes"][0] = record.ranking["codes"][1]
    write_record(path, record)
    capsys.readouterr()
    assert fake_bench.run(*places(place), "--report-only") == ExitCode.OK
    told = capsys.readouterr().err
    assert f"{path} holds no valid selection (the selector ranked an architecture twice); delete it and rerun" in told
    assert states(tmp_path / "out") == {"done": 3, "missing": 1}
    path.unlink()
    assert fake_bench.run(*place, "--selectors", "random,ranks") == ExitCode.OK
    assert states(tmp_path / "out") == {"done": 4}


def test_the_line_of_a_failure_is_a_column_of_its_own_where_there_is_one(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_bench.run(*place, "--seeds", "1", "--selectors", "fails,random")
    assert "where" not in rows(tmp_path / "out")[0]
    path = next(path for path in (tmp_path / "out" / "records").iterdir() if "fails" in path.name)
    record = read_record(path.read_bytes(), path)
    assert record is not None
    write_record(path, replace(record, where="selectors/mine.py, line 27"))
    capsys.readouterr()
    fake_bench.run(*places(place), "--report-only")
    assert f"{record.reason} (selectors/mine.py, line 27)" in capsys.readouterr().err
    found = {row["selector"]: (row["reason"], row["where"]) for row in rows(tmp_path / "out")}
    assert found == {"fails": (record.reason, "selectors/mine.py, line 27"), "random": ("", "")}


def test_a_damaged_record_of_another_run_is_refused(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_bench.run(*place, "--selectors", "random")
    path = next((tmp_path / "out" / "records").iterdir())
    path.write_text("{")
    assert fake_bench.run(*place, "--selectors", "ranks") == ExitCode.USAGE
    assert str(path) in capsys.readouterr().err


def test_a_record_of_a_newer_program_is_refused(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_bench.run(*place, "--selectors", "random")
    path = next((tmp_path / "out" / "records").iterdir())
    path.write_text(path.read_text().replace(f'"schema":{SCHEMA}', '"schema":99'))
    assert fake_bench.run(*place, "--selectors", "random") == ExitCode.USAGE
    assert "schema 99" in capsys.readouterr().err
