"""Who is better than whom, on the same checkpoints: paired comparisons, judged in families, and tie groups.

Paired tests with Holm's correction instead of mean ranks, whose outcome depends on who else is in the table
(Benavoli, Corani & Mangili, "Should We Really Use Post-Hoc Tests Based on Mean-Ranks?", JMLR 2016); where no
outcome could have been significant, that is said instead of "no difference".
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import combinations
from typing import TypeVar

import numpy as np

from bench.statistics import (
    Interval,
    bootstrap,
    estimate,
    holm,
    improvement_share,
    pooled_median,
    sign_flip_ps,
    smallest_p,
)

SIGNIFICANCE = 0.05

Checkpoint = TypeVar("Checkpoint", bound=Hashable)


class Verdict(StrEnum):
    """What a comparison of two selectors supports."""

    BETTER = "better"
    WORSE = "worse"
    SMALL = "differs, within the margin"
    OPEN = "no difference shown"
    TOO_FEW = "too few pairs to tell"
    SAME = "same choices"


@dataclass(frozen=True)
class Comparison:
    """Two selectors on the checkpoints that both were applied to; positive differences favour `first`."""

    first: str
    second: str
    n: int
    """Pairs: checkpoints on which both gave a value."""
    differing: int
    """Pairs in which the two values differ."""
    median: float
    median_interval: Interval | None
    mean: float
    improvement: float
    """Probability that `first` is above `second` on a checkpoint, ties counted half."""
    improvement_interval: Interval | None
    p: float
    p_holm: float
    """`p` corrected over all comparisons made together."""
    smallest_p_holm: float
    """What `p_holm` would be if every comparison were as clear as its number of pairs allows."""
    verdict: Verdict

    def seen_from(self, name: str) -> "Comparison":
        """The same comparison with `name`, one of the two, as `first`."""
        if name == self.first:
            return self
        if name != self.second:
            raise ValueError(f"{name} is not part of the comparison of {self.first} and {self.second}")
        mirror = {Verdict.BETTER: Verdict.WORSE, Verdict.WORSE: Verdict.BETTER}
        return Comparison(
            self.second, self.first, self.n, self.differing, -self.median, _negated(self.median_interval, 0.0),
            -self.mean, 1 - self.improvement, _negated(self.improvement_interval, 1.0),
            self.p, self.p_holm, self.smallest_p_holm, mirror.get(self.verdict, self.verdict),
        )  # fmt: skip


def _negated(interval: Interval | None, total: float) -> Interval | None:
    if interval is None:
        return None
    return Interval(
        total - interval.high, total - interval.low, interval.level, interval.n, interval.smallest_stratum,
        interval.source,
    )  # fmt: skip


def _verdict(comparison: Comparison, p: float, reachable: float, margin: float | None) -> Verdict:
    if comparison.differing == 0:
        return Verdict.SAME
    if reachable > SIGNIFICANCE:
        return Verdict.TOO_FEW
    if p > SIGNIFICANCE:
        return Verdict.OPEN
    if margin is not None and abs(comparison.median) <= margin:
        return Verdict.SMALL
    return Verdict.BETTER if comparison.mean > 0 else Verdict.WORSE


def compare(
    values: Mapping[str, Mapping[Checkpoint, float]],
    stratum: Callable[[Checkpoint], Hashable],
    margin: float | None = None,
    alike: Mapping[str, Callable[[Checkpoint], Hashable]] | None = None,
    with_intervals: Callable[[str, str], bool] = lambda first, second: True,
) -> list[Comparison]:
    """Every pair of selectors compared on the checkpoints they share, Holm's correction over all pairs.

    `values[selector][checkpoint]` is one number per checkpoint, larger = better, selector seeds already
    averaged; `stratum` says which checkpoints are replicates of one another (same data set and recipe).
    A difference counts as better or worse only if it is significant *and* its median exceeds `margin`,
    where one is given. Pairs without a shared checkpoint are left out. The order follows `values`.

    `alike[selector](checkpoint)` names the one draw behind the values of a selector that gives the same on several
    checkpoints: its differences are averaged over those, since they are one observation and not many.
    `with_intervals` says which pairs get bootstrap intervals, the slow part.
    """
    alike = alike or {}
    drafts: list[tuple[str, str, list[list[float]]]] = []
    for first, second in combinations(values, 2):
        found: dict[Hashable, list[float]] = {}
        for checkpoint in values[first]:
            if checkpoint in values[second]:
                difference = values[first][checkpoint] - values[second][checkpoint]
                draw = alike.get(first) or alike.get(second)
                found.setdefault(draw(checkpoint) if draw else stratum(checkpoint), []).append(difference)
        if found:
            groups = list(found.values())
            if first in alike or second in alike:
                groups = [[float(np.mean(group)) for group in groups]]
            drafts.append((first, second, groups))
    pooled_of = [np.array([d for group in groups for d in group]) for *_, groups in drafts]
    comparisons = []
    for (first, second, groups), pooled, p in zip(drafts, pooled_of, sign_flip_ps(pooled_of), strict=True):
        shown = with_intervals(first, second)
        comparison = Comparison(
            first, second, len(pooled), int(np.count_nonzero(pooled)), float(np.median(pooled)),
            bootstrap(groups, pooled_median) if shown else None, float(pooled.mean()),
            estimate(groups, improvement_share), bootstrap(groups, improvement_share) if shown else None,
            p, p, p, Verdict.OPEN,
        )  # fmt: skip
        comparisons.append(comparison)
    return corrected(comparisons, margin)


def corrected(comparisons: Sequence[Comparison], margin: float | None = None) -> list[Comparison]:
    """The same comparisons judged as one family: Holm's correction over exactly these, verdicts to match.

    A family fixed beforehand, such as every selector against one baseline, needs less correction than all pairs.
    """
    p = holm([comparison.p for comparison in comparisons])
    reachable = holm([smallest_p(comparison.differing) for comparison in comparisons])
    return [
        replace(
            comparison, p_holm=float(p[i]), smallest_p_holm=float(reachable[i]),
            verdict=_verdict(comparison, float(p[i]), float(reachable[i]), margin),
        )
        for i, comparison in enumerate(comparisons)
    ]  # fmt: skip


def tie_groups(names: Sequence[str], comparisons: Sequence[Comparison], margin: float | None = None) -> list[list[str]]:
    """Groups instead of ranks: the first name, and all that were not shown worse than it; then the same with the rest.

    `names` are ordered best first. Holm's correction is over the comparisons with the best one, the family of
    multiple comparisons with the best (Hsu, "Simultaneous Confidence Intervals for All Distances from the
    'Best'", Annals of Statistics 1981); names without a comparison stay with the best.
    """
    groups, left = [], list(names)
    while left:
        best, others = left[0], set(left[1:])
        family = [c.seen_from(best) for c in comparisons if best in (c.first, c.second)]
        judged = corrected([c for c in family if c.second in others], margin)
        beaten = {c.second for c in judged if c.verdict is Verdict.BETTER}
        groups.append([name for name in left if name not in beaten])
        left = [name for name in left if name in beaten]
    return groups
