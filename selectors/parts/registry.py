"""Selectors are found by their files: no list to keep.

Every module of this package that offers `SELECTOR` is one, by the name of its file with `-` for `_`;
`VARIANTS = {suffix: selector}` offers more from the same file. Options are part of the name:
`darts-pt[order=sgas,tune=0]`.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib import import_module
from inspect import isfunction
from pathlib import Path
from types import MappingProxyType

from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.names import canonical, parse, unknown
from nas_selection_bench.bench.work.discovery import kind, modules, shown, spelled_well, told
from nas_selection_bench.selectors.parts.criterion import Rule, Selector
from nas_selection_bench.selectors.parts.needs import Needs
from nas_selection_bench.supernets.network.process_modes import own_modes

DECLARED = ("needs", "stochastic", "reads_only_alphas", "decides_by_alphas", "reads_checkpoint")
"""The properties by which a selector says what it is: the needs, and what is true or false."""


@cache
def found() -> MappingProxyType[str, Selector]:
    """Every selector by name, with its default options; reads the files once per process.

    Raises UsageError, naming the file, for one that cannot be read or offers what is no selector.
    """
    return MappingProxyType({name: selector for name, (selector, _) in sorted(_offers().items())})


def file_of(text: str) -> Path:
    """The file that offers the selector that `text` names, with options or without."""
    return _offers()[parse(text)[0]][1]


@cache
def _offers() -> dict[str, tuple[Selector, Path]]:
    """Every selector and its file, by name."""
    offers: dict[str, tuple[Selector, Path]] = {}
    with own_modes():
        for file, module in modules("nas_selection_bench.selectors"):
            base = file.stem.replace("_", "-")
            offered = {base: module.SELECTOR} if hasattr(module, "SELECTOR") else {}
            variants = getattr(module, "VARIANTS", {})
            if not isinstance(variants, Mapping):
                raise UsageError(f"{shown(file)}: VARIANTS is to be a dictionary, suffix: selector.")
            for name, selector in (offered | {f"{base}-{suffix}": v for suffix, v in variants.items()}).items():
                if name in offers:
                    raise UsageError(f"{shown(offers[name][1])} and {shown(file)} both offer the selector {name!r}.")
                spelled_well("selector", name, file)
                offers[name] = replace(_checked(selector, name, file), name=name), file
    return offers


def _checked(selector: object, name: str, file: Path) -> Selector:
    """The selector; raises UsageError for what is none, or does not say what it is."""
    if not isinstance(selector, Selector):
        hint = "; a Rule becomes one as Greedy(rule=..., ...)" if isinstance(selector, Rule) else ""
        raise UsageError(f"{shown(file)} offers as {name!r} what is no Selector ({kind(selector)}){hint}.")
    told(selector, ("paper", "formula", "direction"), file)
    if type(selector.version) is not int or selector.version < 1:
        said = f"version = {selector.version!r}; it is to be a whole number of at least 1"
        raise UsageError(f"{shown(file)}: {name!r} has {said}.")
    for part in (selector, *selector.parts().values()):
        for declared in DECLARED:
            if isfunction(getattr(type(part), declared, None)):
                raise UsageError(
                    f"{shown(file)}: {type(part).__name__}.{declared} is a method; put @property above it."
                )
    try:
        selector.options()
        if not isinstance(selector.needs, Needs):
            raise TypeError("its needs are no Needs(...)")
        for declared in DECLARED[1:]:
            if not isinstance(value := getattr(selector, declared), bool):
                raise TypeError(f"{declared} is {value!r}, neither True nor False")
    except Exception as error:
        raise UsageError(f"{shown(file)}: {name!r} cannot be used ({type(error).__name__}: {error}).") from error
    return selector


def names() -> tuple[str, ...]:
    """The names of all selectors, sorted, without options."""
    return tuple(found())


def idle() -> dict[str, str]:
    """The names of files that offer nothing, and what they lack."""
    offering = {file for _, file in _offers().values()}
    files = (
        file
        for folder in import_module("nas_selection_bench.selectors").__path__
        for file in Path(folder).glob("[!_]*.py")
    )
    return {
        file.stem.replace("_", "-"): f"{shown(file)} offers no SELECTOR (in capitals), so that nothing is found there."
        for file in files
        if file not in offering
    }


def find(text: str) -> Selector:
    """The selector that `text` names, options set, under its canonical name.

    An option that is set to its default is dropped, so that one selector has one name. Raises UsageError,
    with the nearest names, for a selector or an option that does not exist.
    """
    name, options = parse(text)
    if name not in found():
        raise UsageError(idle()[name]) if name in idle() else unknown("selector", name, names())
    default = found()[name]
    selector = default.configured(name, options)
    return replace(selector, name=canonical(name, selector.differing(default)))
