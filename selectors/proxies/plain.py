"""plain: weight times gradient, signs kept.

Mozer & Smolensky, "Skeletonization", NeurIPS 1988 (the idea); as the baseline `plain` of zero-cost scores:
Abdelfattah et al., ICLR 2021, and NAS-Bench-Suite-Zero (Krishnakumar et al., NeurIPS D&B 2022).
"""

from dataclasses import dataclass

from torch import nn

from nas_selection_bench.selectors.proxies._contract import Batch, GradientProxy
from nas_selection_bench.selectors.proxies._network import weights_and_gradients


@dataclass(frozen=True)
class Plain(GradientProxy):
    """The first-order effect w dL/dw of all weights, summed with its sign: snip without the absolute value."""

    paper = "Abdelfattah et al., ICLR 2021; Krishnakumar et al., NAS-Bench-Suite-Zero, NeurIPS D&B 2022"
    formula = "sum of w * dL/dw over the weights of conv and linear layers"
    differs = (
        "nothing; note that w * dL/dw sums to zero over every convolution followed by a batch norm (the loss does"
        " not change with the convolution's scale), so the score consists of the other layers' sums and of rounding"
    )
    changes_network = False

    def compute(self, network: nn.Module, batch: Batch) -> float:
        pairs = weights_and_gradients(network, batch.images, batch.labels)
        return sum(float((weight.detach().double() * gradient.double()).sum()) for weight, gradient in pairs)


PROXY = Plain()
