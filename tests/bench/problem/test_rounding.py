"""Shares of a search in whole epochs."""

from fractions import Fraction
from math import floor

from hypothesis import given
from hypothesis import strategies as st

from nas_selection_bench.bench.problem.rounding import whole_epochs


@given(st.integers(1, 1000), st.data())
def test_a_share_that_is_a_number_of_epochs_gives_that_number(epochs: int, data: st.DataObject) -> None:
    done = data.draw(st.integers(0, epochs))
    assert whole_epochs(done / epochs, epochs) == done


@given(st.integers(0, 100), st.integers(1, 1000))
def test_a_share_in_percent_is_rounded_down_exactly(percent: int, epochs: int) -> None:
    assert whole_epochs(percent / 100, epochs) == floor(Fraction(percent, 100) * epochs)
