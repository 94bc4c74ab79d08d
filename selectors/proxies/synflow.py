"""synflow: how much synaptic flow passes through all weights, without data.

Tanaka, Kunin, Yamins, Ganguli, "Pruning neural networks without any data by iteratively conserving synaptic
flow", NeurIPS 2020; as a score of networks: Abdelfattah et al., ICLR 2021.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nas_selection_bench.bench.work.options import one_of, option
from nas_selection_bench.selectors.proxies._contract import Batch, GradientProxy, ProxyFailure
from nas_selection_bench.selectors.proxies._network import gradients_of, layers, use_batch_norm


@dataclass(frozen=True)
class Synflow(GradientProxy):
    """The logarithm of the sum of |w dR/dw|, where R sums the logits of an image of ones under the weights |w|."""

    bn: str = option("bypassed", one_of("bypassed", "batch", "running"), "batch norm; synflow_bn is `batch`")

    paper = "Tanaka, Kunin, Yamins & Ganguli, SynFlow, NeurIPS 2020; Abdelfattah et al., ICLR 2021"
    formula = "log of the sum of |w| * dR/d|w| over the weights of conv and linear layers"
    uses_images = False
    uses_labels = False
    batch_norm = "bypassed (option bn=batch: synflow_bn)"
    follows_batch_norm = False
    differs = (
        "the logarithm, which leaves the order of networks unchanged and keeps values of 1e50 readable; double"
        " precision throughout, as in the released code"
    )

    def compute(self, network: nn.Module, batch: Batch) -> float:
        network.double()
        use_batch_norm(network, self.bn)
        with torch.no_grad():
            for tensor in network.state_dict().values():
                tensor.abs_()
        ones = torch.ones((1, *batch.shape[1:]), dtype=torch.float64, device=batch.device)
        weights: list[Tensor] = [layer.weight for layer in layers(network)]
        gradients = gradients_of(network(ones).sum(), weights)
        total = sum(float((w.detach() * g).abs().sum()) for w, g in zip(weights, gradients, strict=True))
        if total == 0:
            raise ProxyFailure("no flow: with weights of |w|, no path leads from the input to the logits.")
        if not math.isfinite(total):
            raise ProxyFailure("the flow exceeds double precision.")
        return math.log(total)


PROXY = Synflow()
