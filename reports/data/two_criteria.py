"""Pairs of criteria: how well their scores agree, and how good the choice by their mean score is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from nas_selection_bench.bench.yardsticks.oracle import GRID
from nas_selection_bench.bench.yardsticks.resemblance import agreement
from nas_selection_bench.bench.yardsticks.truth import Truth
from nas_selection_bench.reports.data.results import Results


@dataclass(frozen=True)
class TwoCriteria:
    """Two methods on the checkpoints for which both have scores, with selector seed 0."""

    dataset: str
    first: str
    second: str
    n: int
    """Number of checkpoints; of supernet seeds if neither method reads the checkpoint."""
    tau: float
    """Mean over checkpoints and edges of tau-b between their scores."""
    of_first: float
    """Mean test accuracy of the choices of `first`, %."""
    of_second: float
    """Mean test accuracy of the choices of `second`, %."""
    of_mean: float
    """Mean test accuracy, %, of the architectures that take on each edge the operation with the highest sum of
    standardised scores."""
    lowest: float
    """The lowest of the accuracies that `of_mean` averages, %."""


def two_criteria(results: Results, truth: Truth, names: Sequence[str]) -> Iterator[TwoCriteria]:
    """Every pair of `names` with a shared checkpoint on the data set of `truth`, in the order of `names`."""
    rows = results.scored_at(truth.dataset)
    tests = results.rows["test"].to_numpy()
    for first, second in combinations([name for name in names if name in rows], 2):
        shared = results.shared_checkpoints(rows, first, second)
        if not shared:
            continue
        one, other = ([rows[name][place] for place in shared] for name in (first, second))
        reached = truth.test[_best(results.standardised[one] + results.standardised[other])]
        tau = agreement(results.signs[one], results.signs[other])
        of_first, of_second, of_mean = (float(np.mean(values)) for values in (tests[one], tests[other], reached))
        lowest = float(reached.min())
        yield TwoCriteria(truth.dataset, first, second, len(shared), tau, of_first, of_second, of_mean, lowest)


def _best(scores: NDArray[np.float64]) -> NDArray[np.intp]:
    """[n] positions of the architectures that take the highest of [n, 6, 5] scores on every edge.

    Ties (scores equal after rounding to 9 decimals) go to the first operation.
    """
    return np.ravel_multi_index(tuple(scores.round(9).argmax(axis=2).T), GRID)
