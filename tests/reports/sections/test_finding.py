"""Sentences of the finding, and what is missing in red, on invented runs."""

import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from bench.problem.space import architecture_of, parse, to_string
from bench.problem.table import GroundTruth
from bench.yardsticks.comparisons import Verdict
from reports.data.contests import Contest
from reports.data.material import Material
from reports.data.results import Results
from reports.sections.collapse import collapsed
from reports.sections.finding import _factors, findings, gaps
from reports.sections.results import main_table
from tests.reports.synthetic import FEW, source_of, write_results


@pytest.fixture(scope="module")
def said(results: Results, table: GroundTruth, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    source = Material(results, table, tmp_path_factory.mktemp("figures"))
    return dict(zip(table.datasets, findings(source), strict=True))


@pytest.mark.parametrize("dataset", ["cifar10", "cifar100"])
def test_collapse_is_counted_in_the_architectures(dataset: str, said: dict[str, str], folder: Path) -> None:
    rows = pd.read_csv(folder / "records.csv")
    rows = rows[(rows["state"] == "done") & (rows["dataset"] == dataset) & (rows["epoch"] == 10)]
    skips = rows["architecture"].str.count("skip_connect")
    shares = (skips.groupby(rows["selector"] + " on " + rows["recipe"]).mean() / 6).sort_values(ascending=False)
    expected = [f"{place} ({100 * share:.0f} %)" for place, share in shares.items() if share >= 0.5]
    assert len(expected) == 2 and shares.iloc[2] < 0.45
    (told,) = re.findall(r"edges are skip connections in the choices of (.*?)(?:;|\.</li>)", said[dataset])
    assert re.findall(r"<b>(.*?)</b>", told) == expected


def test_the_finding_and_the_table_name_one_leader(source: Material, contest: Contest) -> None:
    (said,) = findings(source)
    assert re.search(r"The leader, <b>good</b>, reaches 9\d\.\d\d % on average \(n = 9\)", said)
    assert "too few independent results to be placed: <b>one-draw (n = 3)</b>" in said
    table = main_table(source, contest)
    assert "the leader (good)" in table.caption
    assert "too few independent results to be placed: one-draw (n = 3)" in table.caption
    groups = {row.cells[0].text: row.cells[1].text for row in table.rows if row.css != "yardstick"}
    assert groups == {"one-draw †": "?", "good": "A", "bad": "B"}
    assert [row.cells[0].text for row in table.rows if row.css == "leader"] == ["good"]


def test_the_finding_says_what_its_p_values_are_corrected_over(source: Material) -> None:
    (said,) = findings(source)
    assert "(Holm's correction per baseline): " in said


def test_the_best_agreement_stands_beside_the_floors_with_its_n(source: Material) -> None:
    (said,) = findings(source)
    best = re.search(r"are those of <b>([\w-]+)</b>, τ [\d.]+ \(n = (\d)\); (.*?)\.</li>", said)
    assert best is not None
    assert best[2] == {"one-draw": "3", "good": "9"}[best[1]]
    sticks = {stick.name: stick.tau_best for stick in source.sticks["cifar10"]}
    for name, words in (("params", "the parameter count"), ("constant-order", "the constant order of operations")):
        assert f"{words} has {sticks[name]:.2f}" in said
    assert "two trainings of every architecture agree to " in said


def test_the_finding_says_where_not_every_selector_has_all_seeds(source: Material, tmp_path: Path) -> None:
    assert "(3 recipes, 3 supernet seeds each; preset lite, supernets of 62 % accuracy):" in findings(source)[0]
    out = write_results(tmp_path / "out", source.table, datasets=("cifar10",), failures=False, ranking=False)
    rows = pd.read_csv(out / "records.csv", keep_default_na=False)
    rows.loc[(rows["selector"] == "magnitude") & (rows["supernet_seed"] == 2), "state"] = "missing"
    rows.to_csv(out / "records.csv", index=False)
    uneven = Material(Results.read(out), source.table, out / "figures")
    assert ", up to 3 supernet seeds each; " in findings(uneven)[0]


def test_what_more_seeds_of_some_decide_is_told(table: GroundTruth, tmp_path: Path) -> None:
    named = {"magnitude": FEW["bad"], "darts-pt": FEW["good"]}
    out = write_results(tmp_path / "out", table, datasets=("cifar10",), failures=False, ranking=False, seeds=4,
                        recipes=("a", "b"), selectors={**named, "other": (0.0, 0.1, 0.0, 0.5, 1, 1.0)})  # fmt: skip
    whole = Material(Results.read(out), table, out / "figures")
    assert "not all selectors have as many" not in findings(whole)[0]
    rows = pd.read_csv(out / "records.csv", keep_default_na=False)
    fewer = rows[(rows["selector"] != "other") | (rows["supernet_seed"] < 2)]
    fewer.to_csv(out / "records.csv", index=False)
    uneven = Material(Results.read(out), table, out / "figures")
    only = rows[rows["selector"].isin(named) & (rows["supernet_seed"] < 2)]
    (even,) = Material(replace(uneven.results, rows=uneven.results.rows.loc[only.index]), table, out / "f").contests
    (judged,) = even.against("magnitude")
    (said,) = findings(uneven)
    assert judged.verdict is Verdict.TOO_FEW and re.search(
        r"verdicts would be others: \d+ “too few seeds to tell”", said
    )
    assert "have up to 4 supernet seeds, and not all selectors have as many. With the 2 that all have, " in said


def test_the_finding_begins_with_the_constant_order(source: Material, contest: Contest) -> None:
    (said,) = findings(source)
    first = said.partition("<li>")[2].partition("</li>")[0]
    (stick,) = (stick for stick in source.sticks["cifar10"] if stick.name == "constant-order")
    better = [c.first for c in contest.against("constant-order") if c.verdict is Verdict.BETTER]
    who = "No selector was" if not better else "<b>"
    assert first.startswith(who) and "all of whose edges are 3x3 convolutions" in first
    assert f"({stick.test:.2f} %, percentile {stick.percentile:.1f})" in first


def test_collapse_to_none_to_skip_and_to_nothing(table: GroundTruth, tmp_path: Path) -> None:
    source = source_of(tmp_path / "out", table, selectors=FEW, recipes=("a",), seeds=3)
    lost = to_string(architecture_of(int(table.accuracy("cifar10").argmin())))
    skips, none = (to_string((o, o, o, 3, 3, 3)) for o in (1, 0))
    rows = source.results.rows
    for method, text in (("one-draw", skips), ("good", none), ("bad", lost)):
        place = rows["method"] == method
        rows.loc[place, "architecture"] = text
        rows.loc[place, "skips"] = parse(text).count(1)
        rows.loc[place, "test"] = table.accuracy("cifar10")[table.position(text)]
    fresh = Material(replace(source.results, rows=rows), table, tmp_path / "figures")
    (said,) = collapsed(fresh, fresh.contests[0])
    assert "skip connections in the choices of <b>one-draw on a (50 %)</b>" in said
    assert "<b>good on a (50 %)</b>" in said
    assert f"{table.accuracy('cifar10').min():.2f} %, was chosen by <b>bad on a (3 of 3)</b>" in said


def test_one_seed_of_many_recipes_shows_nothing(table: GroundTruth, tmp_path: Path) -> None:
    recipes = [f"r{i:02}" for i in range(21)]
    few = {name: FEW[name] for name in ("good", "bad")}
    source = source_of(tmp_path / "out", table, recipes=recipes, seeds=1, selectors=few)
    (contest,) = source.contests
    assert contest.leader is None
    assert {c.verdict for c in contest.comparisons} <= {Verdict.TOO_FEW, Verdict.SAME}
    assert all(c.verdict in (Verdict.TOO_FEW, Verdict.SAME) for c in contest.against("params"))
    assert gaps(source) == []
    (said,) = findings(source)
    assert "1 supernet seed each, too few to tell how much seeds vary" in said
    assert "After correction over none of 5 pairs, since too few seeds stand behind each no selector" in said
    assert "correction per baseline" not in said
    assert {row.cells[1].text for row in main_table(source, contest).rows if row.css != "yardstick"} == {"?"}


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("recipe_version", "2", "one version of the recipe <b>a</b>"),
        ("checkpoint", "f", "Of 1 supernet some"),
    ],
)
def test_supernets_that_are_not_one_are_told(
    table: GroundTruth, tmp_path: Path, column: str, value: str, said: str
) -> None:
    out = tmp_path / "out"
    before = gaps(source_of(out, table, recipes=("a",), seeds=3, selectors=FEW))
    records = pd.read_csv(out / "records.csv", dtype=str, keep_default_na=False)
    records["recipe_version"] = "1"
    last = (records["selector"] == "good") & (records["state"] == "done") & (records["supernet_seed"] == "2")
    records.loc[last, column] = value
    records.to_csv(out / "records.csv", index=False)
    after = gaps(Material(Results.read(out), table, out / "figures"))
    assert len(after) == len(before) + 1
    assert any(said in line for line in after)


