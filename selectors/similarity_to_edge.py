"""Similarity to the edge: keep the operation whose output is most similar to the mixed output of its edge.

After the "decorrelation discretization" of Wang, Yang, Huang & Wang, "iDARTS: Improving DARTS by Node
Normalization and Decorrelation Discretization", IEEE TNNLS 34(4), 2023: discretising disturbs the supernet least
if the remaining operation represents its edge. OUR READING, since no code is public: the cosine between an
operation's output and the mixed output, per image, averaged over images and cells. `measure=share` instead measures
the weighted operation's share of the mixed output m: p <o(x), m> / |m|^2.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from nas_selection_bench.bench.work.options import one_of, option
from nas_selection_bench.selectors.parts.criterion import Rule
from nas_selection_bench.selectors.parts.features import look_at_features
from nas_selection_bench.selectors.parts.gates import empty_scores
from nas_selection_bench.selectors.parts.needs import Needs
from nas_selection_bench.selectors.parts.schedule import Greedy
from nas_selection_bench.selectors.parts.view import Search


@dataclass(frozen=True, kw_only=True)
class Similarity(Rule):
    """The similarity of an operation's output to the mixed output of its edge."""

    measure: str = option("cosine", one_of("cosine", "share"), "cosine with the mixed output, or share of it")

    needs = Needs(trained=True, alphas=True, images=True)

    def score(self, search: Search, edges: Sequence[int]) -> np.ndarray:
        """[k, 5]: the mean cosine, or the mean share; 0 for `none`, whose output is zero."""
        weights = search.weights()
        total = empty_scores(search)

        def look(_cell: int, edge: int, outputs: list[Tensor], mixed: Tensor) -> None:
            whole = mixed.double().flatten(1)
            size = whole.norm(dim=1)
            for operation, output in enumerate(outputs):
                part = output.double().flatten(1)
                inner = (part * whole).sum(1)
                if self.measure == "cosine":
                    similarity = ratio(inner, part.norm(dim=1) * size)
                else:
                    similarity = weights[edge, operation] * ratio(inner, size**2)
                total[edge, operation] += similarity.sum()

        look_at_features(search, weights, look)
        count = sum(len(x) for x in search.images) * search.network.n_cells
        return (total / count).cpu().numpy()[list(edges)]


def ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    """The quotient, elementwise; 0 if the denominator is 0."""
    return torch.where(denominator > 0, numerator / denominator.clamp_min(torch.finfo(denominator.dtype).tiny), 0)


SELECTOR = Greedy(
    paper=(
        "Wang, Yang, Huang & Wang, iDARTS: Improving DARTS by Node Normalization and Decorrelation Discretization,"
        " IEEE TNNLS 34(4), 2023 (our reading)"
    ),
    formula="mean cosine of o(x) and the mixed output of e",
    direction="largest",
    passes="B forward",
    differs="no code is public; our reading",
    rule=Similarity(),
)
