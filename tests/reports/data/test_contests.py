"""The leader, selectors that cannot be placed, and the statements of the finding and the captions on them."""

import itertools
import statistics
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nas_selection_bench.bench.problem.open_table import embedded_table
from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.bench.yardsticks.comparisons import Verdict
from nas_selection_bench.bench.yardsticks.floors import floors_and_ceilings
from nas_selection_bench.bench.yardsticks.statistics import sign_flip_ps
from nas_selection_bench.bench.yardsticks.truth import Truth
from nas_selection_bench.reports.data.contests import Contest, measure_of
from nas_selection_bench.reports.data.factors import FACTORS, contrasts
from nas_selection_bench.reports.data.founders import FOUNDERS, Level
from nas_selection_bench.reports.data.judging import floors_with_duplicates
from nas_selection_bench.reports.data.material import Material
from nas_selection_bench.reports.data.points import Kind, points
from nas_selection_bench.reports.data.results import Results
from nas_selection_bench.reports.sections.blocks import Picture, Table
from nas_selection_bench.reports.sections.results import main_table
from nas_selection_bench.reports.sections.who_beats_whom import pairs_section
from tests.reports.synthetic import FEW, SELECTORS, source_of, write_results


def test_a_selector_of_one_draw_per_seed_does_not_lead(contest: Contest) -> None:
    assert contest.best == contest.standings[0].method == "one-draw"
    assert contest.leader == "good"
    assert {s.method: s.group for s in contest.standings} == {"one-draw": None, "good": 0, "bad": 1}
    assert [(s.method, s.n) for s in contest.unplaced_above] == [("one-draw", 3)]


def test_captions_say_what_the_pairs_are(source: Material, contest: Contest) -> None:
    section = pairs_section(source)
    captions = [block.caption for block in section.blocks if isinstance(block, Table | Picture)]
    assert any("n = 3 pairs = 3 seeds to 9 pairs = 3 recipes × 3 seeds." in caption for caption in captions)
    assert contest.family == "the 1 of 3 pairs with enough seeds"


def test_a_random_choice_is_compared_in_percentiles_of_the_space(source: Material, contest: Contest) -> None:
    """Accuracies of random choices have a long tail: most lie above their mean, but half of them above their median."""
    space = source.table.accuracy("cifar10")
    expected = 100 * sum(float((space < accuracy).mean()) for accuracy in space) / len(space)
    rows = pd.read_csv(source.results.folder / "records.csv")
    found = {c.first: c for c in contest.comparisons if c.second == "random"}
    assert found.keys() == {"one-draw", "good", "bad"}
    for method, c in found.items():
        percentiles = rows[rows["selector"] == method].groupby(["recipe", "supernet_seed"])["percentile"].mean()
        if method == "one-draw":
            percentiles = percentiles.groupby("supernet_seed").mean()
        assert c.median == pytest.approx(percentiles.median() - expected)
        assert c.margin is None and measure_of(c) == "percentile"


def test_the_margin_is_the_noise_of_the_region_compared(source: Material, contest: Contest) -> None:
    space, trials = source.table.accuracy("cifar10"), source.table.trials("cifar10")
    assert trials is not None
    gaps = [statistics.median(abs(a - b) for a, b in itertools.combinations(t[~np.isnan(t)], 2)) for t in trials]
    rows = pd.read_csv(source.results.folder / "records.csv")
    medians = dict(rows.groupby("selector")["test"].median())
    medians["constant-order"] = next(s.test for s in source.yardsticks["cifar10"] if s.name == "constant-order")
    in_points = [c for c in contest.comparisons if measure_of(c) == "test"]
    assert {c.second for c in in_points} == {"good", "bad", "constant-order"}
    for c in in_points:
        least = min(medians[c.first], medians[c.second], sorted(space)[-100])
        assert c.margin == pytest.approx(statistics.median(np.array(gaps)[space >= least]))


def test_drawing_lots_is_better_than_chance_no_more_often_than_it_may_be() -> None:
    """Nine draws against the expected percentile; against the mean accuracy, the test would err far more often."""
    space = embedded_table("digits").accuracy("digits")
    percentiles = 100 * np.searchsorted(np.sort(space), space, side="left") / len(space)
    drawn = np.random.default_rng(0).integers(len(space), size=(1000, 9))
    shares = {
        name: np.mean(np.array(sign_flip_ps(list(values[drawn] - centre))) <= 0.05)
        for name, values, centre in (
            ("percentile", percentiles, percentiles.mean()), ("test", space, space.mean())
        )
    }  # fmt: skip
    assert shares["percentile"] < 0.07
    assert shares["test"] > 0.07, "else the mean would do as well"


