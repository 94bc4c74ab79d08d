"""SETN: weights trained on uniformly drawn architectures, alphas on the whole mixture."""

from dataclasses import dataclass

import torch
from torch import Tensor

from nas_selection_bench.supernets.network.supernet import Supernet
from nas_selection_bench.supernets.parts.recipe import Batch, Mixing, Recipe, SupernetState
from nas_selection_bench.supernets.parts.sampling import drawn, one_hot, uniform_choices


@dataclass(frozen=True)
class Setn(Recipe):
    """Dong & Yang, "One-Shot Neural Architecture Search via Self-Evaluated Template Network", ICCV 2019.

    Uniform draws treat every candidate fairly while the weights learn; the alphas, which say how
    promising a candidate is, learn from all operations at once.
    """

    name = "setn"
    paper = 'Dong & Yang, "One-Shot Neural Architecture Search via Self-Evaluated Template Network", ICCV 2019'
    equation = (
        "w <- w - xi grad_w L_train(w, a), a uniform, one per step; "
        "alpha <- alpha - eta grad_alpha L_val(w, softmax(alpha)), all operations"
    )
    offers = "probabilities (the template), a mixture on which the weights were never trained"
    differs = (
        "the released code steps the weights before the alphas, trains 250 epochs with Nesterov momentum and weight "
        "decay 5e-4 (ours: 3e-4, no Nesterov) and clips no gradients; here a node that no edge reaches is drawn again, "
        "as in rsps (their draw is unrestricted)"
    )

    def noise(self, generator: torch.Generator, steps: int, network: Supernet) -> Tensor:
        """The architecture of each step, [steps, 6]."""
        return uniform_choices(generator, steps)

    def weight_step(self, search: SupernetState, weight_batch: Batch) -> None:
        """Update the weights of the operations drawn."""
        assert search.noise is not None
        architecture = one_hot(search.noise, search.alphas)
        loss = search.loss(weight_batch, Mixing(architecture, active=drawn(architecture)), record=True)
        search.descend_weights(loss)


RECIPE = Setn()