def test_results_of_two_versions_are_told(table: GroundTruth, tmp_path: Path) -> None:
    """What another definition of a criterion chose for some seeds is no repetition of it."""
    out = tmp_path / "out"
    before = gaps(source_of(out, table, recipes=("a",), seeds=3, selectors=FEW))
    records = pd.read_csv(out / "records.csv", dtype=str, keep_default_na=False)
    place = records.index[(records["selector"] == "good") & (records["state"] == "done")][0]
    records.loc[place, "version"] = "2"
    records.to_csv(out / "records.csv", index=False)
    after = gaps(Material(Results.read(out), table, out / "figures"))
    assert len(after) == len(before) + 1
    assert any("more than one version of <b>good</b>" in line for line in after)


def test_a_difference_within_the_margin_is_a_difference(table: GroundTruth, tmp_path: Path) -> None:
    """Shown by the test, too small to count: neither a gain nor `none was shown to differ`."""
    named = {"magnitude": FEW["bad"], "pt-magnitude": FEW["bad"], "darts-pt": FEW["good"]}
    source = source_of(tmp_path / "out", table, selectors=named, recipes=("a", "b", "c"), seeds=4)
    (contest,) = source.contests
    (text,) = _factors(contest)
    assert ": better with perturbation instead of alphas" in text
    wide = [replace(c, margin=1e3) for c in contest.comparisons]
    (text,) = _factors(replace(contest, comparisons=wide))
    assert ": different, but by a median within the margin, with perturbation instead of alphas" in text
    assert "none was shown" not in text and "etter" not in text
