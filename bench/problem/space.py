"""The NAS-Bench-201 search space: operations, edges, and architectures as tuples, strings and positions.

Source: Dong & Yang, "NAS-Bench-201: Extending the Scope of Reproducible Neural Architecture Search",
ICLR 2020, section 2.
"""

from collections.abc import Iterable
from functools import cache, lru_cache

import numpy as np

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
ALL_OPERATIONS = tuple(range(len(OPERATIONS)))
"""The index of every operation."""

NONE, SKIP, CONV_1X1, CONV_3X3, AVG_POOL = ALL_OPERATIONS

EDGES = ((1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2))
"""(target node, source node) of each edge, in the order of the architecture string."""

ALL_EDGES = tuple(range(len(EDGES)))
"""The index of every edge."""

EDGE_NAMES = tuple(f"{target}<-{source}" for target, source in EDGES)
N_ARCHITECTURES = len(OPERATIONS) ** len(EDGES)

Architecture = tuple[int, int, int, int, int, int]
"""One operation index per edge, in the order of EDGES."""


def as_architecture(operations: Iterable[int]) -> Architecture:
    """The architecture with these operations, in the order of EDGES; raises ValueError unless there are six."""
    a, b, c, d, e, f = operations
    return a, b, c, d, e, f


def to_string(architecture: Architecture) -> str:
    """The architecture string of NAS-Bench-201: `|op~0|+|op~0|op~1|+|op~0|op~1|op~2|`."""
    nodes = [
        "|" + "".join(f"{OPERATIONS[op]}~{s}|" for op, (t, s) in zip(architecture, EDGES, strict=True) if t == target)
        for target in (1, 2, 3)
    ]
    return "+".join(nodes)


@lru_cache(maxsize=N_ARCHITECTURES)
def parse(text: str) -> Architecture:
    """The architecture with the string `text`; raises ValueError with the reason if the string is malformed."""
    nodes = text.split("+")
    if len(nodes) != 3:
        raise ValueError(f"architecture {text!r}: expected 3 nodes joined by '+', found {len(nodes)}")
    chosen: list[int] = []
    for target, node in enumerate(nodes, start=1):
        if len(node) < 2 or node[0] != "|" or node[-1] != "|":
            raise ValueError(f"architecture {text!r}: node {target} is not enclosed in '|': {node!r}")
        entries = node[1:-1].split("|")
        if len(entries) != target:
            raise ValueError(f"architecture {text!r}: node {target} needs {target} edges, found {len(entries)}")
        for source, entry in enumerate(entries):
            name, separator, origin = entry.partition("~")
            if not separator or origin != str(source):
                raise ValueError(f"architecture {text!r}: edge {target}<-{source} reads {entry!r}, not 'op~{source}'")
            if name not in OPERATIONS:
                raise ValueError(
                    f"architecture {text!r}: unknown operation {name!r} on edge {target}<-{source};"
                    f" the operations are {', '.join(OPERATIONS)}"
                )
            chosen.append(OPERATIONS.index(name))
    return as_architecture(chosen)


def code(architecture: Architecture) -> int:
    """Position of `architecture` in space order: lexicographic, edge 0 most significant.

    Raises ValueError unless it has six operations, each an index into OPERATIONS.
    """
    if len(architecture) != len(EDGES) or any(not 0 <= operation < len(OPERATIONS) for operation in architecture):
        raise ValueError(f"architecture {architecture!r} is not six operation indices from 0 to {len(OPERATIONS) - 1}")
    position = 0
    for operation in architecture:
        position = position * len(OPERATIONS) + operation
    return position


def architecture_of(position: int) -> Architecture:
    """The architecture at `position` (0..15624) in space order."""
    if not 0 <= position < N_ARCHITECTURES:
        raise ValueError(f"position {position} is outside the space of {N_ARCHITECTURES} architectures")
    return as_architecture(position // len(OPERATIONS) ** (5 - edge) % len(OPERATIONS) for edge in ALL_EDGES)


@cache
def all_architectures() -> np.ndarray:
    """[15625, 6] uint8: the operation on each edge of every architecture, in space order; read-only."""
    grid = np.indices((len(OPERATIONS),) * len(EDGES), dtype=np.uint8).reshape(len(EDGES), -1).T
    grid = np.ascontiguousarray(grid)
    grid.setflags(write=False)
    return grid
