"""ReinMax: draw one architecture per pass, and estimate the gradient through the draw to second order."""

from dataclasses import dataclass

import torch
from torch import Tensor

from nas_selection_bench.bench.work.options import at_least, option
from nas_selection_bench.supernets.network.supernet import Supernet
from nas_selection_bench.supernets.parts.recipe import Mixing, Recipe, SupernetState
from nas_selection_bench.supernets.parts.sampling import drawn, gumbel, one_hot, pass_of


@dataclass(frozen=True)
class ReinMax(Recipe):
    """Liu, Dong, Liu, Yu & Gao, "Bridging Discrete and Backpropagation: Straight-Through and Beyond", NeurIPS 2023.

    The draw is from softmax(alpha). Straight-through estimators are Euler's method, first order; this is Heun's, second
    order, and needs no second derivative. All operations run in a step of the alphas, since the gradient of a one-hot
    choice depends on what each operation would have output.
    """

    tau: float = option(1.0, at_least(1), "temperature of the probabilities averaged with the draw")

    name = "reinmax"
    paper = (
        'Liu, Dong, Liu, Yu & Gao, "Bridging Discrete and Backpropagation: Straight-Through and Beyond", NeurIPS 2023, '
        "algorithm 2"
    )
    equation = (
        "h one-hot, drawn from p = softmax(alpha); dL/dalpha = 2 J(q) dL/dh - J(p) dL/dh / 2, "
        "q = (softmax(alpha / tau) + h) / 2, J(s) = diag(s) - s s^T"
    )
    offers = "probabilities"
    differs = (
        "the estimator is that of the released code, but the loop around it is that of darts: the authors put it into "
        "GDAS's, whose temperature schedule they search; tau = 1 is the smallest value that their code accepts"
    )

    def noise(self, generator: torch.Generator, steps: int, network: Supernet) -> Tensor:
        """Gumbel noise for both passes of each step."""
        return gumbel(generator, steps)

    def mixing(self, search: SupernetState, alphas: Tensor) -> Mixing:
        """One operation per edge; a step of the weights runs only that one, a step of the alphas runs all."""
        assert search.noise is not None
        chosen = (alphas.detach().log_softmax(-1) + search.noise[pass_of(alphas)]).argmax(-1)
        hard = one_hot(chosen, alphas)
        if not alphas.requires_grad:
            return Mixing(hard, active=drawn(hard))
        return Mixing(second_order(alphas, hard, self.tau))


def second_order(alphas: Tensor, hard: Tensor, tau: float) -> Tensor:
    """The values of `hard` [6, 5], with ReinMax's gradient with respect to `alphas` [6, 5]."""
    between = ((alphas / tau).softmax(-1) + hard) / 2
    # The values are `between`; the derivative is that of a softmax of the alphas.
    heun = ((between.log() - alphas).detach() + alphas).softmax(-1)
    slope = 2 * heun - alphas.softmax(-1) / 2
    return hard + (slope - slope.detach())


RECIPE = ReinMax()
