"""Magnitude: keep the operation with the largest architecture parameter, `none` included.

Liu, Simonyan & Yang, "DARTS: Differentiable Architecture Search", ICLR 2019, section 2.4. DARTS excludes
`none` in its own space; the code that the papers use on NAS-Bench-201 includes it, and so does this file.
`magnitude-no-none` excludes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nas_selection_bench.selectors.parts.criterion import Rule
from nas_selection_bench.selectors.parts.needs import Needs
from nas_selection_bench.selectors.parts.schedule import Greedy
from nas_selection_bench.selectors.parts.view import Search


@dataclass(frozen=True, kw_only=True)
class Magnitude(Rule):
    """The weight of the operation in the mixture."""

    needs = Needs(alphas=True)

    def score(self, search: Search, edges: Sequence[int]) -> np.ndarray:
        """[k, 5]: the edge weights that the recipe computes from the alphas (for most recipes a softmax)."""
        return search.probabilities()[list(edges)]


SELECTOR = Greedy(
    paper="Liu, Simonyan & Yang, DARTS: Differentiable Architecture Search, ICLR 2019, sec. 2.4",
    formula="p(e, o)",
    direction="largest",
    rule=Magnitude(),
    differs="nothing; `none` can be chosen, as in the papers' NAS-Bench-201 code (DARTS's own space excludes it)",
)
