"""BaLeNAS: alphas are Gaussian, and their mean and variance follow the natural gradient."""

from dataclasses import dataclass

import torch
from torch import Tensor

from nas_selection_bench.bench.problem.space import EDGES, OPERATIONS
from nas_selection_bench.bench.work.options import above, option, positive
from nas_selection_bench.supernets.network.supernet import Supernet
from nas_selection_bench.supernets.parts.recipe import Batch, Mixing, Recipe, SupernetState
from nas_selection_bench.supernets.parts.sampling import pass_of

BETA_1, BETA_2 = 0.5, 0.999
"""Decay rates of the two moments, as in the alphas' Adam of the DARTS code."""


@dataclass(frozen=True)
class Balenas(Recipe):
    """Zhang et al., "BaLeNAS: Differentiable Architecture Search via the Bayesian Learning Rule", CVPR 2022.

    Natural-gradient variational inference by weight perturbation in Adam (Khan et al., "Fast and Scalable
    Bayesian Deep Learning by Weight-Perturbation in Adam", ICML 2018), with one sample and the prior
    N(0, 1/prior). The alphas of a checkpoint are the means; the precision follows from the second moment.
    """

    prior: float = option(1.0, above(0), "precision of the prior")
    examples: int = option(25_000, positive, "images in the likelihood: CIFAR's selection half")

    name = "balenas"
    paper = (
        'Zhang et al., "BaLeNAS: Differentiable Architecture Search via the Bayesian Learning Rule", CVPR 2022; '
        'update: Khan et al., "Fast and Scalable Bayesian Deep Learning by Weight-Perturbation in Adam", ICML 2018'
    )
    equation = (
        "alpha = mu + eps / sqrt(N s + prior), eps ~ N(0, 1); g = grad_alpha L_val(w, softmax(alpha)); "
        "m <- b1 m + (1 - b1)(g + prior mu / N); s <- b2 s + (1 - b2) g^2; "
        "mu <- mu - eta m^ / (sqrt(s^) + prior / N), ^ = bias corrected"
    )
    alpha_update = f"{Recipe.alpha_rate:g} in the update above, without Adam and with no weight decay but the prior's"
    offers = "the softmax of the mean"
    differs = (
        "no code was released under its name: prior, N and one sample are those of a Vadam optimiser in the authors' "
        "iDARTS repository, and N stays 25,000 whatever the data set; drawing in the weights' pass too is our "
        "reading (in that code it would see the mean)"
    )

    def noise(self, generator: torch.Generator, steps: int, network: Supernet) -> Tensor:
        """Normal noise [steps, 2, 6, 5] for both passes of each step."""
        return torch.randn(steps, 2, len(EDGES), len(OPERATIONS), generator=generator)

    def memory(self) -> dict[str, Tensor]:
        """The two moments and the number of steps, all zero."""
        shape = (len(EDGES), len(OPERATIONS))
        return {"m": torch.zeros(shape), "s": torch.zeros(shape), "t": torch.zeros(())}

    def mixing(self, search: SupernetState, alphas: Tensor) -> Mixing:
        """The softmax of a draw around the mean."""
        assert search.noise is not None
        deviation = (self.examples * search.memory["s"] + self.prior).rsqrt()
        return Mixing((alphas + deviation * search.noise[pass_of(alphas)]).softmax(-1))

    def alpha_step(self, search: SupernetState, selection_batch: Batch, weight_batch: Batch) -> None:
        """A natural-gradient step of the mean and the variance."""
        with search.frozen_weights():
            loss = search.loss(selection_batch, self.mixing(search, search.alphas))
        # The draw moves one to one with the mean, so the gradient with respect to the mean is that at the draw.
        (slope,) = torch.autograd.grad(loss, [search.alphas])
        m, s, t = (search.memory[name] for name in ("m", "s", "t"))
        pull = self.prior / self.examples
        with torch.no_grad():
            t += 1
            m.lerp_(slope + pull * search.alphas, 1 - BETA_1)
            s.lerp_(slope.square(), 1 - BETA_2)
            size = (s / (1 - BETA_2**t)).sqrt() + pull
            search.alphas -= self.alpha_rate * m / (1 - BETA_1**t) / size


RECIPE = Balenas()
