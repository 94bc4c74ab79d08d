"""tables/: what stands in them is what the records say."""

import csv
from pathlib import Path

import pytest

from bench.table import GroundTruth
from reports.results import Results


def read(page: Path, name: str) -> list[dict[str, str]]:
    with (page.parent / "tables" / name).open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_three_forms_of_each(page: Path) -> None:
    names = {path.name for path in (page.parent / "tables").iterdir()}
    assert names == {f"{table}.{kind}" for table in ("accuracy", "kendall_tau") for kind in ("csv", "md", "tex")}


def test_means_are_over_supernets_of_means_over_selector_seeds(page: Path, results: Results) -> None:
    row = next(
        r for r in read(page, "accuracy.csv")
        if (r["dataset"], r["recipe"], r["selector"], r["measure"]) == ("cifar10", "darts", "darts-pt", "test")
    )  # fmt: skip
    frame = results.final
    mine = frame[(frame["dataset"] == "cifar10") & (frame["setting"] == "darts") & (frame["method"] == "darts-pt")]
    per_seed = mine.groupby("supernet_seed")["test"].mean()
    assert float(row["mean"]) == pytest.approx(per_seed.mean())
    assert float(row["sd_over_supernets"]) == pytest.approx(per_seed.std())
    assert (row["supernet_seeds"], row["selector_seeds"]) == ("3", "2")
    assert float(row["interval_low"]) <= float(row["mean"]) <= float(row["interval_high"])


def test_floors_and_ceilings_stand_in_every_table(page: Path, table: GroundTruth) -> None:
    rows = {(r["dataset"], r["selector"]): r for r in read(page, "accuracy.csv") if r["measure"] == "test"}
    for dataset in table.datasets:
        assert float(rows[dataset, "optimum"]["mean"]) == table.accuracy(dataset).max()
        assert float(rows[dataset, "random"]["mean"]) == pytest.approx(table.accuracy(dataset).mean())
    taus = {r["selector"] for r in read(page, "kendall_tau.csv") if r["measure"] == "tau_best"}
    assert {"constant-order", "params", "noise ceiling"} <= taus


def test_readable_forms_hold_the_same_numbers(page: Path) -> None:
    row = next(r for r in read(page, "accuracy.csv") if r["selector"] == "ostr" and r["measure"] == "test")
    shown = f"{float(row['mean']):.2f}"
    for kind in ("md", "tex"):
        assert shown in (page.parent / "tables" / f"accuracy.{kind}").read_text()
