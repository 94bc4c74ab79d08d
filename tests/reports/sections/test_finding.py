"""Sentences of the finding, and gaps in red, on invented runs."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nas_selection_bench.bench.problem.space import architecture_of, parse, to_string
from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.bench.yardsticks.comparisons import UNJUDGED, Verdict
from nas_selection_bench.bench.yardsticks.statistics import sign_flip_ps
from nas_selection_bench.reports.data.contests import Contest
from nas_selection_bench.reports.data.material import Material
from nas_selection_bench.reports.data.points import Kind, Point, points
from nas_selection_bench.reports.data.results import Results
from nas_selection_bench.reports.sections.blocks import Prose
from nas_selection_bench.reports.sections.finding import details_section
from nas_selection_bench.reports.sections.gaps import gaps
from nas_selection_bench.reports.sections.headline import conditions, elsewhere, headline, lead
from nas_selection_bench.reports.sections.results import main_table
from nas_selection_bench.reports.sections.size import size
from tests.reports.synthetic import FEW, source_of, write_results


def of_kind(source: Material, kind: Kind) -> list[Point]:
    return [point for point in points(source) if point.kind is kind]


def findings(source: Material) -> list[str]:
    """The details of each data set, as HTML."""
    return [block.markup for block in details_section(source).blocks if isinstance(block, Prose)]


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
    expected = [(place, f"{100 * share:.0f}") for place, share in shares.items() if share >= 0.5]
    assert len(expected) == 2 and shares.iloc[2] < 0.45
    (told,) = re.findall(r"mostly skip connections: (.*?)(?:;|\.</li>)", said[dataset])
    assert re.findall(r"<b>(.*?)</b> \((\d+) %\)", told) == expected


def test_the_finding_and_the_table_name_one_leader(source: Material, contest: Contest) -> None:
    (point,) = of_kind(source, Kind.LEADER)
    assert point.words == {"leader": "good"} and point.names["above"] == ("one-draw",)
    good = contest.of("good")
    assert (point.numbers["mean"], point.numbers["n"]) == (good.mean, 9)
    assert point.numbers["worth"] == source.worth("cifar10", good.mean)
    (said,) = findings(source)
    assert "<b>one-draw</b> (n = 3)" in said
    table = main_table(source, contest)
    assert "the leader, good," in table.caption
    assert "one-draw (n = 3)" in table.caption
    place = [column.title for column in table.columns].index("group")
    groups = {row.cells[0].text: row.cells[place].text for row in table.rows if row.css != "yardstick"}
    assert groups == {"one-draw †": "?", "good": "A", "bad": "B"}
    assert [row.cells[0].text for row in table.rows if row.css == "leader"] == ["good"]


def test_every_floor_is_counted_with_how_many_could_be_judged(source: Material, contest: Contest) -> None:
    found = {p.words["baseline"]: p for p in of_kind(source, Kind.FLOOR) if p.lookup == p.dataset}
    assert set(found) == {"random", "random-no-none-pool", "random-conv", "constant-order"}
    for baseline, point in found.items():
        compared = contest.against(baseline)
        assert point.numbers["of"] == len(compared) == 3
        assert point.numbers["judged"] == sum(c.verdict not in UNJUDGED for c in compared)
        assert sum(map(len, point.names.values())) == 3
        for verdict in Verdict:
            assert point.names[verdict.name.lower()] == tuple(c.first for c in compared if c.verdict is verdict)
        could = [c.detectable for c in compared if c.verdict is Verdict.OPEN]
        assert point.numbers["could_show"] == (pytest.approx(np.median(could)) if could else None)


def test_the_best_agreement_stands_beside_the_floors_with_its_n(source: Material) -> None:
    yardsticks = {yardstick.name: yardstick for yardstick in source.yardsticks["cifar10"]}
    rows = source.results.final_of("cifar10")
    for point in of_kind(source, Kind.AGREEMENT):
        measure = point.words["measure"]
        means = rows.groupby(["method", "setting"])[measure].mean().groupby("method").mean()
        assert point.names["best"] == (means.idxmax(),)
        assert point.numbers["highest"] == pytest.approx(means.max())
        assert point.numbers["most"] == {"one-draw": 3, "good": 9}[means.idxmax()]
        for name in ("params", "constant-order"):
            assert point.numbers[name] == getattr(yardsticks[name], measure)
    assert [point.words["measure"] for point in of_kind(source, Kind.AGREEMENT)] == ["tau_mean", "tau_edge"]


def test_own_chance_is_split_from_that_of_the_supernets(table: GroundTruth, tmp_path: Path) -> None:
    source = source_of(write_results(tmp_path, table), table)
    points = {p.words["method"]: p for p in of_kind(source, Kind.CHANCE) if p.dataset == "cifar10"}
    frame = source.results.final_of("cifar10")
    repeated = frame.groupby("method")["selector_seed"].nunique() > 1
    assert {*points} == {*repeated.index[repeated]} and points
    for method, point in points.items():
        of_method = frame[frame["method"] == method]
        within = [
            group.groupby("supernet_seed")["test"].agg(["var", "count"]) for _, group in of_method.groupby("setting")
        ]
        pooled = [((g["var"] * (g["count"] - 1)).sum() / (g["count"] - 1).sum()) for g in within]
        assert point.numbers["selector"] == pytest.approx(np.sqrt(np.mean(pooled)))
        assert point.numbers["values"] == len(of_method)


def test_the_finding_says_where_not_every_selector_has_all_seeds(source: Material, tmp_path: Path) -> None:
    said = conditions(source, source.contests[0]).split(" · ")
    assert said[2:4] == [
        "shared supernets: 3 recipes × 3 seeds",
        f"{size(source.results, 'cifar10')}, supernet accuracy 62 %",
    ]
    out = write_results(tmp_path / "out", source.table, datasets=("cifar10",), failures=False, ranking=False)
    rows = pd.read_csv(out / "records.csv", keep_default_na=False)
    rows.loc[(rows["selector"] == "magnitude") & (rows["supernet_seed"] == 2), "state"] = "missing"
    rows.to_csv(out / "records.csv", index=False)
    uneven = Material(Results.read(out), source.table, out / "figures")
    assert " × 2–3 seeds · " in conditions(uneven, uneven.contests[0])
    first = rows["recipe"].min()
    rows.loc[(rows["recipe"] == first) & (rows["supernet_seed"] > 0), "state"] = "missing"
    rows.to_csv(out / "records.csv", index=False)
    by_recipe = Material(Results.read(out), source.table, out / "figures")
    assert " × 1–3 seeds · " in conditions(by_recipe, by_recipe.contests[0]), "counted per recipe"


def test_what_more_seeds_of_some_decide_is_told(table: GroundTruth, tmp_path: Path) -> None:
    named = {"magnitude": FEW["bad"], "darts-pt": FEW["good"]}
    out = write_results(tmp_path / "out", table, datasets=("cifar10",), failures=False, ranking=False, seeds=4,
                        recipes=("a", "b"), selectors={**named, "other": (0.0, 0.1, 0.0, 0.5, 1, 1.0)})  # fmt: skip
    whole = Material(Results.read(out), table, out / "figures")
    assert not of_kind(whole, Kind.SEEDS)
    rows = pd.read_csv(out / "records.csv", keep_default_na=False)
    fewer = rows[(rows["selector"] != "other") | (rows["supernet_seed"] < 2)]
    fewer.to_csv(out / "records.csv", index=False)
    uneven = Material(Results.read(out), table, out / "figures")
    only = rows[rows["selector"].isin(named) & (rows["supernet_seed"] < 2)]
    (even,) = Material(replace(uneven.results, rows=uneven.results.rows.loc[only.index]), table, out / "f").contests
    (judged,) = even.against("magnitude")
    (point,) = of_kind(uneven, Kind.SEEDS)
    assert judged.verdict is Verdict.TOO_FEW and point.numbers["too_few"]
    assert (point.numbers["seeds"], point.numbers["common"]) == (4, 2)
    assert point.numbers["others"] == (point.numbers["too_few"] or 0) + len(point.names["changed"])


def test_without_a_seed_common_to_all_every_verdict_needs_seeds_that_others_lack(
    table: GroundTruth, tmp_path: Path
) -> None:
    named = {"magnitude": FEW["bad"], "darts-pt": FEW["good"], "other": (0.0, 0.1, 0.0, 0.5, 1, 1.0)}
    out = write_results(tmp_path / "out", table, datasets=("cifar10",), failures=False, ranking=False, seeds=7,
                        recipes=("a",), selectors=named)  # fmt: skip
    rows = pd.read_csv(out / "records.csv", keep_default_na=False)
    apart = (rows["selector"] == "other") == (rows["supernet_seed"] == 6)
    rows[apart].to_csv(out / "records.csv", index=False)
    source = Material(Results.read(out), table, out / "figures")
    (point,) = of_kind(source, Kind.SEEDS)
    assert (point.numbers["seeds"], point.numbers["common"]) == (6, 0)
    assert point.numbers["others"] == point.numbers["too_few"] and not point.names["changed"]
    assert findings(source)


def test_the_finding_begins_with_the_constant_order(source: Material) -> None:
    first = findings(source)[0].partition("<li>")[2].partition("</li>")[0]
    (point,) = (
        p for p in of_kind(source, Kind.FLOOR) if (p.lookup, p.words["baseline"]) == ("cifar10", "constant-order")
    )
    (yardstick,) = (yardstick for yardstick in source.yardsticks["cifar10"] if yardstick.name == "constant-order")
    assert (point.numbers["test"], point.numbers["above"]) == (yardstick.test, yardstick.above)
    for number in (
        f"{yardstick.test:.2f} %",
        f"percentile {yardstick.percentile:.1f}",
        f"{yardstick.above:,} architectures",
    ):
        assert number in first
    assert f"{point.numbers['judged']} of {point.numbers['of']} " in first


def test_transfers_are_judged_by_the_floors_of_the_data_set_looked_up_on(
    results: Results, table: GroundTruth, tmp_path: Path
) -> None:
    source = Material(results, table, tmp_path)
    found = [point for point in of_kind(source, Kind.FLOOR) if point.lookup != point.dataset]
    assert {(p.dataset, p.lookup) for p in found} == {("cifar10", "cifar100"), ("cifar100", "cifar10")}
    for point in found:
        yardstick = next(s for s in source.all_yardsticks[point.lookup] if s.name == point.words["baseline"])
        assert point.numbers["test"] == yardstick.test
    (contest,) = (c for c in source.transfers if c.dataset == "cifar10")
    rows = results.final_of("cifar10")
    rows = rows[rows["method"] == "ostr"]
    space = table.accuracy("cifar100")
    there = [space[table.position(text)] for text in rows["architecture"]]
    assert contest.of("ostr").mean == pytest.approx(np.mean(there))
    (c,) = (c for c in contest.against("constant-order") if c.first == "ostr")
    yardstick = next(s for s in source.all_yardsticks["cifar100"] if s.name == "constant-order")
    assert c.p == sign_flip_ps([[value - yardstick.test for value in there]])[0]
    (drawn,) = (c for c in contest.against("random-conv") if c.first == "ostr")
    yardstick = next(s for s in source.all_yardsticks["cifar100"] if s.name == "random-conv")
    percentiles = [100 * np.mean(space < value) - yardstick.percentile for value in there]
    assert drawn.mean == pytest.approx(np.mean(percentiles))


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
    found = {p.words["what"]: tuple(zip(p.names["methods"], p.names["shares"], strict=True))
             for p in of_kind(fresh, Kind.COLLAPSE)}  # fmt: skip
    assert ("good", "50 %") in found["mostly none"]
    assert found["mostly skip connections"] == (("one-draw", "50 %"),)
    assert found["the least accurate architecture of the space"] == (("bad", "3 of 3"),)


def test_one_seed_of_many_recipes_shows_nothing(table: GroundTruth, tmp_path: Path) -> None:
    recipes = [f"r{i:02}" for i in range(21)]
    few = {name: FEW[name] for name in ("good", "bad")}
    source = source_of(tmp_path / "out", table, recipes=recipes, seeds=1, selectors=few)
    (contest,) = source.contests
    assert contest.leader is None
    assert {c.verdict for c in contest.comparisons} <= {Verdict.TOO_FEW, Verdict.SAME}
    assert all(c.verdict in (Verdict.TOO_FEW, Verdict.SAME) for c in contest.against("params"))
    assert gaps(source, set()) == []
    assert "too few seeds to say how much results vary" in conditions(source, contest)
    assert headline(contest) == "On CIFAR-10, there are too few seeds to tell any criterion from " + (
        "always taking 3×3 convolutions."
    )
    assert all(point.numbers["judged"] == 0 for point in of_kind(source, Kind.FLOOR))
    assert "group" not in {column.title for column in main_table(source, contest).columns}, "it says nothing"


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("recipe_version", "2", "one version of <b>a</b>"),
        ("checkpoint", "f", "1 checkpoint differed"),
        ("version", "2", "more than one version of <b>good</b>"),
    ],
)
def test_seeds_that_are_no_repetition_are_told(
    table: GroundTruth, tmp_path: Path, column: str, value: str, said: str
) -> None:
    """One seed of three has another recipe, other weights, or another definition of a criterion."""
    out = tmp_path / "out"
    before = gaps(source_of(out, table, recipes=("a",), seeds=3, selectors=FEW), set())
    records = pd.read_csv(out / "records.csv", dtype=str, keep_default_na=False)
    records["recipe_version"] = "1"
    last = (records["selector"] == "good") & (records["state"] == "done") & (records["supernet_seed"] == "2")
    records.loc[last, column] = value
    records.to_csv(out / "records.csv", index=False)
    after = gaps(Material(Results.read(out), table, out / "figures"), set())
    assert len(after) == len(before) + 1
    assert any(said in gap.said and gap.grave for gap in after)


def test_a_difference_within_the_margin_is_a_difference(table: GroundTruth, tmp_path: Path) -> None:
    """The test shows the difference, but it is too small to count: neither a gain nor `none was shown to differ`."""
    named = {"magnitude": FEW["bad"], "pt-magnitude": FEW["bad"], "darts-pt": FEW["good"]}
    source = source_of(tmp_path / "out", table, selectors=named, recipes=("a", "b", "c"), seeds=4)
    first = of_kind(source, Kind.FACTOR)[0]
    assert (first.words["first"], first.words["second"], first.words["verdict"]) == (
        "darts-pt",
        "pt-magnitude",
        "better",
    )
    (contest,) = source.contests
    wide = replace(contest, comparisons=[replace(c, margin=1e3) for c in contest.comparisons])
    source.__dict__["contests"] = [wide]
    within = of_kind(source, Kind.FACTOR)[0]
    assert within.words["verdict"] == Verdict.SMALL and within.numbers["judged"]
    told = findings(source)[0]
    assert f"<b>darts-pt</b> over <b>pt-magnitude</b> ({within.words['changed']})" in told, (
        "neither left out nor a gain"
    )
    assert "within the noise of training" in told


def test_the_headline_says_who_is_shown_better_and_the_lead_how_many_are_worse(
    source: Material, contest: Contest
) -> None:
    verdicts = [c.verdict for c in contest.against("constant-order")]
    better = [c.first for c in contest.against("constant-order") if c.verdict is Verdict.BETTER]
    said = headline(contest)
    assert all(name in said for name in better) if better else "no criterion is shown better" in said
    worse = verdicts.count(Verdict.WORSE)
    shown, _, others = lead(source, contest)[0].partition("</b>")
    assert re.findall(r"(\d+|[Nn]one) of 3 ", shown)[0] == (str(worse) if worse else "None")
    few, above, below = (
        [c.verdict for c in contest.against(floor)].count(verdict)
        for floor, verdict in (
            ("constant-order", Verdict.TOO_FEW), ("random", Verdict.BETTER), ("random", Verdict.WORSE),
        )
    )  # fmt: skip
    judged = sum(c.judged for c in contest.against("random"))
    assert re.findall(r"(\d+) ha(?:s|ve) too few seeds", others) == ([str(few)] if few else [])
    shown = r"of the (\d+) that could be judged .* (\d+|none) (?:is|are) shown better and (\d+|none)"
    counts = re.findall(shown, others)
    assert counts == [(str(judged), str(above or "none"), str(below or "none"))]
    assert len(lead(source, contest)) <= 2


@pytest.mark.parametrize("better_here", [False, True])
def test_choices_that_are_better_elsewhere_are_named_where_none_is_here(
    table: GroundTruth, tmp_path: Path, better_here: bool
) -> None:
    source = source_of(tmp_path / "out", table, datasets=("cifar10",), selectors=FEW, seeds=2)
    (here,), (there,) = source.contests, source.transfers
    found = there.against("constant-order")
    assert {Verdict.BETTER} != {c.verdict for c in here.against("constant-order")}
    there._judged["constant-order", None] = [replace(c, verdict=Verdict.BETTER) for c in found[:1]] + [
        replace(c, verdict=Verdict.WORSE) for c in found[1:]
    ]
    verdict = Verdict.BETTER if better_here else Verdict.OPEN
    here._judged["constant-order", None] = [replace(c, verdict=verdict) for c in here.against("constant-order")]
    told = elsewhere(source, here)
    assert (f"{found[0].first} " in told and "CIFAR-100" in told) is not better_here


@pytest.mark.parametrize(("named", "grave"), [({"good"}, True), ({"bad"}, False)])
def test_a_missing_cell_is_grave_where_the_first_lines_speak_of_it(
    table: GroundTruth, tmp_path: Path, named: set[str], grave: bool
) -> None:
    source = source_of(tmp_path / "out", table, recipes=("a",), seeds=30, selectors=FEW)
    rows = source.results.rows.copy()
    rows.loc[rows.index[(rows["method"] == "good") & (rows["state"] == "done")][0], "state"] = "failed"
    found = gaps(Material(replace(source.results, rows=rows), table, tmp_path), named)
    assert [gap.grave for gap in found] == [grave]
    assert "cells failed: <b>good</b>" in found[0].said


@pytest.mark.parametrize("seeds", [2, 10])
def test_a_higher_mean_over_fewer_recipes_is_told_beside_the_leader(
    table: GroundTruth, tmp_path: Path, seeds: int
) -> None:
    """With and without a leader; `easy` does as well as `good` on one recipe and has no rows of the other."""
    out = tmp_path / "out"
    selectors = {name: FEW[name] for name in ("good", "bad")}
    source_of(out, table, seeds=seeds, selectors=selectors)
    rows = pd.read_csv(out / "records.csv")
    good, blank = rows["selector"] == "good", rows["recipe"] == "blank"
    rows.loc[good & ~blank, "test"] -= 1
    easy = rows[good & blank].assign(selector="easy")
    easy["test"] += np.resize([0.3, -0.3], len(easy))
    pd.concat([rows, easy]).to_csv(out / "records.csv", index=False)
    source = Material(Results.read(out), table, out / "figures")
    (contest,) = source.contests
    assert contest.of("easy").mean > contest.of("good").mean and (contest.leader is None) == (seeds == 2)
    (point,) = of_kind(source, Kind.LEADER)
    assert "good" in point.words.values() and point.names["on_fewer"] == ("easy",)
    (said,) = findings(source)
    (told,) = re.findall(r"<b>good</b> has the highest mean of those run on 2 recipes.*?</li>", said)
    assert f"<b>easy</b> (n = {seeds})" in told
