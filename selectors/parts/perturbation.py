"""Rules that mask an operation, or discretise an edge to it, and look at the supernet's accuracy or loss.

Masking and measuring is DARTS-PT's criterion (Wang et al., "Rethinking Architecture Selection in
Differentiable NAS", ICLR 2021, section 4 and algorithm 1); discretising and measuring is its section 3.1.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from nas_selection_bench.bench.problem.space import NONE, OPERATIONS
from nas_selection_bench.bench.work.options import one_of, option, yes_or_no
from nas_selection_bench.selectors.parts.criterion import Rule
from nas_selection_bench.selectors.parts.needs import Needs
from nas_selection_bench.selectors.parts.view import Search, one_hot

OPERATION_INDICES = tuple(range(len(OPERATIONS)))


def without(weights: Tensor, edge: int, operation: int, renormalise: bool = False) -> Tensor:
    """[6, 5] edge weights with one operation masked; what remains is scaled up to its old sum if asked for."""
    masked = weights.clone()
    masked[edge, operation] = 0
    if renormalise:
        masked[edge] *= weights[edge].sum() / masked[edge].sum()
    return masked


def discretised(weights: Tensor, edge: int, operation: int) -> Tensor:
    """[6, 5] edge weights with `edge` one-hot at `operation`."""
    changed = weights.clone()
    changed[edge] = one_hot(operation, weights)
    return changed


@dataclass(frozen=True, kw_only=True)
class Mask(Rule):
    """How much worse the supernet is without an operation.

    Masking `none` changes nothing unless what remains is scaled up, so it scores as the whole supernet does:
    no noise can make it win.
    """

    measure: str = option("accuracy", one_of("accuracy", "loss"), "what is measured without the operation")
    renormalise: bool = option(False, yes_or_no, "scale the remaining weights of the edge up to their old sum")

    needs = Needs(trained=True, alphas=True, images=True, labels=True)

    def score(self, search: Search, edges: Sequence[int]) -> np.ndarray:
        """[k, 5]: minus the accuracy without the operation, or the loss without it."""
        weights = search.weights()
        mixtures = [weights]
        mixtures += [without(weights, e, o, self.renormalise) for e in edges for o in OPERATION_INDICES if o != NONE]
        if self.renormalise:
            mixtures += [without(weights, e, NONE, True) for e in edges]
        result = search.evaluate(torch.stack(mixtures))
        values = -result.accuracy if self.measure == "accuracy" else result.loss
        scores = np.full((len(edges), len(OPERATIONS)), values[0])
        scores[:, NONE + 1 :] = values[1 : 1 + 4 * len(edges)].reshape(len(edges), 4)
        if self.renormalise:
            scores[:, NONE] = values[1 + 4 * len(edges) :]
        return scores


@dataclass(frozen=True, kw_only=True)
class Discretise(Rule):
    """How good the supernet is with an edge reduced to one operation."""

    measure: str = option("accuracy", one_of("accuracy", "loss"), "what is measured with the operation alone")

    @property
    def needs(self) -> Needs:
        """The trained mixture and labelled images."""
        return Needs(trained=True, alphas=True, images=True, labels=True)

    def score(self, search: Search, edges: Sequence[int]) -> np.ndarray:
        """[k, 5]: the accuracy with the edge one-hot, or minus the loss."""
        weights = search.weights()
        result = search.evaluate(torch.stack([discretised(weights, e, o) for e in edges for o in OPERATION_INDICES]))
        values = result.accuracy if self.measure == "accuracy" else -result.loss
        return values.reshape(len(edges), len(OPERATIONS))
