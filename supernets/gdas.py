"""GDAS: draw one architecture per pass, and differentiate through the draw."""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from nas_selection_bench.bench.work.options import above, option
from nas_selection_bench.supernets.parts.concrete import Concrete
from nas_selection_bench.supernets.parts.recipe import Mixing, SupernetState
from nas_selection_bench.supernets.parts.sampling import drawn


@dataclass(frozen=True)
class Gdas(Concrete):
    """Dong & Yang, "Searching for A Robust Neural Architecture in Four GPU Hours", CVPR 2019.

    The forward pass runs the operation with the largest perturbed probability on every edge, with
    weight one; the backward pass takes the gradient of the soft probabilities in its place. Only the
    drawn operation has an output, so only its probability gets a gradient directly.
    """

    tau_min: float = option(0.1, above(0), "temperature of the last epoch")

    name = "gdas"
    paper = 'Dong & Yang, "Searching for A Robust Neural Architecture in Four GPU Hours", CVPR 2019'
    equation = (
        "h = one_hot(argmax p), p = softmax((log softmax(alpha) + g) / tau), g ~ Gumbel(0, 1); "
        "edge output = h_o o(x) of the drawn o alone; dh/dalpha := dp/dalpha; tau linear from tau_max to tau_min"
    )
    differs = (
        "the released code adds the probabilities of the operations not drawn to the output as constants, "
        "which gives them a gradient too; it steps the weights before the alphas and trains 240 epochs with Nesterov "
        "momentum and weight decay 5e-4 (ours: 3e-4, no Nesterov)"
    )

    def mixing(self, search: SupernetState, alphas: Tensor) -> Mixing:
        """One operation per edge, with the gradient of its soft probability."""
        weights = straight_through(self.sample(search, alphas))
        return Mixing(weights, active=drawn(weights.detach()))


def straight_through(soft: Tensor) -> Tensor:
    """One-hot at the largest of `soft` over the last axis; its derivative is that of `soft`."""
    hard = F.one_hot(soft.argmax(-1), soft.shape[-1]).to(soft)
    # soft - soft.detach() is exactly zero, so an operation that was not drawn has weight exactly zero.
    return hard + (soft - soft.detach())


RECIPE = Gdas()
