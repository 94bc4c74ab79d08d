"""Mixtures with an operation masked or an edge discretised, and the supernet's accuracy and loss with them."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from nas_selection_bench.bench.problem.space import ALL_OPERATIONS, NONE, OPERATIONS
from nas_selection_bench.selectors.parts.view import Evaluation, Search, one_hot


def without(weights: Tensor, edge: int, operation: int, renormalise: bool = False) -> Tensor:
    """[6, 5] edge weights with one operation masked; `renormalise` scales the rest of the edge to its old sum.

    If the rest is zero, or too small to be scaled to a finite sum, it is left as it is: an edge that a recipe has
    already decided outputs zero without its only operation.
    """
    masked = weights.clone()
    masked[edge, operation] = 0
    if renormalise:
        scale = weights[edge].sum() / masked[edge].sum()
        masked[edge] *= torch.where(scale.isfinite(), scale, torch.ones_like(scale))
    return masked


def discretised(weights: Tensor, edge: int, operation: int) -> Tensor:
    """[6, 5] edge weights with `edge` one-hot on `operation`."""
    changed = weights.clone()
    changed[edge] = one_hot(operation, weights)
    return changed


def evaluate_without(search: Search, edges: Sequence[int], renormalise: bool = False) -> Evaluation:
    """Accuracy and loss [k, 5] of the supernet without each operation of the k edges.

    Without renormalisation, masking `none` changes nothing, so `none` is given the values of the whole supernet and
    the two cannot differ by noise.
    """
    weights = search.weights()
    mixtures = [weights]
    mixtures += [without(weights, e, o, renormalise) for e in edges for o in ALL_OPERATIONS if o != NONE]
    if renormalise:
        mixtures += [without(weights, e, NONE, True) for e in edges]
    result = search.evaluate(torch.stack(mixtures))
    k = len(edges)

    def by_edge(values: np.ndarray) -> np.ndarray:
        table = np.full((k, len(OPERATIONS)), values[0])
        table[:, NONE + 1 :] = values[1 : 1 + 4 * k].reshape(k, 4)
        if renormalise:
            table[:, NONE] = values[1 + 4 * k :]
        return table

    return Evaluation(by_edge(result.accuracy), by_edge(result.loss))
