"""Paired comparisons of selectors on the same checkpoints, judged in families, and tie groups.

Paired tests with Holm's correction replace mean ranks, whose outcome depends on which other selectors are in the table
(Benavoli, Corani & Mangili, "Should We Really Use Post-Hoc Tests Based on Mean-Ranks?", JMLR 2016). If no outcome
could have been significant, the report says so instead of "no difference".
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import combinations
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from nas_selection_bench.bench.problem.rounding import EQUAL
from nas_selection_bench.bench.yardsticks.agreements import Agreements
from nas_selection_bench.bench.yardsticks.intervals import Interval, Values, mean_intervals, share_interval
from nas_selection_bench.bench.yardsticks.statistics import (
    SIGNIFICANCE,
    detectable,
    holm,
    sign_flip_ps,
    sign_test_p,
    smallest_p,
)

FEWEST_WITH_COLLAPSES = 7
"""The mean over fewer supernets than this has no interval if one of the results collapsed: with a collapse rate of
15 %, six results are too few to estimate how often it happens (reports/data/coverage.csv)."""

FEWEST_SEEDS = 2
"""Fewest pairs per recipe, on average, for a comparison to be judged: other recipes do not replace more seeds."""

Checkpoint = TypeVar("Checkpoint", bound=Hashable)


class Verdict(StrEnum):
    """The conclusion that a comparison of two selectors supports."""

    BETTER = "better"
    WORSE = "worse"
    SMALL = "differs, median within the margin"
    OPEN = "no difference shown"
    TOO_FEW = "too few seeds to tell"
    SAME = "same choices"


UNJUDGED = (Verdict.TOO_FEW, Verdict.SAME)
"""Verdicts that do not rest on a p value."""


@dataclass(frozen=True)
class Comparison:
    """Two selectors compared on the checkpoints that both were applied to; positive differences favour `first`."""

    first: str
    second: str
    n: int
    """Number of pairs: checkpoints on which both gave a value."""
    sizes: tuple[int, ...]
    """Number of pairs per stratum (data set and recipe); a single one if differences were averaged over recipes."""
    differing: int
    """Number of pairs in which the two values differ."""
    mean: float
    """Mean difference over all pairs: the statistic of the sign-flip test."""
    mean_interval: Interval | None
    deviation: float
    """Standard deviation of the differences; 0 for one pair."""
    median: float
    above: int
    """Number of differing pairs in which `first` is higher: the statistic of the sign test."""
    improvement: float
    """Share of all pairs in which `first` is higher than `second`; ties count half."""
    improvement_interval: Interval | None
    p: float
    """p of the sign-flip test."""
    p_holm: float
    """`p` corrected over all comparisons made together; 1 if the comparison is not `can_be_significant`."""
    smallest_p_holm: float
    """The value of `p_holm` if every comparison were as clear as its number of pairs allows."""
    p_sign: float
    """p of the sign test, which the single long tail of differences from a floor near the optimum does not disturb."""
    p_sign_holm: float
    verdict: Verdict
    margin: float | None = None
    """The largest median difference that is too small to count, if one is known."""
    detectable: float | None = None
    """The true mean difference that this many pairs would show after correction, four times out of five."""

    @property
    def can_be_significant(self) -> bool:
        """Whether some outcome would have been significant without correction, and seeds were repeated."""
        return smallest_p(self.differing) <= SIGNIFICANCE and self.n >= FEWEST_SEEDS * len(self.sizes)

    @property
    def decidable(self) -> bool:
        """Whether some outcome would have been significant after the correction."""
        return self.can_be_significant and self.smallest_p_holm <= SIGNIFICANCE

    @property
    def judged(self) -> bool:
        """Whether the verdict rests on a test: the choices differ, and there are enough pairs."""
        return self.verdict not in UNJUDGED

    def seen_from(self, name: str) -> "Comparison":
        """The same comparison with `name`, one of the two selectors, as `first`."""
        if name == self.first:
            return self
        if name != self.second:
            raise ValueError(f"{name} is not part of the comparison of {self.first} and {self.second}")
        mirror = {Verdict.BETTER: Verdict.WORSE, Verdict.WORSE: Verdict.BETTER}
        return replace(
            self, first=self.second, second=self.first, verdict=mirror.get(self.verdict, self.verdict),
            mean=-self.mean, mean_interval=_negated(self.mean_interval, 0.0), median=-self.median,
            above=self.differing - self.above, improvement=1 - self.improvement,
            improvement_interval=_negated(self.improvement_interval, 1.0),
        )  # fmt: skip


def _negated(interval: Interval | None, total: float) -> Interval | None:
    if interval is None:
        return None
    return replace(interval, low=total - interval.high, high=total - interval.low)


def _verdict(comparison: Comparison, p_holm: float, decidable: bool) -> Verdict:
    """The verdict on a comparison whose corrected p is `p_holm`."""
    if comparison.differing == 0:
        return Verdict.SAME
    if not decidable:
        return Verdict.TOO_FEW
    # The test is about the mean, which a few collapses can move to one side while most pairs lie on the other.
    if p_holm > SIGNIFICANCE or comparison.mean * comparison.median <= 0:
        return Verdict.OPEN
    if comparison.margin is not None and abs(comparison.median) <= comparison.margin:
        return Verdict.SMALL
    return Verdict.BETTER if comparison.mean > 0 else Verdict.WORSE


def paired(
    values: Mapping[str, Mapping[Checkpoint, float]],
    stratum: Callable[[Checkpoint], Hashable],
    margin: Callable[[float], float | None] = lambda least: None,
    draws: Mapping[str, Callable[[Checkpoint], Hashable]] | None = None,
    pairs: Iterable[tuple[str, str]] | None = None,
    collapsed: Callable[[str, Checkpoint], bool] = lambda name, checkpoint: False,
    known: Agreements | None = None,
) -> list[Comparison]:
    """Compare pairs of selectors (all if not given) on the checkpoints they share; `corrected` adds the verdicts.

    `values[selector][checkpoint]` is one number per checkpoint, larger = better, already averaged over selector
    seeds; `stratum` groups the checkpoints that are replicates of one another (same data set and recipe).
    `margin` is called with the lower of the two medians and gives the largest median difference that is too small to
    count among values at least that high, or None. Pairs without a shared checkpoint are left out. The order follows
    `pairs`, or else `values`.

    `draws[selector](checkpoint)` names the single draw behind the values of a selector that gives the same answer on
    several checkpoints: its differences are averaged over those, since they are one observation and not many.
    `collapsed(selector, checkpoint)` says whether a result fell far below the others.
    `known` holds p values computed before.
    """
    draws = draws or {}
    # Checkpoints in the order of the fullest selector, so that gaps of the others cannot change the order of sums.
    fullest = sorted(values.values(), key=len, reverse=True)
    checkpoints = list(dict.fromkeys(checkpoint for of_name in fullest for checkpoint in of_name))
    column = {checkpoint: i for i, checkpoint in enumerate(checkpoints)}
    row = {name: i for i, name in enumerate(values)}
    table = np.full((len(row), len(column)), np.nan)
    present, fell = np.zeros(table.shape, bool), np.zeros(table.shape, bool)
    for name, of_name in values.items():
        entries = row[name], [column[checkpoint] for checkpoint in of_name]
        table[entries], present[entries] = list(of_name.values()), True
        fell[entries] = [collapsed(name, checkpoint) for checkpoint in of_name]

    sharing: dict[tuple[bytes, Callable[[Checkpoint], Hashable] | None], list[tuple[str, str]]] = {}
    order: dict[tuple[str, str], None] = {}
    for first, second in combinations(values, 2) if pairs is None else pairs:
        shared = present[row[first]] & present[row[second]]
        if shared.any():
            order[first, second] = None
            draw = draws.get(first) or draws.get(second)
            sharing.setdefault((shared.tobytes(), draw), []).append((first, second))
    blocks = []
    for (_, draw), names in sharing.items():
        rows = [row[first] for first, _ in names], [row[second] for _, second in names]
        groups: dict[Hashable, list[int]] = {}
        for i in np.flatnonzero(present[rows[0][0]] & present[rows[1][0]]).tolist():
            groups.setdefault((draw or stratum)(checkpoints[i]), []).append(i)
        columns = [i for group in groups.values() for i in group]
        sides = [table[np.ix_(side, columns)] for side in rows]
        differences, sizes = sides[0] - sides[1], tuple(map(len, groups.values()))
        if draw:
            differences, sizes = _averaged(differences, sizes), (len(sizes),)
        differences[np.abs(differences) <= EQUAL] = 0  # left over from rounding in means over selector seeds
        lower = np.minimum(*(np.median(side, axis=1) for side in sides))
        fallen = np.asarray((fell[np.ix_(rows[0], columns)] | fell[np.ix_(rows[1], columns)]).any(axis=1))
        blocks.append(_Block(names, differences, sizes, lower, fallen))
    p = iter(sign_flip_ps([differences for block in blocks for differences in block.differences], known))
    compared = {(c.first, c.second): c for block in blocks for c in block.compared(p, margin)}
    return [compared[names] for names in order]


def _averaged(differences: Values, sizes: Sequence[int]) -> Values:
    """[k, groups] the mean of each group of neighbouring columns; `sizes` are the sizes of the groups."""
    ends = np.cumsum(sizes).tolist()
    return np.stack([differences[:, end - n : end].mean(axis=1) for n, end in zip(sizes, ends, strict=True)], axis=1)


@dataclass(frozen=True)
class _Block:
    """Pairs of selectors that share the same checkpoints."""

    names: list[tuple[str, str]]
    differences: Values
    """[pairs, n], with the strata side by side."""
    sizes: tuple[int, ...]
    """Sizes of the strata."""
    lower: Values
    """[pairs] the lower of the two medians."""
    fell: NDArray[np.bool_]
    """[pairs] whether any of the results collapsed."""

    def compared(self, p: Iterator[float], margin: Callable[[float], float | None]) -> Iterator[Comparison]:
        """The comparisons; `p` gives their p values in turn."""
        n = self.differences.shape[1]
        above, below = ((side > 0).sum(axis=1).tolist() for side in (self.differences, -self.differences))
        means, medians = self.differences.mean(axis=1).tolist(), np.median(self.differences, axis=1).tolist()
        deviations = self.differences.std(axis=1, ddof=1).tolist() if n > 1 else [0.0] * len(self.names)
        intervals = mean_intervals(self.differences, self.sizes, pooled=True)
        uncertain = (self.fell & (n < FEWEST_WITH_COLLAPSES)).tolist()
        lower = self.lower.tolist()
        for i, (first, second) in enumerate(self.names):
            won, p_flip, p_sign = above[i] + (n - above[i] - below[i]) / 2, next(p), sign_test_p(above[i], below[i])
            yield Comparison(
                first, second, n, self.sizes, above[i] + below[i], mean=means[i],
                mean_interval=None if uncertain[i] else intervals[i], deviation=deviations[i], median=medians[i],
                above=above[i], improvement=won / n,
                improvement_interval=share_interval(won, n) if above[i] + below[i] else None,
                p=p_flip, p_holm=p_flip, smallest_p_holm=p_flip, p_sign=p_sign, p_sign_holm=p_sign,
                verdict=Verdict.OPEN, margin=margin(lower[i]),
            )  # fmt: skip


def corrected(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The same comparisons judged as one family: Holm's correction over exactly these, with verdicts to match.

    A selector counts as better or worse only if the difference is significant, its mean and median have the same sign,
    *and* its median exceeds the margin. Comparisons that no outcome could have made significant get no such verdict and
    take no part in the correction. A family fixed beforehand, such as every selector against one baseline, needs less
    correction than all pairs.
    """
    places = [i for i, comparison in enumerate(comparisons) if comparison.can_be_significant]
    p, reachable, p_sign = (np.ones(len(comparisons)) for _ in range(3))
    p[places] = holm([comparisons[i].p for i in places])
    reachable[places] = holm([smallest_p(comparisons[i].differing) for i in places])
    p_sign[places] = holm([comparisons[i].p_sign for i in places])
    can_be_significant = set(places)
    return [
        replace(
            c, p_holm=float(p[i]), smallest_p_holm=float(reachable[i]), p_sign_holm=float(p_sign[i]),
            detectable=detectable(c.deviation, c.n, len(places)) if i in can_be_significant else None,
            verdict=_verdict(c, float(p[i]), decidable=i in can_be_significant and reachable[i] <= SIGNIFICANCE),
        )
        for i, c in enumerate(comparisons)
    ]  # fmt: skip


