"""Shapley-NAS: the mean contribution of an operation to the accuracy, over random orders of removal.

Xiao, Wang, Zhu, Zhou & Lu, "Shapley-NAS: Discovering Operation Contribution for Neural Architecture Search",
CVPR 2022. The players are all operations on all open edges. Each of K Monte-Carlo samples draws a
permutation, takes one mini-batch, starts from the whole supernet and removes the players one after another (masked, not
renormalised): the fall in accuracy is a player's marginal contribution. A permutation is truncated once the accuracy
falls below half of the whole supernet's; the remaining players contribute 0 to that sample. The Shapley value is the
mean over samples; `bound=yes` takes the mean minus the standard deviation, as the released code does. The paper updates
the alphas with these values during the search; here they select the operations directly.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from nas_selection_bench.bench.problem.space import EDGES, NONE, OPERATIONS
from nas_selection_bench.bench.work.options import between, option, positive, yes_or_no
from nas_selection_bench.selectors.parts.criterion import Rule
from nas_selection_bench.selectors.parts.needs import Needs
from nas_selection_bench.selectors.parts.schedule import Greedy
from nas_selection_bench.selectors.parts.view import Search

AT_ONCE = 5
"""Coalitions evaluated between two checks for truncation; checking after each one would stall a GPU."""


@dataclass(frozen=True, kw_only=True)
class Shapley(Rule):
    """Monte-Carlo Shapley values of the operations."""

    samples: int = option(10, positive, "number of permutations K")
    truncate: float = option(0.5, between(0, 1), "stop a permutation below this share of the supernet's accuracy")
    bound: bool = option(False, yes_or_no, "mean minus standard deviation, as in the released code")

    needs = Needs(trained=True, alphas=True, images=True, labels=True)
    stochastic = True

    def score(self, search: Search, edges: Sequence[int]) -> np.ndarray:
        """[k, 5]: Shapley values in percentage points of accuracy; 0 for `none`, whose removal changes nothing."""
        generator = search.generator("permutations")
        marginals = np.zeros((self.samples, len(EDGES), len(OPERATIONS)))
        players = [(edge, operation) for edge in search.open_edges for operation in range(len(OPERATIONS))]
        for sample in range(self.samples):
            permutation = torch.randperm(len(players), generator=generator).tolist()
            place = sample % len(search.batches)
            removed = [players[i] for i in permutation if players[i][1] != NONE]
            for (edge, operation), fall in zip(removed, self._falls(search, removed, place), strict=False):
                marginals[sample, edge, operation] = fall
        values = marginals.mean(axis=0)
        if self.bound:
            values -= marginals.std(axis=0)
        return values[list(edges)]

    def _falls(self, search: Search, removed: Sequence[tuple[int, int]], place: int) -> Iterator[float]:
        """Yield the fall in accuracy at each removal, until the permutation is truncated."""
        weights = search.weights()
        before = whole = float(search.evaluate(weights[None], place).accuracy[0])
        for start in range(0, len(removed), AT_ONCE):
            coalitions = []
            for edge, operation in removed[start : start + AT_ONCE]:
                weights = weights.clone()
                weights[edge, operation] = 0
                coalitions.append(weights)
            for accuracy in search.evaluate(torch.stack(coalitions), place).accuracy:
                yield before - float(accuracy)
                before = float(accuracy)
                if before < self.truncate * whole:
                    return


SELECTOR = Greedy(
    paper="Xiao, Wang, Zhu, Zhou & Lu, Shapley-NAS, CVPR 2022",
    formula="mean over permutations of accuracy before o on e is removed minus after",
    direction="largest",
    passes="at most K (1 + 24), one mini-batch each",
    differs=(
        "Applied to a stored supernet (the paper updates alphas with these values during the search, on a PC-DARTS"
        " supernet of another space); the mean, as in the paper (the code: mean minus standard deviation,"
        " bound=yes); batch statistics, without updating the running ones (in the code, which validates every other"
        " epoch, every second estimate uses running statistics); mini-batches of up to 256 images (the code: 1024),"
        " the fixed ones in turn, so that at most selection images / batch size of them are distinct (the code draws"
        " one per permutation, with the training transform)"
    ),
    rule=Shapley(),
)
