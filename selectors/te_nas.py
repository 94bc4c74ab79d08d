"""TE-NAS: prune the operations whose removal helps trainability most and costs the fewest linear regions.

Chen, Gong & Wang, "Neural Architecture Search on ImageNet in Four GPU Hours: A Theoretically Inspired Perspective",
ICLR 2021, section 3.2 and algorithm 1. `none` is pruned first. Each further round measures, for every remaining
operation, how much the condition number of the neural tangent kernel and the number of linear regions fall without it,
relative to the supernet with it. Operations are ranked by both (a large fall of the condition number and a small
fall of the regions favour pruning), the ranks are added, and each edge loses the operation with the lowest sum.
The remaining operations of an edge share its weight equally. The score of an operation is the round in which it is
pruned: 0 for the first, 4 for the one that stays. Both quantities are measured on small untrained supernets
(`parts/small_supernets.py`), drawn anew for each of `repeats`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.stats import rankdata
from torch import Tensor

from nas_selection_bench.bench.problem.space import EDGES, NONE, OPERATIONS
from nas_selection_bench.bench.work.options import one_of, option, or_preset, positive
from nas_selection_bench.selectors.parts.criterion import Rule
from nas_selection_bench.selectors.parts.evaluation import require_enough
from nas_selection_bench.selectors.parts.needs import Needs
from nas_selection_bench.selectors.parts.schedule import Greedy
from nas_selection_bench.selectors.parts.small_supernets import MEASURES, at, measured, one
from nas_selection_bench.selectors.parts.view import Search

DIGITS = 3
"""Decimal digits to which falls are rounded; falls that are then equal share a rank (`precision` in the code)."""


@dataclass(frozen=True, kw_only=True)
class PruningByImportance(Rule):
    """The order in which TE-NAS prunes the operations."""

    chooses_none = False

    repeats: int = option(3, positive, "number of networks over which both measures are averaged")
    images: int | None = option(
        None, or_preset(positive), "images per kernel; 32 at preset paper, as in the paper, else fewer"
    )
    samples: int | None = option(
        None, or_preset(positive), "crops per count of regions; 2048 at preset paper (the paper: 5000)"
    )
    weights: str = option(
        "paper", one_of("paper", "released"), "Kaiming, or PyTorch's default and one network for all kernels"
    )

    needs = Needs(images=True)
    stochastic = True

    def score(self, search: Search, edges: Sequence[int]) -> np.ndarray:
        """[k, 5]: the round in which the operation is pruned; 4 for the one that stays."""
        decided = search.decided
        kept = torch.stack([one(decided[e]) if e in decided else ~one(NONE) for e in range(len(EDGES))])
        rounds = np.full((len(EDGES), len(OPERATIONS)), float(len(OPERATIONS) - 1))
        rounds[:, NONE] = 0
        for step in range(1, len(OPERATIONS) - 1):
            candidates = [(e, o) for e in search.open_edges for o in range(len(OPERATIONS)) if kept[e, o]]
            without = [kept & ~at(e, o) for e, o in candidates]
            falls = {}
            for measure in MEASURES:
                values = self._measure(search, measure, [kept, *without])
                # Relative within a repeat: the condition number varies more between networks than between operations.
                relative = (values[:, :1] - values[:, 1:]) / values[:, :1]
                falls[measure] = relative.mean(axis=0).round(DIGITS)
            worst = rankdata(-falls["ntk"], "dense") + rankdata(falls["linear_regions"], "dense")
            for edge in search.open_edges:
                mine = [i for i, (e, _) in enumerate(candidates) if e == edge]
                pruned = candidates[min(mine, key=lambda i: (worst[i], -falls["ntk"][i]))]
                kept[pruned] = False
                rounds[pruned] = step
        return rounds[list(edges)]

    def _measure(self, search: Search, measure: str, masks: Sequence[Tensor]) -> np.ndarray:
        """[repeats, m]: the condition number, or number of regions, with only the operations of each of m masks."""
        size = search.budget.proposal_batch
        if self.images is not None:
            smallest = min(len(search.proxy_batch(i)[0]) for i in range(self.repeats))
            require_enough("images", self.images, smallest)
        count = (self.images or max(8, size // 8)) if measure == "ntk" else (self.samples or 8 * size)
        released = self.weights == "released"
        return np.stack([measured(search, measure, masks, i, count, released=released) for i in range(self.repeats)])


SELECTOR = Greedy(
    paper="Chen, Gong & Wang, TE-NAS, ICLR 2021, sec. 3.2 and alg. 1",
    formula="round in which the lowest sum of ranks (fall of the NTK condition number, fall of linear regions) is"
    " pruned",
    direction="largest: pruned last",
    passes="57 times `repeats` kernels and region counts",
    differs=(
        "Kaiming initialisation and new networks per repeat, the same for all candidates and rounds (the paper: new"
        " ones for each candidate; in the released code the names of the initialisation schemes do not match, so that"
        " repeats share PyTorch's default weights; weights=released has these weights and one network for all kernels,"
        " where the code draws one in each round, and one per repeat for the regions, where the code draws one per"
        " candidate); one mini-batch per repeat (the code: a fresh one for each candidate); no affine part in the"
        " cells' batch norm; fewer images and crops, so that it takes seconds. As in the released code, each image for"
        " the regions has one channel, drawn at random; falls are relative within a repeat, then averaged; ranks are"
        " dense; ties between rank sums prune the operation with the largest fall of the condition number. Mean falls"
        " are rounded to 3 digits, so that smaller differences count as ties (the code rounds each repeat before"
        " averaging); each repeat has its own crops of a selection mini-batch, shared"
        " by all candidates (the code: new crops of the whole training set for each candidate); the kernels see images"
        " as they are (the code: augmented); a singular kernel fails the selection (the code goes on with a negative or"
        " infinite ratio); all crops share one batch norm (the code: batches of 1000)"
    ),
    version=3,
    rule=PruningByImportance(),
)
