"""What a criterion resembles: architecture size, counts of operations, other criteria.

Source of the question, "is it only counting convolutions?": Krishnakumar et al., "NAS-Bench-Suite-Zero",
NeurIPS 2022, section 3. Every figure here is Kendall's tau-b.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bench.space import CONV_1X1, CONV_3X3, SKIP, all_architectures

Values = NDArray[np.float64]


def counts() -> dict[str, Values]:
    """[15625] number of convolutions and of skip connections of every architecture, in space order."""
    operations = all_architectures()
    return {
        "convolutions": ((operations == CONV_1X1) | (operations == CONV_3X3)).sum(axis=1).astype(float),
        "skip connections": (operations == SKIP).sum(axis=1).astype(float),
    }


def additive_scores(scores: Values) -> Values:
    """[15625] the sum over edges of `scores` [6, 5], each edge standardised over its five operations.

    An edge on which all scores are equal says nothing and adds nothing.
    """
    spread = scores.std(axis=1, keepdims=True)
    centred = scores - scores.mean(axis=1, keepdims=True)
    standard = np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 0)
    # Rounded, so that sums that are equal up to the order of their terms are ties.
    return np.round(standard[np.arange(6), all_architectures()].sum(axis=1), 9)


def tau(first: Values, second: Values) -> float:
    """Kendall's tau-b; 0 where one side is fully tied, which orders nothing."""
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    return float(stats.kendalltau(first, second).statistic)


def trait_correlations(architecture_scores: Values, traits: Mapping[str, Values]) -> dict[str, float]:
    """Tau-b between a score per architecture and each trait, all over the whole space."""
    return {name: tau(architecture_scores, values) for name, values in traits.items()}


def edge_agreement(first: Values, second: Values) -> float:
    """Mean over the six edges of the tau-b between two criteria's scores [6, 5] of the operations."""
    return float(np.mean([tau(a, b) for a, b in zip(first, second, strict=True)]))
