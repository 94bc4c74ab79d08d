"""Skips selectors that choose by alphas alone at checkpoints whose alphas the recipe has not trained.

What earlier versions chose there is left in the records and is no result.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Protocol

from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.problem.rounding import whole_epochs
from nas_selection_bench.bench.work.methods import Methods
from nas_selection_bench.bench.work.presets import settings_labelled


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


SkipReason = Callable[[Mapping[str, Any]], str]
"""Why the cell with these key columns is skipped; nothing for one that is not."""


def first_learnt(recipe: Alphas, epochs: int) -> int:
    """The first checkpoint of a search of `epochs` whose alphas say something, if its alphas ever do."""
    return whole_epochs(recipe.alphas_rest, epochs) - recipe.alphas_rest_less + 1


def reason_to_skip(recipe: Alphas, selector: Decides, epoch: int, epochs: int) -> str:
    """Why `selector` is skipped at this checkpoint; nothing where it is not."""
    first = first_learnt(recipe, epochs)
    if not selector.decides_by_alphas or (recipe.learns_alphas and epoch >= first):
        return ""
    if not recipe.learns_alphas or first > epochs:
        return f"{recipe.name} never trains its alphas, so a choice by them would be random"
    return f"the alphas of {recipe.name} say nothing before epoch {first}, so a choice by them would be random"


def skip_reasons(methods: Methods) -> SkipReason:
    """Of the cells of any folder; a method or a preset that is not known here tells nothing."""
    recipe, selector = methods.recipes.find, methods.selectors.find

    @cache
    def told(trained: str, asked: str, epoch: int, preset: str) -> str:
        try:
            return reason_to_skip(recipe(trained), selector(asked), epoch, settings_labelled(preset).epochs)
        except UsageError:
            return ""

    return lambda cell: told(cell["recipe"], cell["selector"], cell["epoch"], cell["preset"])


def never_skipped(cell: Mapping[str, Any]) -> str:
    """Where no methods are known: nothing."""
    return ""
