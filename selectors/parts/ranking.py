"""Helpers for criteria that score whole architectures and take the best."""

from collections.abc import Sequence

import numpy as np
import torch

from nas_selection_bench.bench.problem.equivalence import function_classes, published_classes, representatives
from nas_selection_bench.bench.problem.selection import Decision, Ranking, Selection
from nas_selection_bench.bench.problem.space import (
    EDGES,
    N_ARCHITECTURES,
    OPERATIONS,
    Architecture,
    all_architectures,
    architecture_of,
    code,
)
from nas_selection_bench.bench.work.options import between, whole
from nas_selection_bench.bench.yardsticks.measures import expand
from nas_selection_bench.selectors.parts.view import Search

some_or_all = between(1, N_ARCHITECTURES, whole)
"""Converter for an option that sets how many architectures are drawn from the space."""


def sample_uniformly(count: int, generator: torch.Generator) -> list[Architecture]:
    """`count` distinct architectures drawn uniformly from the space."""
    positions = torch.randperm(N_ARCHITECTURES, generator=generator)[:count]
    return [architecture_of(int(p)) for p in positions]


def one_of_each_class(bn: str) -> list[Architecture]:
    """One architecture of each of the 6,466 published classes, and one of each function that these miss.

    The published partition merges some architectures that compute different functions, so that 280 functions have
    no representative among the 6,466. With one for each of them, every architecture has a functional equivalent here.
    That holds under batch statistics; under running ones (`bn`) what is fed zeros counts, so all 15,625 are given.
    """
    if bn == "running":
        return [architecture_of(p) for p in range(N_ARCHITECTURES)]
    published = representatives(published_classes())
    functions = function_classes()
    missing = np.setdiff1d(functions, functions[published])
    others = representatives(functions)[missing]
    return [architecture_of(int(p)) for p in np.sort(np.concatenate([published, others]))]


def marginal_means(ranking: Ranking) -> np.ndarray:
    """[6, 5]: for each edge and operation, the mean score of the architectures with that operation on that edge.

    An architecture that is equivalent to a scored one counts with its score. An operation that no scored architecture
    has on an edge gets the lowest score of that edge.
    """
    scores = expand(ranking)
    operations = all_architectures()
    means = np.full((len(EDGES), len(OPERATIONS)), np.nan)
    for edge in range(len(EDGES)):
        for operation in range(len(OPERATIONS)):
            having = scores[operations[:, edge] == operation]
            if not np.isnan(having).all():
                means[edge, operation] = np.nanmean(having)
    return np.where(np.isnan(means), np.nanmin(means, axis=1, keepdims=True), means)


def take_best(
    search: Search, architectures: Sequence[Architecture], scores: np.ndarray, ties: np.ndarray | None = None
) -> Selection:
    """Select the architecture with the largest score; ties go to the largest of `ties`, then to the first."""
    order = np.lexsort([-scores] if ties is None else [-ties, -scores])
    best = architectures[int(order[0])]
    ranking = Ranking(np.array([code(a) for a in architectures]), np.asarray(scores, dtype=np.float64))
    for edge, operation in enumerate(best):
        search.decide(edge, operation)
    decisions = [Decision(edge, operation) for edge, operation in enumerate(best)]
    return Selection(search.architecture(), marginal_means(ranking), decisions, ranking)
