"""Finding recipes: every module of this package with a `RECIPE` is one, so adding a file adds a recipe."""

import importlib
import pkgutil
from dataclasses import replace
from functools import cache
from types import MappingProxyType

import supernets
from bench.names import canonical, parse, unknown, with_options
from supernets.contract import Recipe


@cache
def recipes() -> MappingProxyType[str, Recipe]:
    """Every recipe by name, sorted. Raises ValueError where two files claim one name."""
    found: dict[str, Recipe] = {}
    for module in pkgutil.iter_modules(supernets.__path__):
        recipe = getattr(importlib.import_module(f"supernets.{module.name}"), "RECIPE", None)
        if recipe is None:
            continue
        if recipe.name in found:
            raise ValueError(f"two files define the recipe {recipe.name!r}; supernets/{module.name}.py is one of them")
        found[recipe.name] = recipe
    return MappingProxyType(dict(sorted(found.items())))


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
