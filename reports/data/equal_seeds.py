"""Do the verdicts on the founding papers' criteria rest on seeds that other selectors do not have?

Seeds can be added to some selectors after the results of the others are known. What the same comparisons say with the
seeds that all selectors have is therefore told beside them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from nas_selection_bench.bench.yardsticks.comparisons import Comparison, Verdict
from nas_selection_bench.reports.data.contests import BASELINES, Contest
from nas_selection_bench.reports.data.factors import contrasts
from nas_selection_bench.reports.data.founders import PRIMARY
from nas_selection_bench.reports.data.judging import contest
from nas_selection_bench.reports.data.material import Material


@dataclass(frozen=True)
class SeedsCompared:
    """The verdicts that the finding tells, with all seeds and with those that all selectors have."""

    seeds: int
    """Most supernet seeds of a founding criterion."""
    common: int
    """Supernet seeds that all selectors have."""
    verdicts: int
    others: int
    """Verdicts that would be others with the common seeds."""
    too_few: int
    """Of those, the ones that would be "too few seeds"."""
    changed: tuple[str, ...]
    """The rest of them in words."""


def seeds_compared(source: Material, whole: Contest) -> SeedsCompared | None:
    """The comparison where the PRIMARY criteria have seeds that others lack; None where all have the same."""
    final = source.results.final_of(whole.dataset)
    seeds = final.groupby("method")["supernet_seed"].agg(frozenset)
    common = frozenset.intersection(*seeds)
    of_primary = frozenset().union(*(seeds[name] for name in whole.primary))
    if not common < of_primary:
        return None
    before = dict(_judged(whole))
    if not common:  # nothing is left to compare: what needs seeds has too few
        decided = sum(c.verdict is not Verdict.TOO_FEW for c in before.values())
        return SeedsCompared(len(of_primary), 0, len(before), decided, decided, ())
    rows = source.results.rows
    kept = rows["supernet_seed"].isin(common) & rows["method"].isin(PRIMARY) & (rows["dataset"] == whole.dataset)
    even = contest(
        replace(source.results, rows=rows[kept]), source.truths[whole.dataset], whole.dataset,
        source.sticks[whole.dataset],
    )  # fmt: skip
    after = dict(_judged(even))
    pairs = [(c, after[key]) for key, c in before.items() if key in after and after[key].verdict is not c.verdict]
    changed = tuple(
        f"{c.first} − {c.second} “{fewer.verdict}”, not “{c.verdict}”"
        for c, fewer in pairs
        if fewer.verdict is not Verdict.TOO_FEW
    )
    return SeedsCompared(len(of_primary), len(common), len(before), len(pairs), len(pairs) - len(changed), changed)


def _judged(judged: Contest) -> Iterator[tuple[tuple[str, frozenset[str]], Comparison]]:
    """The comparisons that the finding tells of the PRIMARY criteria: with each baseline, and of one part."""
    for baseline in BASELINES:
        for c in judged.against(baseline, PRIMARY):
            yield (baseline, frozenset((c.first, c.second))), c
    for factor, c in contrasts(judged.comparisons):
        yield ("part", factor.pair), c
