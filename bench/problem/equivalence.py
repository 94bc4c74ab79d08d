"""Equivalence classes of NAS-Bench-201 architectures that compute the same function, whatever the weights.

`none` outputs zero and `skip_connect` outputs its input, so many of the 15,625 architectures are the same
network written differently. There are two partitions, because the published one is not exact:

* `published_classes`: the 6,466 classes that NAS-Bench-201 reports (Dong & Yang, ICLR 2020, section 2). They
  identify an architecture by an expression in which `none` leaves a zero term behind. This splits architectures that
  are equal (a sum of two zero terms is not recognised as zero, a sum inside a sum is not flattened) and joins some
  that are not (one convolution used twice, 2 c(x), reads like two with separate weights, c(x) + c'(x)): 430 of the
  classes hold different functions.
* `function_classes`: the 5,044 classes of architectures that truly compute the same function. Zero terms are
  dropped, sums are flattened, each convolution is recognised wherever its output is used, and the average pool of a
  sum equals the sum of the average pools (it is linear).

"The same" is exact if batch norm has no affine part, as in the supernet, where a convolution of zero is zero. If it
has one, as in a stand-alone network, batch norm turns zero into its shift, and "the same" holds up to a constant per
channel.
"""

from collections.abc import Callable
from functools import cache
from itertools import permutations, product

import numpy as np

from nas_selection_bench.bench.problem.space import (
    AVG_POOL,
    CONV_1X1,
    CONV_3X3,
    EDGES,
    N_ARCHITECTURES,
    NONE,
    OPERATIONS,
    SKIP,
    Architecture,
    architecture_of,
)


def published_expression(architecture: Architecture) -> str:
    """The expression of the output node by which NAS-Bench-201 identifies an architecture; `#` is zero.

    The spelling matters: the terms of a sum are sorted as text, and a sum passed on by a skip is sorted as one term,
    so another spelling would give another number of classes.
    """
    nodes = ["0"]
    for target in (1, 2, 3):
        terms = []
        for operation, (edge_target, source) in zip(architecture, EDGES, strict=True):
            if edge_target != target:
                continue
            if operation == NONE or nodes[source] == "#":
                terms.append("#")
            elif operation == SKIP:
                terms.append(nodes[source])
            else:
                terms.append(f"({nodes[source]})@{OPERATIONS[operation]}")
        nodes.append("+".join(sorted(terms)))
    return nodes[-1]


def function_expression(architecture: Architecture) -> str:
    """A name that two architectures share if and only if they compute the same function, whatever the weights.

    The name is the sum at the output node with numbered convolutions, so that one used twice differs from two.
    The numbers are arbitrary: of the names under all numberings, the first in alphabetical order is taken.
    """
    ones = [edge for edge, operation in enumerate(architecture) if operation == CONV_1X1]
    threes = [edge for edge, operation in enumerate(architecture) if operation == CONV_3X3]
    return min(
        "+".join(_output_terms(architecture, dict(zip(ones + threes, (*first, *second), strict=True))))
        for first, second in product(permutations(range(len(ones))), permutations(range(len(threes))))
    )


def _output_terms(architecture: Architecture, numbers: dict[int, int]) -> list[str]:
    """The sorted terms of the sum at the output node; `numbers` gives the number of the convolution on an edge."""
    nodes: list[list[str]] = [["0"], [], [], []]
    for edge, (operation, (target, source)) in enumerate(zip(architecture, EDGES, strict=True)):
        if operation == NONE or not nodes[source]:
            continue
        if operation == SKIP:
            nodes[target] += nodes[source]
        elif operation == AVG_POOL:
            nodes[target] += [f"{OPERATIONS[operation]}({term})" for term in nodes[source]]
        else:
            inputs = "+".join(sorted(nodes[source]))
            nodes[target].append(f"{OPERATIONS[operation]}{numbers.get(edge, '')}({inputs})")
    return sorted(nodes[3])


@cache
def published_classes() -> np.ndarray:
    """[15625] int16, space order: each architecture's class in NAS-Bench-201's partition, 0..6465; read-only."""
    return _number(published_expression)


@cache
def function_classes() -> np.ndarray:
    """[15625] int16, space order: each architecture's class, 0..5043; equal = same function; read-only."""
    return _number(function_expression)


def representatives(classes: np.ndarray) -> np.ndarray:
    """[number of classes] int64: the position in space order of the first architecture of each class."""
    return np.unique(classes, return_index=True)[1]


def _number(name_of: Callable[[Architecture], str]) -> np.ndarray:
    """[15625] int16, read-only: class numbers in order of first appearance in space order."""
    numbers: dict[str, int] = {}
    classes = np.array(
        [numbers.setdefault(name_of(architecture_of(i)), len(numbers)) for i in range(N_ARCHITECTURES)], dtype=np.int16
    )
    classes.setflags(write=False)
    return classes