def test_floors_that_choose_the_same_are_compared_with_once(table: GroundTruth) -> None:
    yardsticks = floors_and_ceilings(Truth(table, "cifar10"))
    other = next(yardstick for yardstick in yardsticks if yardstick.name == "all-skip")
    apart = [
        replace(yardstick, architecture=other.architecture) if yardstick.name == "params" else yardstick
        for yardstick in yardsticks
    ]
    drawn = {"random": [], "random-no-none-pool": [], "random-conv": []}
    # Both take the 3x3 convolution everywhere.
    assert floors_with_duplicates(yardsticks) == {**drawn, "constant-order": ["params"]}
    assert floors_with_duplicates(apart) == {**drawn, "constant-order": [], "params": []}


def test_those_that_always_choose_alike_are_clones_of_one(table: GroundTruth, tmp_path: Path) -> None:
    twice = {"magnitude": FEW["good"], "other": FEW["bad"], "third": FEW["good"]}
    results = source_of(tmp_path / "out", table, selectors=twice, recipes=("a", "b"), seeds=2).results
    same = results.rows["selector"].replace({"third": "magnitude"}).map(
        results.rows.groupby("selector")["architecture"].first()
    )  # fmt: skip
    results.rows["architecture"] = same
    assert results.duplicates("cifar10", ["third", "other", "magnitude"]) == {"third"}, "a founding criterion speaks"


def test_the_founding_papers_criteria_are_a_family_of_their_own(table: GroundTruth, tmp_path: Path) -> None:
    """However many other criteria there are, the correction of the planned comparison does not change."""
    named = {"magnitude": FEW["bad"], "darts-pt": FEW["good"]}
    alone = source_of(tmp_path / "alone", table, selectors=named, recipes=("a", "b", "c"), seeds=4).contests[0]
    assert alone.founders == [], "all there is, so no family apart"
    others = {f"other-{i}": (0.0, 0.1 * i, 0.0, 0.5, 1, 1.0) for i in range(30)}
    source = source_of(tmp_path / "out", table, selectors={**named, **others}, recipes=("a", "b", "c"), seeds=4)
    (contest,) = source.contests
    assert contest.founders == ["darts-pt", "magnitude"]
    (among,) = contest.against("magnitude", contest.founders)
    (before,) = alone.against("magnitude")
    assert (among.first, among.second, among.p_holm) == ("darts-pt", "magnitude", before.p_holm)
    (own,) = (c for c in contest.against("magnitude") if c.first == "darts-pt")
    of_main = contest.against("magnitude", contest.families[Level.MAIN])
    (of_all,) = (c for c in of_main if c.first == "darts-pt")
    assert own == among and of_all.p == among.p < of_all.p_holm
    assert len(of_main) == 31 and contest.families[Level.FOUNDING] == contest.founders
    assert among.verdict is Verdict.BETTER
    tables = [block for block in pairs_section(source).blocks if isinstance(block, Table)]
    assert [table.name for table in tables] == ["primary-cifar10", "pairs-cifar10"]
    assert len(tables[0].rows) == 9, "two against each of four floors, one against magnitude"
    assert contest.founder_groups == [["darts-pt"], ["magnitude"]]
    (groups,) = (point for point in points(source) if point.kind is Kind.GROUPS)
    assert (groups.words["leader"], groups.names["worse"], groups.names["tied"]) == ("darts-pt", ("magnitude",), ())
    main = main_table(source, contest)
    (place,) = (number for number, column in enumerate(main.columns) if column.title == "founders")
    placed = {row.cells[0].text: row.cells[place].text for row in main.rows if row.cells[place].text}
    assert placed == {"darts-pt": "A", "magnitude": "B"}
    assert all(len(row.cells) == len(main.columns) for row in main.rows)
    assert alone.founder_groups == []


