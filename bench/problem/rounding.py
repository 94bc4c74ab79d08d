"""What counts as equal: means of equal numbers, over two trials and over three, differ in their last digit."""

import numpy as np
from numpy.typing import NDArray

EQUAL = 1e-9
"""Accuracies, in %, and other measures that lie no further apart are equal."""


def levelled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """[n]: the values, each run of neighbours that are EQUAL as the lowest of them."""
    order = np.argsort(values, kind="stable")
    ascending = values[order]
    first = np.diff(ascending, prepend=-np.inf) > EQUAL
    level = np.empty_like(values)
    level[order] = ascending[first][np.cumsum(first) - 1]
    return level
