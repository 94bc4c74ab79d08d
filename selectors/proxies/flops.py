"""flops: the number of multiply-adds for one image.

A baseline that Ning et al., "Evaluating Efficient Performance Estimators of Neural Architectures", NeurIPS 2021,
and NAS-Bench-Suite-Zero (NeurIPS D&B 2022) found hard to beat.
"""

from dataclasses import dataclass

import torch
from torch import nn

from nas_selection_bench.selectors.proxies._contract import Batch, Passes, ProxyFailure, StructureProxy
from nas_selection_bench.selectors.proxies._network import reached, watch, weight_of


@dataclass(frozen=True)
class Flops(StructureProxy):
    """The multiply-adds of all convolutions and linear layers for one image of the given size."""

    paper = "Ning et al., NeurIPS 2021; Krishnakumar et al., NAS-Bench-Suite-Zero, NeurIPS D&B 2022"
    formula = "sum over conv and linear layers of (outputs per image) * (inputs per output)"
    differs = (
        "nothing: batch norm, pooling, activations and biases are not counted, which gives NAS-Bench-201's own FLOPs"
        " exactly; the option reached=yes is ours (on a supernet, masking changes no plain count)"
    )

    def passes(self, images: int) -> Passes:
        """One forward pass of two random images; with reached=yes also one backward pass."""
        return Passes(1, 1 if self.reached else 0)

    def compute(self, network: nn.Module, batch: Batch) -> float:
        images = batch.normal(2, *batch.shape[1:])
        with torch.set_grad_enabled(self.reached), watch(network, nn.Conv2d, nn.Linear) as seen:
            logits = network(images)
        if not seen:
            raise ProxyFailure("the network has no convolution and no linear layer.")
        total = 0
        for call in reached(seen, logits, batch) if self.reached else seen:
            # weight[0] holds the weights of one output: (inputs / groups) x kernel.
            total += call.output[0].numel() * weight_of(call.module)[0].numel()
        return float(total)


PROXY = Flops()
