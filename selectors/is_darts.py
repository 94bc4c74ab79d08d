"""IS-DARTS: prune, edge by edge, the operation whose output carries the least information.

He et al., "IS-DARTS: Stabilizing DARTS through Precise Measurement on Candidate Importance",
AAAI 2024. Every operation has the constant weight 1/5, however many are left on its edge. The metric of an operation
with output z is 3 (z - mean_c z)^2 / (std_c z)^6, averaged over images, positions and channels and then over cells;
mean_c and std_c are taken across channels. In each round every edge loses the operation with its LARGEST metric, until
one is left. `none`, whose metric is 0/0, is pruned first.

The score of an operation is the round in which it is pruned: 0 for the first, 4 for the one that stays. The paper
trains the weights for 2 epochs between prunings: `retrain=2`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from nas_selection_bench.bench.problem.space import EDGES, NONE, OPERATIONS
from nas_selection_bench.bench.work.options import not_negative, option
from nas_selection_bench.selectors.parts.criterion import Rule
from nas_selection_bench.selectors.parts.features import look_at_features
from nas_selection_bench.selectors.parts.gates import empty_scores
from nas_selection_bench.selectors.parts.needs import Needs
from nas_selection_bench.selectors.parts.schedule import Greedy
from nas_selection_bench.selectors.parts.view import Search
from nas_selection_bench.supernets.is_darts import metric_of


@dataclass(frozen=True, kw_only=True)
class InformationPruning(Rule):
    """The order in which information-based pruning removes the operations."""

    chooses_none = False
    retrain: int = option(0, not_negative, "epochs of weight training between two prunings (the paper: 2)")

    @property
    def needs(self) -> Needs:
        """Trained weights and unlabelled images, no alphas; tuning if the weights are retrained."""
        return Needs(trained=True, images=True, tuning=self.retrain > 0)

    @property
    def stochastic(self) -> bool:
        """Whether the weights are retrained, on shuffled mini-batches."""
        return self.retrain > 0

    def score(self, search: Search, edges: Sequence[int]) -> np.ndarray:
        """[k, 5]: the round in which the operation is pruned; 4 for the one that stays."""
        search = search.branch()
        kept = torch.ones(len(EDGES), len(OPERATIONS), dtype=torch.bool)
        for edge, operation in search.decided.items():
            kept[edge] = torch.arange(len(OPERATIONS)) == operation
        rounds = np.full((len(EDGES), len(OPERATIONS)), float(len(OPERATIONS) - 1))
        for step in range(len(OPERATIONS) - 1):
            weights = constant_weights(search, kept)
            metric = np.full((len(EDGES), len(OPERATIONS)), np.inf)
            if step:  # round 0 prunes `none`, which has no metric, so nothing needs to be measured
                metric = information_metric(search, weights)
            for edge in search.open_edges:
                worst = int(np.argmax(np.where(kept[edge].numpy(), metric[edge], -np.inf))) if step else NONE
                kept[edge, worst] = False
                rounds[edge, worst] = step
            if self.retrain and step < len(OPERATIONS) - 2:
                search.tune(self.retrain, always(constant_weights(search, kept)))
        return rounds[list(edges)]


def always(weights: Tensor) -> Callable[[Tensor], Tensor]:
    """A function that returns `weights` whatever the alphas."""
    return lambda _alphas: weights


def constant_weights(search: Search, kept: Tensor) -> Tensor:
    """[6, 5]: 1/5 for each operation kept on an open edge, 0 for the others; decided edges are one-hot."""
    constant = kept.to(search.like.dtype) / len(OPERATIONS)
    for edge in search.decided:
        constant[edge] *= len(OPERATIONS)
    return constant.to(search.like.device)


def information_metric(search: Search, weights: Tensor) -> np.ndarray:
    """[6, 5]: the metric of every operation, averaged over images and cells; inf if it is undefined."""
    total = empty_scores(search)

    def look(_cell: int, edge: int, outputs: list[Tensor], _mixed: Tensor) -> None:
        for operation, output in enumerate(outputs):
            total[edge, operation] += metric_of(output) * len(output)

    look_at_features(search, weights, look)
    mean = (total / (sum(len(x) for x in search.images) * search.network.n_cells)).cpu().numpy()
    return np.where(np.isfinite(mean), mean, np.inf)


SELECTOR = Greedy(
    paper="He et al., IS-DARTS, AAAI 2024",
    formula="round in which the largest mean 3 (z - mean_c z)^2 / (std_c z)^6 of an edge is pruned",
    direction="smallest metric is kept",
    passes="3 B forward",
    differs=(
        "Applied to a stored supernet, without training between prunings (the paper: retrain=2); measured on selection"
        " images (the code: its whole training set, augmented, in fixed order); batch statistics throughout (the code:"
        " running ones in the stem and the reduction blocks); retrain=2 uses DARTS-PT's constant learning rate (the"
        " code: the end of a cosine schedule)"
    ),
    rule=InformationPruning(),
)
