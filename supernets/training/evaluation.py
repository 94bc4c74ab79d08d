"""Accuracy and loss of a supernet under many sets of edge weights, on the same batches for all."""

from collections.abc import Sequence
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from nas_selection_bench.supernets.network.accelerator import on_gpu
from nas_selection_bench.supernets.network.cuda_graph import Repeated, own_stream
from nas_selection_bench.supernets.network.supernet import Active, Supernet
from nas_selection_bench.supernets.parts.hook_results import MIXTURE, kind_of


class Evaluator:
    """Evaluates one network, whose weights may change in place between two calls; on a GPU its passes stay captured.

    It computes in float32 (not TF32) even on a GPU, because sums of twelve terms in bfloat16 would move the accuracies
    of single mixtures by tenths of a point.
    """

    def __init__(self, network: Supernet) -> None:
        self.network = network
        self._device = next(network.parameters()).device
        # No method of this object: a reference in a circle would keep the graphs and the network on the GPU.
        self._passes = Repeated(partial(_figures, network), self._device)

    @torch.no_grad()
    def __call__(self, batches: Sequence[tuple[Tensor, Tensor]], weights: Tensor) -> tuple[Tensor, Tensor]:
        """The accuracy [M] in % and mean cross-entropy [M] over `batches` for each of `weights` [M, 6, 5].

        Both are on the CPU in float64; batch norm stays in the network's current mode. On a CPU operations of weight
        zero do not run; on a GPU one captured pass serves all weights. Raises ValueError for weights of another shape.
        """
        if weights.ndim != 3 or weights.shape[1:] != MIXTURE:
            raise ValueError(f"the mixtures to evaluate are {kind_of(weights)}, not (m, {MIXTURE[0]}, {MIXTURE[1]})")
        device = self._device
        weights = weights.detach().to(device)
        masks = None if on_gpu(device) else weights.tolist()
        correct = torch.zeros(len(weights), dtype=torch.float64, device=device)
        loss = torch.zeros(len(weights), dtype=torch.float64, device=device)
        images = sum(len(labels) for _, labels in batches)
        with own_stream(device):
            for x, y in batches:
                for m in range(len(weights)):
                    if masks is None:
                        figures = self._passes(x, y, weights[m], phase=self.network.normalisation)
                    else:
                        active = [[w != 0 for w in edge] for edge in masks[m]]
                        figures = _figures(self.network, x, y, weights[m], active)
                    assert figures is not None
                    correct[m] += figures[0]
                    loss[m] += figures[1]
        return (100 * correct / images).cpu(), (loss / images).cpu()


def _figures(network: Supernet, x: Tensor, y: Tensor, weights: Tensor, active: Active | None = None) -> Tensor:
    """[2]: the number of correct predictions and the summed cross-entropy."""
    logits = network(x, weights, active=active).double()
    return torch.stack([(logits.argmax(1) == y).sum().double(), F.cross_entropy(logits, y, reduction="sum")])
