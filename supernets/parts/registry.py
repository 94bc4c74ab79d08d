"""Finds the training recipes: every module in the supernets folder that defines a `RECIPE`."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.work.discovery import kind, require_texts, shown
from nas_selection_bench.bench.work.finder import Finder
from nas_selection_bench.supernets.network.process_modes import own_modes
from nas_selection_bench.supernets.parts.recipe import Recipe


def offered(name: str, module: Any, file: Path) -> Mapping[str, Recipe]:
    """The recipe that `module` defines, by its declared name; raises UsageError unless it is a usable Recipe."""
    recipe = module.RECIPE
    if not isinstance(recipe, Recipe):
        raise UsageError(f"{shown(file)}: RECIPE must be a Recipe, not {kind(recipe)}.")
    require_texts(recipe, ("name", "paper", "equation"), file)
    if plain := [f.name for f in fields(recipe) if f.name not in recipe.options()]:
        raise UsageError(
            f"{shown(file)}: the field {plain[0]} of {recipe.name!r} cannot be set by name; make it with"
            " option(default, converter, help) of bench/work/options.py, or make it a ClassVar."
        )
    if unusable := recipe.unusable():
        raise UsageError(f"{shown(file)}: {recipe.name!r} cannot be used: {unusable}.")
    return {recipe.name: recipe}


RECIPES = Finder("recipe", "nas_selection_bench.supernets", ("RECIPE",), offered, own_modes)

recipes, names, find = RECIPES.methods, RECIPES.names, RECIPES.find
