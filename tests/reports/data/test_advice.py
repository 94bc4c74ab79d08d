"""The criteria that a result supports, recounted from its rows, and the limits of that advice."""

import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.bench.yardsticks.comparisons import Verdict
from nas_selection_bench.reports.data.advice import Advice, Limits, advice, limits
from nas_selection_bench.reports.data.contests import FLOOR, Contest
from nas_selection_bench.reports.data.material import Material
from nas_selection_bench.reports.data.points import Kind, points
from nas_selection_bench.reports.data.results import Results
from nas_selection_bench.reports.sections.advice import _advised, _unsaid
from tests.reports.synthetic import FEW, SELECTORS, source_of, write_results


def first(source: Material) -> tuple[Contest, Advice, Limits]:
    contest = source.contests[0]
    return contest, advice(source, contest), limits(source, contest)


def with_verdicts(contest: Contest, verdicts: dict[tuple[str, str], Verdict]) -> Contest:
    """The same contest with these verdicts in place of those found for the pairs."""
    comparisons = [
        replace(c, verdict=verdicts.get((c.first, c.second), c.verdict)) for c in contest.comparisons
    ]  # fmt: skip
    found = replace(contest, comparisons=comparisons)
    against = [c for c in comparisons if c.second == FLOOR]
    found._judged[FLOOR, frozenset(found.ranked)] = against
    return found


def test_candidates_are_better_than_the_floor_and_unbeaten_among_those(source: Material) -> None:
    (contest,) = source.contests
    names = [s.method for s in contest.standings]
    floor = {(name, FLOOR): Verdict.BETTER for name in names}
    pairs = {(c.first, c.second) for c in contest.comparisons if c.second in names}
    for between in (Verdict.OPEN, Verdict.TOO_FEW, Verdict.SAME, Verdict.SMALL):
        found = advice(source, with_verdicts(contest, {**floor, **dict.fromkeys(pairs, between)}))
        assert list(found.candidates) == names
        assert found.verdicts["better"] == tuple(names) and found.judged == len(names)
    for pair in pairs:
        for verdict, beaten in ((Verdict.BETTER, pair[1]), (Verdict.WORSE, pair[0])):
            told = {**floor, **dict.fromkeys(pairs, Verdict.OPEN), pair: verdict}
            found = advice(source, with_verdicts(contest, told))
            assert list(found.candidates) == [name for name in names if name != beaten]
    outsider = {**floor, (names[0], FLOOR): Verdict.OPEN, **dict.fromkeys(pairs, Verdict.OPEN)}
    wins = {pair: Verdict.BETTER if pair[0] == names[0] else Verdict.WORSE for pair in pairs if names[0] in pair}
    found = advice(source, with_verdicts(contest, outsider | wins))
    assert list(found.candidates) == names[1:], "what is not shown better than the floor beats nobody here"


def test_where_none_is_better_what_is_not_shown_worse_is_left(source: Material) -> None:
    (contest,) = source.contests
    names = [s.method for s in contest.standings]
    verdicts = dict(zip(names, (Verdict.WORSE, Verdict.OPEN, Verdict.TOO_FEW), strict=True))
    found = advice(source, with_verdicts(contest, {(name, FLOOR): verdict for name, verdict in verdicts.items()}))
    assert found.candidates == (names[1],) and found.judged == 2
    assert found.verdicts["worse"] == (names[0],) and found.verdicts["too_few"] == (names[2],)


def test_what_differs_by_little_and_what_cannot_be_compared_is_counted(source: Material) -> None:
    (contest,) = source.contests
    names = [s.method for s in contest.standings]
    verdicts = dict(zip(names, (Verdict.SMALL, Verdict.OPEN, Verdict.OPEN), strict=True))
    pairs = [(c.first, c.second) for c in contest.comparisons if c.second in names]
    given = {**{(name, FLOOR): verdict for name, verdict in verdicts.items()}, **dict.fromkeys(pairs, Verdict.OPEN)}
    judged = with_verdicts(contest, {**given, pairs[0]: Verdict.TOO_FEW})
    found = advice(source, judged)
    assert found.candidates == tuple(names) and found.verdicts["small"] == (names[0],)
    assert found.pairs == (len(pairs), 1) and found.pairs_small == 0
    for small in range(1, len(pairs) + 1):
        found = advice(source, with_verdicts(contest, given | dict.fromkeys(pairs[:small], Verdict.SMALL)))
        assert found.pairs_small == small and found.pairs == (len(pairs), 0)
    could = [c.detectable for c in judged.against(FLOOR, judged.ranked) if c.verdict is Verdict.OPEN]
    known = [points for points in could if points is not None]
    assert known and found.could_show == (min(known), max(known))


