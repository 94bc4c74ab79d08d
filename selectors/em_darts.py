"""EM-DARTS: how much information an operation transfers to its edge beyond what the edge's input holds.

The idea of EM-DARTS (Qin et al., arXiv 2409.14432) that carries over to NAS-Bench-201. EM-DARTS searches for networks
that recognise eye movements and prunes layers by the transfer entropy between them. It is a method for another space,
and only its abstract was read: THIS FILE IS OUR READING of the idea, applied to operations.

Transfer entropy is I(future of the target; past of the source | past of the target). Here the target is the
edge: its past is its input x, its future its mixed output m. The source is the operation, o(x). If all of them are
jointly Gaussian, I(m; o(x) | x) = -log(1 - r^2) / 2, with r the partial correlation over images, channels and
positions of a cell; the score is the mean over cells. An operation whose output is its input (skip_connect) or zero
(`none`) transfers nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from nas_selection_bench.bench.problem.space import SKIP
from nas_selection_bench.selectors.parts.criterion import Rule
from nas_selection_bench.selectors.parts.features import look_at_features
from nas_selection_bench.selectors.parts.gates import empty_scores
from nas_selection_bench.selectors.parts.needs import Needs
from nas_selection_bench.selectors.parts.schedule import Greedy
from nas_selection_bench.selectors.parts.view import Search


@dataclass(frozen=True, kw_only=True)
class Transfer(Rule):
    """Information about the edge's output that the operation provides beyond the edge's input."""

    needs = Needs(trained=True, alphas=True, images=True)

    def score(self, search: Search, edges: Sequence[int]) -> np.ndarray:
        """[k, 5]: nats per position."""
        total = empty_scores(search)

        def look(_cell: int, edge: int, outputs: list[Tensor], mixed: Tensor) -> None:
            for operation, output in enumerate(outputs):
                total[edge, operation] += len(output) * gaussian_transfer(output, mixed, outputs[SKIP])

        look_at_features(search, search.weights(), look)
        count = sum(len(x) for x in search.images) * search.network.n_cells
        return (total / count).cpu().numpy()[list(edges)]


def gaussian_transfer(source: Tensor, target: Tensor, past: Tensor) -> Tensor:
    """I(target; source | past) in nats of jointly Gaussian variables, from samples; 0 if the source adds nothing."""
    values = torch.stack([source.double().flatten(), target.double().flatten(), past.double().flatten()])
    values = values - values.mean(1, keepdim=True)
    covariance = values @ values.T / values.shape[1]
    # Residual covariance of source and target, given the past.
    explained = torch.outer(covariance[:2, 2], covariance[2, :2]) / covariance[2, 2]
    left = torch.where(covariance[2, 2] > 0, covariance[:2, :2] - explained, covariance[:2, :2])
    negligible = 1e-9 * covariance.diagonal()[:2]
    informative = (left.diagonal() > negligible).all()
    squared = left[0, 1] ** 2 / (left[0, 0] * left[1, 1])
    bounded = squared.clamp(max=1 - 1e-9)  # a target that is a function of source and past would give infinity
    return torch.where(informative, -torch.log1p(-bounded) / 2, 0)


SELECTOR = Greedy(
    paper=(
        "Qin et al., EM-DARTS: Hierarchical Differentiable Architecture Search for Eye Movement Recognition,"
        " arXiv 2409.14432, 2024 (our reading of the portable idea)"
    ),
    formula="-log(1 - r^2) / 2, r the partial correlation of o(x) and the mixed output given x",
    direction="largest",
    passes="B forward",
    differs="our reading; the paper has another space and transfer entropy between layers, not from operation to edge",
    rule=Transfer(),
)
