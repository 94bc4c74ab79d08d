"""What a criterion resembles: architecture size, counts of operations, other criteria.

Source of the question "is it only counting convolutions?": Krishnakumar et al., "NAS-Bench-Suite-Zero",
NeurIPS 2022, section 3. Every number here is Kendall's tau-b.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Self

import numpy as np
from numpy.typing import NDArray

from nas_selection_bench.bench.problem.space import (
    ALL_OPERATIONS,
    CONV_1X1,
    CONV_3X3,
    EDGES,
    NONE,
    SKIP,
    all_architectures,
)
from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.bench.yardsticks.agreements import Agreements, fingerprint
from nas_selection_bench.bench.yardsticks.floors import convolution_weights
from nas_selection_bench.bench.yardsticks.kendall import Ranked, ranked, tau_b
from nas_selection_bench.bench.yardsticks.measures import SUMS, ranked_by_sums, taus_of_signs

Values = NDArray[np.float64]
Signs = NDArray[np.int8]

ACCURACY = "test accuracy"
"""The trait with which the other traits are compared."""


def traits(table: GroundTruth, dataset: str) -> dict[str, Values]:
    """[15625] each: size of every architecture, counts of its operations, its depth, and last its test accuracy.

    Size is the table's parameter count, with the FLOPs as a second trait if they order the architectures differently;
    if the table holds neither, it is the number of weights in the convolutions.
    """
    operations = all_architectures()
    parameters, flops = table.parameters(dataset), table.flops(dataset)
    sizes: dict[str, Values] = {}
    if parameters is not None:
        sizes["parameters"] = parameters
    if flops is not None and (parameters is None or round(tau_b(parameters, flops), 2) < 1):
        sizes["FLOPs"] = flops
    if not sizes:
        sizes["convolution weights"] = convolution_weights()
    return {
        **sizes,
        "convolutions": ((operations == CONV_1X1) | (operations == CONV_3X3)).sum(axis=1).astype(float),
        "skip connections": (operations == SKIP).sum(axis=1).astype(float),
        "depth": depths(operations),
        ACCURACY: table.accuracy(dataset),
    }


def depths(operations: NDArray[np.integer]) -> Values:
    """For each row, the most convolutions on a path from input to output without `none`; 0 if there is no such path."""
    convolution = np.isin(operations, (CONV_1X1, CONV_3X3))
    steps = np.where(operations == NONE, -np.inf, convolution.astype(float))
    at = [np.zeros(len(operations))]
    for node in range(1, max(target for target, _ in EDGES) + 1):
        reached = [at[source] + steps[:, edge] for edge, (target, source) in enumerate(EDGES) if target == node]
        at.append(np.max(reached, axis=0))
    return np.maximum(at[-1], 0.0)


@dataclass(frozen=True)
class Trait:
    """A trait [15625] prepared for comparison with many scores."""

    ranked: Ranked
    fingerprint: bytes

    @classmethod
    def of(cls, values: Values) -> Self:
        """The trait with these values [15625], prepared once for all comparisons."""
        return cls(ranked(values), fingerprint(values))


def trait_correlations(
    selections: Sequence[Values] | Values,
    of: Mapping[str, Values | Trait],
    accurate: Sequence[float] | None = None,
    known: Agreements | None = None,
) -> dict[str, float]:
    """Tau-b over the space between `architecture_scores` and each trait, averaged over `selections` of [6, 5] scores.

    Taus are averaged, never scores: averaging scores removes their noise and so raises every tau, and a trait measured
    that way could not be compared with one measured selection by selection.
    `accurate` holds the tau with ACCURACY of each selection if it is known already (`tau_space` of its record);
    `known` holds agreements computed before.
    """
    known = Agreements() if known is None else known
    asked = {
        name: trait if isinstance(trait, Trait) else Trait.of(trait)
        for name, trait in of.items()
        if accurate is None or name != ACCURACY
    }
    taus: dict[bytes, list[float]] = {}  # a criterion that reads no checkpoint repeats its scores
    contents = [scores.tobytes() for scores in selections]
    for content, scores in dict(zip(contents, selections, strict=True)).items():
        ordered = cache(partial(ranked_by_sums, scores))
        taus[content] = [
            known.number(partial(_tau, ordered, trait), SUMS, scores, trait.fingerprint) for trait in asked.values()
        ]
    means = dict(zip(asked, np.mean([taus[content] for content in contents], axis=0).tolist(), strict=True))
    if accurate is not None:
        means[ACCURACY] = float(np.mean(accurate))
    return {name: means[name] for name in of}


def _tau(ordered: Callable[[], Ranked], trait: Trait) -> float:
    return tau_b(ordered(), trait.ranked)


def agreement(first: Signs, second: Signs) -> float:
    """Tau-b between two criteria's scores of the operations on an edge, averaged over the six edges and n selections.

    `first` and `second` are the `pair_signs` [n, 6, 5, 5] of their scores, which serve for every pair of criteria.
    """
    return float(np.mean(taus_of_signs(first, second, ALL_OPERATIONS)))
