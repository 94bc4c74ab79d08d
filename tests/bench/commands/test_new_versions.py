"""A second run after a method has changed: its results are recomputed, and those that remain are told."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nas_selection_bench.bench.errors import ExitCode
from nas_selection_bench.bench.work.methods import Source
from tests.bench import fake_bench
from tests.bench.fake_bench import results, rows, states


def test_a_new_version_of_a_selector_makes_its_cells_to_do(
    place: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_bench.run(*place, "--selectors", "random,ranks")
    monkeypatch.setenv("FAKE_SELECTOR_VERSION", "2")
    fake_bench.run(*place, "--selectors", "random,ranks")
    assert "4 cells, 2 to do (2 done)" in capsys.readouterr().err
    assert {(row["selector"], row["version"]) for row in rows(tmp_path / "out")} == {("random", "2"), ("ranks", "1")}


def test_results_of_another_version_that_a_run_leaves_as_they_are_are_told(
    place: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_bench.run(*place, "--selectors", "random,ranks", "--seeds", "2")
    fake_bench.run(*place, "--selectors", "random,ranks", "--seeds", "1")
    assert "earlier version" not in capsys.readouterr().err
    monkeypatch.setenv("FAKE_SELECTOR_VERSION", "2")
    fake_bench.run(*place, "--selectors", "ranks", "--seeds", "1")
    assert "earlier version" not in capsys.readouterr().err, "nothing is averaged with results of this run"
    fake_bench.run(*place, "--selectors", "random,ranks", "--seeds", "1")
    assert "1 result of earlier versions (random on steady)" in capsys.readouterr().err
    fake_bench.run(*place[:-2])
    assert {row["version"] for row in rows(tmp_path / "out") if row["selector"] == "random"} == {"2"}
    capsys.readouterr()
    fake_bench.run(*place, "--selectors", "random,ranks", "--seeds", "1")
    assert "earlier version" not in capsys.readouterr().err


def test_a_result_outlives_a_successor_that_fails_and_returns_with_its_version(
    place: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def wrong(*given: Any) -> Any:
        raise KeyError("a slip")

    out, right, command = tmp_path / "out", fake_bench.select, [*place, "--selectors", "random,ranks"]
    fake_bench.run(*command)
    before, costs = results(out), kept(out / "costs")
    for version in ("2", "3"):  # a failure does not replace an earlier result
        monkeypatch.setenv("FAKE_SELECTOR_VERSION", version)
        monkeypatch.setattr(fake_bench, "select", wrong)
        assert fake_bench.run(*command) == ExitCode.SOME_CELLS_FAILED
        assert states(out) == {"done": 2, "failed": 2}
    monkeypatch.delenv("FAKE_SELECTOR_VERSION")
    capsys.readouterr()
    assert fake_bench.run(*command, "--plan") == ExitCode.OK
    assert "4 cells: 0 to do; 4 done" in capsys.readouterr().out
    assert states(out) == {"done": 2, "failed": 2}, "a plan changes nothing"
    assert fake_bench.run(*command) == ExitCode.OK
    assert "4 cells, 0 to do (4 done)" in capsys.readouterr().err
    assert (results(out), kept(out / "costs")) == (before, costs)
    assert not list(out.glob("*/*.old")) and not list((out / "logs").iterdir())
    monkeypatch.setenv("FAKE_SELECTOR_VERSION", "4")
    monkeypatch.setattr(fake_bench, "select", right)
    assert fake_bench.run(*command) == ExitCode.OK
    assert not list(out.glob("*/*.old")), "a successor that is done takes the place"


def test_a_failure_of_an_earlier_version_is_not_kept(
    place: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fake_bench, "select", lambda *given: 1 / 0)
    for version in ("1", "2"):
        monkeypatch.setenv("FAKE_SELECTOR_VERSION", version)
        assert fake_bench.run(*place, "--selectors", "random") == ExitCode.NOTHING_MEASURED
    assert {(row["state"], row["version"]) for row in rows(tmp_path / "out")} == {("failed", "2")}
    assert not list((tmp_path / "out").glob("*/*.old"))


def test_a_result_that_was_set_aside_returns_in_place_of_a_damaged_record(
    place: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_bench.run(*place, "--selectors", "random", "--seeds", "1")
    before = results(tmp_path / "out")
    (path,) = (tmp_path / "out" / "records").iterdir()
    path.with_name(f"{path.name}.old").write_bytes(path.read_bytes())
    path.write_text("{")
    monkeypatch.setenv("FAKE_SELECTOR_VERSION", "2")
    monkeypatch.setattr(fake_bench, "select", lambda *given: 1 / 0)
    fake_bench.run(*place, "--selectors", "random", "--seeds", "1")
    monkeypatch.delenv("FAKE_SELECTOR_VERSION")
    capsys.readouterr()
    assert fake_bench.run(*place, "--selectors", "random", "--seeds", "1") == ExitCode.OK
    assert "damaged" not in capsys.readouterr().err
    assert results(tmp_path / "out") == before


def kept(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_method_edited_under_its_old_version_is_told(
    place: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Results are kept by version; editing a method without raising its version gives a warning."""
    now = {"steady": "s1", "random": "r1", "blind": "b1"}

    def source(name: str) -> Source:
        return Source(f"selectors/{name}.py", now[name])

    plain = fake_bench.methods()
    known = {name: replace(getattr(plain, name), source=source) for name in ("recipes", "selectors")}
    monkeypatch.setattr(fake_bench, "methods", lambda: replace(plain, **known))
    command = [*place, "--selectors", "random,blind"]
    fake_bench.run(*command)
    assert fake_bench.run(*command) == ExitCode.OK
    assert "has changed" not in capsys.readouterr().err
    now |= {"random": "r2", "blind": "b2"}
    fake_bench.run(*command, "--plan")
    assert capsys.readouterr().err.count("has changed since it produced 2 results stored here") == 2
    fake_bench.run(*command, "--seeds", "3")  # one more of each, by the edited file
    said = capsys.readouterr().err
    assert said.count("has changed") == 2
    advice = "raise its version if the edit changes what it chooses."
    assert f"selectors/random.py has changed since it produced 2 results stored here; {advice}\n" in said
    assert f"selectors/blind.py has changed since it produced 2 results stored here; {advice}\n" in said
    now["steady"] = "s2"
    fake_bench.run(*command, "--seeds", "3")
    said = capsys.readouterr().err
    assert "selectors/random.py has changed since it produced 2 results" in said
    assert "selectors/steady.py has changed since it trained 3 supernets in use here; raise its version if" in said
    # A result that is reused for another recipe still belongs to the file that computed it.
    now |= {"shaky": "k1"}
    fake_bench.run(*command[:-2], "--supernets", "steady,shaky", "--selectors", "blind", "--seeds", "2")
    capsys.readouterr()
    fake_bench.run(*command[:-2], "--supernets", "shaky", "--selectors", "blind", "--seeds", "2")
    assert "selectors/blind.py has changed since it produced 2 results" in capsys.readouterr().err


def test_results_of_before_sources_were_kept_are_not_said_to_have_changed(
    place: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_bench.run(*place, "--selectors", "random")
    plain = fake_bench.methods()
    known = {
        name: replace(getattr(plain, name), source=lambda name: Source(name, "1")) for name in ("recipes", "selectors")
    }
    monkeypatch.setattr(fake_bench, "methods", lambda: replace(plain, **known))
    assert fake_bench.run(*place, "--selectors", "random") == ExitCode.OK
    assert "has changed" not in capsys.readouterr().err


def test_a_new_version_of_a_recipe_trains_and_selects_again(
    place: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_bench.run(*place, "--selectors", "random")
    monkeypatch.setenv("FAKE_RECIPE_VERSION", "2")
    fake_bench.run(*place, "--selectors", "random")
    assert capsys.readouterr().err.count("2 cells, 2 to do") == 2
    assert len(list((tmp_path / "cache").iterdir())) == 4