def test_one_family_is_counted_in_one_sentence(results: Results, table: GroundTruth, tmp_path: Path) -> None:
    """Main forms are counted as in the finding; a founding criterion's verdict within its own family is another."""
    source = Material(results, table, tmp_path)
    for contest in source.contests:
        found = advice(source, contest)
        (point,) = (
            p for p in points(source)
            if p.kind is Kind.FLOOR and p.dataset == p.lookup == contest.dataset
            and (p.words["level"], p.words["baseline"]) == (contest.levels[0], FLOOR)
        )  # fmt: skip
        assert (found.judged, found.verdicts) == (point.numbers["judged"], point.names)


def test_recipes_that_some_criteria_were_not_tried_on_are_told(tmp_path: Path, table: GroundTruth) -> None:
    out = tmp_path / "out"
    source_of(out, table, seeds=2, selectors=FEW)
    rows = pd.read_csv(out / "records.csv")
    _, _, bounds = first(Material(Results.read(out), table, out / "f"))
    assert bounds.untried == {}
    gone = (rows["selector"] == "good") & (rows["recipe"] == "blank")
    rows.loc[(rows["selector"] == "bad") & (rows["recipe"] == "blank"), "state"] = "skipped"
    rows[~gone].to_csv(out / "records.csv", index=False)
    _, _, bounds = first(Material(Results.read(out), table, out / "figures"))
    assert bounds.untried == {"blank": 1}, "a skipped cell was tried"


def test_costs_and_collapses_are_those_of_the_rows(results: Results, table: GroundTruth, tmp_path: Path) -> None:
    source = Material(results, table, tmp_path)
    for contest in source.contests:
        every = {(s.method, FLOOR): Verdict.OPEN for s in contest.standings}
        found = advice(source, with_verdicts(contest, every))
        rows = results.final_of(contest.dataset)
        for name, seconds in found.seconds.items():
            of = rows[rows["method"] == name].groupby("setting")[["scoring_seconds", "tuning_seconds"]].mean()
            assert seconds == pytest.approx(of.sum(axis=1).mean())
        assert found.cheapest == min(found.seconds, key=lambda name: found.seconds[name])
        checkpoints = rows.groupby(["method", "setting", "supernet_seed"])["percentile"].min()
        fallen = (checkpoints < 10).groupby("method").sum()
        assert {name: k for name, (k, _) in found.collapsed.items()} == {
            str(name): int(k) for name, k in fallen.items() if k and name in contest.ranked
        }  # fmt: skip


def test_what_reads_no_supernet_is_told_apart(source: Material) -> None:
    (contest,) = source.contests
    found = advice(source, with_verdicts(contest, {(s.method, FLOOR): Verdict.OPEN for s in contest.standings}))
    assert found.no_supernet == ("one-draw",)


def test_one_seed_advises_nothing_and_says_so(tmp_path: Path, table: GroundTruth) -> None:
    _, found, bounds = first(source_of(tmp_path / "out", table, datasets=("cifar10",), seeds=1, selectors=FEW))
    assert found.judged == 0 and not found.candidates and found.cheapest is None
    assert bounds.seeds == (1, 1) and bounds.criteria == len(FEW)
    assert bounds.unjudged + len(found.verdicts["same"]) == len(FEW) and bounds.unjudged


