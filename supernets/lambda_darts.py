"""Lambda-DARTS: the weights are trained so that the cells agree on the gradient of their shared alphas."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from nas_selection_bench.bench.work.options import above, at_least, option
from nas_selection_bench.supernets.parts.differences import slope_along
from nas_selection_bench.supernets.parts.recipe import Batch, Mixing, Recipe, SupernetState


@dataclass(frozen=True)
class LambdaDarts(Recipe):
    """Movahedi et al., "Lambda-DARTS: Mitigating Performance Collapse by Harmonizing Operation Selection among Cells".

    ICLR 2023. Lambda is the mean cosine between the cells' gradients: g_l is the gradient of the loss with respect to
    the edge weights p of cell l, as if each cell had its own. The gradient of Lambda with respect to w is a
    difference of two gradients, for which each cell's edge weights move along d Lambda / d g_l.
    """

    strength: float = option(0.25, at_least(0), "lambda in the last epoch; it rises linearly from 0")
    epsilon: float = option(1e-4, above(0), "length by which all cells' edge weights together move")

    name = "lambda-darts"
    paper = (
        'Movahedi et al., "Lambda-DARTS: Mitigating Performance Collapse by Harmonizing Operation Selection among '
        'Cells", ICLR 2023'
    )
    equation = (
        "w <- w - xi grad_w [L_train - lambda(t) Lambda], Lambda = mean_{l<m} cos(g_l, g_m), g_l = dL_train/dp_l, "
        "grad_w Lambda = (grad_w L_train(p + e P) - grad_w L_train(p - e P)) / 2e, P_l = dLambda/dg_l"
    )
    alpha_rate = 1e-4
    differs = (
        "the alphas step first, and halves are split by index, as in darts; the released code steps the weights first"
    )

    def schedule(self, epoch: int, epochs: int) -> dict[str, float]:
        """lambda: 0 in the first epoch, `strength` in the last."""
        return {"lambda": self.strength * epoch / max(epochs - 1, 1)}

    def passes(self) -> float:
        """One for the alphas, one for the weights and two for the difference."""
        return 4.0

    def weight_step(self, search: SupernetState, weight_batch: Batch) -> None:
        """A step of the weights down the loss and up the agreement."""
        parameters = list(search.network.parameters())
        shared = self.edge_weights(search.alphas.detach())
        per_cell = shared.repeat(search.network.n_cells, 1, 1).requires_grad_()
        loss = search.loss(weight_batch, Mixing(per_cell), record=True, full_precision=True)
        by_cell, *slope = torch.autograd.grad(loss, [per_cell, *parameters])

        def gradient() -> Sequence[Tensor]:
            loss = search.loss(weight_batch, Mixing(per_cell.detach()), full_precision=True)
            return torch.autograd.grad(loss, parameters)

        agreement = slope_along(gradient, [per_cell], [agreement_slope(by_cell)], self.epsilon)
        strength = search.numbers["lambda"]
        search.follow_weights([s - strength * a for s, a in zip(slope, agreement, strict=True)])


def agreement_slope(gradients: Tensor) -> Tensor:
    """d Lambda / d g_l for the cells' gradients g [n_cells, ...], of the same shape.

    With u_l = g_l / |g_l|: 2 / (L (L - 1)) (I - u_l u_l^T) sum_m u_m / |g_l|.
    """
    flat = gradients.flatten(1)
    length = flat.norm(dim=1, keepdim=True).clamp_min(torch.finfo(flat.dtype).tiny)
    unit = flat / length
    total = unit.sum(0)
    across = total - unit * (unit @ total)[:, None]
    cells = len(flat)
    return (2 / (cells * (cells - 1)) * across / length).view_as(gradients)


RECIPE = LambdaDarts()
