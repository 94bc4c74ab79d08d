"""OLES: the weights of an operation freeze when its gradients on the two halves stop agreeing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nas_selection_bench.bench.problem.space import EDGES
from nas_selection_bench.bench.work.options import between, option, positive, yes_or_no
from nas_selection_bench.supernets.network.skeleton import KERNELS
from nas_selection_bench.supernets.network.supernet import MixedCell
from nas_selection_bench.supernets.parts.recipe import Batch, Recipe, SupernetState

CONVOLUTIONS = tuple(KERNELS)
"""The operations that have weights, in the order of the last axis of the recipe's memory."""


@dataclass(frozen=True)
class Oles(Recipe):
    """Jiang, Ji, Zhu, Yuan & Huang, "Operation-Level Early Stopping for Robustifying Differentiable NAS", NeurIPS 2023.

    An operation that overfits its training images loses its alpha to skip, which cannot overfit. So every convolution
    of every cell is watched separately: if the similarity between its gradients on the weights' images and on the
    selection images that follow, averaged over `count` steps, is below `threshold`, its weights are frozen for good.
    """

    threshold: float = option(0.4, between(-1, 1), "lowest mean similarity at which an operation keeps learning")
    count: int = option(20, positive, "steps over which the similarity is averaged")
    as_written: bool = option(False, yes_or_no, "the similarity as the paper writes it, not as released")

    name = "oles"
    paper = (
        'Jiang, Ji, Zhu, Yuan & Huang, "Operation-Level Early Stopping for Robustifying Differentiable NAS", '
        "NeurIPS 2023, algorithm 1"
    )
    equation = (
        "w_o is frozen from the step at which mean_m cos(g_o, g_o') < threshold, g_o = grad L_train, "
        "g_o' = g_o + grad L_val (as_written=yes: grad L_val); else as darts"
    )
    differs = (
        "as in the released code the gradients of the weights are not cleared between the two passes, so the "
        "similarity is that of the training gradient with the sum of both, taken along the output channels and "
        "averaged over the rest, and the sum of count + 1 similarities is divided by count; as_written=yes takes one "
        "cosine of the two gradients per operation and divides by the number summed; frozen weights do not move, not "
        "even by momentum or weight decay; threshold and count are those for DARTS's space; the cosine of the released "
        "code runs one epoch ahead"
    )

    def step(self, search: SupernetState, selection_batch: Batch | None, weight_batch: Batch) -> None:
        """A step of the alphas, in which the operations are watched, and a step of the weights that are not frozen."""
        if "frozen" not in search.memory:
            self._begin(search)
        super().step(search, selection_batch, weight_batch)

    def _begin(self, search: SupernetState) -> None:
        shape = (search.network.n_cells, len(EDGES), len(CONVOLUTIONS))
        device = search.alphas.device
        search.memory["frozen"] = torch.zeros(shape, dtype=torch.bool, device=device)
        search.memory["similarity"] = torch.zeros(shape, dtype=search.alphas.dtype, device=device)
        search.memory["watched"] = torch.zeros((), dtype=torch.int64)

    def alpha_step(self, search: SupernetState, selection_batch: Batch, weight_batch: Batch) -> None:
        """As in darts; the same pass also gives the weights' gradients, which are compared with the previous ones."""
        parameters = list(search.network.parameters())
        loss = search.loss(selection_batch, self.mixing(search, search.alphas))
        slope, *gradients = torch.autograd.grad(loss, [search.alphas, *parameters])
        search.follow_alphas(slope)
        if "gradient.0" in search.memory:  # not before the weights have moved once
            before = [search.memory[f"gradient.{index}"] for index in range(len(parameters))]
            if not self.as_written:
                gradients = [ours + last for ours, last in zip(gradients, before, strict=True)]
            self._watch(search, before, gradients)

    def _watch(self, search: SupernetState, first: Sequence[Tensor], second: Sequence[Tensor]) -> None:
        """Add up the similarities; once there are enough, freeze the operations whose mean is below `threshold`."""
        similar = along_channels if not self.as_written else as_a_whole
        memory = search.memory
        for at, index, rows in convolutions(search.network):
            memory["similarity"][at] += similar(first[index][rows], second[index][rows])
        memory["watched"] += 1
        if int(memory["watched"]) == self.count + (not self.as_written):
            memory["frozen"] |= memory["similarity"] / self.count < self.threshold
            memory["similarity"].zero_()
            memory["watched"].zero_()

    def weight_step(self, search: SupernetState, weight_batch: Batch) -> None:
        """As in darts for the weights that are not frozen; only their gradients count in the clipped norm."""
        parameters = list(search.network.parameters())
        loss = search.loss(weight_batch, self.mixing(search, search.alphas.detach()), record=True)
        gradients = [gradient.clone() for gradient in torch.autograd.grad(loss, parameters)]
        still = [(index, rows) for at, index, rows in convolutions(search.network) if search.memory["frozen"][at]]
        for index, rows in still:
            gradients[index][rows] = 0
        kept = [parameters[index][rows].detach().clone() for index, rows in still]
        search.follow_weights(gradients)
        with torch.no_grad():
            for (index, rows), weight in zip(still, kept, strict=True):
                parameters[index][rows] = weight
        for index, parameter in enumerate(parameters):
            assert parameter.grad is not None
            search.memory[f"gradient.{index}"] = parameter.grad.clone()


def convolutions(network: nn.Module) -> Iterator[tuple[tuple[int, int, int], int, slice]]:
    """Yield each convolution's (cell, edge, index in CONVOLUTIONS), the index of its parameter and its rows in it."""
    indices = {name: index for index, (name, _) in enumerate(network.named_parameters())}
    for cell, module in enumerate(network.cells):  # type: ignore[arg-type]
        assert isinstance(module, MixedCell)
        for edge in range(len(EDGES)):
            for which, operation in enumerate(CONVOLUTIONS):
                parameter, rows = module.operation_rows(edge, operation)
                yield (cell, edge, which), indices[f"cells.{cell}.{parameter}"], rows


def along_channels(first: Tensor, second: Tensor) -> Tensor:
    """The cosine of two gradients [C, C, k, k] along the output channels, averaged over the rest."""
    return F.cosine_similarity(first, second, dim=0).mean()


def as_a_whole(first: Tensor, second: Tensor) -> Tensor:
    """The cosine of two gradients as vectors."""
    return F.cosine_similarity(first.flatten(), second.flatten(), dim=0)


RECIPE = Oles()
