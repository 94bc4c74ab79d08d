"""OStr, exact: the increase of the loss when an operation is masked.

Yang, Zheng, Han, Song, Huang & Li, "OStr-DARTS", arXiv 2409.14433: the importance of an operation is "its
effect on the final loss". OUR READING OF THE ABSTRACT, without the Taylor expansion of `ostr`: mask the
operation, leave the others as they are, and measure how much the loss increases. All edges are decided at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nas_selection_bench.bench.problem.space import NONE
from nas_selection_bench.selectors.parts.criterion import Rule
from nas_selection_bench.selectors.parts.needs import Needs
from nas_selection_bench.selectors.parts.perturbation import evaluate_without
from nas_selection_bench.selectors.parts.schedule import Greedy
from nas_selection_bench.selectors.parts.view import Search


@dataclass(frozen=True, kw_only=True)
class LossRise(Rule):
    """The increase of the loss without the operation."""

    needs = Needs(trained=True, alphas=True, images=True, labels=True)

    def score(self, search: Search, edges: Sequence[int]) -> np.ndarray:
        """[k, 5]: loss without the operation minus loss of the supernet; 0 for `none`, whose mask changes nothing."""
        losses = evaluate_without(search, edges).loss
        return losses - losses[:, [NONE]]


SELECTOR = Greedy(
    paper="Yang et al., OStr-DARTS, arXiv 2409.14433 (our reading of the abstract)",
    formula="loss(supernet without o on e) - loss(supernet)",
    direction="largest",
    passes="25 B",
    differs="no code is public; the formula is our reading of the abstract",
    rule=LossRise(),
)
