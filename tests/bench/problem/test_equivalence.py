"""Equivalence classes compared with the outputs of numerically computed cells.

A cell is computed on a small vector: the pool is a fixed matrix, a convolution is a separate matrix followed by a
nonlinearity that maps zero to zero. Two architectures compute the same functions if for all weights of one there are
equivalent weights of the other. Then their outputs over all assignments of a pool of weights to the edges are the same
set of vectors.
"""

import itertools
from functools import cache

import numpy as np
import pytest

from nas_selection_bench.bench.problem.equivalence import (
    function_classes,
    function_expression,
    published_classes,
    representatives,
)
from nas_selection_bench.bench.problem.space import (
    AVG_POOL,
    CONV_1X1,
    CONV_3X3,
    EDGES,
    N_ARCHITECTURES,
    NONE,
    SKIP,
    Architecture,
    architecture_of,
    code,
)

pytestmark = pytest.mark.thorough

_rng = np.random.default_rng(0)
INPUT, POOL = _rng.normal(size=4), _rng.normal(size=(4, 4))
WEIGHTS = {CONV_1X1: _rng.normal(size=(6, 4, 4)), CONV_3X3: _rng.normal(size=(6, 4, 4))}


def output(architecture: Architecture, weights: dict[int, np.ndarray]) -> np.ndarray:
    """The output node of a cell whose convolutions have the given weights, by edge."""
    nodes = [INPUT, np.zeros(4), np.zeros(4), np.zeros(4)]
    for edge, (operation, (target, source)) in enumerate(zip(architecture, EDGES, strict=True)):
        if operation == SKIP:
            nodes[target] = nodes[target] + nodes[source]
        elif operation == AVG_POOL:
            nodes[target] = nodes[target] + POOL @ nodes[source]
        elif operation != NONE:
            nodes[target] = nodes[target] + np.tanh(weights[edge] @ nodes[source])
    return nodes[3]


@cache
def live_edges(architecture: Architecture) -> tuple[int, ...]:
    """Edges with a convolution whose weights change the output."""
    drawn = {e: WEIGHTS[op][e] for e, op in enumerate(architecture) if op in WEIGHTS}
    reference = output(architecture, drawn)
    return tuple(
        edge for edge in drawn if not np.allclose(output(architecture, {**drawn, edge: drawn[edge] + 1}), reference)
    )


@cache
def reachable_outputs(architecture: Architecture) -> np.ndarray:
    """The sorted outputs over all assignments of the first k weights of each kind to the k live convolutions."""
    ones = [e for e in live_edges(architecture) if architecture[e] == CONV_1X1]
    threes = [e for e in live_edges(architecture) if architecture[e] == CONV_3X3]
    dead = {e: WEIGHTS[op][5] for e, op in enumerate(architecture) if op in WEIGHTS}
    outputs = [
        output(
            architecture,
            {
                **dead,
                **{e: WEIGHTS[CONV_1X1][i] for e, i in zip(ones, first, strict=True)},
                **{e: WEIGHTS[CONV_3X3][i] for e, i in zip(threes, second, strict=True)},
            },
        )
        for first in itertools.permutations(range(len(ones)))
        for second in itertools.permutations(range(len(threes)))
    ]
    return np.array(sorted(np.round(outputs, 9).tolist()))


def same_function(first: Architecture, second: Architecture) -> bool:
    a, b = reachable_outputs(first), reachable_outputs(second)
    return a.shape == b.shape and np.allclose(a, b, atol=1e-7)


def test_nas_bench_201_counts_6466() -> None:
    classes = published_classes()
    assert len(np.unique(classes)) == 6466
    assert classes.shape == (N_ARCHITECTURES,)


def test_the_whole_space_falls_into_5044_functions() -> None:
    """For all architectures, two are in the same class if and only if their outputs are equal."""
    numbers: dict[bytes, int] = {}
    computed = []
    for position in range(N_ARCHITECTURES):
        # Adding zero turns -0.0 into 0.0, whose bytes differ.
        outputs = (np.round(reachable_outputs(architecture_of(position)), 7) + 0.0).tobytes()
        computed.append(numbers.setdefault(outputs, len(numbers)))
    assert len(numbers) == 5044
    np.testing.assert_array_equal(function_classes(), computed)


def test_the_published_classes_are_not_exact() -> None:
    """They identify one convolution used twice, 2 c(x), with two convolutions, c(x) + c'(x), in 430 classes."""
    twice, two = (3, 0, 1, 0, 1, 1), (3, 3, 0, 0, 1, 1)
    assert published_classes()[code(twice)] == published_classes()[code(two)]
    assert not same_function(twice, two)
    assert function_classes()[code(twice)] != function_classes()[code(two)]
    pairs = np.unique(np.stack([published_classes(), function_classes()], axis=1), axis=0)
    assert int((np.bincount(pairs[:, 0]) > 1).sum()) == 430


def test_the_published_classes_split_equal_functions() -> None:
    """They do not recognise that a node which receives nothing on two edges is zero."""
    first, second = (3, 0, 0, 3, 0, 0), (3, 0, 0, 3, 0, 1)
    assert same_function(first, second)
    assert function_classes()[code(first)] == function_classes()[code(second)]
    assert published_classes()[code(first)] != published_classes()[code(second)]


@pytest.mark.parametrize("classes", [published_classes, function_classes])
def test_representatives_are_the_first_of_their_class(classes: object) -> None:
    numbers = classes()  # type: ignore[operator]
    firsts = representatives(numbers)
    np.testing.assert_array_equal(numbers[firsts], np.arange(len(firsts)))
    assert all(position == np.flatnonzero(numbers == number)[0] for number, position in list(enumerate(firsts))[::500])
    assert not numbers.flags.writeable


def test_the_zero_network_and_the_identity_have_names() -> None:
    assert function_expression((NONE,) * 6) == ""
    assert function_expression((NONE, NONE, NONE, SKIP, NONE, NONE)) == "0"
    assert function_expression((3, 0, 0, 1, 0, 0)) == "0"
