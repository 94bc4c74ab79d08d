"""Fair DARTS: operations do not compete; each has its own gate, which is pushed towards open or shut."""

from dataclasses import dataclass

import torch
from torch import Tensor

from nas_selection_bench.bench.problem.space import EDGES, OPERATIONS
from nas_selection_bench.bench.work.options import at_least, option
from nas_selection_bench.supernets.parts.recipe import Recipe, SupernetState


@dataclass(frozen=True)
class FairDarts(Recipe):
    """Chu et al., "Fair DARTS: Eliminating Unfair Advantages in Differentiable Architecture Search", ECCV 2020.

    Sigmoids replace the softmax; the zero-one loss (its quadratic form) narrows the gap between a gate and a decision.
    """

    zero_one: float = option(10.0, at_least(0), "weight of the zero-one loss")

    name = "fair-darts"
    paper = 'Chu et al., "Fair DARTS: Eliminating Unfair Advantages in Differentiable Architecture Search", ECCV 2020'
    equation = "edge output = sum_o sigma(alpha_o) o(x); L_val - zero_one mean_eo (sigma(alpha_eo) - 1/2)^2"
    version = 2  # since all alphas start at 0, as in the released code, and not at noise
    alpha_start = "6 x 5, zeros: every gate at one half"
    offers = "independent gates in (0, 1), which do not add up to one"
    differs = (
        "the authors searched the DARTS space only, by a threshold on the gates; of their numbers we keep the weight "
        "of 10, here on a mean over 30 gates (there: over 196, so each is pushed less), while rates and betas are "
        "those of darts (the released code: weights 0.005 to 0.001 at batch 128, 50 epochs, alphas 3e-3, betas 0.9 and "
        "0.999, and a cosine that runs one epoch ahead). Their space has no `none`; here the gate of `none` gets no "
        "gradient from the loss and starts where the penalty has none either, so it stays at one half"
    )

    def initial_alphas(self, generator: torch.Generator) -> Tensor:
        """Zeros: noise would decide the gate of `none`, whose only gradient is that of the penalty."""
        return torch.zeros(len(EDGES), len(OPERATIONS))

    def edge_weights(self, alphas: Tensor) -> Tensor:
        """One gate per operation: the sigmoid of its alpha."""
        return alphas.sigmoid()

    def penalty(self, search: SupernetState) -> Tensor:
        """Minus the weighted mean squared distance of the gates from one half."""
        return -self.zero_one * (search.alphas.sigmoid() - 0.5).square().mean()


RECIPE = FairDarts()
