"""A selector that does not read the checkpoint runs once for all recipes and epochs of a supernet seed."""

import csv
import json
from pathlib import Path

import pytest

from nas_selection_bench.bench.commands import run as session
from nas_selection_bench.bench.errors import ExitCode
from tests.bench import fake_bench
from tests.bench.fake_bench import rows


@pytest.fixture
def place(tmp_path: Path) -> list[str]:
    """Arguments that keep a run inside the test's folder."""
    table = fake_bench.make_table(tmp_path / "table.npz")
    return ["--device", "cpu", "--jobs", "1", "--threads", "1", "--table", str(table), "--out", str(tmp_path / "out"),
            "--cache", str(tmp_path / "cache"), "--seeds", "2", "--epochs", "all"]  # fmt: skip


def calls(tmp_path: Path) -> list[str]:
    file = tmp_path / "cache" / "calls.txt"
    return file.read_text().splitlines() if file.exists() else []


def test_recipes_and_epochs_of_a_seed_share_one_run(place: list[str], tmp_path: Path) -> None:
    assert fake_bench.run(*place, "--supernets", "steady,shaky", "--selectors", "blind") == ExitCode.OK
    found = rows(tmp_path / "out")
    assert len(found) == 2 * 2 * 4
    assert len(calls(tmp_path)) == 2, "once per supernet seed"
    for seed in ("0", "1"):
        assert len({row["architecture"] for row in found if row["supernet_seed"] == seed}) == 1
    assert len({(row["recipe"], row["supernet_seed"], row["epoch"]) for row in found}) == 16


def trained(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "cache").glob("*/*.json"))


def test_no_supernet_is_trained_for_what_reads_no_checkpoint(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not even one whose training would fail."""
    blind = ["--supernets", "steady,diverges", "--selectors", "blind"]
    assert fake_bench.run(*place, *blind, "--plan") == ExitCode.OK
    assert "0 supernets to train" in capsys.readouterr().out
    assert fake_bench.run(*place, *blind) == ExitCode.OK
    assert trained(tmp_path) == []
    before = rows(tmp_path / "out")
    assert {(row["state"], row["checkpoint"], row["supernet_accuracy"]) for row in before} == {("done", "", "")}
    # Whether other selectors need the supernet or it already exists, the rows stay the same.
    both = ["--supernets", "steady", "--selectors", "blind,random"]
    assert fake_bench.run(*place, *both) == ExitCode.OK
    assert len(trained(tmp_path)) == 8
    after = rows(tmp_path / "out")
    assert [row for row in after if row["selector"] == "blind"] == before
    assert all(row["checkpoint"] and row["supernet_accuracy"] for row in after if row["selector"] == "random")
    again = [text.replace(str(tmp_path / "out"), str(tmp_path / "again")) for text in place]
    fake_bench.run(*again, "--supernets", "steady", "--selectors", "blind")
    assert rows(tmp_path / "again") == [row for row in before if row["recipe"] == "steady"]


def test_a_result_that_reads_no_checkpoint_outlives_every_checkpoint(place: list[str], tmp_path: Path) -> None:
    names = ["--supernets", "shaky", "--selectors", "blind,random"]
    fake_bench.run(*place, *names)
    for path in trained(tmp_path):
        path.unlink()
    fake_bench.run(*place, *names)  # new checkpoints: selectors that read the old ones are run again
    assert len(calls(tmp_path)) == 2


def test_a_recipe_that_comes_later_takes_the_stored_result(place: list[str], tmp_path: Path) -> None:
    fake_bench.run(*place, "--supernets", "steady", "--selectors", "blind")
    fake_bench.run(*place, "--supernets", "steady,shaky", "--selectors", "blind")
    assert len(calls(tmp_path)) == 2
    assert len(rows(tmp_path / "out")) == 16
    costs = [json.loads(path.read_text()) for path in (tmp_path / "out" / "costs").iterdir()]
    assert sum("wall_seconds" in cost for cost in costs) == 16, "the cost is told at every cell"


def test_each_selection_keeps_the_commit_that_computed_it(
    place: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for commit, recipes in ((None, "steady"), ("first", "steady,shaky"), ("second", "steady,shaky")):
        monkeypatch.setattr(session, "git_commit", lambda code, commit=commit: commit)
        selectors = "blind" if commit is None else "blind,random" if commit == "first" else "blind,random,ranks"
        fake_bench.run(*place, "--supernets", recipes, "--selectors", selectors, "--epochs", "last")
    with (tmp_path / "out" / "costs.csv").open(newline="") as stream:
        found = {(row["selector"], row["recipe"]): row["commit"] for row in csv.DictReader(stream)}
    assert found == {
        ("", "steady"): "", ("blind", "steady"): "", ("random", "steady"): "first", ("ranks", "steady"): "second",
        ("", "shaky"): "", ("blind", "shaky"): "", ("random", "shaky"): "first", ("ranks", "shaky"): "second",
    }, "a shared result stays that of the commit that computed it, also at a recipe that came later"  # fmt: skip


@pytest.mark.usefixtures("worker_processes")
def test_two_workers_and_a_resumed_run_give_the_same_bytes(place: list[str], tmp_path: Path) -> None:
    names = ["--supernets", "steady,diverges-late", "--selectors", "blind,random"]
    fake_bench.run(*place, *names)
    elsewhere = [text.replace(str(tmp_path / "out"), str(tmp_path / "two")) for text in place]
    elsewhere[elsewhere.index("--jobs") + 1] = "2"
    fake_bench.run(*elsewhere, "--supernets", "steady", "--selectors", "random")
    fake_bench.run(*elsewhere, *names)
    one, two = ((tmp_path / name / "records.csv").read_bytes() for name in ("out", "two"))
    assert one == two


def test_a_shared_failure_is_a_row_of_every_cell(place: list[str], tmp_path: Path) -> None:
    code = fake_bench.run(*place, "--supernets", "steady,shaky", "--selectors", "blind-fails,random")
    assert code == ExitCode.SOME_CELLS_FAILED
    failed = [row for row in rows(tmp_path / "out") if row["state"] == "failed"]
    assert len(failed) == 16
    assert all((tmp_path / "out" / row["log"]).exists() for row in failed)


def test_selectors_that_read_the_checkpoint_share_nothing(place: list[str], tmp_path: Path) -> None:
    fake_bench.run(*place, "--supernets", "steady,shaky", "--selectors", "random")
    assert len({row["architecture"] for row in rows(tmp_path / "out")}) > 2
    assert all(json.loads(p.read_text())["shared"] is None for p in (tmp_path / "out" / "records").iterdir())
