"""Control: DARTS-PT's schedule with a random operation as the criterion.

Not a method: decide and fine-tune edge by edge as `darts-pt` does, in the same order and on the same batches,
but keep a random operation. `pt-random[tune=0,order=once]` is a random architecture.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from nas_selection_bench.bench.problem.space import EDGES, OPERATIONS
from nas_selection_bench.selectors.parts.criterion import Rule
from nas_selection_bench.selectors.parts.needs import Needs
from nas_selection_bench.selectors.parts.schedule import Greedy
from nas_selection_bench.selectors.parts.view import Search


@dataclass(frozen=True, kw_only=True)
class Chance(Rule):
    """Random scores, the same for an edge at every decision."""

    needs = Needs()
    stochastic = True

    @property
    def can_be_tuned(self) -> bool:
        """True: this is the control for methods that fine-tune, and costs what they cost."""
        return True

    def score(self, search: Search, edges: Sequence[int]) -> np.ndarray:
        """[k, 5]: uniform random numbers in [0, 1)."""
        generator = search.generator("chance")
        table = torch.rand(len(EDGES), len(OPERATIONS), generator=generator, dtype=torch.float64)
        return table.numpy()[list(edges)]


SELECTOR = Greedy(
    paper="none: a control",
    formula="a random number",
    direction="largest",
    passes="5 gaps of fine-tuning",
    rule=Chance(),
    order="random",
    tune=None,
)
