"""Which architectures of NAS-Bench-201 compute the same function, whatever the weights.

`none` passes nothing on and `skip_connect` passes its input on, so many of the 15,625 architectures are
the same network written differently. Two partitions are offered, because the published one is not exact:

* `published_classes`: the 6,466 classes that NAS-Bench-201 reports (Dong & Yang, ICLR 2020, section 2), which
  name an architecture by an expression in which `none` leaves a zero term behind. It splits architectures that are
  equal (a sum of two zero terms is not seen to be zero, a sum inside a sum is not flattened) and joins some that
  are not (one convolution used twice, 2 c(x), reads like two with weights of their own, c(x) + c'(x)): 430 of
  its classes hold different functions.
* `function_classes`: the 5,044 classes of architectures that truly compute the same function: zero terms
  dropped, sums flattened, each convolution known as itself wherever its output is used, and the average pool of a
  sum taken as the sum of the average pools (it is linear).

"The same" is exact where batch norm has no affine part (the supernet: a convolution of nothing is nothing), and
holds up to a constant per channel where it has one (a stand-alone network: BN turns nothing into its shift).
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
    """The expression of the output node by which NAS-Bench-201 tells architectures apart; `#` is zero.

    The spelling matters: the terms of a sum are sorted as text, and a sum that a skip passes on is sorted as one
    term, so another spelling would count another number of classes.
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
    """A name that two architectures share exactly if they compute the same function, whatever the weights.

    The name is the sum at the output node, every convolution numbered, so that one used twice differs from two.
    The numbers are arbitrary: the name is the first in the alphabet over all ways to give them.
    """
    ones = [edge for edge, operation in enumerate(architecture) if operation == CONV_1X1]
    threes = [edge for edge, operation in enumerate(architecture) if operation == CONV_3X3]
    return min(
        "+".join(_output_terms(architecture, dict(zip(ones + threes, (*first, *second), strict=True))))
        for first, second in product(permutations(range(len(ones))), permutations(range(len(threes))))
    )


def _output_terms(architecture: Architecture, numbers: dict[int, int]) -> list[str]:
    """The terms of the sum at the output node; `numbers` names the convolution of an edge."""
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
    """[15625] int16, space order: the class of each architecture, 0..6465, as NAS-Bench-201 counts; read-only."""
    return _number(published_expression)


@cache
def function_classes() -> np.ndarray:
    """[15625] int16, space order: the class of each architecture, 0..5043, equal = same function; read-only."""
    return _number(function_expression)


def representatives(classes: np.ndarray) -> np.ndarray:
    """[number of classes] int64: the first architecture of each class, as a position in space order."""
    return np.unique(classes, return_index=True)[1]


def _number(name_of: Callable[[Architecture], str]) -> np.ndarray:
    """Classes numbered in the order in which space order meets them."""
    numbers: dict[str, int] = {}
    classes = np.array(
        [numbers.setdefault(name_of(architecture_of(i)), len(numbers)) for i in range(N_ARCHITECTURES)], dtype=np.int16
    )
    classes.setflags(write=False)
    return classes
