"""Which criteria a result supports, and what limits it, as data; `reports.sections.advice` writes the sentences."""

from collections.abc import Mapping
from dataclasses import dataclass

from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.work.presets import PUBLISHED, SupernetSize, settings_labelled
from nas_selection_bench.bench.work.record import FAILED, MISSING
from nas_selection_bench.bench.yardsticks.comparisons import Verdict
from nas_selection_bench.reports.data.contests import FLOOR, Contest
from nas_selection_bench.reports.data.costs import seconds_per_selection
from nas_selection_bench.reports.data.founders import Level
from nas_selection_bench.reports.data.material import Material
from nas_selection_bench.reports.data.points import by_verdict


@dataclass(frozen=True)
class Advice:
    """The main forms that one may choose from, given the result on one data set, and what the result leaves open."""

    dataset: str
    verdicts: Mapping[str, tuple[str, ...]]
    """The main forms by their verdict against FLOOR, as in `points.by_verdict`."""
    judged: int
    """Number of main forms that could be judged against FLOOR."""
    candidates: tuple[str, ...]
    """The main forms shown better than FLOOR; if there are none, those that were judged and not shown worse. Without
    those that another candidate is shown better than. Highest mean first, even where recipes are missing."""
    seconds: Mapping[str, float]
    """Seconds per selection, of each candidate whose cost is stored."""
    no_supernet: tuple[str, ...]
    """The candidates that read no trained supernet."""
    collapsed: Mapping[str, tuple[int, int]]
    """Main form -> (choices among the worst tenth of the space, all choices); the most frequent collapses first."""
    could_show: tuple[float, float] | None
    """The smallest and the largest detectable difference from FLOOR, in points, over the candidates for which no
    difference is shown."""
    pairs: tuple[int, int]
    """Pairs of candidates, and how many of these pairs have too few seeds to be judged."""
    pairs_small: int
    """Pairs of candidates that are shown to differ, but by a median within the margin."""
    higher_on_fewer: bool
    """Whether some method with fewer recipes, hence other supernets, has a higher mean than the contest's best."""

    @property
    def cheapest(self) -> str | None:
        """The candidate with the fastest selection; None if no cost is stored."""
        return min(self.seconds, key=self.seconds.__getitem__, default=None)


@dataclass(frozen=True)
class Limits:
    """The limits of a result on one data set."""

    dataset: str
    smaller: tuple[SupernetSize, ...]
    """The sizes of its supernets that are smaller than PUBLISHED in some respect."""
    unknown_sizes: tuple[str, ...]
    """Presets whose size is not known here."""
    seeds: tuple[int, int]
    """The fewest and the most supernet seeds of a criterion."""
    recipes: tuple[str, ...]
    """The recipes whose supernets were read by some criterion."""
    criteria: int
    untried: Mapping[str, int]
    """Recipe -> number of criteria that read a supernet and were not tried on it; only recipes with any."""
    unjudged: int
    """Number of criteria with too few seeds to be judged against FLOOR."""
    exploratory: int
    lost: int
    """Cells on this data set that failed or are missing."""
    lost_of: tuple[str, ...]
    """The criteria of the lost cells."""
    lookups: tuple[str, ...]
    """Other data sets whose accuracies the choices are also looked up in."""


def advice(source: Material, contest: Contest) -> Advice:
    """The advice that follows from the comparisons on one data set."""
    compared = contest.against(FLOOR, contest.ranked)  # one family, as the finding counts them
    verdicts = by_verdict(compared)
    candidates = _candidates(contest, verdicts)
    could = [
        c.detectable
        for c in compared
        if c.verdict is Verdict.OPEN and c.first in candidates and c.detectable is not None
    ]  # fmt: skip
    pairs = [c for c in contest.comparisons if c.first in candidates and c.second in candidates]
    costs = seconds_per_selection(source.results, contest.dataset)["seconds"]
    fallen = {s.method: (s.collapsed, s.n) for s in contest.standings if s.collapsed and s.method in contest.ranked}
    return Advice(
        contest.dataset, verdicts, sum(c.judged for c in compared), candidates,
        {name: float(costs[name]) for name in candidates if name in costs.index},
        tuple(name for name in candidates if name in source.results.checkpoint_free),
        dict(sorted(fallen.items(), key=lambda item: -item[1][0] / item[1][1])),
        (min(could), max(could)) if could else None,
        (len(pairs), sum(c.verdict is Verdict.TOO_FEW for c in pairs)), sum(c.verdict is Verdict.SMALL for c in pairs),
        max(s.mean for s in contest.standings) > contest.of(contest.best).mean,
    )  # fmt: skip


def _candidates(contest: Contest, verdicts: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    names = verdicts["better"] or (*verdicts["small"], *verdicts["open"])
    beaten = {
        c.second if c.verdict is Verdict.BETTER else c.first
        for c in contest.comparisons
        if c.first in names and c.second in names and c.verdict in (Verdict.BETTER, Verdict.WORSE)
    }
    return tuple(s.method for s in contest.standings if s.method in names and s.method not in beaten)


def limits(source: Material, contest: Contest) -> Limits:
    """The limits of the result on one data set."""
    results, dataset = source.results, contest.dataset
    rows, final = results.rows[results.rows["dataset"] == dataset], results.final_of(dataset)
    sizes, unknown = [], []
    for label in dict.fromkeys(rows["preset"].astype(str)):
        try:
            sizes.append(settings_labelled(label).size)
        except UsageError:
            unknown.append(label)
    seeds = final.groupby(["method", "setting"])["supernet_seed"].nunique()
    lost = rows[rows["state"].isin((FAILED, MISSING))]
    read = final[~final["method"].isin(source.results.checkpoint_free)]
    return Limits(
        dataset, tuple(size for size in sizes if _smaller(size)), tuple(unknown), (int(seeds.min()), int(seeds.max())),
        tuple(dict.fromkeys(read["setting"])), len(contest.standings), _untried(source, dataset),
        sum(c.verdict is Verdict.TOO_FEW for c in contest.against(FLOOR)),
        sum(s.level is Level.EXPLORATORY for s in contest.standings),
        len(lost), tuple(sorted(set(lost["method"]))),
        tuple(other.lookup for other in source.transfers if other.dataset == dataset),
    )  # fmt: skip


def _untried(source: Material, dataset: str) -> dict[str, int]:
    """Recipe -> number of criteria with cells on other recipes and none on it; a skipped cell counts as tried."""
    rows = source.results.rows
    rows = rows[(rows["dataset"] == dataset) & ~rows["method"].isin(source.results.checkpoint_free)]
    tried = rows.groupby("setting")["method"].nunique()
    return {str(name): int(count) for name, count in (rows["method"].nunique() - tried).items() if count}


def _smaller(size: SupernetSize) -> bool:
    fewer_images = size.images is not None and (PUBLISHED.images is None or size.images < PUBLISHED.images)
    return fewer_images or any(
        getattr(size, name) < getattr(PUBLISHED, name) for name in ("channels", "cells", "epochs")
    )
