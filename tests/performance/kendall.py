"""Kendall's tau-b of the measures against scipy's, in CPU time: `python -m tests.performance.kendall`.

A report needs one tau over the 15,625 architectures per selection, always with the same accuracies. Both
implementations are timed on the same scores in one process, and must give identical bits.
"""

import time
from collections.abc import Callable, Sequence

import numpy as np
from scipy.stats import kendalltau

from nas_selection_bench.bench.problem.open_table import embedded_table
from nas_selection_bench.bench.problem.space import CONV_1X1, CONV_3X3, all_architectures
from nas_selection_bench.bench.yardsticks.kendall import ranked, reuse_memory, tau_b
from nas_selection_bench.bench.yardsticks.measures import architecture_scores, ranked_by_sums

SELECTIONS = 40


def seconds(call: Callable[[np.ndarray], float], scores: Sequence[np.ndarray]) -> tuple[float, list[float]]:
    """CPU seconds of `call` on all scores together, and its results."""
    before = time.process_time()
    found = [call(one) for one in scores]
    return time.process_time() - before, found


def main() -> int:
    """Print the ratio for accuracies and for counts of convolutions; return 1 if the bits differ."""
    reuse_memory()
    scores = list(np.random.default_rng(0).normal(size=(SELECTIONS, 6, 5)))
    convolutions = np.isin(all_architectures(), (CONV_1X1, CONV_3X3)).sum(axis=1)
    same = True
    for name, truth in (("accuracies", embedded_table("digits").accuracy("digits")), ("counts", convolutions)):
        prepared = ranked(truth)
        ours, of_ours = seconds(lambda one, with_=prepared: tau_b(ranked_by_sums(one), with_), scores)
        theirs, of_theirs = seconds(
            lambda one, with_=truth: float(kendalltau(architecture_scores(one), with_).statistic), scores
        )
        equal = of_ours == of_theirs
        same &= equal
        took, ratio = 1000 * ours / SELECTIONS, theirs / ours
        print(f"tau with {name}: {took:.2f} ms; scipy takes {ratio:.1f} times as long; equal bits: {equal}")
    return 0 if same else 1


if __name__ == "__main__":
    raise SystemExit(main())
