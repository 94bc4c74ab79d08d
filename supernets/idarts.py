"""iDARTS: implicit gradients of the alphas by a Neumann series."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from nas_selection_bench.bench.work.options import above, not_negative, option, positive
from nas_selection_bench.supernets.parts.differences import slope_along
from nas_selection_bench.supernets.parts.recipe import Batch, Recipe, SupernetState


@dataclass(frozen=True)
class Idarts(Recipe):
    """Zhang, Su, Pan, Chang, Abbasnejad & Haffari, "iDARTS", ICML 2021.

    After `inner` steps of the weights, the alphas take one. At a minimum of the training loss, the derivative of the
    weights with respect to alpha is -H^-1 times the mixed second derivative; H^-1 is xi times a Neumann series, of
    which the first `terms` + 1 terms are summed. Products with second derivatives are differences of gradients.
    """

    inner: int = option(4, positive, "steps of the weights per step of the alphas (T)")
    terms: int = option(2, not_negative, "terms of the Neumann series after the first (K)")
    epsilon: float = option(0.01, above(0), "length of the move in a finite difference")

    name = "idarts"
    paper = (
        "Zhang, Su, Pan, Chang, Abbasnejad & Haffari, "
        '"iDARTS: Differentiable Architecture Search with Stochastic Implicit Gradients", ICML 2021'
    )
    equation = (
        "every T steps alpha <- alpha - eta [grad_alpha L_val - xi (d2 L_train / d alpha d w) "
        "sum_{k<=K} (I - xi H)^k grad_w L_val], H = d2 L_train / d w2"
    )
    weight_rates = (0.01, 0.001)
    differs = (
        "this is the paper's algorithm: in the released notebook the training loss never moves the weights, which we "
        "take for a mistake; an epoch has a quarter as many steps of the alphas as darts (the notebook: as many, each "
        "with four fresh training batches); all terms of the series use the newest training batch; the extra passes "
        "also update the running batch-norm statistics (some of the notebook's run on copies of the network), which "
        "matters only with --bn running; no Nesterov momentum, weight decay as in darts"
    )

    def phase(self, step: int) -> bool:
        """Whether a step of the alphas follows step `step` of the weights, counted from 0."""
        return (step + 1) % self.inner == 0

    def passes(self) -> float:
        """One for the weights and, once per `inner` steps, one for the alphas, two per term and two for the product."""
        return 1 + (3 + 2 * self.terms) / self.inner

    def step(self, search: SupernetState, selection_batch: Batch | None, weight_batch: Batch) -> None:
        """A step of the weights and, after every `inner` of them, one of the alphas."""
        self.weight_step(search, weight_batch)
        if selection_batch is not None and self.phase(search.number):
            self.alpha_step(search, selection_batch, weight_batch)

    def alpha_step(self, search: SupernetState, selection_batch: Batch, weight_batch: Batch) -> None:
        """A step of the alphas down the implicit gradient."""
        search.follow_alphas(self.alpha_gradient(search, selection_batch, weight_batch))

    def alpha_gradient(self, search: SupernetState, selection_batch: Batch, weight_batch: Batch) -> Tensor:
        """The implicit gradient, of the alphas' shape, of the loss on `selection_batch`; weights fit `weight_batch`."""
        alphas, parameters = search.alphas, list(search.network.parameters())
        rate = search.weight_optimiser.param_groups[0]["lr"]

        def weight_gradient() -> Sequence[Tensor]:
            loss = search.loss(weight_batch, self.mixing(search, alphas.detach()), full_precision=True)
            return torch.autograd.grad(loss, parameters)

        def alpha_gradient() -> Sequence[Tensor]:
            with search.frozen_weights():
                loss = search.loss(weight_batch, self.mixing(search, alphas), full_precision=True)
                return torch.autograd.grad(loss, [alphas])

        loss = search.loss(selection_batch, self.mixing(search, alphas), full_precision=True)
        direct, *term = torch.autograd.grad(loss, [alphas, *parameters])
        series = [t.clone() for t in term]
        for _ in range(self.terms):
            curved = slope_along(weight_gradient, parameters, term, self.epsilon)
            term = [t - rate * c for t, c in zip(term, curved, strict=True)]
            series = [s + t for s, t in zip(series, term, strict=True)]
        (mixed,) = slope_along(alpha_gradient, parameters, series, self.epsilon)
        return direct - rate * mixed


RECIPE = Idarts()
