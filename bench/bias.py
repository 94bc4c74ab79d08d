"""What a criterion resembles: architecture size, counts of operations, other criteria.

Source of the question, "is it only counting convolutions?": Krishnakumar et al., "NAS-Bench-Suite-Zero",
NeurIPS 2022, section 3. Every figure here is Kendall's tau-b.
"""

import numpy as np
from numpy.typing import NDArray

from bench.measures import architecture_scores, edge_tau, tau_b
from bench.space import CONV_1X1, CONV_3X3, EDGES, NONE, SKIP, all_architectures
from bench.table import GroundTruth

Values = NDArray[np.float64]


def traits(table: GroundTruth, dataset: str) -> dict[str, Values]:
    """[15625] each: size of every architecture as far as the table knows it, counts of its operations, depth."""
    operations = all_architectures()
    sizes = {"parameters": table.parameters(dataset), "FLOPs": table.flops(dataset)}
    counts = {
        "convolutions": ((operations == CONV_1X1) | (operations == CONV_3X3)).sum(axis=1).astype(float),
        "skip connections": (operations == SKIP).sum(axis=1).astype(float),
        "depth": depths(operations),
    }
    return {**{name: values for name, values in sizes.items() if values is not None}, **counts}


def depths(operations: NDArray[np.integer]) -> Values:
    """The most convolutions on a path from input to output that no `none` cuts, of each row; 0 where all are cut."""
    convolution = np.isin(operations, (CONV_1X1, CONV_3X3))
    steps = np.where(operations == NONE, -np.inf, convolution.astype(float))
    at = [np.zeros(len(operations))]
    for node in range(1, max(target for target, _ in EDGES) + 1):
        reached = [at[source] + steps[:, edge] for edge, (target, source) in enumerate(EDGES) if target == node]
        at.append(np.max(reached, axis=0))
    return np.maximum(at[-1], 0.0)


def trait_correlations(scores: Values, of: dict[str, Values]) -> dict[str, float]:
    """Tau-b over the space between the additive architecture score of `scores` [6, 5] and each trait."""
    # Rounded, so that sums that are equal up to the order of their terms are ties.
    sums = np.round(architecture_scores(scores), 9)
    return {name: tau_b(sums, values) for name, values in of.items()}


def agreement(first: Values, second: Values) -> float:
    """Mean over the six edges of the tau-b between two criteria's scores [6, 5] of the operations."""
    return edge_tau(first, second)
