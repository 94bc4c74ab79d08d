"""Magnitude without `none`: the largest architecture parameter among the four operations that do something.

Liu, Simonyan & Yang, "DARTS: Differentiable Architecture Search", ICLR 2019, section 2.4: the zero operation
takes part in training but is not chosen. `none` scores 0, the least that a weight can be; `magnitude[none=no]` takes
the same decisions and lets `none` keep its score.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nas_selection_bench.bench.problem.space import NONE
from nas_selection_bench.selectors.magnitude import Magnitude
from nas_selection_bench.selectors.parts.schedule import Greedy
from nas_selection_bench.selectors.parts.view import Search


@dataclass(frozen=True, kw_only=True)
class MagnitudeWithoutNone(Magnitude):
    """The weight of the operation in the mixture, 0 for `none`."""

    chooses_none = False

    def score(self, search: Search, edges: Sequence[int]) -> np.ndarray:
        """[k, 5]: the weights with the column of `none` at 0."""
        scores = super().score(search, edges).copy()
        scores[:, NONE] = 0
        return scores


SELECTOR = Greedy(
    paper="Liu, Simonyan & Yang, DARTS: Differentiable Architecture Search, ICLR 2019, sec. 2.4",
    formula="p(e, o), and 0 for none",
    direction="largest",
    rule=MagnitudeWithoutNone(),
)
