"""params: the number of parameters.

A baseline that Ning et al., "Evaluating Efficient Performance Estimators of Neural Architectures", NeurIPS 2021,
and NAS-Bench-Suite-Zero (NeurIPS D&B 2022) found hard to beat.
"""

from dataclasses import dataclass

from torch import nn

from nas_selection_bench.selectors.proxies._contract import Batch, Passes, StructureProxy
from nas_selection_bench.selectors.proxies._network import layers_reached


@dataclass(frozen=True)
class Params(StructureProxy):
    """The number of parameters of the network."""

    paper = "Ning et al., NeurIPS 2021; Krishnakumar et al., NAS-Bench-Suite-Zero, NeurIPS D&B 2022"
    formula = "number of parameters, biases and batch norm included"
    differs = "nothing; the option reached=yes is ours (on a supernet, masking changes no plain count)"

    def passes(self, images: int) -> Passes:
        """No pass; with reached=yes one forward and one backward pass of two random images."""
        return Passes(1, 1) if self.reached else Passes(0, 0)

    def compute(self, network: nn.Module, batch: Batch) -> float:
        if not self.reached:
            return float(sum(parameter.numel() for parameter in network.parameters()))
        counted = layers_reached(network, batch, nn.Conv2d, nn.Linear, nn.BatchNorm2d)
        return float(sum(parameter.numel() for module in counted for parameter in module.parameters()))


PROXY = Params()
