"""The worth of an operation on an edge, from the accuracies of all architectures that have it there."""

import numpy as np

from nas_selection_bench.bench.problem.space import ALL_EDGES, EDGES, OPERATIONS

GRID = (len(OPERATIONS),) * len(EDGES)
"""Shape of an array in space order whose axis e is the operation on edge e."""


def oracle(accuracies: np.ndarray, kind: str = "best") -> np.ndarray:
    """[6, 5]: the worth of each operation on each edge: the `best` or `mean` accuracy of all architectures with it.

    This also works on any subset of the space: architectures whose accuracy is nan are left out. An operation
    that no architecture of the subset has on an edge gets nan. Raises ValueError for any other `kind`.
    """
    if kind not in ("best", "mean"):
        raise ValueError(f"oracle kind {kind!r} is neither 'best' nor 'mean'")
    reduce = np.fmax.reduce if kind == "best" else _nan_mean
    table = np.asarray(accuracies, dtype=np.float64).reshape(GRID)
    return np.array([reduce(np.moveaxis(table, edge, 0).reshape(len(OPERATIONS), -1), axis=1) for edge in ALL_EDGES])


def _nan_mean(values: np.ndarray, axis: int) -> np.ndarray:
    present = ~np.isnan(values)
    count = present.sum(axis=axis)
    total = np.where(present, values, 0.0).sum(axis=axis)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
