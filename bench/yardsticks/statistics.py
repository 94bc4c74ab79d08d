"""What a few seeds can and cannot say: intervals, tests, corrections, variance components.

Selectors are applied to the same checkpoints, so the unit that is resampled is the supernet seed, inside each
stratum (data set and recipe). Stratified bootstrap and probability of improvement follow
Agarwal et al., "Deep Reinforcement Learning at the Edge of the Statistical Precipice", NeurIPS 2021.
Pure functions; every random number comes from a generator with a fixed seed.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Numbers = Sequence[float] | Values
Statistic = Callable[[list[Values]], Values]
"""Maps one array [repeats, n] per stratum to [repeats] values."""

LEVEL = 0.95
ROUGH_BELOW = 20
"""With fewer units than this in some stratum, a bootstrap interval may cover less than 90 % (coverage.csv).
"""
REPEATS = 2_000
EQUAL = 1e-9
"""Values that lie no further apart are equal: means of equal numbers differ in their last digit."""
EXACT_FLIPS = 15
"""Up to this many differing pairs all sign patterns are enumerated; beyond, FLIP_SAMPLES are drawn."""
FLIP_SAMPLES = 50_000
FLIP_BATCH = 256
"""Comparisons tested at once: their sums under all sign patterns fit into 100 MB."""


@dataclass(frozen=True)
class Interval:
    """A percentile interval at LEVEL of the bootstrap over supernet seeds; other sources of chance are not in it."""

    low: float
    high: float
    n: int
    """Units resampled, all strata together."""
    smallest_stratum: int

    @property
    def rough(self) -> bool:
        """Whether some stratum has too few units for the interval to keep its promise."""
        return self.smallest_stratum < ROUGH_BELOW


def mean_of_strata(strata: list[Values]) -> Values:
    """The mean of each stratum, averaged over strata: each counts once, whatever its number of units."""
    return np.asarray(np.mean([values.mean(axis=1) for values in strata], axis=0))


def pooled_median(strata: list[Values]) -> Values:
    """The median of all units together."""
    return np.median(np.concatenate(strata, axis=1), axis=1)


def improvement_share(strata: list[Values]) -> Values:
    """Share of differences above zero, ties counted half, averaged over strata."""
    return np.asarray(np.mean([(0.5 * (np.sign(values) + 1)).mean(axis=1) for values in strata], axis=0))


def estimate(strata: Sequence[Numbers], statistic: Statistic = mean_of_strata) -> float:
    """`statistic` of the units as they are."""
    return float(statistic([np.asarray(values, float)[None] for values in strata])[0])


@cache
def _resamples(sizes: tuple[int, ...], repeats: int, seed: int) -> list[NDArray[np.int64]]:
    generator = np.random.default_rng(seed)
    return [generator.integers(n, size=(repeats, n)) for n in sizes]


def bootstrap(
    strata: Sequence[Numbers],
    statistic: Statistic = mean_of_strata,
    repeats: int = REPEATS,
    seed: int = 0,
) -> Interval | None:
    """The percentile interval of `statistic`, units resampled with replacement inside each stratum.

    None where some stratum has fewer than two units, or where the units of each are all equal: there is nothing to
    resample, and an interval without width would promise more than that. Raises ValueError for no strata and for
    values that are not finite.
    """
    arrays = [np.asarray(values, float) for values in strata]
    if not arrays or any(not np.isfinite(values).all() for values in arrays):
        raise ValueError("bootstrap needs at least one stratum, and finite values in all")
    sizes = tuple(len(values) for values in arrays)
    if min(sizes) < 2 or all(np.ptp(values) <= EQUAL for values in arrays):
        return None
    drawn = [values[rows] for values, rows in zip(arrays, _resamples(sizes, repeats, seed), strict=True)]
    low, high = np.quantile(statistic(drawn), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(low), float(high), sum(sizes), min(sizes))


@cache
def _sign_patterns(n: int) -> Values:
    """All [2^(n-1), n] sign patterns whose first sign is +: the others are their mirror images."""
    bits = np.arange(2 ** (n - 1))[:, None] >> np.arange(n - 1)[None]
    return np.hstack([np.ones((len(bits), 1)), 1.0 - 2.0 * (bits & 1)])


@cache
def _sign_samples(n: int, samples: int, seed: int) -> Values:
    return np.asarray(1.0 - 2.0 * np.random.default_rng(seed).integers(2, size=(samples, n)))


def sign_flip_ps(families: Sequence[Numbers], seed: int = 0) -> list[float]:
    """Two-sided p of the paired sign-flip (permutation) test of the mean difference, of each of many comparisons.

    Exact for up to EXACT_FLIPS differing pairs, else from FLIP_SAMPLES random patterns, counting the
    observed one. Pairs that do not differ say nothing under this test and drop out; without any
    differing pair p is 1. Comparisons with equally many differing pairs share one matrix product.
    """
    nonzero = [values[values != 0] for values in (np.asarray(differences, float) for differences in families)]
    p = [1.0] * len(nonzero)
    for n in sorted({len(values) for values in nonzero} - {0}):
        places = [i for i, values in enumerate(nonzero) if len(values) == n]
        for start in range(0, len(places), FLIP_BATCH):
            batch = places[start : start + FLIP_BATCH]
            stacked = np.stack([nonzero[i] for i in batch], axis=1)
            beyond = np.abs(stacked.sum(axis=0)) - 1e-9 * np.abs(stacked).sum(axis=0)
            exact = n <= EXACT_FLIPS
            signs = _sign_patterns(n) if exact else _sign_samples(n, FLIP_SAMPLES, seed)
            reached = np.count_nonzero(np.abs(signs @ stacked) >= beyond, axis=0)
            found = reached / len(signs) if exact else (reached + 1) / (FLIP_SAMPLES + 1)
            for i, value in zip(batch, found, strict=True):
                p[i] = float(value)
    return p


def smallest_p(differing: int) -> float:
    """The smallest p that `sign_flip_ps` can give for that many differing pairs, whatever the differences."""
    if differing == 0:
        return 1.0
    return 2.0 ** (1 - differing) if differing <= EXACT_FLIPS else 1 / (FLIP_SAMPLES + 1)


def two_sample_p(first: Sequence[Numbers], second: Sequence[Numbers], seed: int = 0) -> float:
    """Two-sided p of a permutation test that two independent sets of results have the same mean.

    One array per stratum on either side; labels are exchanged inside strata only, FLIP_SAMPLES times at
    random, the observed labelling counted. The statistic is the difference of means, averaged over strata.
    """
    generator = np.random.default_rng(seed)
    observed, sums = 0.0, np.zeros(FLIP_SAMPLES)
    for a, b in zip(first, second, strict=True):
        pooled, n = np.concatenate([np.asarray(a, float), np.asarray(b, float)]), len(a)
        observed += float(np.mean(a) - np.mean(b))
        shuffled = pooled[np.argsort(generator.random((FLIP_SAMPLES, len(pooled))), axis=1)]
        sums += shuffled[:, :n].mean(axis=1) - shuffled[:, n:].mean(axis=1)
    scale = 1e-9 * (1 + abs(observed))
    return float((np.count_nonzero(np.abs(sums) >= abs(observed) - scale) + 1) / (FLIP_SAMPLES + 1))


def smallest_two_sample_p(sizes: Sequence[tuple[int, int]]) -> float:
    """The smallest p that `two_sample_p` can give for strata of these sizes."""
    labellings = math.prod(math.comb(a + b, a) for a, b in sizes)
    mirrored = all(a == b for a, b in sizes)
    return max((2 if mirrored else 1) / labellings, 1 / (FLIP_SAMPLES + 1))


def holm(p_values: Numbers) -> Values:
    """p values corrected for many comparisons by Holm's step-down method (Holm 1979), in the order given."""
    p = np.asarray(p_values, float)
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(steps, 1.0)
    return corrected


