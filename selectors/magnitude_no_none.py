"""Magnitude without `none`: keep the operation with the largest architecture parameter among the other four.

Liu, Simonyan & Yang, "DARTS: Differentiable Architecture Search", ICLR 2019, section 2.4: the zero operation
takes part in training but is never chosen. `none` scores 0, the smallest weight possible; `magnitude[none=no]` makes
the same decisions but leaves the score of `none` as it is.
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
        """[k, 5]: the edge weights with the column of `none` set to 0."""
        scores = super().score(search, edges).copy()
        scores[:, NONE] = 0
        return scores


SELECTOR = Greedy(
    paper="Liu, Simonyan & Yang, DARTS: Differentiable Architecture Search, ICLR 2019, sec. 2.4",
    formula="p(e, o), and 0 for none",
    direction="largest",
    rule=MagnitudeWithoutNone(),
)
