"""fisher: estimated change of the loss if each channel were removed, from the empirical Fisher information.

Theis, Korshunova, Tejani, Huszar, "Faster gaze prediction with dense networks and
Fisher pruning", 2018 (arXiv 1801.05787);
Turner et al., "BlockSwap", ICLR 2020 (as a score of networks); Abdelfattah et al., ICLR 2021.
"""

from dataclasses import dataclass

from torch import nn

from nas_selection_bench.bench.work.options import option, yes_or_no
from nas_selection_bench.selectors.proxies._contract import Batch, GradientProxy, ProxyFailure
from nas_selection_bench.selectors.proxies._network import gradients_of, layers, loss_of, watch, weight_of


@dataclass(frozen=True)
class Fisher(GradientProxy):
    """Half the mean square over images of activation times gradient, summed over channels and layers."""

    fan_in: bool = option(False, yes_or_no, "multiply each channel by its number of weights, as the released code does")

    paper = "Theis et al., Fisher pruning, 2018; Turner et al., BlockSwap, ICLR 2020; Abdelfattah et al., ICLR 2021"
    formula = "sum over channels of 1/2 mean_n (sum_hw a * dL/da)^2, a = output of a conv or linear layer"
    differs = (
        "the released zero-cost code copies a channel's value to each of its weights before summing, which multiplies"
        " it by the fan-in; here that is the option fan_in=yes. The loss is the batch mean, as in that code (Theis et"
        " al. use each image's own loss, a constant factor at a fixed batch size)"
    )
    changes_network = False

    def compute(self, network: nn.Module, batch: Batch) -> float:
        with watch(network, nn.Conv2d, nn.Linear) as seen:
            loss = loss_of(network, batch.images, batch.labels)
        if not layers(network) or not seen:
            raise ProxyFailure("the network has no convolution and no linear layer.")
        total = 0.0
        for call, gradient in zip(seen, gradients_of(loss, [s.output for s in seen]), strict=True):
            product = (call.output.detach() * gradient).double()
            per_channel = product.flatten(2).sum(2) if product.ndim > 2 else product
            delta = per_channel.square().mean(0) / 2
            total += float(delta.sum()) * (weight_of(call.module)[0].numel() if self.fan_in else 1)
        return total


PROXY = Fisher()
