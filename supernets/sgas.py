"""SGAS: edges are decided one after the other while the supernet trains, the most certain first."""

from dataclasses import dataclass

import torch
from torch import Tensor

from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.problem.rounding import whole_epochs
from nas_selection_bench.bench.problem.space import EDGES, NONE, OPERATIONS
from nas_selection_bench.bench.work.options import between, option, positive, whole
from nas_selection_bench.supernets.network.accelerator import on_gpu
from nas_selection_bench.supernets.network.supernet import Active
from nas_selection_bench.supernets.parts.edge_certainty import edge_certainty
from nas_selection_bench.supernets.parts.recipe import Batch, BatchesOf, Mixing, Recipe, SupernetState

OPEN = -1
"""Marks an undecided edge."""
CLOSED = -1000.0
"""The alpha of an operation that was not chosen: its softmax is exactly zero."""
FIRST, LAST = 0.18, 0.88
"""Shares of the search after which the first and the last edge are decided: after 9 and 44 of 50 epochs.

The released code decides after its epochs 9, 14, ..., 44 counted from 0, i.e. after 10, 15, ..., 45 of 50."""


@dataclass(frozen=True)
class Sgas(Recipe):
    """Li et al., "SGAS: Sequential Greedy Architecture Search", CVPR 2020.

    The edge decided next is important (little weight on `none`), certain (low entropy of the other operations) and,
    under criterion 2, stable (its probabilities overlap with those of the last epochs). It gets the operation with the
    largest weight, never `none`, and runs only that from then on.
    """

    criterion: int = option(1, between(1, 2, whole), "1: importance and certainty; 2: also stability")
    window: int = option(4, positive, "number of past epochs that stability compares with")

    name = "sgas"
    paper = 'Li et al., "SGAS: Sequential Greedy Architecture Search", CVPR 2020'
    equation = (
        "edge = argmax N(sum_{o != none} p_o) N(1 + sum_o q_o log q_o / log 4) [N(mean_t sum_o min(q_o, q_o(t)))], "
        "q = p without none, N min-max over open edges; o = argmax q; else as darts"
    )
    offers = "probabilities; those of a decided edge are one-hot"
    version = 2  # since the certainty of an edge is computed in float64
    differs = (
        "the released code is for DARTS's space and grows the batch after each decision; its eight decisions come "
        "after 10, 15, ..., 45 of 50 epochs, our six evenly after 18 % to 88 % of the search (9 to 44 of 50); it takes "
        "the minimum and maximum over all edges, decided ones with their frozen alphas, ours over the open ones (of "
        "the last two, the first in order is decided unless the other leads in every factor); its cosine runs one "
        "epoch ahead"
    )

    def __post_init__(self) -> None:
        if self.criterion == 1 and self.window != type(self).window:
            raise UsageError(f"sgas[window={self.window}]: only criterion 2 looks back; add criterion=2.")

    def memory(self) -> dict[str, Tensor]:
        """The decisions [6] and the probabilities of the last epochs [window, 6, 5], nan for epochs not yet done."""
        past = torch.full((self.window, len(EDGES), len(OPERATIONS)), torch.nan, dtype=torch.float64)
        return {"decided": torch.full((len(EDGES),), OPEN), "past": past}

    def mixing(self, search: SupernetState, alphas: Tensor) -> Mixing:
        """The softmax; a decided edge runs one operation."""
        return Mixing(self.edge_weights(alphas), active=still_open(search))

    def alpha_step(self, search: SupernetState, selection_batch: Batch, weight_batch: Batch) -> None:
        """As in darts; the alphas of decided edges do not change."""
        before = search.alphas.detach().clone()
        super().alpha_step(search, selection_batch, weight_batch)
        decided = search.memory["decided"] != OPEN
        with torch.no_grad():
            search.alphas.copy_(torch.where(decided[:, None], before, search.alphas))

    def after_epoch(self, search: SupernetState, epoch: int, epochs: int, batches: BatchesOf) -> None:
        """Decide as many edges as are due, one after the other."""
        decided, past = search.memory["decided"], search.memory["past"]
        # In float64: for nearly uniform probabilities, 1 + sum q log q / log 4 would be mostly rounding in float32.
        p = self.edge_weights(search.alphas.detach().double())
        due = decisions_due(epoch + 1, epochs)
        while int((decided != OPEN).sum()) < due:
            open_edges = (decided == OPEN).nonzero().flatten()
            seen = past[~past.isnan().any(-1).any(-1)] if self.criterion == 2 else past[:0]
            certainty = edge_certainty(p[open_edges].cpu().numpy(), seen[:, open_edges].cpu().numpy())
            edge = open_edges[int(certainty.argmax())]
            operation = p[edge, NONE + 1 :].argmax() + NONE + 1
            decided[edge] = operation
            with torch.no_grad():
                search.alphas[edge] = CLOSED
                search.alphas[edge, operation] = 0
        past.copy_(torch.cat([past[1:], p[None]]))


def decisions_due(epochs_done: int, epochs: int) -> int:
    """Number of edges to be decided after `epochs_done` of `epochs` epochs."""
    moments = [FIRST + (LAST - FIRST) * k / (len(EDGES) - 1) for k in range(len(EDGES))]
    return sum(epochs_done >= max(1, whole_epochs(moment, epochs)) for moment in moments)


def still_open(search: SupernetState) -> Active:
    """Mask [6][5] of the operations that run: all of an open edge, one of a decided edge.

    It is a tensor on a GPU, so that no step reads it on the host.
    """
    decided = search.memory["decided"]
    if on_gpu(decided.device):
        return (decided[:, None] == OPEN) | (decided[:, None] == torch.arange(len(OPERATIONS), device=decided.device))
    return [[d in (OPEN, o) for o in range(len(OPERATIONS))] for d in decided.tolist()]


RECIPE = Sgas()