def tie_groups(names: Sequence[str], comparisons: Sequence[Comparison]) -> list[list[str]]:
    """Groups instead of ranks: a leader and all that were not shown to be worse than it; then the same with the rest.

    `names` are ordered best first. The leader is the first name that no other was shown to beat, since means over
    different checkpoints can be in another order than the pairs that two names share. Verdicts are used as given, so
    `comparisons` should be corrected over all pairs: the leader is found on the same data, and a family of the
    comparisons with it alone would be chosen with hindsight. A name with too few seeds to differ significantly from any
    other is in no group.

    >>> accuracies = {"a": [93, 94, 95], "b": [94, 93, 95], "c": [10, 11, 10]}
    >>> values = {name: {seed: row[seed % 3] + seed / 9 for seed in range(12)} for name, row in accuracies.items()}
    >>> tie_groups(["a", "b", "c"], corrected(paired(values, stratum=lambda seed: "cifar10")))
    [['a', 'b'], ['c']]
    """
    verdicts = {(c.first, c.second): c.verdict for c in comparisons}
    verdicts |= {(c.second, c.first): c.seen_from(c.second).verdict for c in comparisons}
    decidable = {name for c in comparisons if c.decidable for name in (c.first, c.second)}
    groups, left = [], [name for name in names if name in decidable]
    while left:
        unbeaten = [name for name in left if not any(verdicts.get((o, name)) is Verdict.BETTER for o in left)]
        leader = next(iter(unbeaten), left[0])
        beaten = [name for name in left if verdicts.get((leader, name)) is Verdict.BETTER]
        groups.append([leader, *(name for name in left if name not in {leader, *beaten})])
        left = beaten
    return groups
