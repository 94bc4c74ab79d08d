"""The one name of what a text asks for, for tests of names and of stored keys."""

from typing import Any

from nas_selection_bench.bench.names import canonical, parse
from nas_selection_bench.bench.work.finder import Finder


def canonical_name(finder: Finder[Any], text: str) -> str:
    """The name of the method that `text` names, options at their defaults left out."""
    found, default = finder.find(text), finder.offer(text).method
    return canonical(parse(text)[0], found.differing(default))
