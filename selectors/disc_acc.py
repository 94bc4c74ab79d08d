"""Discretisation accuracy: discretise an edge to one operation and measure the supernet's accuracy.

Wang, Cheng, Chen, Tang & Hsieh, "Rethinking Architecture Selection in Differentiable NAS", ICLR 2021,
section 3.1: the strength of an operation is the validation accuracy of the supernet with the edge discretised
to it, after fine-tuning to convergence. `converge=k` fine-tunes each of the candidates for k epochs, all from
the same weights on the same batches. The default measures without fine-tuning, to compare it with other cheap
criteria.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from nas_selection_bench.bench.problem.space import ALL_OPERATIONS
from nas_selection_bench.bench.work.options import not_negative, one_of, option
from nas_selection_bench.selectors.parts.criterion import Rule
from nas_selection_bench.selectors.parts.needs import Needs
from nas_selection_bench.selectors.parts.perturbation import discretised
from nas_selection_bench.selectors.parts.schedule import Greedy
from nas_selection_bench.selectors.parts.view import Evaluation, Search


@dataclass(frozen=True, kw_only=True)
class DiscretisationAccuracy(Rule):
    """How well the supernet performs with an edge discretised to one operation, with or without fine-tuning."""

    measure: str = option("accuracy", one_of("accuracy", "loss"), "quantity measured with the operation alone")
    converge: int = option(0, not_negative, "epochs of fine-tuning for each candidate before it is measured")

    @property
    def needs(self) -> Needs:
        """The trained mixture and labelled images, and fine-tuning if `converge` is set."""
        return Needs(trained=True, alphas=True, images=True, labels=True, tuning=self.converge > 0)

    @property
    def stochastic(self) -> bool:
        """Whether candidates are fine-tuned, on shuffled mini-batches."""
        return self.converge > 0

    def score(self, search: Search, edges: Sequence[int]) -> np.ndarray:
        """[k, 5]: the accuracy with the edge discretised to the operation, or minus the loss (`measure=loss`)."""
        if self.converge:
            return np.array([[self._converged(search, e, o) for o in ALL_OPERATIONS] for e in edges])
        weights = search.weights()
        result = search.evaluate(torch.stack([discretised(weights, e, o) for e in edges for o in ALL_OPERATIONS]))
        return self._strength(result).reshape(len(edges), len(ALL_OPERATIONS))

    def _converged(self, search: Search, edge: int, operation: int) -> float:
        candidate = search.branch()
        candidate.decide(edge, operation)
        candidate.tune(self.converge)
        return float(self._strength(candidate.evaluate(candidate.weights()[None]))[0])

    def _strength(self, result: Evaluation) -> np.ndarray:
        return result.accuracy if self.measure == "accuracy" else -result.loss


SELECTOR = Greedy(
    paper="Wang et al., Rethinking Architecture Selection in Differentiable NAS, ICLR 2021, sec. 3.1",
    formula="accuracy(supernet with only o on e)",
    direction="largest",
    passes="30 B; with converge=k also k epochs of fine-tuning for each of the 30",
    differs="no code was released for it; the paper fine-tunes to convergence, which converge=k approximates",
    rule=DiscretisationAccuracy(),
)