def test_pairs_that_differ_in_one_thing_are_a_family_of_their_own(table: GroundTruth, tmp_path: Path) -> None:
    named = {"magnitude": FEW["bad"], "pt-magnitude": FEW["bad"], "darts-pt": FEW["good"], "ostr": FEW["good"]}
    source = source_of(tmp_path / "out", table, selectors=named, recipes=("a", "b", "c"), seeds=4)
    (contest,) = source.contests
    found = {(c.first, c.second): c for _, c in contrasts(contest.comparisons)}
    assert list(found) == [("darts-pt", "pt-magnitude"), ("pt-magnitude", "magnitude")], "of those with both run"
    change = found["darts-pt", "pt-magnitude"]
    judged = [c.p for c in found.values() if c.can_be_significant]
    assert change.p_holm == pytest.approx(min(1.0, change.p * len(judged))), "the smaller p of the family"
    assert change.verdict is Verdict.BETTER and change.median > 0
    of_factors = [point for point in points(source) if point.kind is Kind.FACTOR]
    assert [(p.words["first"], p.words["second"]) for p in of_factors] == list(found)
    assert sum(bool(p.numbers["judged"]) for p in of_factors) == sum(c.judged for c in found.values())
    assert of_factors[0].words["verdict"] == "better"
    assert (of_factors[0].numbers["mean"], of_factors[0].numbers["p"]) == (change.mean, change.p_holm)
    names = [block.name for block in pairs_section(source).blocks if isinstance(block, Table)]
    assert names == ["factors-cifar10", "pairs-cifar10"]
    without = source_of(tmp_path / "none", table, selectors=FEW, recipes=("a",), seeds=2)
    assert not [point for point in points(without) if point.kind is Kind.FACTOR]
    assert "factors-cifar10" not in {b.name for b in pairs_section(without).blocks if isinstance(b, Table)}


def test_every_factor_names_primary_selectors_that_differ_in_one_part() -> None:
    from nas_selection_bench.selectors.parts import registry
    from nas_selection_bench.selectors.parts.schedule import Greedy

    for factor in FACTORS:
        assert factor.pair <= {*FOUNDERS}
        first, second = registry.find(factor.first), registry.find(factor.second)
        assert isinstance(first, Greedy) and isinstance(second, Greedy)
        schedule = (first.order, first.tune) != (second.order, second.tune)
        # LossRise is Mask by loss, without Mask's constant.
        same_rule = first.rule == second.rule or factor.pair == {"darts-pt-loss", "ostr-exact"}
        assert schedule == same_rule, factor.pair


def test_no_ranking_where_most_cannot_be_placed(table: GroundTruth, tmp_path: Path) -> None:
    """Two selectors have many seeds and all others few, so no other could have led."""
    many = {"magnitude": FEW["good"], "pt-random": FEW["bad"]}
    others = {f"other-{i}": (0.4 * i, 0.1, 0.0, 0.5, 1, 1.0) for i in range(10)}
    out = write_results(tmp_path / "out", table, datasets=("cifar10",), failures=False, ranking=False, seeds=9,
                        recipes=("a", "b"), selectors={**many, **others})  # fmt: skip
    rows = pd.read_csv(out / "records.csv", keep_default_na=False)
    rows = rows[rows["selector"].isin(many) | (rows["supernet_seed"] < 3)]
    rows.to_csv(out / "records.csv", index=False)
    source = Material(Results.read(out), table, out / "figures")
    (contest,) = source.contests
    assert contest.placeable == 2 and contest.leader is None
    assert {s.group for s in contest.standings} == {None}
    (point,) = (point for point in points(source) if point.kind is Kind.LEADER)
    assert (point.numbers["placeable"], point.numbers["of"], point.words.get("leader")) == (2, 12, None)
    assert "2 of the 12 " in main_table(source, contest).caption
    reasons = {b.name: b.reason for b in pairs_section(source).blocks if isinstance(b, Picture)}
    assert "2 of 12 main forms" in reasons["standings-cifar10"]
    few = sum(c.verdict is Verdict.TOO_FEW for c in contest.drawn)
    assert f"{few} of the {len(contest.drawn)} pairs have too few seeds" in reasons["matrix-cifar10"]


def test_selectors_in_the_invented_run_are_placed(results: Results, table: GroundTruth, tmp_path: Path) -> None:
    source = Material(results, table, tmp_path)
    for contest in source.contests:
        assert {s.method for s in contest.standings} <= set(SELECTORS)
        assert contest.leader is None or contest.of(contest.leader).group == 0
