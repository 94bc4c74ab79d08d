"""IS-DARTS: operations that carry little information are pruned while the supernet trains."""

from dataclasses import dataclass

import torch
from torch import Tensor

from nas_selection_bench.bench.problem.rounding import whole_epochs
from nas_selection_bench.bench.problem.space import EDGES, OPERATIONS
from nas_selection_bench.supernets.parts.recipe import BatchesOf, Mixing, Recipe, SupernetState
from nas_selection_bench.supernets.parts.sampling import drawn

MOMENTS = (23 / 30, 25 / 30, 27 / 30, 29 / 30)
"""Shares of the search after which an operation of every edge is pruned: the authors prune after epochs 22, 24, 26 and
28 of 30, counted from 0."""


@dataclass(frozen=True)
class IsDarts(Recipe):
    """He et al., "IS-DARTS: Stabilizing DARTS through Precise Measurement on Candidate Importance", AAAI 2024.

    No alphas are learnt: every remaining operation has the constant weight 1/5. Four times, late in the search, the
    operation with the largest metric on each edge is pruned, until one is left.
    """

    name = "is-darts"
    paper = 'He et al., "IS-DARTS: Stabilizing DARTS through Precise Measurement on Candidate Importance", AAAI 2024'
    equation = (
        "edge output = sum_o mask_o o(x) / 5; prune argmax_o mean 3 (z - mean_c z)^2 / (std_c z)^6, z = o(x), mean and "
        "deviation across channels; w <- w - xi grad_w L_train(w)"
    )
    version = 2  # since 23, not 22, of 30 epochs come before the first pruning
    tunes_alphas = False
    alpha_start = "6 x 5, constant 1/5, the edge weights themselves"
    offers = (
        "1/5 for each remaining operation and 0 for the others: uniform before the first pruning, one left at the end"
    )
    differs = (
        "the metric is measured on the selection half; the released code measures it on the whole training set, on "
        "which it also trains, in fixed order and with Nesterov momentum, and with running batch-norm statistics in "
        "the stem and the reduction blocks (ours: those of the batch everywhere)"
    )

    @property
    def untrained_share(self) -> float:
        """The share before the last pruning: until then two or more operations of an edge have the same weight."""
        return MOMENTS[-1]

    @property
    def informative_at_its_end(self) -> bool:
        """True: the last pruning comes at the end of the epoch that reaches its moment."""
        return True

    def initial_alphas(self, generator: torch.Generator) -> Tensor:
        """1/5 everywhere: the alphas are the edge weights."""
        return torch.full((len(EDGES), len(OPERATIONS)), 1 / len(OPERATIONS))

    def edge_weights(self, alphas: Tensor) -> Tensor:
        """The alphas themselves."""
        return alphas

    def mixing(self, search: SupernetState, alphas: Tensor) -> Mixing:
        """The alphas as edge weights; pruned operations do not run."""
        return Mixing(alphas, active=drawn(alphas))

    def after_epoch(self, search: SupernetState, epoch: int, epochs: int, batches: BatchesOf) -> None:
        """Prune as many operations of each edge as are due."""
        for _ in range(pruned_by(epoch + 1, epochs) - pruned_by(epoch, epochs)):
            with torch.no_grad():
                pruned = information(search, batches).masked_fill(search.alphas == 0, -torch.inf).argmax(-1)
                search.alphas.scatter_(1, pruned[:, None], 0)


def pruned_by(epochs_done: int, epochs: int) -> int:
    """Number of operations of each edge that are pruned after `epochs_done` of `epochs` epochs."""
    return sum(epochs_done >= max(1, whole_epochs(moment, epochs)) for moment in MOMENTS)


@torch.no_grad()
def information(search: SupernetState, batches: BatchesOf) -> Tensor:
    """The metric [6, 5] of every operation, summed over selection batches and cells; inf for `none` (0/0)."""
    network = search.network
    metric = torch.zeros(len(EDGES), len(OPERATIONS), dtype=torch.float64, device=search.alphas.device)

    def look(_cell: int, edge: int, outputs: list[Tensor], _mixed: Tensor) -> None:
        for operation, output in enumerate(outputs):
            metric[edge, operation] += metric_of(output)

    network.normalise("batch")
    for images, _ in batches("selection"):
        network(images, search.alphas, observe=look)
    network.normalise("train")
    return metric.nan_to_num(nan=torch.inf, posinf=torch.inf)


def metric_of(z: Tensor) -> Tensor:
    """The mean of 3 (z - mean_c z)^2 / (std_c z)^6 over [n, c, h, w]."""
    z = z.double()
    deviation, mean = torch.std_mean(z, 1, keepdim=True)
    return (3 * (z - mean).square() / deviation.pow(6)).mean()


RECIPE = IsDarts()
