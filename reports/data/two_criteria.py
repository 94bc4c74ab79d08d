"""Do two criteria say the same, and what does the mean of their scores choose?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from nas_selection_bench.bench.problem.space import as_architecture, code
from nas_selection_bench.bench.yardsticks.measures import standardised
from nas_selection_bench.bench.yardsticks.resemblance import agreement
from nas_selection_bench.bench.yardsticks.truth import Truth
from nas_selection_bench.reports.data.results import Results


@dataclass(frozen=True)
class TwoCriteria:
    """Two methods on the checkpoints that both have scores of, selector seed 0."""

    dataset: str
    first: str
    second: str
    n: int
    """Checkpoints; supernet seeds where both read nothing of them."""
    tau: float
    """Mean over checkpoints and edges of tau-b between their scores."""
    of_first: float
    """Mean test accuracy of the choices of `first`, %."""
    of_second: float
    of_mean: float
    """Of the architecture that has on every edge the operation with the highest sum of standardised scores."""
    lowest: float
    """The lowest accuracy that the mean of the two chose."""


def two_criteria(results: Results, truth: Truth, names: Sequence[str]) -> Iterator[TwoCriteria]:
    """Every pair of `names` that shares a checkpoint of the data set of `truth`, in their order."""
    frame = results.final_of(truth.dataset)
    frame = frame[(frame["selector_seed"] == 0) & frame["method"].isin(names)]
    scores: dict[str, dict[tuple[str, int], NDArray[np.float64]]] = {}
    chosen: dict[str, dict[tuple[str, int], float]] = {}
    columns = (frame.index, frame["method"], frame["setting"], frame["supernet_seed"], frame["test"])
    for i, method, setting, seed, test in zip(*columns, strict=True):
        if results.scored[i]:
            scores.setdefault(method, {})[setting, int(seed)] = results.scores[i]
            chosen.setdefault(method, {})[setting, int(seed)] = float(test)
    of_edges = {
        (name, place): standardised(found) for name, of_name in scores.items() for place, found in of_name.items()
    }
    for first, second in combinations([name for name in names if name in scores], 2):
        shared = sorted(scores[first].keys() & scores[second].keys())
        if first in results.alike and second in results.alike:
            shared = list({seed: (setting, seed) for setting, seed in shared}.values())
        if not shared:
            continue
        of_both = [[scores[name][place] for place in shared] for name in (first, second)]
        sums = [of_edges[first, place] + of_edges[second, place] for place in shared]
        reached = [float(truth.test[_best(both)]) for both in sums]
        of_first, of_second = (float(np.mean([chosen[name][p] for p in shared])) for name in (first, second))
        tau = agreement(*of_both)
        of_mean = float(np.mean(reached))
        yield TwoCriteria(truth.dataset, first, second, len(shared), tau, of_first, of_second, of_mean, min(reached))


def _best(scores: NDArray[np.float64]) -> int:
    """The position of the architecture with the highest score on every edge; of equal ones, to 1e-9, the first."""
    return code(as_architecture(scores.round(9).argmax(axis=1).tolist()))
