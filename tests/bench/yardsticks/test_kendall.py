"""Tau-b compared with scipy to the last bit, and with a count of all pairs."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from nas_selection_bench.bench.yardsticks.kendall import inversions, ranked, tau_b


@settings(deadline=None)
@given(st.integers(2, 300), st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_it_has_the_bits_of_scipy(n: int, first_levels: int, second_levels: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = rng.integers(first_levels, size=n) / 7, rng.integers(second_levels, size=n) / 3
    expected = float(stats.kendalltau(first, second).statistic)
    assert tau_b(first, second) == (expected if expected == expected else 0.0)


@pytest.mark.parametrize("n", [63, 64, 65, 127, 128, 129, 15_625, 40_000])
def test_it_has_the_bits_of_scipy_at_every_size(n: int) -> None:
    rng = np.random.default_rng(n)
    first = rng.normal(size=n)
    for second in (rng.normal(size=n), (first + rng.normal(size=n)).round(1), first, -first):
        assert tau_b(first, ranked(second)) == float(stats.kendalltau(first, second).statistic)


@given(st.lists(st.integers(0, 9), max_size=200))
def test_inversions_are_pairs_whose_earlier_one_is_larger(values: list[int]) -> None:
    sequence = np.array(values, dtype=np.int64) % max(1, len(values))
    assert inversions(sequence) == sum(a > b for a, b in itertools.combinations(sequence.tolist(), 2))


def test_what_orders_nothing_agrees_with_nothing() -> None:
    assert tau_b([1.0, 1.0, 1.0], [1.0, 2.0, 3.0]) == 0.0
    assert tau_b([1.0], [2.0]) == 0.0


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(ValueError, match="nan"):
        tau_b([1.0, np.nan], [1.0, 2.0])
    with pytest.raises(ValueError, match="2 values and 3"):
        tau_b([1.0, 2.0], [1.0, 2.0, 3.0])
