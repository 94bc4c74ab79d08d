"""Discretisation accuracy: reduce an edge to one operation and measure the supernet.

Wang, Cheng, Chen, Tang & Hsieh, "Rethinking Architecture Selection in Differentiable NAS", ICLR 2021,
section 3.1: the strength of an operation is the validation accuracy of the supernet with the edge discretised
to it, after fine-tuning to convergence. `converge=k` fine-tunes each of the candidates for k epochs, all from
the same weights on the same batches; the default measures without fine-tuning, as cheap criteria are compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nas_selection_bench.bench.work.options import not_negative, option
from nas_selection_bench.selectors.parts.needs import Needs
from nas_selection_bench.selectors.parts.perturbation import OPERATION_INDICES, Discretise
from nas_selection_bench.selectors.parts.schedule import Greedy
from nas_selection_bench.selectors.parts.view import Search


@dataclass(frozen=True, kw_only=True)
class DiscretiseAndTune(Discretise):
    """How good the supernet is with an edge reduced to one operation, fine-tuned or not."""

    converge: int = option(0, not_negative, "epochs of fine-tuning of each candidate before it is measured")

    @property
    def needs(self) -> Needs:
        """The trained mixture and labelled images, and fine-tuning if asked for."""
        return super().needs | Needs(tuning=self.converge > 0)

    @property
    def stochastic(self) -> bool:
        """Mini-batches are shuffled for fine-tuning."""
        return self.converge > 0

    def score(self, search: Search, edges: Sequence[int]) -> np.ndarray:
        """[k, 5]: the accuracy with the edge one-hot, or minus the loss."""
        if not self.converge:
            return super().score(search, edges)
        return np.array([[self._converged(search, e, o) for o in OPERATION_INDICES] for e in edges])

    def _converged(self, search: Search, edge: int, operation: int) -> float:
        candidate = search.branch()
        candidate.decide(edge, operation)
        candidate.tune(self.converge)
        result = candidate.evaluate(candidate.weights()[None])
        return float(result.accuracy[0] if self.measure == "accuracy" else -result.loss[0])


SELECTOR = Greedy(
    paper="Wang et al., Rethinking Architecture Selection in Differentiable NAS, ICLR 2021, sec. 3.1",
    formula="accuracy(supernet with only o on e)",
    direction="largest",
    passes="30 B; with converge=k also k epochs of tuning for each of the 30",
    differs="there is no released code for it; the paper fine-tunes to convergence, which converge=k approaches",
    rule=DiscretiseAndTune(),
)
