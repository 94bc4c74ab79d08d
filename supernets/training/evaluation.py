"""Accuracy and loss of a supernet under many sets of edge weights, on the same batches for all."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from supernets.network.precision import autocast
from supernets.network.supernet import Active, Supernet
from supernets.training.cuda_graph import Repeated, own_stream


@torch.no_grad()
def evaluate(
    network: Supernet, batches: Sequence[tuple[Tensor, Tensor]], weights: Tensor, *, skip_inactive: bool = True
) -> tuple[Tensor, Tensor]:
    """The accuracy [M] in % and mean cross-entropy [M] over `batches` for each of `weights` [M, 6, 5].

    Both on the CPU in float64; batch norm as the network is set. With `skip_inactive` operations of
    weight zero do not run where that saves work (on a CPU; on a GPU one captured pass serves all).
    """
    device = next(network.parameters()).device
    weights = weights.detach().to(device)
    masks = weights.tolist() if device.type == "cpu" and skip_inactive else None
    correct = torch.zeros(len(weights), dtype=torch.float64, device=device)
    loss = torch.zeros(len(weights), dtype=torch.float64, device=device)
    images = sum(len(labels) for _, labels in batches)
    with own_stream(device):
        passes: dict[torch.Size, Repeated] = {}
        for x, y in batches:
            run = passes.get(x.shape)
            if run is None:
                run = passes[x.shape] = Repeated(lambda x, y, w: _figures(network, x, y, w), device)
            for m in range(len(weights)):
                if masks is None:
                    figures = run(x, y, weights[m])
                else:
                    figures = _figures(network, x, y, weights[m], [[w != 0 for w in edge] for edge in masks[m]])
                assert figures is not None
                correct[m] += figures[0]
                loss[m] += figures[1]
    return (100 * correct / images).cpu(), (loss / images).cpu()


def _figures(network: Supernet, x: Tensor, y: Tensor, weights: Tensor, active: Active | None = None) -> Tensor:
    """[2]: how many are right, and the summed cross-entropy."""
    with autocast(x.device):
        logits = network(x, weights, active=active)
    logits = logits.double()
    return torch.stack([(logits.argmax(1) == y).sum().double(), F.cross_entropy(logits, y, reduction="sum")])
