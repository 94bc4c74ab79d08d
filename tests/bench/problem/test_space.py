"""Tuples, strings and positions are three representations of an architecture."""

import itertools
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas_selection_bench.bench.problem.space import (
    EDGES,
    N_ARCHITECTURES,
    OPERATIONS,
    all_architectures,
    architecture_of,
    code,
    parse,
    to_string,
)

architectures = st.tuples(*[st.integers(0, 4)] * 6)
WORDS = (*"|+~012 ", "none", "skip_connect", "conv")


@given(architectures)
def test_the_three_spellings_agree(architecture: tuple[int, ...]) -> None:
    assert parse(to_string(architecture)) == architecture
    assert architecture_of(code(architecture)) == architecture


@given(architectures, architectures)
def test_codes_are_in_lexicographic_order(first: tuple[int, ...], second: tuple[int, ...]) -> None:
    assert (code(first) < code(second)) == (first < second)


def test_the_string_is_the_one_of_nas_bench_201() -> None:
    text = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|none~2|"
    assert parse(text) == (4, 2, 1, 2, 1, 0)
    assert to_string((4, 2, 1, 2, 1, 0)) == text


def test_the_space_is_enumerated_in_order() -> None:
    expected = np.array(list(itertools.product(range(len(OPERATIONS)), repeat=len(EDGES))))
    assert len(expected) == N_ARCHITECTURES
    np.testing.assert_array_equal(all_architectures(), expected)
    with pytest.raises(ValueError, match="read-only"):
        all_architectures()[0, 0] = 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "expected 3 nodes"),
        ("|none~0|+|none~0|none~1|", "expected 3 nodes"),
        ("none~0+|none~0|none~1|+|none~0|none~1|none~2|", "node 1 is not enclosed"),
        ("|none~0|+|none~0|+|none~0|none~1|none~2|", "node 2 needs 2 edges, found 1"),
        ("|none~0|+|none~0|none~1|+|none~0|none~1|none~1|", "edge 3<-2 reads 'none~1'"),
        ("|none|+|none~0|none~1|+|none~0|none~1|none~2|", "edge 1<-0 reads 'none'"),
        ("|conv~0|+|none~0|none~1|+|none~0|none~1|none~2|", "unknown operation 'conv' on edge 1<-0"),
        ("|none~0|+|none~0|none~1|+|none~0|none~1|none~2| ", "node 3 is not enclosed"),
    ],
)
def test_malformed_strings_are_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse(text)


@settings(max_examples=300)
@given(architectures, st.integers(0, 60), st.integers(0, 2), st.lists(st.sampled_from(WORDS), max_size=2))
def test_text_that_is_almost_an_architecture_is_refused(
    architecture: tuple[int, ...], place: int, gone: int, put: list[str]
) -> None:
    whole = to_string(architecture)
    words = re.findall(r"\w+|\W", whole)
    text = "".join([*words[:place], *put, *words[place + gone :]])
    try:
        found = parse(text)
    except ValueError:
        assert text != whole
    else:
        assert to_string(found) == text


@pytest.mark.parametrize("wrong", [(0, 0, 0, 0, 0), (0, 0, 0, 0, 0, 5), (-1, 0, 0, 0, 0, 0), (0,) * 7])
def test_tuples_outside_the_space_are_refused(wrong: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="six operation indices"):
        code(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [-1, N_ARCHITECTURES])
def test_positions_outside_the_space_are_refused(wrong: int) -> None:
    with pytest.raises(ValueError, match="outside the space"):
        architecture_of(wrong)
