"""Which edge SGAS decides next: the criterion shared by the recipe `sgas` and the edge orders `sgas` and `sgas-2`."""

from collections.abc import Sequence

import numpy as np

from nas_selection_bench.bench.problem.space import NONE


def edge_certainty(probabilities: np.ndarray, history: Sequence[np.ndarray] | np.ndarray = ()) -> np.ndarray:
    """SGAS's criterion [k] for k edges with operation `probabilities` [k, 5]; the largest is decided first.

    Criterion 1 (Li et al., CVPR 2020) is the importance of an edge (the sum over the operations other
    than `none`) times its selection certainty (1 minus the normalised entropy of these operations), each scaled to
    [0, 1] over the edges given. With a `history` of the probabilities at earlier epochs, criterion 2 multiplies this
    by the selection stability, the mean intersection with the earlier distributions, scaled in the same way.
    """
    importance = probabilities[:, NONE + 1 :].sum(axis=1)  # not 1 - p(none): gates need not add up to 1
    kept = _without_none(probabilities)
    logs = np.log(np.where(kept > 0, kept, 1))
    certainty = 1 + (kept * logs).sum(axis=1) / np.log(kept.shape[1])
    result = _min_max(importance) * _min_max(certainty)
    if len(history):
        stability = np.mean([np.minimum(kept, _without_none(past)).sum(axis=1) for past in history], axis=0)
        result = result * _min_max(stability)
    return result


def _min_max(values: np.ndarray) -> np.ndarray:
    low, high = values.min(), values.max()
    return np.zeros_like(values) if high == low else (values - low) / (high - low)


def _without_none(probabilities: np.ndarray) -> np.ndarray:
    kept = np.delete(probabilities, NONE, axis=1)
    return kept / kept.sum(axis=1, keepdims=True)
