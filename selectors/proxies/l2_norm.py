"""l2_norm: the norm of the weights, layer by layer.

The baseline `l2_norm` of Abdelfattah et al., "Zero-Cost Proxies for Lightweight NAS", ICLR 2021, and of
NAS-Bench-Suite-Zero (Krishnakumar et al., NeurIPS D&B 2022).
"""

from dataclasses import dataclass

from torch import nn

from nas_selection_bench.selectors.proxies._contract import Batch, Passes, ProxyFailure, StructureProxy
from nas_selection_bench.selectors.proxies._network import layers, layers_reached, weight_of


@dataclass(frozen=True)
class L2Norm(StructureProxy):
    """The Euclidean norm of each layer's weights, summed over the layers."""

    paper = "Abdelfattah et al., ICLR 2021; Krishnakumar et al., NAS-Bench-Suite-Zero, NeurIPS D&B 2022"
    formula = "sum over conv and linear layers of |w|_2"
    differs = "nothing; the option reached=yes is ours"

    def passes(self, images: int) -> Passes:
        """No pass; with reached=yes one forward and one backward pass of two random images."""
        return Passes(1, 1) if self.reached else Passes(0, 0)

    def compute(self, network: nn.Module, batch: Batch) -> float:
        counted = list[nn.Module](layers(network))
        if not counted:
            raise ProxyFailure("the network has no convolution and no linear layer.")
        if self.reached:
            counted = layers_reached(network, batch)
        return sum(float(weight_of(layer).detach().double().norm()) for layer in counted)


PROXY = L2Norm()
