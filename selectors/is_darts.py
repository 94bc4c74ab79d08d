"""IS-DARTS: prune, edge by edge, the operation whose output carries the least information.

He et al., "IS-DARTS: Stabilizing DARTS through Precise Measurement on Candidate Importance",
AAAI 2024. Every operation has the constant weight 1/5, whatever is left of its edge. An operation is measured by
the mean over images and positions (and channels) of 3 (z - mean_c z)^2 / (std_c z)^6 of its output z, mean and
standard deviation taken across channels; the mean over cells is the metric, and the LARGEST of an edge is pruned,
all edges at once, until one operation is left. `none` (0/0) goes first.

An operation scores by when it was pruned: 0 for the first, 4 for the one that stays. The paper trains the weights
for 2 epochs between two prunings: `retrain=2`.
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
    """The order in which information-based pruning takes the operations out."""

    chooses_none = False
    retrain: int = option(0, not_negative, "epochs of training of the weights between two prunings (the paper: 2)")

    @property
    def needs(self) -> Needs:
        """Trained weights and images without labels, no alphas."""
        return Needs(trained=True, images=True, tuning=self.retrain > 0)

    @property
    def stochastic(self) -> bool:
        """Mini-batches are shuffled for training."""
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
            if step:  # `none` has no metric and goes first; nothing has to be measured for that
                metric = information_metric(search, weights)
            for edge in search.open_edges:
                worst = int(np.argmax(np.where(kept[edge].numpy(), metric[edge], -np.inf))) if step else NONE
                kept[edge, worst] = False
                rounds[edge, worst] = step
            if self.retrain and step < len(OPERATIONS) - 2:
                search.tune(self.retrain, always(constant_weights(search, kept)))
        return rounds[list(edges)]


def always(weights: Tensor) -> Callable[[Tensor], Tensor]:
    """The same edge weights whatever the alphas."""
    return lambda _alphas: weights


def constant_weights(search: Search, kept: Tensor) -> Tensor:
    """[6, 5]: 1/5 for what is kept on an open edge; decided edges one-hot."""
    constant = kept.to(search.like.dtype) / len(OPERATIONS)
    for edge in search.decided:
        constant[edge] *= len(OPERATIONS)
    return constant.to(search.like.device)


def information_metric(search: Search, weights: Tensor) -> np.ndarray:
    """[6, 5]: the metric of every operation, averaged over images and cells; inf where it is not defined."""
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
        "A selector on a stored supernet, without training between prunings (retrain=2 is the paper's); selection"
        " images, while the code measures on its whole training set in fixed order, augmented; batch statistics"
        " throughout (the code: running ones in the stem); retrain=2 has DARTS-PT's constant rate (the code: the end"
        " of a cosine)"
    ),
    rule=InformationPruning(),
)
