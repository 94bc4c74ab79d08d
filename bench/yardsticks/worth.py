"""The savings of a selection: how many random architectures one would have to train to do as well.

Random search trains k different architectures, takes the one with the best validation accuracy, and is judged by its
test accuracy. Since the whole space is known, the expectation is a sum over the table and needs no sampling: the best
of k lies among the r worst of n with probability C(r, k) / C(n, k).
"""

import numpy as np
from numpy.typing import NDArray

from nas_selection_bench.bench.problem.rounding import EQUAL

_NOTHING = 1e-18
"""Probabilities below this change no sum in double precision."""
_TOGETHER = 64
"""Number of training counts whose sums are computed at once."""


def random_search(test: NDArray[np.float64], valid: NDArray[np.float64]) -> NDArray[np.float64]:
    """[n] expected test accuracy of random search with 1, 2, ..., n trainings, in % (or the unit of `test`).

    `test` and `valid` [n] are the accuracies of the n architectures; among equally good ones by `valid`, each is
    equally likely to be taken. The last entry is the test accuracy of the best by validation.
    """
    n = len(test)
    _, level = np.unique(valid, return_inverse=True)
    held = np.bincount(level)
    means = np.bincount(level, weights=test) / held
    # Number of architectures at each level or below; the top level is left out, as its probability is 1.
    up_to: NDArray[np.float64] = np.cumsum(held)[:-1].astype(np.float64)
    gains: NDArray[np.float64] = np.diff(means)
    # Probability that all architectures drawn are at this level or below.
    within: NDArray[np.float64] = np.ones(len(up_to))
    reached = np.empty(n)
    for first in range(0, n, _TOGETHER):
        drawn = np.arange(first, min(first + _TOGETHER, n))
        left = np.maximum(up_to - drawn[:, None], 0.0) / (n - drawn)[:, None]
        chances = np.multiply.accumulate(np.vstack([within, left]), axis=0)[1:]
        reached[drawn] = means[-1] - (chances * gains).sum(axis=1)
        start = int(np.searchsorted(chances[-1], _NOTHING))
        within, up_to, gains = chances[-1, start:], up_to[start:], gains[start:]
    return reached


def trainings(reached: NDArray[np.float64], accuracy: float) -> float:
    """The fewest trainings with which random search expects at least `accuracy`; infinite if no number suffices.

    `reached` is the result of `random_search`. Anything no better than one random architecture is worth 1.
    """
    enough = np.flatnonzero(reached >= accuracy - EQUAL)
    return float(enough[0] + 1) if enough.size else float("inf")
