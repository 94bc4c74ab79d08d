"""DARTS, second order: the gradient of the alphas looks one step of the weights ahead."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from nas_selection_bench.bench.work.options import above, option
from nas_selection_bench.supernets.parts.differences import moved, slope_along
from nas_selection_bench.supernets.parts.rated import Rated
from nas_selection_bench.supernets.parts.recipe import Batch, SupernetState


@dataclass(frozen=True)
class DartsSecondOrder(Rated):
    """Liu, Simonyan & Yang, "DARTS: Differentiable Architecture Search", ICLR 2019, section 2.3, equations 7 and 8.

    w' denotes the weights after the step that their optimiser would take (with momentum and decay) on the batch that
    they see next. The product of the mixed second derivative and grad_w' L_val is a difference of two gradients.
    """

    epsilon: float = option(0.01, above(0), "length by which the weights move in the finite difference")

    name = "darts-second-order"
    paper = 'Liu, Simonyan & Yang, "DARTS: Differentiable Architecture Search", ICLR 2019, section 2.3, second order'
    equation = (
        "alpha <- alpha - eta [grad_alpha L_val(w', alpha) - xi (grad_alpha L_train(w+) - grad_alpha L_train(w-)) "
        "/ 2e], w' = w - xi grad_w L_train, w+- = w +- e grad_w' L_val, e = 0.01 / |grad_w' L_val|"
    )
    differs = (
        "NAS-Bench-201's code of DARTS-V2 trains 50 epochs with Nesterov momentum and weight decay 5e-4 (ours: 3e-4, "
        "no Nesterov); NATS-Bench's steps the weights first; the extra passes also update the running batch-norm "
        "statistics (theirs do too, except the one at w', which runs on a copy of the network), which matters only "
        "with --bn running"
    )

    def passes(self) -> float:
        """One for the step ahead, one at w', two for the difference, and one for the step of the weights."""
        return 5.0

    def alpha_step(self, search: SupernetState, selection_batch: Batch, weight_batch: Batch) -> None:
        """A step of the alphas down their gradient through one step of the weights."""
        search.follow_alphas(self.alpha_gradient(search, selection_batch, weight_batch))

    def alpha_gradient(self, search: SupernetState, selection_batch: Batch, weight_batch: Batch) -> Tensor:
        """Gradient, of the alphas' shape, of the loss on `selection_batch` after a weight step on `weight_batch`."""
        alphas, parameters = search.alphas, list(search.network.parameters())

        def training_gradient() -> Sequence[Tensor]:
            with search.frozen_weights():
                loss = search.loss(weight_batch, self.mixing(search, alphas), full_precision=True)
                return torch.autograd.grad(loss, [alphas])

        here = search.loss(weight_batch, self.mixing(search, alphas.detach()), full_precision=True)
        slope = torch.autograd.grad(here, parameters)
        rate = search.weight_optimiser.param_groups[0]["lr"]
        with moved(parameters, next_step(search.weight_optimiser, slope), -rate):
            loss = search.loss(selection_batch, self.mixing(search, alphas), full_precision=True)
            direct, *ahead = torch.autograd.grad(loss, [alphas, *parameters])
        (mixed,) = slope_along(training_gradient, parameters, ahead, self.epsilon)
        return direct - rate * mixed


def next_step(optimiser: torch.optim.Optimizer, gradients: Sequence[Tensor]) -> list[Tensor]:
    """What SGD would subtract for `gradients`, with decay and momentum, before scaling by the learning rate."""
    (group,) = optimiser.param_groups
    steps = []
    for parameter, gradient in zip(group["params"], gradients, strict=True):
        step = gradient + group["weight_decay"] * parameter.detach()
        buffer = optimiser.state[parameter].get("momentum_buffer")
        steps.append(step if buffer is None else step + group["momentum"] * buffer)
    return steps


RECIPE = DartsSecondOrder()
