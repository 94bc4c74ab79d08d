"""TE-NAS: prune the operations without which the network is easiest to train and loses fewest linear regions.

Chen, Gong & Wang, "Neural Architecture Search on ImageNet in Four GPU Hours: A Theoretically Inspired Perspective",
ICLR 2021, section 3.2 and algorithm 1. `none` goes first. Then, round by round: for every operation that is left,
how much do the condition number of the neural tangent kernel and the number of linear regions fall without it,
relative to the supernet with it? Operations are ranked by both (a large fall of the condition number and a small
fall of the regions speak for pruning), the ranks are added, and each edge loses the operation with the lowest sum.
What is left of an edge shares its weight (renormalised). An operation scores by when it was pruned: 0 first, 4 stays.

Both are measured on small untrained supernets of their own: C=3, N=1 for the kernel; for the regions one cell of one
channel without a stem, on crops of one channel. They are drawn anew for each of `repeats`: Kaiming normal, by fan-out
for the kernel and by fan-in for the regions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from nas_selection_bench.bench.problem.space import CONV_1X1, CONV_3X3, EDGES, NONE, OPERATIONS
from nas_selection_bench.bench.work.options import one_of, option, or_preset, positive
from nas_selection_bench.selectors import proxies
from nas_selection_bench.selectors.parts.criterion import Rule
from nas_selection_bench.selectors.parts.needs import Needs
from nas_selection_bench.selectors.parts.schedule import Greedy
from nas_selection_bench.selectors.parts.small_supernets import at, keep_only, one, small_supernet
from nas_selection_bench.selectors.parts.view import Search

MEASURES = ("ntk", "linear_regions")
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
        kept = torch.ones(len(EDGES), len(OPERATIONS), dtype=torch.bool)
        for edge in range(len(EDGES)):
            decided = search.decided.get(edge)
            kept[edge] = torch.arange(len(OPERATIONS)) != NONE if decided is None else one(decided)
        rounds = np.full((len(EDGES), len(OPERATIONS)), float(len(OPERATIONS) - 1))
        rounds[:, NONE] = 0
        for step in range(1, len(OPERATIONS) - 1):
            candidates = [(e, o) for e in search.open_edges for o in range(len(OPERATIONS)) if kept[e, o]]
            without = [kept & ~at(e, o) for e, o in candidates]
            falls = {}
            for proxy in MEASURES:
                values = self._measure(search, proxy, [kept, *without])
                # Relative within a repeat: the condition number varies by more between networks than by operation.
                relative = (values[:, :1] - values[:, 1:]) / values[:, :1]
                falls[proxy] = relative.mean(axis=0).round(DIGITS)
            worst = dense_ranks(-falls["ntk"]) + dense_ranks(falls["linear_regions"])
            for edge in search.open_edges:
                mine = [i for i, (e, _) in enumerate(candidates) if e == edge]
                pruned = candidates[min(mine, key=lambda i: (worst[i], -falls["ntk"][i]))]
                kept[pruned] = False
                rounds[pruned] = step
        return rounds[list(edges)]

    def _measure(self, search: Search, proxy: str, masks: Sequence[Tensor]) -> np.ndarray:
        """[repeats, m]: the condition number or the number of regions with only the operations of each mask."""
        batches = search.proxy_batches(self.repeats)
        size = search.budget.proposal_batch
        rows = []
        for repeat in range(self.repeats):
            mixture = small_supernet(search, proxy, repeat, released=self.weights == "released")
            x = batches[repeat % len(batches)][0]
            name = proxy
            if proxy == "ntk":
                x = x[: self.images or max(8, size // 8)]
            else:
                x = x[:, :1]
                name = f"{proxy}[samples={self.samples or 8 * size}]"
            seed = search.shared_seed("regions", repeat=repeat)
            # The thin network is linear without a convolution, whose ReLU is its only bend.
            measured = [proxy == "ntk" or bool(mask[:, [CONV_1X1, CONV_3X3]].any()) for mask in masks]
            variants = (partial(keep_only, mask=m) for m, here in zip(masks, measured, strict=True) if here)
            scores = np.ones(len(masks))
            scores[measured] = proxies.defined(proxies.scores(name, mixture, variants, x, seed=seed))
            rows.append(scores if proxies.find(proxy).higher_is_better else -scores)
        return np.stack(rows)


def dense_ranks(values: np.ndarray) -> np.ndarray:
    """The place of each value among the different ones, ascending from 0."""
    return np.unique(values, return_inverse=True)[1]


SELECTOR = Greedy(
    paper="Chen, Gong & Wang, TE-NAS, ICLR 2021, sec. 3.2 and alg. 1",
    formula="round in which the lowest sum of ranks (fall of the NTK condition number, fall of linear regions) goes",
    direction="largest: pruned last",
    passes="57 times `repeats` kernels and region counts",
    differs=(
        "Kaiming initialisation and new networks per repeat, as the paper says (in the released code the names of"
        " the schemes do not match, so that nothing is drawn anew: weights=released); batch norm in cells without"
        " affine part; fewer images and crops, so that it takes seconds. As released: falls are relative within a"
        " repeat, then averaged; dense ranks; of equal sums the largest fall of the kernel's goes. Mean falls are"
        " rounded to 3 digits, so that falls which differ by less are equal (the code rounds each repeat before the"
        " mean); each repeat has crops of its own (the code: the same for all)"
    ),
    version=2,
    rule=PruningByImportance(),
)
