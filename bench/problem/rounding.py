"""Tolerances for floating-point rounding: which measures count as equal, and how many whole epochs a share is."""

import math

import numpy as np
from numpy.typing import NDArray

EQUAL = 1e-9
"""Accuracies, in %, and other measures no further apart than this are equal: means of equal numbers, over two trials
and over three, differ in their last digit."""


def whole_epochs(share: float, epochs: int) -> int:
    """The whole epochs in a `share` in [0, 1] of `epochs`, rounded down: 0.29 of 100 is 29, not 28.999999999999996."""
    return math.floor(share * epochs + EQUAL)


def merge_rounding_ties(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """[n]: the values, with each run of sorted neighbours that differ by at most EQUAL set to its lowest value."""
    order = np.argsort(values, kind="stable")
    ascending = values[order]
    first = np.diff(ascending, prepend=-np.inf) > EQUAL
    level = np.empty_like(values)
    level[order] = ascending[first][np.cumsum(first) - 1]
    return level
