"""Training recipes are found by their files: every module of this room with a `RECIPE` is one."""

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
    """The recipe of a module, which declares its own name; raises UsageError for anything else."""
    recipe = module.RECIPE
    if not isinstance(recipe, Recipe):
        raise UsageError(f"{shown(file)}: RECIPE must be a Recipe, not {kind(recipe)}.")
    require_texts(recipe, ("name", "paper", "equation"), file)
    if plain := [f.name for f in fields(recipe) if f.name not in recipe.options()]:
        raise UsageError(
            f"{shown(file)}: the field {plain[0]} of {recipe.name!r} cannot be set by name; make it by"
            " option(default, converter, help) of bench/work/options.py, or a ClassVar."
        )
    if unusable := recipe.unusable():
        raise UsageError(f"{shown(file)}: {recipe.name!r} cannot be used: {unusable}.")
    return {recipe.name: recipe}


RECIPES = Finder("recipe", "nas_selection_bench.supernets", ("RECIPE",), offered, own_modes)

recipes, names, find = RECIPES.methods, RECIPES.names, RECIPES.find
