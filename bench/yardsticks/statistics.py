"""What a few seeds can and cannot show: tests, corrections, power, variance components (intervals are in intervals.py).

Selectors are applied to the same checkpoints, so the unit is the supernet seed within each stratum (data set and
recipe). All functions are pure; every random number comes from a generator with a fixed seed.

Why these methods: paired differences are tested by flipping their signs, which assumes symmetry but no particular
distribution; the sign test beside it assumes neither and has less power. Corrections are Holm's, since the tests of a
family are dependent in unknown ways.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from nas_selection_bench.bench.yardsticks.agreements import Agreements
from nas_selection_bench.bench.yardsticks.intervals import Numbers, Values

SIGNIFICANCE = 0.05
POWER = 0.8
"""Probability with which a `detectable` difference is found significant."""
EXACT_FLIPS = 15
"""Up to this many differing pairs, all sign patterns are enumerated; beyond that, FLIP_SAMPLES are drawn."""
FLIP_SAMPLES = 50_000
FLIP_BATCH = 256
"""Number of comparisons tested at once."""
SIGNS = 2**16
"""Number of random signs held as floats at once: half a megabyte, which stays in the cache of a core."""
SIGN_COLUMNS = 64
"""Random signs are drawn for multiples of this many pairs, so that comparisons of many sizes share them."""


@cache
def _sign_patterns(n: int) -> Values:
    """[2^(n-1), n] all sign patterns whose first sign is +; the others are their mirror images."""
    bits = np.arange(2 ** (n - 1))[:, None] >> np.arange(n - 1)[None]
    return np.hstack([np.ones((len(bits), 1)), 1.0 - 2.0 * (bits & 1)])


def _sign_samples(n: int) -> Iterator[Values]:
    """Random signs, in total [FLIP_SAMPLES, n], in parts: the first bits of one sequence, whatever n is."""
    bits = _random_bits(-(-n // SIGN_COLUMNS))
    rows = max(8, SIGNS // n // 8 * 8)
    for start in range(0, FLIP_SAMPLES, rows):
        end = min(start + rows, FLIP_SAMPLES)
        signs = np.unpackbits(bits[start * n // 8 : end * n // 8]).reshape(-1, n).astype(np.float64)
        signs *= -2
        signs += 1
        yield signs


@cache
def _random_bits(times: int) -> NDArray[np.uint8]:
    """Random bits for FLIP_SAMPLES patterns of `times` SIGN_COLUMNS signs, eight to a byte."""
    generator = np.random.default_rng(0)
    parts = (generator.integers(2, size=FLIP_SAMPLES * SIGN_COLUMNS) for _ in range(times))
    return np.concatenate([np.packbits(part) for part in parts])


def sign_flip_ps(families: Sequence[Numbers], known: Agreements | None = None) -> list[float]:
    """Two-sided p of the paired sign-flip (permutation) test of the mean difference, for each of many comparisons.

    Exact for up to EXACT_FLIPS differing pairs, else from FLIP_SAMPLES random patterns plus the
    observed one. Pairs that do not differ carry no information here and drop out; without any
    differing pair, p is 1. `known` holds p values computed before.
    """
    known = Agreements() if known is None else known
    arrays = [np.asarray(differences, float) for differences in families]
    new = {values.tobytes(): values for values in arrays if not known.holds(SIGN_FLIPS, values)}
    computed = dict(zip(new, _sign_flips(list(new.values())), strict=True))
    return [known.number(partial(computed.__getitem__, values.tobytes()), SIGN_FLIPS, values) for values in arrays]


SIGN_FLIPS = "p of sign flips"
"""Name under which the p values of `sign_flip_ps` are kept in the cache."""


def _sign_flips(families: Sequence[Values]) -> list[float]:
    """Compute `sign_flip_ps`; comparisons with equally many differing pairs share one matrix product."""
    nonzero = [values[values != 0] for values in families]
    p = [1.0] * len(nonzero)
    for n in sorted({len(values) for values in nonzero} - {0}):
        places = [i for i, values in enumerate(nonzero) if len(values) == n]
        exact = n <= EXACT_FLIPS
        stacked = np.stack([nonzero[i] for i in places], axis=1)
        beyond = np.abs(stacked.sum(axis=0)) - 1e-9 * np.abs(stacked).sum(axis=0)
        reached, patterns = np.zeros(len(places), dtype=np.int64), 0
        for signs in [_sign_patterns(n)] if exact else _sign_samples(n):
            patterns += len(signs)
            for start in range(0, len(places), FLIP_BATCH):
                batch = slice(start, start + FLIP_BATCH)
                sums = signs @ stacked[:, batch]
                reached[batch] += np.count_nonzero(np.abs(sums, out=sums) >= beyond[batch], axis=0)
        found = reached / patterns if exact else (reached + 1) / (FLIP_SAMPLES + 1)
        for i, value in zip(places, found.tolist(), strict=True):
            p[i] = value
    return p


def smallest_p(differing: int) -> float:
    """Lower bound of the p of `sign_flip_ps` for this many differing pairs, whatever the differences."""
    return 1.0 if differing == 0 else max(2.0 ** (1 - differing), 1 / (FLIP_SAMPLES + 1))


@cache
def sign_test_p(above: int, below: int) -> float:
    """Two-sided p of the sign test with `above` pairs on one side and `below` on the other; ties are left out."""
    n, fewer = above + below, min(above, below)
    return min(1.0, 2 * sum(math.comb(n, k) for k in range(fewer + 1)) / 2**n)


def detectable(deviation: float, n: int, tests: int) -> float | None:
    """The true mean difference that n pairs would show with probability POWER, corrected over `tests` comparisons.

    `deviation` is the standard deviation of the differences; the first and hardest step of Holm's correction must be
    passed. Uses quantiles of t, with a power within a few percent of that of the sign-flip test; None below two pairs.
    """
    if n < 2:
        return None
    return _quantiles(n, max(1, tests)) * deviation / math.sqrt(n)


@cache
def _quantiles(n: int, tests: int) -> float:
    """Sum of two quantiles of Student's t: that of the first step of Holm's correction and that of POWER."""
    return float(stdtrit(n - 1, [1 - SIGNIFICANCE / (2 * tests), POWER]).sum())


def two_sample_p(first: Sequence[Numbers], second: Sequence[Numbers]) -> float:
    """Two-sided p of a permutation test that two independent sets of results have the same mean.

    There is one array per stratum on either side. Labels are exchanged within strata only, FLIP_SAMPLES times at
    random, and the observed labelling is counted too. The statistic is the difference of means, averaged over strata.
    """
    generator = np.random.default_rng(0)
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
    """Variance of a result split into its two sources of chance, as standard deviations."""

    supernet: float
    """Standard deviation between supernet seeds, without selector noise; 0 if the variance estimate is negative."""
    selector: float
    """Standard deviation between selector seeds on one checkpoint."""
    supernets: int
    values: int


def variance_components(groups: Sequence[Numbers]) -> VarianceComponents | None:
    """The two components of a one-way random-effects analysis of variance (method of moments).

    `groups` holds one sequence per supernet seed, with one value per selector seed. None unless there
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
    between_deviation = math.sqrt(max(0.0, (between - within) / typical))
    return VarianceComponents(between_deviation, math.sqrt(within), len(arrays), total)


@dataclass(frozen=True)
class TrialNoise:
    """How far two trainings of one architecture lie apart: the margin below which a difference does not matter."""

    margin: float
    """Median over architectures of the median absolute difference between two trials, in points."""
    architectures: int
    """Number of architectures with at least two trials."""


def gaps_of_trials(trials: NDArray[np.float64]) -> Values:
    """[architectures] median absolute difference between two trials of each; nan if it has fewer than two.

    `trials` is [architectures, T], nan where a trial was not run.
    """
    pairs = list(combinations(range(trials.shape[1]), 2))
    gaps = np.stack([np.abs(trials[:, a] - trials[:, b]) for a, b in pairs] or [np.full(len(trials), np.nan)], axis=1)
    found = np.full(len(trials), np.nan)
    repeated = np.isfinite(gaps).any(axis=1)
    if repeated.any():
        found[repeated] = np.nanmedian(gaps[repeated], axis=1)
    return found


def noise_of_gaps(gaps: Values) -> TrialNoise | None:
    """The practical-equivalence margin over architectures with these `gaps_of_trials`; None if all are nan."""
    gaps = gaps[np.isfinite(gaps)]
    return TrialNoise(float(np.median(gaps)), len(gaps)) if len(gaps) else None
