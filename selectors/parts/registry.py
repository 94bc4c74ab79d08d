"""Finds selectors by their files; there is no list to maintain.

A module of this package that defines `SELECTOR` provides the selector named after its file, with `-` for `_`;
`VARIANTS = {suffix: selector}` provides further ones from the same file. Options are part of the name:
`darts-pt[order=sgas,tune=0]`.
"""

from collections.abc import Mapping
from dataclasses import replace
from inspect import isfunction
from pathlib import Path
from typing import Any

from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.work.discovery import kind, require_texts, shown
from nas_selection_bench.bench.work.finder import Finder
from nas_selection_bench.selectors.parts.criterion import Rule, Selector
from nas_selection_bench.selectors.parts.needs import Needs
from nas_selection_bench.selectors.parts.schedule import Greedy
from nas_selection_bench.supernets.network.process_modes import own_modes

DECLARED = ("needs", "stochastic", "reads_only_alphas", "decides_by_alphas", "reads_checkpoint")
"""The properties that a selector declares: its needs, and properties that are True or False."""


def offered(name: str, module: Any, file: Path) -> Mapping[str, Selector]:
    """The selectors that a module defines, by name; raises UsageError if a definition is malformed."""
    variants = getattr(module, "VARIANTS", {})
    if not isinstance(variants, Mapping):
        raise UsageError(f"{shown(file)}: VARIANTS must be a dictionary {{suffix: selector}}, not {kind(variants)}.")
    found = {name: module.SELECTOR} if hasattr(module, "SELECTOR") else {}
    found |= {f"{name}-{suffix}": selector for suffix, selector in variants.items()}
    if not found:
        raise UsageError(f"{shown(file)} defines no method: VARIANTS is empty; add a selector, or SELECTOR = ....")
    return {called: replace(_checked(selector, called, file), name=called) for called, selector in found.items()}


def _checked(selector: object, name: str, file: Path) -> Selector:
    """`selector` itself; raises UsageError if it is not a usable Selector or lacks a description."""
    if not isinstance(selector, Selector):
        hint = "; a Rule becomes one as Greedy(rule=..., ...)" if isinstance(selector, Rule) else ""
        raise UsageError(f"{shown(file)}: {name!r} must be a Selector, not {kind(selector)}{hint}.")
    require_texts(selector, ("paper", "formula", "direction"), file)
    if type(selector.version) is not int or selector.version < 1:
        raise UsageError(
            f"{shown(file)}: the version of {name!r} must be a whole number of at least 1, not {selector.version!r}."
        )
    if isinstance(selector, Greedy) and not isinstance(rule := selector.rule, Rule):
        hint = f"; write {rule.__name__}()" if isinstance(rule, type) and issubclass(rule, Rule) else ""
        raise UsageError(f"{shown(file)}: the rule of {name!r} must be a Rule, not {kind(rule)}{hint}.")
    for part in (selector, *selector.parts().values()):
        for declared in DECLARED:
            if isfunction(getattr(type(part), declared, None)):
                raise UsageError(
                    f"{shown(file)}: {type(part).__name__}.{declared} is a method; put @property above it."
                )
    try:
        selector.options()
        # The needs of the parts first, because a selector's needs are often derived from them.
        for part in (*selector.parts().values(), selector):
            if not isinstance(needs := getattr(part, "needs", Needs()), Needs):
                raise TypeError(f"{type(part).__name__}.needs must be Needs(...), not {kind(needs)}")
        for declared in DECLARED[1:]:
            if not isinstance(value := getattr(selector, declared), bool):
                raise TypeError(f"{declared} must be True or False, not {value!r}")
    except Exception as error:
        raise UsageError(f"{shown(file)}: {name!r} cannot be used ({type(error).__name__}: {error}).") from error
    if unusable := selector.unusable():
        raise UsageError(f"{shown(file)}: {name!r} cannot be used: {unusable}.")
    return selector


SELECTORS = Finder("selector", "nas_selection_bench.selectors", ("SELECTOR", "VARIANTS"), offered, own_modes)

names = SELECTORS.names


find = SELECTORS.find
