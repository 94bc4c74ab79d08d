"""snip: how much the loss would change if each weight were removed, to first order.

Lee, Ajanthan, Torr, "SNIP: Single-shot Network Pruning based on Connection Sensitivity", ICLR 2019;
as a score of networks: Abdelfattah et al., ICLR 2021.
"""

from dataclasses import dataclass

from torch import nn

from nas_selection_bench.selectors.proxies._contract import Batch, GradientProxy
from nas_selection_bench.selectors.proxies._network import weights_and_gradients


@dataclass(frozen=True)
class Snip(GradientProxy):
    """The connection sensitivities |w dL/dw| of all weights, summed."""

    paper = "Lee, Ajanthan & Torr, SNIP, ICLR 2019; Abdelfattah et al., ICLR 2021"
    formula = "sum of |w * dL/dw| over the weights of conv and linear layers"
    differs = (
        "the gradient with respect to a mask of ones is computed as w * dL/dw, which is the same number; it is not"
        " divided by the total as in the pruning paper, since the total is the score"
    )
    changes_network = False

    def compute(self, network: nn.Module, batch: Batch) -> float:
        pairs = weights_and_gradients(network, batch.images, batch.labels)
        return sum(float((weight.detach() * gradient).abs().sum().double()) for weight, gradient in pairs)


PROXY = Snip()
