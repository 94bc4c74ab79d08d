"""Edge orders: the order in which the greedy schedule decides the edges.

Before each decision an order chooses the next edge. It may use the current scores of the open edges (given the
decisions made so far), the scores at the checkpoint before any decision, or the alphas.

Sources: DARTS-PT (Wang et al., ICLR 2021): random. Zero-Cost-PT (Xiang et al., AAAI 2023, "Edge
discretisation order"): fixed, reverse, random, global-op and global-edge, each iterative or once.
SGAS (Li et al., CVPR 2020): the most certain edge first.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from nas_selection_bench.bench.errors import SkipCell
from nas_selection_bench.bench.problem.space import EDGES
from nas_selection_bench.selectors.parts.needs import Needs
from nas_selection_bench.selectors.parts.view import Search
from nas_selection_bench.supernets.parts.edge_certainty import edge_certainty

NOTHING = Needs()


@dataclass(frozen=True)
class Step:
    """The state before a decision, from which an order chooses the next edge."""

    search: Search
    open_edges: Sequence[int]
    score: Callable[[Sequence[int]], np.ndarray]
    """Current scores [k, 5] of k open edges, given the decisions so far; each edge is scored once per decision."""
    at_start: Mapping[int, np.ndarray]
    """Scores [5] of each edge that was scored at the checkpoint, before any decision."""
    first: int = 0
    """Index of the first operation that can be chosen: 0, or 1 if `none` is excluded."""


@dataclass(frozen=True)
class Order:
    """An edge order: `choose` returns the edge to decide next, `text` describes it."""

    choose: Callable[[Step], int]
    text: str
    needs: Needs = NOTHING
    stochastic: bool = False
    rescores: bool = True
    """Whether edges are rescored after each decision; if not, the scores at the checkpoint decide all edges."""
    scores_all_first: bool = False
    """Whether all edges are scored at the checkpoint, before any decision."""


def _random(step: Step) -> int:
    # The permutation depends on the checkpoint and the selector seed but not on the selector, so that
    # DARTS-PT and its controls decide the same edges at the same time.
    generator = step.search.shared_generator("edge-order")
    permutation = torch.randperm(len(EDGES), generator=generator).tolist()
    return next(edge for edge in permutation if edge in step.open_edges)


def _best(step: Step, values: np.ndarray) -> int:
    """The open edge with the largest value; ties go to the first."""
    return step.open_edges[int(np.argmax(values))]


def _global(reduce: Callable[..., np.ndarray], step: Step) -> int:
    """The open edge with the largest `reduce` of its operations' current scores."""
    return _best(step, reduce(step.score(step.open_edges)[:, step.first :], axis=1))


def _global_once(reduce: Callable[..., np.ndarray], step: Step) -> int:
    """The open edge with the largest `reduce` of its operations' scores at the checkpoint."""
    return _best(step, np.array([reduce(step.at_start[edge][step.first :]) for edge in step.open_edges]))


def _sgas(step: Step) -> int:
    probabilities = step.search.probabilities()[list(step.open_edges)]
    return _best(step, edge_certainty(probabilities))


def _sgas_2(step: Step) -> int:
    history = step.search.earlier_probabilities(4)
    if not history:
        raise SkipCell(
            "sgas-2 needs an earlier checkpoint of the same supernet to measure how stable the alphas are; choose a"
            " later one with --epochs"
        )
    edges = list(step.open_edges)
    return _best(step, edge_certainty(step.search.probabilities()[edges], [past[edges] for past in history]))


ORDERS = {
    "once": Order(
        lambda step: step.open_edges[0], "all edges at once, by the scores at the checkpoint",
        rescores=False, scores_all_first=True,
    ),
    "fixed": Order(lambda step: step.open_edges[0], "from the input to the output"),
    "reverse": Order(lambda step: step.open_edges[-1], "from the output to the input"),
    "random": Order(_random, "random, a new permutation per selector seed", stochastic=True),
    "global-op": Order(partial(_global, np.max), "the edge with the best-scoring operation, rescored each time"),
    "global-edge": Order(partial(_global, np.mean), "the edge with the best mean score, rescored each time"),
    "global-op-once": Order(
        partial(_global_once, np.max), "as global-op, but sorted once, by the scores at the checkpoint",
        scores_all_first=True,
    ),
    "global-edge-once": Order(
        partial(_global_once, np.mean), "as global-edge, but sorted once, by the scores at the checkpoint",
        scores_all_first=True,
    ),
    "sgas": Order(_sgas, "most certain first, SGAS criterion 1", needs=Needs(alphas=True)),
    "sgas-2": Order(_sgas_2, "most certain and stable first, SGAS criterion 2", needs=Needs(alphas=True)),
}  # fmt: skip
