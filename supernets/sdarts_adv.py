"""SDARTS-ADV: the weights learn under the worst edge weights nearby."""

from dataclasses import dataclass

import torch
from torch import Tensor

from nas_selection_bench.bench.work.options import option, positive
from nas_selection_bench.supernets.parts.recipe import Batch, Mixing, SupernetState
from nas_selection_bench.supernets.sdarts_rs import SdartsRs, on_simplex


@dataclass(frozen=True)
class SdartsAdv(SdartsRs):
    """Chen & Hsieh, "Stabilizing DARTS via Perturbation-based Regularization", ICML 2020.

    Projected gradient ascent on the training loss, from a random start, within the simplex and the cube of half side
    epsilon around softmax(alpha); the weights then learn where the ascent ends.
    """

    steps: int = option(7, positive, "steps of the ascent, each of length 2 epsilon / steps")

    name = "sdarts-adv"
    paper = (
        'Chen & Hsieh, "Stabilizing Differentiable Architecture Search via Perturbation-based Regularization", '
        "ICML 2020 (adversarial)"
    )
    equation = (
        "w <- w - xi grad_w L_train(w, p'), p' = argmax_{|p' - softmax(alpha)|_inf <= epsilon(t)} L_train(w, p') by "
        "projected sign ascent; else as darts"
    )
    differs = (
        "the released ascent uses the running batch-norm statistics without changing them, ours uses those of the "
        "batch, and its passes also update the running ones (which matters only with --bn running); the released code "
        "returns to softmax(alpha) if the loss is smaller at the end of the ascent than there, ours does not; 7 steps, "
        "0.03 to 0.3 and the rest are the authors' for NAS-Bench-201; otherwise as sdarts-rs, whose script it shares"
    )

    def passes(self) -> float:
        """The two of darts, and one for each step of the ascent."""
        return 2.0 + self.steps

    def perturbed(self, search: SupernetState, weight_batch: Batch) -> Tensor:
        """The edge weights [6, 5] at which the ascent ends."""
        centre = self.edge_weights(search.alphas.detach())
        epsilon = search.numbers["epsilon"]
        found = super().perturbed(search, weight_batch)
        with search.frozen_weights():
            for _ in range(self.steps):
                found.requires_grad_()
                (uphill,) = torch.autograd.grad(search.loss(weight_batch, Mixing(found)), [found])
                away = found.detach() + 2 * epsilon / self.steps * uphill.sign() - centre
                found = on_simplex(centre + torch.minimum(torch.maximum(away, -epsilon), epsilon))
        return found


RECIPE = SdartsAdv()
