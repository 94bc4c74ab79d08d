"""The spellings of a NAS-Bench-201 architecture that the program reads.

* the architecture string, `|nor_conv_3x3~0|+|none~0|skip_connect~1|+|...|`, with or without blanks;
* AutoDL-Projects' `Structure(4 nodes with |...|+|...|+|...|)`, and the list of nodes that its `str2lists` makes,
  `[(('nor_conv_3x3', 0),), (('none', 0), ('skip_connect', 1)), (...)]`;
* six numbers or six names of operations, in the order of the string: 0 none, 1 skip_connect, 2 nor_conv_1x1,
  3 nor_conv_3x3, 4 avg_pool_3x3;
* NASLib's six numbers, in another numbering: 0 skip_connect, 1 none, 2 nor_conv_3x3, 3 nor_conv_1x1, 4 avg_pool_3x3,
  with edges ordered by source (0-1, 0-2, 0-3, 1-2, 1-3, 2-3). They look like the numbers above, so they need a prefix:
  `naslib:(4, 0, 3, 1, 4, 3)`;
* one number: the architecture's index in the table.
"""

import re
from typing import Any

from nas_selection_bench.bench.errors import DAMAGE
from nas_selection_bench.bench.problem.literals import literal
from nas_selection_bench.bench.problem.space import EDGES, OPERATIONS, Architecture, as_architecture, code, parse

NASLIB = "naslib:"
_NASLIB_OPERATIONS = ("skip_connect", "none", "nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3")
_NASLIB_EDGES = ((1, 0), (2, 0), (3, 0), (2, 1), (3, 1), (3, 2))
"""(target node, source node) of each edge in NASLib's order, nodes numbered from 0."""

_STRUCTURE = re.compile(r"Structure\(\s*\d+ nodes with (?P<string>.*)\)", re.DOTALL)


def architecture(text: str) -> Architecture | int:
    """The architecture that `text` spells, or its index in the table; raises ValueError with the reason."""
    text = text.strip()
    if text.lower().startswith(NASLIB):
        return _from_naslib(_literal(text[len(NASLIB) :]))
    if structure := _STRUCTURE.fullmatch(text):
        text = structure["string"].strip()
    if text.startswith("|"):
        return from_string(text)
    value = _literal(text)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, tuple | list):
        nodes = len(value) == 3 and all(isinstance(node, tuple | list) for node in value)
        return _from_nodes(value) if nodes else _from_operations(value, OPERATIONS)
    raise ValueError(f"{text!r} is not a spelling of an architecture")


def from_string(text: str) -> Architecture:
    """The architecture with this string, blanks and `Structure(...)` allowed; raises ValueError with the reason."""
    if structure := _STRUCTURE.fullmatch(text.strip()):
        text = structure["string"]
    return parse("".join(text.split()))


def _literal(text: str) -> Any:
    try:
        return literal(text.strip())
    except DAMAGE:
        pass
    # numbers without brackets, or names without quotes
    words = text.strip(" ()[]").replace(",", " ").split()
    if not words:
        raise ValueError("an empty text is not a spelling of an architecture")
    return tuple(int(word) if word.isdecimal() else word.strip("'\"") for word in words)


def _from_operations(value: Any, operations: tuple[str, ...]) -> Architecture:
    if len(value) != len(EDGES):
        raise ValueError(
            f"an architecture has {len(EDGES)} operations, one per edge, but this one has {len(value)}:"
            f" {', '.join(map(str, value))}"
        )
    numbers = [operations.index(entry) if entry in operations else entry for entry in value]
    if not all(type(n) is int and 0 <= n < len(operations) for n in numbers):
        raise ValueError(
            f"{value!r} is not six operations, each a number from 0 to {len(operations) - 1} or one of"
            f" {', '.join(operations)}"
        )
    found = as_architecture(numbers)
    code(found)
    return found


def _from_naslib(value: Any) -> Architecture:
    if not isinstance(value, tuple | list):
        raise ValueError(f"{NASLIB}{value!r} is not NASLib's six numbers")
    numbers = _from_operations(value, _NASLIB_OPERATIONS)
    on_edge = {
        edge: OPERATIONS.index(_NASLIB_OPERATIONS[number]) for edge, number in zip(_NASLIB_EDGES, numbers, strict=True)
    }
    return as_architecture(on_edge[edge] for edge in EDGES)


def _from_nodes(value: Any) -> Architecture:
    """The architecture given as three nodes, each a sequence of (operation, source) pairs."""
    try:
        return parse("+".join("|" + "".join(f"{name}~{source}|" for name, source in node) for node in value))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{value!r} is not three nodes of (operation, source): {error}") from error
