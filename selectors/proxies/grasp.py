"""grasp: how much the gradient norm would change if each weight were removed.

Wang, Zhang, Grosse, "Picking Winning Tickets Before Training by Preserving Gradient Flow", ICLR 2020;
as a score of networks: Abdelfattah et al., ICLR 2021.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from nas_selection_bench.selectors.proxies._contract import Batch, GradientProxy, Passes
from nas_selection_bench.selectors.proxies._network import gradients_of, layers, loss_of


@dataclass(frozen=True)
class Grasp(GradientProxy):
    """Minus weight times Hessian-gradient product, summed over all weights."""

    paper = "Wang, Zhang & Grosse, Picking Winning Tickets Before Training, ICLR 2020; Abdelfattah et al., ICLR 2021"
    formula = "sum of -w * (H g) over the weights of conv and linear layers, g = dL/dw, H = d2L/dw2"
    differs = (
        "one forward pass serves both gradients (the released code runs the same batch twice); temperature 1, one"
        " iteration. The sign is that of Abdelfattah et al.: GraSP itself prunes the weights with large -w Hg, and"
        " the released proxy code has the minus sign because, it notes, accuracy correlates negatively with the sum of"
        " w Hg"
    )
    changes_network = False

    def passes(self, images: int) -> Passes:
        """One forward pass; two backward passes, for the gradient and, through it, for the Hessian product."""
        return Passes(1, 2)

    def compute(self, network: nn.Module, batch: Batch) -> float:
        weights: list[Tensor] = [layer.weight for layer in layers(network)]
        gradients = gradients_of(loss_of(network, batch.images, batch.labels), weights, create_graph=True)
        half_square = sum((gradient.detach() * gradient).sum() for gradient in gradients)
        if not isinstance(half_square, Tensor) or not half_square.requires_grad:
            return 0.0
        products = gradients_of(half_square, weights)
        return 0.0 - sum(
            float((w.detach().double() * h.double()).sum()) for w, h in zip(weights, products, strict=True)
        )


PROXY = Grasp()
