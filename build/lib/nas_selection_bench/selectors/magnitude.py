"""Magnitude: the operation with the largest architecture parameter, `none` among them.

Liu, Simonyan & Yang, "DARTS: Differentiable Architecture Search", ICLR 2019, section 2.4. In its own space
DARTS leaves `none` out; the code that the papers use on NAS-Bench-201 keeps it, and so does this file.
`magnitude-no-none` leaves it out.
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
        """[k, 5]: what the recipe makes of the alphas (a softmax, for most)."""
        return search.probabilities()[list(edges)]


SELECTOR = Greedy(
    paper="Liu, Simonyan & Yang, DARTS: Differentiable Architecture Search, ICLR 2019, sec. 2.4",
    formula="p(e, o)",
    direction="largest",
    rule=Magnitude(),
    differs="nothing; the NAS-Bench-201 code of the papers includes none, DARTS's own space excludes it",
)
