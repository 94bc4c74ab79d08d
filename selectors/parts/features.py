"""Forward passes in which a criterion observes the output of every operation."""

from collections.abc import Callable

import torch
from torch import Tensor

from nas_selection_bench.selectors.parts.view import Search

Look = Callable[[int, int, list[Tensor], Tensor], None]
"""look(cell, edge, outputs of the five operations [n, c, h, w], mixed output of the edge)."""


@torch.no_grad()
def look_at_features(search: Search, weights: Tensor, look: Look) -> None:
    """Call `look` for every edge of every cell on each fixed mini-batch.

    Reads images but no labels. Runs in full precision on a GPU too, because some criteria divide by spreads that
    bfloat16 rounds to 0.
    """
    images = search.images
    for x in images:
        search.network(x, weights, observe=look)
    search.meter.count(forward=len(images))
