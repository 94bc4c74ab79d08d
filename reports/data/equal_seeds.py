"""Verdicts on the founding criteria, recomputed with the supernet seeds that all selectors share.

Seeds can be added to some selectors after the results of the others are known. The report therefore says which
verdicts would change if only the common seeds counted.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from nas_selection_bench.bench.yardsticks.comparisons import Comparison, Verdict
from nas_selection_bench.reports.data.contests import BASELINES, Contest
from nas_selection_bench.reports.data.factors import contrasts
from nas_selection_bench.reports.data.founders import FOUNDERS
from nas_selection_bench.reports.data.judging import contest
from nas_selection_bench.reports.data.material import Material


@dataclass(frozen=True)
class SeedsCompared:
    """The verdicts that the finding reports, with all seeds and with the common seeds alone."""

    seeds: int
    """Number of supernet seeds that some founding criterion has."""
    common: int
    """Number of supernet seeds that all selectors have."""
    verdicts: int
    others: int
    """Number of verdicts that would differ with the common seeds."""
    too_few: int
    """How many of `others` would be "too few seeds"."""
    changed: tuple[str, ...]
    """The remaining changes, in words."""


def seeds_compared(source: Material, whole: Contest) -> SeedsCompared | None:
    """The comparison of the two sets of seeds; None if no founding criterion has a seed that some selector lacks."""
    final = source.results.final_of(whole.dataset)
    seeds = final.groupby("method")["supernet_seed"].agg(frozenset)
    common = frozenset.intersection(*seeds)
    of_founders = frozenset().union(*(seeds[name] for name in whole.founders))
    if not common < of_founders:
        return None
    before = dict(_judged(whole))
    if not common:  # nothing is left to compare, so every verdict becomes "too few seeds"
        decided = sum(c.verdict is not Verdict.TOO_FEW for c in before.values())
        return SeedsCompared(len(of_founders), 0, len(before), decided, decided, ())
    rows = source.results.rows
    kept = rows["supernet_seed"].isin(common) & rows["method"].isin(FOUNDERS) & (rows["dataset"] == whole.dataset)
    even = contest(
        replace(source.results, rows=rows[kept]), source.truths[whole.dataset], whole.dataset,
        source.yardsticks[whole.dataset],
    )  # fmt: skip
    after = dict(_judged(even))
    pairs = [(c, after[key]) for key, c in before.items() if key in after and after[key].verdict is not c.verdict]
    changed = tuple(
        f"{c.first} − {c.second} “{fewer.verdict}”, not “{c.verdict}”"
        for c, fewer in pairs
        if fewer.verdict is not Verdict.TOO_FEW
    )
    return SeedsCompared(len(of_founders), len(common), len(before), len(pairs), len(pairs) - len(changed), changed)


def _judged(judged: Contest) -> Iterator[tuple[tuple[str, frozenset[str]], Comparison]]:
    """The comparisons of founding criteria that the finding reports: with each baseline, and the FACTORS."""
    for baseline in BASELINES:
        for c in judged.against(baseline, FOUNDERS):
            yield (baseline, frozenset((c.first, c.second))), c
    for factor, c in contrasts(judged.comparisons):
        yield ("part", factor.pair), c
