"""What a run finds stored, over fake methods: resume, retries, versions, damage, --report-only and --check."""

from pathlib import Path

import pytest

from bench.errors import ExitCode
from tests.bench import fake_bench
from tests.bench.fake_bench import results, rows, states


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


def test_a_retried_failure_stays_a_failure_until_it_is_replaced(place: list[str], tmp_path: Path) -> None:
    command = [*place, "--selectors", "fails,random", "--seeds", "1"]
    fake_bench.run(*command)
    before = results(tmp_path / "out")
    assert fake_bench.run(*command, "--retry-failed") == ExitCode.SOME_CELLS_FAILED
    assert results(tmp_path / "out") == before


def test_a_new_version_of_a_selector_makes_its_cells_to_do(
    place: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_bench.run(*place, "--selectors", "random,ranks")
    monkeypatch.setenv("FAKE_SELECTOR_VERSION", "2")
    fake_bench.run(*place, "--selectors", "random,ranks")
    assert "4 cells, 2 to do (2 done)" in capsys.readouterr().err
    assert {(row["selector"], row["version"]) for row in rows(tmp_path / "out")} == {("random", "2"), ("ranks", "1")}


def test_a_new_version_of_a_recipe_trains_and_selects_again(
    place: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_bench.run(*place, "--selectors", "random")
    monkeypatch.setenv("FAKE_RECIPE_VERSION", "2")
    fake_bench.run(*place, "--selectors", "random")
    assert "2 cells, 2 to do" in capsys.readouterr().err
    assert len(list((tmp_path / "cache").iterdir())) == 4


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
    path.write_text(path.read_text().replace('"schema":1', '"schema":99'))
    assert fake_bench.run(*place, "--selectors", "random") == ExitCode.USAGE
    assert "schema 99" in capsys.readouterr().err


def test_report_only_gathers_what_is_there_and_computes_nothing(place: list[str], tmp_path: Path) -> None:
    fake_bench.run(*place, "--selectors", "random,ranks")
    before = results(tmp_path / "out")
    (tmp_path / "out" / "records.csv").unlink()
    assert fake_bench.run(*place, "--report-only") == ExitCode.OK
    assert results(tmp_path / "out") == before
    next((tmp_path / "out" / "records").glob("*ranks*")).unlink()
    assert fake_bench.run(*place, "--report-only") == ExitCode.OK
    assert states(tmp_path / "out") == {"done": 3, "missing": 1}


def test_what_any_command_of_the_folder_asked_for_is_missing_until_it_is_done(place: list[str], tmp_path: Path) -> None:
    fake_bench.run(*place, "--selectors", "random")
    fake_bench.run(*place, "--selectors", "ranks")
    for path in (tmp_path / "out" / "records").iterdir():
        path.unlink()
    asked = rows(tmp_path / "out")
    fake_bench.run(*place, "--report-only")
    again = rows(tmp_path / "out")
    place_of = ["selector", "supernet_seed"]
    assert [[row[name] for name in place_of] for row in again] == [[row[name] for name in place_of] for row in asked]
    assert {row["selector"] for row in again if row["state"] == "missing"} == {"random", "ranks"}


def test_check_holds_for_what_was_stored_and_tells_what_differs(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_bench.run(*place, "--selectors", "random,ranks")
    without_out = [argument for argument in place if argument not in ("--out", str(tmp_path / "out"))]
    assert fake_bench.run(*without_out, "--check", tmp_path / "out") == ExitCode.OK
    path = tmp_path / "out" / "records.csv"
    path.write_text(path.read_text().replace(",ranks,", ",ranked,", 1))
    capsys.readouterr()
    assert fake_bench.run(*without_out, "--check", tmp_path / "out") == ExitCode.DIFFERS
    assert "ranked" in capsys.readouterr().out
    assert fake_bench.run(*without_out, "--check", tmp_path / "nowhere") == ExitCode.USAGE


def test_check_compares_a_fresh_run_with_the_stored_one(place: list[str], tmp_path: Path) -> None:
    fake_bench.run(*place, "--selectors", "random")
    fresh = [*place, "--out", str(tmp_path / "fresh"), "--cache", str(tmp_path / "fresh-cache")]
    fake_bench.run(*fresh, "--selectors", "random")
    assert fake_bench.run(*fresh, "--check", tmp_path / "out") == ExitCode.OK
    path = tmp_path / "fresh" / "records.csv"
    path.write_text(path.read_text().replace(",done,", ",failed,", 1))
    assert fake_bench.run(*fresh, "--check", tmp_path / "out") == ExitCode.DIFFERS
