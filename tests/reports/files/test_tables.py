"""The files in tables/ agree with the records."""

import csv
import itertools
import re
from pathlib import Path

import numpy as np
import pytest

from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.bench.yardsticks.comparisons import Verdict
from nas_selection_bench.bench.yardsticks.worth import random_search
from nas_selection_bench.reports.data.edge_knowledge import ANY_ORDER
from nas_selection_bench.reports.data.material import Material
from nas_selection_bench.reports.data.results import Results
from nas_selection_bench.reports.page.page import write_report
from tests.reports.synthetic import SELECTORS, write_results

NOTED = ("comparisons", "yardsticks", "transfer", "two_criteria", "supernet_quality")
"""Tables that exist only as CSV."""


def read(page: Path, name: str) -> list[dict[str, str]]:
    with (page.parent / "tables" / name).open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_three_forms_of_each(page: Path) -> None:
    names = {path.name for path in (page.parent / "tables").iterdir()}
    both = {f"{table}.{kind}" for table in ("accuracy", "kendall_tau") for kind in ("csv", "md", "tex")}
    assert names == {*both, *(f"{name}.csv" for name in NOTED)}


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
    assert {"constant-order", "params", "two trainings"} <= taus


def test_readable_forms_hold_the_same_numbers(page: Path) -> None:
    row = next(r for r in read(page, "accuracy.csv") if r["selector"] == "ostr" and r["measure"] == "test")
    shown = f"{float(row['mean']):.2f}"
    for kind in ("md", "tex"):
        assert shown in (page.parent / "tables" / f"accuracy.{kind}").read_text()


def test_comparisons_are_those_of_the_page(page: Path, results: Results, table: GroundTruth, tmp_path: Path) -> None:
    rows = {(r["dataset"], r["lookup"], r["family"], r["first"], r["second"]): r for r in read(page, "comparisons.csv")}
    for contest in Material(results, table, tmp_path).contests:
        drawn = [c for c in contest.drawn if c.second not in contest.floors]
        of_levels = [(str(lv), contest.against("constant-order", names)) for lv, names in contest.families.items()]
        for family, comparisons in (("all pairs", drawn), *of_levels):
            for c in comparisons:
                row = rows[contest.dataset, contest.dataset, family, c.first, c.second]
                assert row["verdict"] in set(Verdict)
                assert (row["verdict"], float(row["p_corrected"]), int(row["n"])) == (str(c.verdict), c.p_holm, c.n)
                low = "" if c.mean_interval is None else repr(c.mean_interval.low)
                assert (row["mean_low"], float(row["p_sign_corrected"])) == (low, c.p_sign_holm)
                assert row["could_show"] == ("" if c.detectable is None else repr(c.detectable))
        for level, members in contest.families.items():
            of_edges = {key[3] for key in rows if key[2] == level and key[4] == ANY_ORDER}
            assert of_edges == set(members)
    floors = {"random", "random-no-none-pool", "random-conv", "constant-order"}
    for dataset, lookup in itertools.product(table.datasets, repeat=2):
        held = {key[4] for key in rows if key[:3] == (dataset, lookup, "founding")}
        assert held == (floors | {"magnitude", ANY_ORDER} if dataset == lookup else floors)


def test_yardsticks_are_whole(page: Path, table: GroundTruth) -> None:
    rows = {(r["dataset"], r["name"]): r for r in read(page, "yardsticks.csv")}
    assert {dataset for dataset, _ in rows} == set(table.datasets)
    for dataset in table.datasets:
        space = table.accuracy(dataset)
        row = rows[dataset, "all-3x3"]
        assert int(row["above"]) == sum(space > float(row["test"]))
        assert row["architecture"].count("nor_conv_3x3") == 6


def test_worth_is_that_of_the_mean_accuracy(page: Path, table: GroundTruth) -> None:
    rows = {(r["dataset"], r["recipe"], r["selector"], r["measure"]): r for r in read(page, "accuracy.csv")}
    reached = random_search(table.accuracy("cifar10"), table.accuracy("cifar10", "valid"))
    mean = float(rows["cifar10", "darts", "ostr", "test"]["mean"])
    assert float(rows["cifar10", "darts", "ostr", "worth"]["mean"]) == 1 + np.argmax(reached >= mean)


def test_lost_cells_are_counted_and_marked(page: Path, results: Results) -> None:
    rows = {(r["dataset"], r["recipe"], r["selector"]): r for r in read(page, "accuracy.csv") if r["measure"] == "test"}
    # One selector seed of one supernet seed failed; one supernet seed is missing.
    assert rows["cifar10", "darts", "darts-pt"]["cells_without_result"] == "1"
    assert rows["cifar10", "blank", "disc-acc"]["cells_without_result"] == "1"
    assert rows["cifar10", "blank", "disc-acc"]["supernet_seeds"] == "2"
    assert rows["cifar10", "darts", "ostr"]["cells_without_result"] == ""
    assert sum(int(r["cells_without_result"] or 0) for r in rows.values()) == sum(results.lost.values())
    lines = (page.parent / "tables" / "accuracy.md").read_text().splitlines()
    assert next(line for line in lines if "| disc-acc |" in line).count(")*") == 2  # on both data sets
    assert ")*" not in next(line for line in lines if "| ostr |" in line)
    assert any(line.startswith("* some of its selections failed or are missing") for line in lines)
    text = page.read_text(encoding="utf-8")
    assert "selections that failed or are missing" in text.replace("\n", " ")


def test_one_draw_per_seed_is_marked_and_counted_once(table: GroundTruth, tmp_path: Path) -> None:
    few = {name: SELECTORS[name] for name in ("ostr", "zero-cost-pt-nwot")}
    out = write_results(tmp_path / "out", table, datasets=("cifar10",), recipes=("a", "b", "c"), selectors=few,
                        failures=False, ranking=False, checkpoint_free=("zero-cost-pt-nwot",))  # fmt: skip
    page = write_report(out, table)
    rows = {r["selector"]: r for r in read(page, "accuracy.csv") if r["measure"] == "test" and r["recipe"] == "a"}
    assert (rows["zero-cost-pt-nwot"]["one_draw_per_seed"], rows["ostr"]["one_draw_per_seed"]) == ("yes", "")
    for kind in ("md", "tex"):
        assert "needs no trained supernet" in (out / "tables" / f"accuracy.{kind}").read_text()
    text = page.read_text(encoding="utf-8")
    main = text[text.index('data-name="main-cifar10"') : text.index('data-name="yardsticks-cifar10"')]
    assert "zero-cost-pt-nwot †" in main
    assert "ostr †" not in main
    assert not re.search(r'class="[^"]*off[^"]*"[^>]*>n<', main)
    bias = text[text.index('data-name="bias-cifar10"') :].split("<tbody>")[1].split("</tbody>")[0]
    last = {name: cells.rsplit(">", 2)[1].split("<")[0] for name, cells in
            re.findall(r"<tr[^>]*>\s*<t[dh][^>]*>([\w-]+(?: †)?)</t[dh]>(.*?)</tr>", bias, flags=re.S)}  # fmt: skip
    assert last == {"ostr": "9", "zero-cost-pt-nwot †": "6"}  # three seeds, two repetitions each


def test_costs_say_what_a_mark_is(page: Path) -> None:
    text = page.read_text(encoding="utf-8").replace("\xa0", " ")
    cost = text[text.index('<section id="cost"') : text.index('<section id="bias"')]
    assert "the same for all" not in cost
    assert "(n = 3 to 6 checkpoints)" in cost
    assert "†" not in cost, "every criterion read the supernet"
