"""Skips selectors that choose by alphas alone at checkpoints whose alphas the recipe has not trained.

Choices that earlier versions made at such checkpoints stay in the records but do not count as results.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Protocol

from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.problem.rounding import whole_epochs
from nas_selection_bench.bench.work.methods import Methods
from nas_selection_bench.bench.work.presets import settings_labelled


class Alphas(Protocol):
    """What a recipe declares about its alphas, as an object or as plain data."""

    @property
    def name(self) -> str:
        """Name of the recipe, with its options."""

    @property
    def learns_alphas(self) -> bool:
        """Whether the alphas ever carry information."""

    @property
    def untrained_share(self) -> float:
        """Share of the search during which the alphas carry no information yet."""

    @property
    def informative_at_its_end(self) -> bool:
        """Whether the checkpoint at the end of that share carries information already."""


class Decides(Protocol):
    """What a selector declares about its choice."""

    @property
    def decides_by_alphas(self) -> bool:
        """Whether the choice depends on alphas alone."""


SkipReason = Callable[[Mapping[str, Any]], str]
"""Returns why the cell with these key columns is skipped; empty if it is not."""


def first_trained_epoch(recipe: Alphas, epochs: int) -> int:
    """The first epoch, in a search of `epochs`, after which the alphas carry information, if they ever do."""
    return whole_epochs(recipe.untrained_share, epochs) + (not recipe.informative_at_its_end)


def reason_to_skip(recipe: Alphas, selector: Decides, epoch: int, epochs: int) -> str:
    """Why `selector` is skipped at this checkpoint; empty if it is not."""
    first = first_trained_epoch(recipe, epochs)
    if not selector.decides_by_alphas or (recipe.learns_alphas and epoch >= first):
        return ""
    if not recipe.learns_alphas or first > epochs:
        return f"{recipe.name} never trains its alphas, so a choice by them would be random"
    return f"the alphas of {recipe.name} say nothing before epoch {first}, so a choice by them would be random"


def skip_reasons(methods: Methods) -> SkipReason:
    """The skip reasons of the cells of any folder; empty for a cell whose methods or preset are unknown here."""
    recipe, selector = methods.recipes.find, methods.selectors.find

    @cache
    def told(trained: str, asked: str, epoch: int, preset: str) -> str:
        try:
            return reason_to_skip(recipe(trained), selector(asked), epoch, settings_labelled(preset).epochs)
        except UsageError:
            return ""

    return lambda cell: told(cell["recipe"], cell["selector"], cell["epoch"], cell["preset"])


def never_skipped(cell: Mapping[str, Any]) -> str:
    """Skip no cell; for use if no methods are known."""
    return ""
