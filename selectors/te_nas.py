"""TE-NAS: prune the operations without which the network is easiest to train and loses fewest linear regions.

Chen, Gong & Wang, "Neural Architecture Search on ImageNet in Four GPU Hours: A Theoretically Inspired Perspective",
ICLR 2021, section 3.2 and algorithm 1. `none` goes first. Then, round by round: for every operation that is left,
how much do the condition number of the neural tangent kernel and the number of linear regions fall without it,
relative to the supernet with it? Operations are ranked by both (a large fall of the condition number and a small
fall of the regions speak for pruning), the ranks are added, and each edge loses the operation with the lowest sum.
What is left of an edge shares its weight (renormalised). An operation scores by when it was pruned: 0 first, 4 stays.
Both are measured on small untrained supernets (`parts/small_supernets.py`), drawn anew for each of `repeats`.
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
from nas_selection_bench.selectors.parts.needs import Needs
from nas_selection_bench.selectors.parts.schedule import Greedy
from nas_selection_bench.selectors.parts.small_supernets import MEASURES, at, measured, one
from nas_selection_bench.selectors.parts.view import Search

DIGITS = 3
"""Decimal digits to which falls are compared; what is equal to them shares a rank (`precision` in the code)."""


@dataclass(frozen=True, kw_only=True)
class PruningByImportance(Rule):
    """The order in which TE-NAS takes the operations out."""

    chooses_none = False

    repeats: int = option(3, positive, "networks over which both measures are averaged")
    images: int | None = option(
        None, or_preset(positive), "images of the kernel; 32 as the paper at preset paper, else fewer"
    )
    samples: int | None = option(
        None, or_preset(positive), "crops of the regions; 2048 at preset paper (the paper: 5000)"
    )
    weights: str = option(
        "paper", one_of("paper", "released"), "Kaiming, or PyTorch's own and one network for all kernels"
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
                # Relative within a repeat: the condition number varies by more between networks than by operation.
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
        """[repeats, m]: the condition number or the number of regions with only the operations of each mask."""
        size = search.budget.proposal_batch
        count = (self.images or max(8, size // 8)) if measure == "ntk" else (self.samples or 8 * size)
        released = self.weights == "released"
        return np.stack([measured(search, measure, masks, i, count, released=released) for i in range(self.repeats)])


SELECTOR = Greedy(
    paper="Chen, Gong & Wang, TE-NAS, ICLR 2021, sec. 3.2 and alg. 1",
    formula="round in which the lowest sum of ranks (fall of the NTK condition number, fall of linear regions) goes",
    direction="largest: pruned last",
    passes="57 times `repeats` kernels and region counts",
    differs=(
        "Kaiming initialisation and new networks per repeat, the same for all candidates and rounds (in the paper new"
        " ones for each candidate; in the released code the names of the schemes do not match, so that repeats share"
        " PyTorch's own weights: weights=released does so for the kernel, where the code also draws a network each"
        " round, and for the regions one per candidate); one mini-batch per repeat (the code: a fresh one for each"
        " candidate); batch norm in cells without affine part; fewer images and crops, so that it takes seconds. As"
        " released: each image of the regions has one channel, drawn at random; falls are relative within a repeat,"
        " then averaged; dense ranks; of equal sums the largest fall of the kernel's goes. Mean falls are"
        " rounded to 3 digits, so that falls which differ by less are equal (the code rounds each repeat before the"
        " mean); each repeat has crops of its own (the code: the same for all)"
    ),
    version=3,
    rule=PruningByImportance(),
)
