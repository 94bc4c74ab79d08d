"""Finding recipes: every module of this package with a `RECIPE` is one, so adding a file adds a recipe."""

from dataclasses import fields
from functools import cache
from pathlib import Path
from types import MappingProxyType

from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.names import canonical, parse, unknown
from nas_selection_bench.bench.work.discovery import kind, modules, shown, spelled_well, told
from nas_selection_bench.supernets.network.process_modes import own_modes
from nas_selection_bench.supernets.parts.recipe import Recipe


@cache
def recipes() -> MappingProxyType[str, Recipe]:
    """Every recipe by name, sorted.

    Raises UsageError, naming the file, for one that cannot be read or offers what is no recipe.
    """
    return MappingProxyType({name: recipe for name, (recipe, _) in sorted(_offers().items())})


def file_of(text: str) -> Path:
    """The file that offers the recipe that `text` names, with options or without."""
    return _offers()[parse(text)[0]][1]


@cache
def _offers() -> dict[str, tuple[Recipe, Path]]:
    """Every recipe and its file, by name."""
    offers: dict[str, tuple[Recipe, Path]] = {}
    with own_modes():
        for file, module in modules("nas_selection_bench.supernets"):
            if not hasattr(module, "RECIPE"):
                continue
            recipe = module.RECIPE
            if not isinstance(recipe, Recipe):
                raise UsageError(f"{shown(file)}: RECIPE must be a Recipe, not {kind(recipe)}.")
            told(recipe, ("name", "paper", "equation"), file)
            spelled_well("recipe", recipe.name, file)
            if plain := [f.name for f in fields(recipe) if f.name not in recipe.options()]:
                raise UsageError(
                    f"{shown(file)}: the field {plain[0]} of {recipe.name!r} cannot be set by name; make it by"
                    " option(default, converter, help) of bench/work/options.py, or a ClassVar."
                )
            if recipe.name in offers:
                first = shown(offers[recipe.name][1])
                raise UsageError(f"{first} and {shown(file)} both offer the recipe {recipe.name!r}.")
            offers[recipe.name] = recipe, file
    return offers


def names() -> tuple[str, ...]:
    """The names of all recipes."""
    return tuple(recipes())


def find(text: str) -> Recipe:
    """The recipe called `name` or `name[option=value,...]`; UsageError, with what exists, for any other."""
    name, options = parse(text)
    if name not in recipes():
        raise unknown("recipe", name, recipes())
    return recipes()[name].configured(name, options)


def spelled(text: str) -> str:
    """The one name of the recipe that `text` asks for: options at their defaults are left out. Raises as `find`."""
    recipe = find(text)
    return canonical(recipe.name, recipe.differing(recipes()[recipe.name]))
