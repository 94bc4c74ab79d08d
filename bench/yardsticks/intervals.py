"""Intervals of means and of shares, at LEVEL.

Those of means are Student's t with Welch's degrees of freedom, one variance per stratum: the percentile bootstrap
resamples five values as if they were the population, and covered 84 % where it promised 95 (reports/data/coverage.csv
holds what the present intervals cover). Those of counts are Clopper and Pearson's.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, stdtrit

from nas_selection_bench.bench.problem.rounding import EQUAL

Values = NDArray[np.float64]
Numbers = Sequence[float] | Values

LEVEL = 0.95
ROUGH_BELOW = 7
"""With fewer units than this in all, an interval of a mean covers less than 90 % of skewed results
(reports/data/coverage.csv)."""


@dataclass(frozen=True)
class Interval:
    """An interval at LEVEL; of the sources of chance it holds the supernet seed alone."""

    low: float
    high: float
    n: int
    """Units, all strata together."""

    @property
    def rough(self) -> bool:
        """Whether there are too few units for the interval to keep its promise whatever the distribution."""
        return self.n < ROUGH_BELOW


def mean_of_strata(strata: Sequence[Numbers]) -> float:
    """The mean of each stratum, averaged over strata: each counts once, whatever its number of units."""
    return float(np.mean([np.mean(values) for values in strata]))


def mean_interval(strata: Sequence[Numbers]) -> Interval | None:
    """The interval of the mean over strata, by Student's t with a variance per stratum.

    Strata count alike, as in `mean_of_strata`. Degrees of freedom as in Welch, "The
    generalization of Student's problem when several different population variances are involved", Biometrika 1947.
    None where some stratum has fewer than two units, or where the units of each are all equal: an interval without
    width would promise too much. Raises ValueError for no strata and for values that are not finite.
    """
    arrays = [np.asarray(values, float) for values in strata]
    if not arrays:
        raise ValueError("an interval needs at least one stratum")
    return mean_intervals(np.concatenate(arrays)[None], [len(values) for values in arrays])[0]


def mean_intervals(rows: Values, sizes: Sequence[int], pooled: bool = False) -> list[Interval | None]:
    """`mean_interval` of each row of [k, n], in which strata of these `sizes` stand side by side; raises as that.

    Where `pooled`, every unit counts alike, and strata of a single unit are joined (`_collapsed`).
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
    # Sums, not a product of matrices: BLAS adds in an order of its own on each kind of CPU.
    middles, totals = (means * weights).sum(axis=1), variances.sum(axis=1)
    freedom = totals * totals / (variances * variances / (counts - 1)).sum(axis=1)
    halves = stdtrit(freedom, (1 + LEVEL) / 2) * np.sqrt(totals)
    for place, middle, half in zip(np.flatnonzero(wide), middles.tolist(), halves.tolist(), strict=True):
        found[place] = Interval(middle - half, middle + half, int(counts.sum()))
    return found


def _collapsed(strata: list[Values]) -> list[Values]:
    """Strata [k, n], those of a single unit joined to one; a lone one of them goes to the smallest of the others.

    A single unit has no spread of its own; that of the joined strata holds the differences between them, so that the
    interval is rather too wide. Source: Cochran, "Sampling Techniques", 3rd edition, section 5A.12.
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
    """Clopper and Pearson's interval of a probability, `count` of `n` having come true; a half is taken both ways.

    None for no units. It covers at least LEVEL, whatever the probability.
    """
    if not n:
        return None
    fewest, most = math.floor(count), math.ceil(count)
    tail = (1 - LEVEL) / 2
    low = float(betaincinv(fewest, n - fewest + 1, tail)) if fewest else 0.0
    high = float(betaincinv(most + 1, n - most, 1 - tail)) if most < n else 1.0
    return Interval(low, high, n)