@pytest.mark.parametrize("percent", [40.0, 99.9])
def test_a_higher_mean_over_fewer_recipes_is_told_apart(tmp_path: Path, table: GroundTruth, percent: float) -> None:
    """The criterion `partial` has rows of one recipe only, with accuracies below or above all others."""
    out = tmp_path / "out"
    source_of(out, table, seeds=1, selectors=FEW)
    rows = pd.read_csv(out / "records.csv")
    partial = rows[(rows["selector"] == rows["selector"].iloc[0]) & (rows["recipe"] == rows["recipe"].iloc[0])]
    extra = partial.assign(selector="partial", test=percent)
    pd.concat([rows, extra]).to_csv(out / "records.csv", index=False)
    contest, found, _ = first(Material(Results.read(out), table, out / "figures"))
    assert contest.best != "partial" and found.higher_on_fewer == (percent == 99.9)


def test_the_bounds_are_those_of_the_rows(results: Results, folder: Path, table: GroundTruth, tmp_path: Path) -> None:
    source = Material(results, table, tmp_path)
    every = pd.read_csv(folder / "records.csv")
    for contest in source.contests:
        found, rows = limits(source, contest), every[every["dataset"] == contest.dataset]
        lost = rows[rows["state"].isin(["failed", "missing"])]
        assert found.lost == len(lost) and found.lost_of == tuple(sorted(set(lost["selector"])))
        assert set(found.recipes) == set(rows["recipe"]) and found.criteria == len(contest.standings)
        assert found.lookups == tuple(name for name in table.datasets if name != contest.dataset)
        seeds = rows[rows["state"] == "done"].groupby(["selector", "recipe"])["supernet_seed"].nunique()
        assert found.seeds == (seeds.min(), seeds.max())


@pytest.mark.parametrize("alike", [(), ("good",), tuple(FEW)])
def test_a_recipe_counts_where_its_supernets_are_read(
    tmp_path: Path, table: GroundTruth, alike: tuple[str, ...]
) -> None:
    _, _, bounds = first(source_of(tmp_path / "out", table, seeds=2, selectors=FEW, checkpoint_free=alike))
    trained = alike != tuple(FEW)
    assert bounds.recipes == (("blank", "darts") if trained else ())
    assert any("epochs on" in said for said in _unsaid(bounds)) == trained


@pytest.mark.parametrize(
    ("preset", "smaller", "unknown"),
    [
        ("paper", 0, ()),
        ("lite", 1, ()),
        ("paper[epochs=50]", 1, ()),
        ("paper[images=1000]", 1, ()),
        ("huge", 0, ("huge",)),
    ],
)
def test_only_what_is_smaller_than_in_the_papers_is_a_bound(
    tmp_path: Path, table: GroundTruth, preset: str, smaller: int, unknown: tuple[str, ...]
) -> None:
    few = {name: SELECTORS[name] for name in ("ostr", "pt-random")}
    out = write_results(tmp_path / "out", table, datasets=("cifar10",), seeds=1, selectors=few, ranking=False)
    for name in ("records", "costs"):
        frame = pd.read_csv(out / f"{name}.csv")
        frame.assign(preset=preset).to_csv(out / f"{name}.csv", index=False)
    source = Material(Results.read(out), table, tmp_path)
    _, _, bounds = first(source)
    assert (len(bounds.smaller), bounds.unknown_sizes) == (smaller, unknown)


@pytest.mark.parametrize("floor", [Verdict.BETTER, Verdict.OPEN])
def test_what_the_pairs_of_candidates_leave_open_is_said_whatever_the_floor(source: Material, floor: Verdict) -> None:
    (contest,) = source.contests
    names = [s.method for s in contest.standings]
    pairs = [(c.first, c.second) for c in contest.comparisons if c.second in names]
    few, small, *_ = pairs
    verdicts = {(name, FLOOR): floor for name in names} | dict.fromkeys(pairs, Verdict.OPEN)

    def said(between: dict[tuple[str, str], Verdict]) -> str:
        changed = with_verdicts(contest, verdicts | between)
        return " ".join(_advised(advice(source, changed), changed))

    counts = re.compile(r"(\d+) of the (\d+) pairs")
    assert not counts.search(said({}))
    assert counts.findall(said({few: Verdict.TOO_FEW, small: Verdict.SMALL})) == [("1", str(len(pairs)))] * 2
    assert "too few seeds to tell any two" in said(dict.fromkeys(pairs, Verdict.TOO_FEW))
