"""The findings as data: one Point per statement, in reading order; `reports.sections.finding` writes the sentences."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from nas_selection_bench.bench.problem.rounding import EQUAL
from nas_selection_bench.bench.yardsticks.comparisons import Comparison, Verdict
from nas_selection_bench.bench.yardsticks.floors import places_of_constant_order
from nas_selection_bench.reports.data.collapse import collapses
from nas_selection_bench.reports.data.contests import BASELINES, FLOOR, Contest
from nas_selection_bench.reports.data.doses import dosed_options
from nas_selection_bench.reports.data.equal_seeds import seeds_compared
from nas_selection_bench.reports.data.factors import contrasts
from nas_selection_bench.reports.data.material import Material
from nas_selection_bench.reports.data.text import signed


class Kind(StrEnum):
    """The subject of a point, and what its `words`, `names` and `numbers` hold."""

    FLOOR = "against a floor"
    """A family of selectors against one baseline. Words: `level`, `baseline`. Names by verdict. Numbers: `of`
    (selectors compared), `judged`, `could_show` (median detectable difference of those with no difference shown); if
    the baseline is a yardstick, also its `test`, `percentile`, `above` and `above_margin`."""
    GROUPS = "tie groups"
    """The leader of a family. Words: `level`, `leader`. Names: `tied`, `worse`, `unplaced`, `fewer_recipes`. Numbers:
    `recipes` (of the leader), `pairs` (of founding criteria with each other and with the floors), `counted` (how many
    of these Holm's correction counts)."""
    LEADER = "leader"
    """The leader of all main forms. Words: `leader`, or `best` if there is none. Names: `tied`, `above`, `on_fewer`
    (those that could have led, had their higher means not been over fewer recipes). Numbers: `mean`, `n`, `recipes`,
    `below_optimum` and `worth` of the leader or best; `of_recipes`, `placed`, `placeable`, `of` (main forms)."""
    FACTOR = "one factor"
    """Two selectors that differ in one part. Words: `first`, `second`, `changed`, `verdict`. Names: `recipes` and
    `gaps`, the mean difference on each (as text, in the same order), if there are several. Numbers: `judged`, `n`,
    `mean`, `median`, `p` (corrected), `could_show`."""
    AGREEMENT = "agreement"
    """The highest agreement of scores with the oracle. Words: `measure`. Names: `best`. Numbers: `highest`, `fewest`
    and `most` (n of the best), the value of the floors, `two_trainings`, and for `tau_mean` alone `place`: that of the
    constant order among all orders."""
    EDGES = "edges"
    """Selectors shown to tell edges apart, by `tau_edge`. Words: `level`. Names by verdict. Numbers: `of`, `judged`,
    `could_show`."""
    SUPERNETS = "supernets"
    """The correlation of supernet accuracy with the accuracy of choices. Words: `recipe`. Numbers: `supernets`,
    `selectors`, `tau`, `p`."""
    COLLAPSE = "collapse"
    """Collapsed choices. Words: `what`. Names: `methods`, `settings`, `shares` (as text, in the same order)."""
    CHANCE = "own chance"
    """A selector's own chance beside that of the supernets, as standard deviations of test accuracy on one recipe
    (root mean squares over recipes). Words: `method`. Numbers: `selector`, `supernet`, `supernets`, `values`."""
    SEEDS = "seeds"
    """Verdicts that rest on seeds which not all selectors have. Names: `changed` (as text). Numbers: `seeds`,
    `common`, `verdicts`, `others`, `too_few`, as in `SeedsCompared`."""


TOLD_AGREEMENT = ("tau_mean", "tau_edge")
"""Agreement measures for which the finding names the selector with the highest value."""


@dataclass(frozen=True)
class Point:
    """One statement on one data set."""

    kind: Kind
    dataset: str
    lookup: str
    """The data set whose accuracies judge the choices: `dataset`, or another if they are transferred."""
    words: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    numbers: Mapping[str, float | int | None] = field(default_factory=dict)


def points(source: Material) -> list[Point]:
    """All findings, data set by data set; those of transferred choices last."""
    found: list[Point] = []
    for contest in source.contests:
        if contest.standings:
            found += [
                *_floors(source, contest),
                *(() if dosed_options(source.results.final_of(contest.dataset)) else _highest(source, contest)),
                *_factors(source, contest),
                *_agreement(source, contest),
                *_edges(source, contest),
                *_supernets(source, contest),
                *(Point(Kind.COLLAPSE, contest.dataset, contest.lookup, words={"what": what}, names=names)
                  for what, names in collapses(source, contest)),
                *_chance(source, contest),
                *_seeds(source, contest),
            ]  # fmt: skip
    for contest in source.transfers:
        found += _floors(source, contest)
    return found


def by_verdict(compared: Sequence[Comparison]) -> dict[str, tuple[str, ...]]:
    """Lower-case name of each Verdict -> the first names of the comparisons with it, in the given order."""
    return {verdict.name.lower(): tuple(c.first for c in compared if c.verdict is verdict) for verdict in Verdict}


def _floors(source: Material, contest: Contest) -> Iterator[Point]:
    yardsticks = {yardstick.name: yardstick for yardstick in source.all_yardsticks[contest.lookup]}
    for level, members in contest.families.items():
        for baseline in BASELINES:
            compared = contest.against(baseline, members)
            if not compared:
                continue
            numbers: dict[str, float | int | None] = {
                "of": len(compared),
                "judged": sum(c.judged for c in compared),
                "could_show": middle([c.detectable for c in compared if c.verdict is Verdict.OPEN]),
            }
            if baseline in yardsticks:
                yardstick = yardsticks[baseline]
                numbers |= {
                    "test": yardstick.test, "percentile": yardstick.percentile, "above": yardstick.above,
                    "above_margin": yardstick.above_margin,
                }  # fmt: skip
            words = {"level": str(level), "baseline": baseline}
            yield Point(Kind.FLOOR, contest.dataset, contest.lookup, words, by_verdict(compared), numbers)


def middle(values: Sequence[float | None]) -> float | None:
    """The median of the values that are not None; None if all are."""
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else None


def _highest(source: Material, contest: Contest) -> Iterator[Point]:
    """The points on leaders. Left out if doses were imposed: means over doses depend on which doses were tried."""
    yield from _groups(contest)
    yield from _leader(source, contest)


def _groups(contest: Contest) -> Iterator[Point]:
    groups = contest.founder_groups
    if not groups:
        return
    (leader, *tied), worse = groups[0], [name for group in groups[1:] for name in group]
    unplaced = [name for name in contest.founders if name not in {leader, *tied, *worse}]
    fewer = [name for name in contest.founders if contest.of(name).settings < contest.of(leader).settings]
    pairs = contest.among(contest.founders)
    yield Point(
        Kind.GROUPS, contest.dataset, contest.lookup, {"level": "founding", "leader": leader},
        {"tied": tuple(tied), "worse": tuple(worse), "unplaced": tuple(unplaced), "fewer_recipes": tuple(fewer)},
        {
            "recipes": contest.of(leader).settings, "pairs": len(pairs),
            "counted": sum(c.can_be_significant for c in pairs),
        },
    )  # fmt: skip


def _leader(source: Material, contest: Contest) -> Iterator[Point]:
    best = contest.of(contest.leader or contest.best)
    words = {"leader": contest.leader} if contest.leader else {"best": contest.best}
    tied = tuple(name for name in contest.leaders if name != contest.leader)
    rivals = contest.placed if contest.leader else [standing.method for standing in contest.standings]
    on_fewer = tuple(s.method for s in map(contest.of, rivals) if s.settings < best.settings and s.mean > best.mean)
    yield Point(
        Kind.LEADER, contest.dataset, contest.lookup, words,
        {"tied": tied, "above": tuple(s.method for s in contest.unplaced_above), "on_fewer": on_fewer},
        {
            "mean": best.mean, "n": best.n, "recipes": best.settings, "of_recipes": contest.settings,
            "below_optimum": source.truths[contest.lookup].best - best.mean,
            "worth": source.worth(contest.lookup, best.mean), "placed": len(contest.placed),
            "placeable": contest.placeable, "of": len(contest.ranked),
        },
    )  # fmt: skip


def _factors(source: Material, contest: Contest) -> Iterator[Point]:
    for factor, c in contrasts(contest.comparisons):
        gaps = gaps_by_recipe(source, contest.dataset, c.first, c.second)
        alike = {c.first, c.second} <= source.results.checkpoint_free  # the same choices beside every recipe
        several = gaps if len(gaps) > 1 and not alike else {}
        yield Point(
            Kind.FACTOR, contest.dataset, contest.lookup,
            {"first": c.first, "second": c.second, "changed": factor.changed, "verdict": str(c.verdict)},
            {"recipes": tuple(several), "gaps": tuple(signed(gap) for gap in several.values())},
            numbers={
                "judged": int(c.judged), "n": c.n, "mean": c.mean, "median": c.median, "p": c.p_holm,
                "could_show": c.detectable,
            },
        )  # fmt: skip


def gaps_by_recipe(source: Material, dataset: str, first: str, second: str) -> dict[str, float]:
    """Setting -> mean difference of the test accuracies of two methods, over the supernets on which both have one."""
    of_second = {summary.setting: summary.values for summary in source.summaries_of("test", dataset, second)}
    gaps = {}
    for summary in source.summaries_of("test", dataset, first):
        others = of_second.get(summary.setting, {})
        shared = sorted(summary.values.keys() & others.keys())
        if shared:
            gaps[summary.setting] = float(np.mean([np.mean(summary.values[s]) - np.mean(others[s]) for s in shared]))
    return gaps


def _agreement(source: Material, contest: Contest) -> Iterator[Point]:
    yardsticks = {yardstick.name: yardstick for yardstick in source.yardsticks[contest.dataset]}
    for measure in TOLD_AGREEMENT:
        means: dict[str, list[float]] = {}
        for summary in source.summaries(measure):
            if summary.dataset == contest.dataset:
                means.setdefault(summary.method, []).append(summary.mean)
        if not means:
            continue
        reached = {method: float(np.mean(of_method)) for method, of_method in means.items()}
        highest = max(reached.values())
        best = tuple(sorted(method for method, mean in reached.items() if highest - mean < EQUAL))
        counts = [contest.of(method).n for method in best]
        yield Point(
            Kind.AGREEMENT, contest.dataset, contest.lookup, {"measure": measure}, {"best": best},
            {
                "highest": highest, "fewest": min(counts), "most": max(counts),
                **{name: getattr(yardsticks[name], measure) for name in (FLOOR, "params")},
                "place": places_of_constant_order(source.truths[contest.dataset])[0] if measure == "tau_mean" else None,
                "two_trainings": source.retrainings[contest.dataset].taus.get(measure),
            },
        )  # fmt: skip


def _edges(source: Material, contest: Contest) -> Iterator[Point]:
    for level, compared in source.edge_knowledge[contest.dataset].items():
        numbers = {
            "of": len(compared),
            "judged": sum(c.judged for c in compared),
            "could_show": middle([c.detectable for c in compared if c.verdict is Verdict.OPEN]),
        }
        yield Point(Kind.EDGES, contest.dataset, contest.lookup, {"level": str(level)}, by_verdict(compared), numbers)


def _supernets(source: Material, contest: Contest) -> Iterator[Point]:
    for row in source.supernet_quality:
        if row.dataset == contest.dataset:
            numbers = {"supernets": row.supernets, "selectors": row.selectors, "tau": row.tau, "p": row.p}
            yield Point(Kind.SUPERNETS, contest.dataset, contest.lookup, {"recipe": row.setting}, numbers=numbers)


def _chance(source: Material, contest: Contest) -> Iterator[Point]:
    for standing in contest.standings:
        summaries = source.summaries_of("test", contest.dataset, standing.method)
        found = [components for summary in summaries if (components := summary.components) is not None]
        if found:
            numbers: dict[str, float | int | None] = {
                "selector": float(np.sqrt(np.mean([c.selector**2 for c in found]))),
                "supernet": float(np.sqrt(np.mean([c.supernet**2 for c in found]))),
                "supernets": sum(c.supernets for c in found),
                "values": sum(c.values for c in found),
            }
            words = {"method": standing.method}
            yield Point(Kind.CHANCE, contest.dataset, contest.lookup, words, numbers=numbers)


def _seeds(source: Material, contest: Contest) -> Iterator[Point]:
    found = seeds_compared(source, contest)
    if found is not None:
        names = {"changed": found.changed}
        numbers = {"seeds": found.seeds, "common": found.common, "verdicts": found.verdicts, "others": found.others,
                   "too_few": found.too_few}  # fmt: skip
        yield Point(Kind.SEEDS, contest.dataset, contest.lookup, names=names, numbers=numbers)
