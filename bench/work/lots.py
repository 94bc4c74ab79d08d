"""Cells that would draw lots: what alphas alone decide, at a checkpoint whose alphas say nothing, or nothing yet.

Such cells are skipped with the reason. What earlier versions chose there is left in the records and is no result.
"""

import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Protocol

from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.work.methods import Methods
from nas_selection_bench.bench.work.presets import settings_labelled

ROUNDING = 1e-9
"""A share such as 0.29 of 100 epochs is 28.999999999999996 in floating point."""


class Alphas(Protocol):
    """What a recipe declares of its alphas, as an object or as plain data."""

    @property
    def name(self) -> str:
        """With its options."""

    @property
    def learns_alphas(self) -> bool:
        """Whether they ever say anything."""

    @property
    def alphas_rest(self) -> float:
        """Share of the search in which they say nothing yet."""

    @property
    def alphas_rest_less(self) -> int:
        """How many epochs sooner than that they do."""


class Decides(Protocol):
    """What a selector declares of its choice."""

    @property
    def decides_by_alphas(self) -> bool:
        """Whether it depends on alphas alone."""


LotsOf = Callable[[Mapping[str, Any]], str]
"""Why the cell with these key columns draws lots; nothing for one that does not."""


def first_learnt(recipe: Alphas, epochs: int) -> int:
    """The first checkpoint of a search of `epochs` whose alphas say something, if its alphas ever do."""
    return math.floor(recipe.alphas_rest * epochs + ROUNDING) - recipe.alphas_rest_less + 1


def why_by_lot(recipe: Alphas, selector: Decides, epoch: int, epochs: int) -> str:
    """Why the choice of `selector` at this checkpoint would be drawing lots; nothing where it is not."""
    first = first_learnt(recipe, epochs)
    if not selector.decides_by_alphas or (recipe.learns_alphas and epoch >= first):
        return ""
    if not recipe.learns_alphas or first > epochs:
        return f"{recipe.name} does not learn its alphas, so that choosing by them is drawing lots"
    return f"the alphas of {recipe.name} say nothing before epoch {first}, so that choosing by them is drawing lots"


def lots_of(methods: Methods) -> LotsOf:
    """Of the cells of any folder; a method or a preset that is not known here tells nothing."""
    recipe, selector = methods.recipes.find, methods.selectors.find

    @cache
    def told(trained: str, asked: str, epoch: int, preset: str) -> str:
        try:
            return why_by_lot(recipe(trained), selector(asked), epoch, settings_labelled(preset).epochs)
        except UsageError:
            return ""

    return lambda cell: told(cell["recipe"], cell["selector"], cell["epoch"], cell["preset"])


def no_lots(cell: Mapping[str, Any]) -> str:
    """Where no methods are known: nothing."""
    return ""
