"""What selection asks of others: of a training recipe, of the images, of fine-tuning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from torch import Tensor

from nas_selection_bench.supernets.network.supernet import Supernet

Batches = list[tuple[Tensor, Tensor]]


class RecipeView(Protocol):
    """What selection asks of a training recipe."""

    def edge_weights(self, alphas: Tensor) -> Tensor:
        """[6, 5] alphas -> [6, 5] weights of the mixture."""


class Images(Protocol):
    """What selection asks of the selection half."""

    def fixed(self, batch_size: int, limit: int | None = None) -> Batches:
        """Un-augmented mini-batches, the same for everybody."""


class Tunes(Protocol):
    """What selection asks of fine-tuning."""

    forward_passes: int
    backward_passes: int

    @property
    def network(self) -> Supernet:
        """The network being tuned, in place."""

    @property
    def alphas(self) -> Tensor:
        """The alphas as they are now."""

    def branch(self) -> Tunes:
        """One that goes on from here, momenta and epochs included, on a network of its own."""

    def tune(self, epochs: int, weights_of: Callable[[Tensor], Tensor]) -> None:
        """Train weights (and alphas, where the recipe does) with edge weights `weights_of(alphas)`."""
