"""Standardised scores: numpy's definition where it does not overflow, and numbers of every size."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas_selection_bench.bench.problem.accuracies import Accuracies
from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.bench.yardsticks.measures import edge_agreement, standardised
from nas_selection_bench.bench.yardsticks.truth import Truth
from tests.bench.synthetic_table import accuracies


def plainly_standardised(scores: np.ndarray) -> np.ndarray:
    """The definition in numpy, valid if no square leaves the range of doubles."""
    spread = scores.std(axis=1, keepdims=True)
    centred = scores - scores.mean(axis=1, keepdims=True)
    return np.divide(centred, spread, out=np.zeros_like(centred), where=np.ptp(scores, axis=1, keepdims=True) > 0)


ordinary = st.one_of(
    st.floats(-1e9, 1e9), st.floats(1e-100, 1e100), st.sampled_from([0.0, -0.0, 1.0, 1 + 2**-52, 1e100, -1e-100])
).map(lambda value: value if abs(value) >= 1e-100 else 0.0)


@given(st.lists(ordinary, min_size=30, max_size=30), st.integers(-640, 640))
def test_scores_of_any_size_are_standardised_to_the_last_digit(values: list[float], power: int) -> None:
    scores = np.array(values).reshape(6, 5)
    expected = plainly_standardised(scores)
    np.testing.assert_array_equal(standardised(scores), expected)
    np.testing.assert_array_equal(standardised(np.ldexp(scores, power)), expected)


@pytest.mark.parametrize("largest", [1.7e308, 1e160, 1e-160, 1e-300, 4 * 5e-324])
def test_the_largest_and_the_smallest_doubles_are_compared(largest: float) -> None:
    truth = Truth(GroundTruth("t", {"d": Accuracies(accuracies())}), "d")
    scores = np.array([largest * np.array([-1.0, -0.5, 0.0, 0.5, 1.0])] * 6)
    with np.errstate(all="raise"):
        found = standardised(scores)
        np.testing.assert_allclose(found.std(axis=1), 1, rtol=1e-12)
        assert edge_agreement(scores, truth).tied_edges == 0
        assert (np.diff(found, axis=1) > 0).all()


def test_equal_scores_that_do_not_sum_exactly_stay_a_tie() -> None:
    assert (standardised(np.full((6, 5), 0.1)) == 0).all()
