"""grad_norm: the norm of the loss gradient, layer by layer.

Abdelfattah, Mehrotra, Dudziak, Lane, "Zero-Cost Proxies for Lightweight NAS", ICLR 2021.
"""

from dataclasses import dataclass

from torch import nn

from nas_selection_bench.selectors.proxies._contract import Batch, GradientProxy
from nas_selection_bench.selectors.proxies._network import weights_and_gradients


@dataclass(frozen=True)
class GradNorm(GradientProxy):
    """The Euclidean norm of the loss gradient with respect to each layer's weights, summed over the layers."""

    paper = "Abdelfattah, Mehrotra, Dudziak & Lane, Zero-Cost Proxies for Lightweight NAS, ICLR 2021"
    formula = "sum over conv and linear layers of |dL/dw|_2"
    differs = "nothing: biases and batch-norm parameters are left out, as in the released code"
    changes_network = False

    def compute(self, network: nn.Module, batch: Batch) -> float:
        pairs = weights_and_gradients(network, batch.images, batch.labels)
        return sum(float(gradient.double().norm()) for _, gradient in pairs)


PROXY = GradNorm()
