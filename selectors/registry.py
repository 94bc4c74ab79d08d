"""Selectors are found by their files: no list to keep.

Every module of this package that offers `SELECTOR` is one, by the name of its file with `-` for `_`;
`VARIANTS = {suffix: selector}` offers more from the same file. Options are part of the name:
`darts-pt[order=sgas,tune=0]`.
"""

from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import MappingProxyType

from bench.names import canonical, parse, unknown
from selectors.contract import Selector


@cache
def found() -> MappingProxyType[str, Selector]:
    """Every selector by name, with its default options; reads the files once per process."""
    selectors: dict[str, Selector] = {}
    for module_info in iter_modules([str(Path(__file__).parent)]):
        if module_info.ispkg:
            continue
        module = import_module(f"selectors.{module_info.name}")
        base = module_info.name.replace("_", "-")
        offered = {base: getattr(module, "SELECTOR", None)}
        offered |= {f"{base}-{suffix}": variant for suffix, variant in getattr(module, "VARIANTS", {}).items()}
        for name, selector in offered.items():
            if selector is None:
                continue
            if name in selectors:
                raise ImportError(
                    f"two files offer the selector {name!r}; the second is selectors/{module_info.name}.py"
                )
            selectors[name] = replace(selector, name=name)
    return MappingProxyType(dict(sorted(selectors.items())))


def names() -> tuple[str, ...]:
    """The names of all selectors, sorted, without options."""
    return tuple(found())


def find(text: str) -> Selector:
    """The selector that `text` names, options set, under its canonical name.

    An option that is set to its default is dropped, so that one selector has one name. Raises UsageError,
    with the nearest names, for a selector or an option that does not exist.
    """
    name, options = parse(text)
    if name not in found():
        raise unknown("selector", name, names())
    default = found()[name]
    selector = default.configured(options)
    return replace(selector, name=canonical(name, selector.differing(default)))
