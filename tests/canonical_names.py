"""Canonical names of methods, for tests of names and of stored keys."""

from typing import Any

from nas_selection_bench.bench.names import canonical, parse
from nas_selection_bench.bench.work.finder import Finder


def canonical_name(finder: Finder[Any], text: str) -> str:
    """The name of the method that `text` stands for, without options at their defaults."""
    found, default = finder.find(text), finder.offer(text).method
    return canonical(parse(text)[0], found.differing(default))
