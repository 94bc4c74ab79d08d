"""Confidence intervals of means and of shares, at LEVEL.

Intervals of means use Student's t with Welch's degrees of freedom and one variance per stratum. The percentile
bootstrap resamples five values as if they were the population, and covered 84 % instead of the promised 95
(reports/data/coverage.csv has the coverage of the present intervals). Intervals of shares are Clopper and Pearson's.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, stdtrit

from nas_selection_bench.bench.problem.rounding import EQUAL

Values = NDArray[np.float64]
Numbers = Sequence[float] | Values

LEVEL = 0.95
ROUGH_BELOW = 7
"""With fewer units than this in all, an interval of a mean covers less than 90 % if results are skewed
(reports/data/coverage.csv)."""


@dataclass(frozen=True)
class Interval:
    """An interval at LEVEL; the only source of chance that it covers is the supernet seed."""

    low: float
    high: float
    n: int
    """Number of units in all strata together."""

    @property
    def rough(self) -> bool:
        """Whether there are too few units for the interval to have its promised coverage under every distribution."""
        return self.n < ROUGH_BELOW

    def within(self, lowest: float, highest: float) -> "Interval":
        """The part of the interval between bounds that the mean cannot leave; it covers the mean as often."""
        return replace(self, low=max(self.low, lowest), high=min(self.high, highest))


def mean_of_strata(strata: Sequence[Numbers]) -> float:
    """The mean over strata of their means: each stratum counts once, whatever its number of units."""
    return float(np.mean([np.mean(values) for values in strata]))


def mean_interval(strata: Sequence[Numbers]) -> Interval | None:
    """The interval of the mean over strata, by Student's t with one variance per stratum.

    Strata have equal weights, as in `mean_of_strata`. Degrees of freedom follow Welch, "The
    generalization of Student's problem when several different population variances are involved", Biometrika 1947.
    None if some stratum has fewer than two units, or if all units are equal within every stratum: an interval without
    width would promise too much. Raises ValueError if there are no strata or a value is not finite.
    """
    arrays = [np.asarray(values, float) for values in strata]
    if not arrays:
        raise ValueError("an interval needs at least one stratum")
    return mean_intervals(np.concatenate(arrays)[None], [len(values) for values in arrays])[0]


def mean_intervals(rows: Values, sizes: Sequence[int], pooled: bool = False) -> list[Interval | None]:
    """`mean_interval` of each row of [k, n], in which strata of these `sizes` stand side by side; same errors.

    If `pooled`, every unit has the same weight, and strata of a single unit are joined (`_collapsed`).
    """
    if not np.isfinite(rows).all():
        raise ValueError("an interval needs finite values")
    found: list[Interval | None] = [None] * len(rows)
    strata = [rows[:, end - size : end] for size, end in zip(sizes, np.cumsum(sizes).tolist(), strict=True)]
    if pooled:
        strata = _collapsed(strata)
        sizes = [values.shape[1] for values in strata]
    if min(sizes) < 2:
        return found
    wide = np.logical_or.reduce([np.ptp(values, axis=1) > EQUAL for values in strata])
    counts = np.array(sizes)
    weights = counts / counts.sum() if pooled else np.full(len(counts), 1 / len(counts))
    means = np.stack([values[wide].mean(axis=1) for values in strata], axis=1)
    variances = weights * weights * np.stack([values[wide].var(axis=1, ddof=1) for values in strata], axis=1) / counts
    # Sums instead of a matrix product, since the order in which BLAS adds depends on the kind of CPU.
    middles, totals = (means * weights).sum(axis=1), variances.sum(axis=1)
    freedom = totals * totals / (variances * variances / (counts - 1)).sum(axis=1)
    halves = stdtrit(freedom, (1 + LEVEL) / 2) * np.sqrt(totals)
    for place, middle, half in zip(np.flatnonzero(wide), middles.tolist(), halves.tolist(), strict=True):
        found[place] = Interval(middle - half, middle + half, int(counts.sum()))
    return found


def _collapsed(strata: list[Values]) -> list[Values]:
    """Strata [k, n], with those of a single unit joined into one; if there is only one, it joins the smallest other.

    A single unit has no variance of its own. The variance of joined strata includes the differences between them, so
    the interval is too wide rather than too narrow. Source: Cochran, "Sampling Techniques", 3rd edition, section 5A.12.
    """
    single = [values for values in strata if values.shape[1] == 1]
    others = [values for values in strata if values.shape[1] > 1]
    if len(single) == 1 and others:
        smallest = min(range(len(others)), key=lambda place: others[place].shape[1])
        others[smallest] = np.hstack([others[smallest], *single])
        return others
    return [*others, np.hstack(single)] if single else others


@cache
def share_interval(count: float, n: int) -> Interval | None:
    """Clopper and Pearson's interval of a probability after `count` successes in `n` trials; None if `n` is 0.

    A fractional `count` is rounded down for the lower end and up for the upper one. The interval covers at least
    LEVEL, whatever the probability.
    """
    if not n:
        return None
    fewest, most = math.floor(count), math.ceil(count)
    tail = (1 - LEVEL) / 2
    low = float(betaincinv(fewest, n - fewest + 1, tail)) if fewest else 0.0
    high = float(betaincinv(most + 1, n - most, 1 - tail)) if most < n else 1.0
    return Interval(low, high, n)
