"""Finding recipes: every module of this package with a `RECIPE` is one, so adding a file adds a recipe."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from types import MappingProxyType

from bench.errors import UsageError
from bench.names import canonical, parse, unknown, with_options
from bench.work.discovery import kind, modules, shown, spelled_well, told
from supernets.network.process_modes import own_modes
from supernets.parts.recipe import Recipe


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
        for file, module in modules("supernets"):
            if not hasattr(module, "RECIPE"):
                continue
            recipe = module.RECIPE
            if not isinstance(recipe, Recipe):
                raise UsageError(f"{shown(file)} offers as RECIPE what is no Recipe ({kind(recipe)}).")
            told(recipe, ("name", "paper", "equation"), file)
            spelled_well("recipe", recipe.name, file)
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
    recipe = recipes()[name]
    return replace(recipe, **with_options(recipe, name, options))


def spelled(text: str) -> str:
    """The one name of the recipe that `text` asks for: options at their defaults are left out. Raises as `find`."""
    name, options = parse(text)
    found, usual = find(text), recipes()[name]
    values = {option: getattr(found, option) for option in options}
    return canonical(name, {option: _as_typed(v) for option, v in values.items() if v != getattr(usual, option)})


def _as_typed(value: object) -> str:
    """The shortest text that is read as `value`."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