@dataclass(frozen=True)
class VarianceComponents:
    """Variance of a result split by its two sources of chance, as standard deviations."""

    supernet: float
    """Standard deviation between supernet seeds, selector noise taken out; 0 where the estimate is negative."""
    selector: float
    """Standard deviation between selector seeds on one checkpoint."""
    supernets: int
    values: int


def variance_components(groups: Sequence[Numbers]) -> VarianceComponents | None:
    """The two components of a one-way random-effects analysis of variance (method of moments).

    `groups` holds one sequence per supernet seed, one value per selector seed in it. None unless there
    are two supernets and at least one has two selector seeds. Source: Searle, Casella & McCulloch,
    "Variance Components", 1992, section 3.6 (unbalanced one-way classification).
    """
    arrays = [np.asarray(group, float) for group in groups if len(group)]
    sizes = np.array([len(group) for group in arrays])
    if len(arrays) < 2 or sizes.sum() == len(arrays):
        return None
    total = int(sizes.sum())
    means = np.array([group.mean() for group in arrays])
    grand = float((sizes * means).sum() / total)
    within = sum(float(((group - group.mean()) ** 2).sum()) for group in arrays) / (total - len(arrays))
    between = float((sizes * (means - grand) ** 2).sum()) / (len(arrays) - 1)
    typical = (total - float((sizes**2).sum()) / total) / (len(arrays) - 1)
    return VarianceComponents(max(0.0, (between - within) / typical) ** 0.5, within**0.5, len(arrays), total)


@dataclass(frozen=True)
class TrialNoise:
    """How far two trainings of one architecture lie apart: the margin below which a difference is idle."""

    margin: float
    """Median absolute difference between two trials of an architecture, points."""
    architectures: int
    """Architectures with at least two trials."""


def gaps_of_trials(trials: NDArray[np.float64]) -> Values:
    """[architectures] median absolute difference between two trials of each; nan where it has no two.

    `trials` is [architectures, T], nan where there was none.
    """
    pairs = list(combinations(range(trials.shape[1]), 2))
    gaps = np.stack([np.abs(trials[:, a] - trials[:, b]) for a, b in pairs] or [np.full(len(trials), np.nan)], axis=1)
    found = np.full(len(trials), np.nan)
    repeated = np.isfinite(gaps).any(axis=1)
    if repeated.any():
        found[repeated] = np.nanmedian(gaps[repeated], axis=1)
    return found


def noise_of_gaps(gaps: Values) -> TrialNoise | None:
    """The practical-equivalence margin over architectures with these `gaps_of_trials`; None without any."""
    gaps = gaps[np.isfinite(gaps)]
    return TrialNoise(float(np.median(gaps)), len(gaps)) if len(gaps) else None


def trial_noise(trials: NDArray[np.float64]) -> TrialNoise | None:
    """The margin over all architectures of `trials` [architectures, T], each counted once whatever its trials."""
    return noise_of_gaps(gaps_of_trials(trials))
