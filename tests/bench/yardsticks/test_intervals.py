"""Intervals compared with scipy and published formulas, and tests of their own properties."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from nas_selection_bench.bench.yardsticks import intervals


def test_one_stratum_has_the_interval_of_students_t() -> None:
    values = np.random.default_rng(1).normal(size=12)
    interval = intervals.mean_interval([values])
    assert interval is not None
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert [interval.low, interval.high] == pytest.approx([expected.low, expected.high])
    assert (interval.n, interval.rough) == (12, False)


def test_two_strata_have_welchs_degrees_of_freedom() -> None:
    """Half the sum of two means is half the difference to the negated second sample, which scipy computes."""
    generator = np.random.default_rng(2)
    first, second = generator.normal(size=5), generator.normal(3, 4, size=9)
    interval = intervals.mean_interval([first, second])
    assert interval is not None
    expected = stats.ttest_ind(first, -second, equal_var=False).confidence_interval(0.95)
    assert [interval.low, interval.high] == pytest.approx([expected.low / 2, expected.high / 2])


def test_where_pooled_every_unit_counts_alike() -> None:
    first, second = [1.0, 2.0, 4.0], [10.0, 11.0, 15.0, 16.0, 10.0, 13.0]
    (interval,) = intervals.mean_intervals(np.array([[*first, *second]]), [len(first), len(second)], pooled=True)
    assert interval is not None
    assert (interval.low + interval.high) / 2 == pytest.approx(np.mean([*first, *second]))
    parts = [np.var(v, ddof=1) * len(v) / 81 for v in (first, second)]
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / 2 + parts[1] ** 2 / 5)
    assert interval.high - interval.low == pytest.approx(2 * stats.t.ppf(0.975, freedom) * sum(parts) ** 0.5)


def test_where_pooled_single_units_are_one_stratum() -> None:
    rows, first = np.array([[1.0, 2.0, 4.0, 10.0, 11.0, 15.0, 16.0]]), [1.0, 2.0, 4.0]
    joined = intervals.mean_intervals(rows, [3, 4], pooled=True)
    assert intervals.mean_intervals(rows, [3, 1, 1, 1, 1], pooled=True) == joined
    assert intervals.mean_intervals(rows, [3, 3, 1], pooled=True) == intervals.mean_intervals(
        np.array([[10.0, 11.0, 15.0, 16.0, *first]])[:, [4, 5, 6, 0, 1, 2, 3]][:, [0, 1, 2, 6, 3, 4, 5]], [4, 3], True
    )  # a single unit joins the first of the smallest strata
    assert intervals.mean_intervals(rows, [3, 1, 1, 1, 1]) == [None], "where strata count alike, each needs its own"
    assert intervals.mean_intervals(rows[:, :1], [1], pooled=True) == [None]


def test_equal_values_and_single_ones_have_no_interval() -> None:
    assert intervals.mean_interval([[0.0] * 4, [100.0] * 5]) is None
    assert intervals.mean_interval([[0.1 + 0.2, 0.3, 0.3]]) is None
    assert intervals.mean_interval([[0.0] * 4, [100.0, 101.0]]) is not None
    assert intervals.mean_interval([[1.0, 2.0], [3.0]]) is None
    with pytest.raises(ValueError, match="finite"):
        intervals.mean_interval([[1.0, float("nan")]])


@given(st.integers(1, 40).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_shares_have_clopper_and_pearsons_interval(pair: tuple[int, int]) -> None:
    count, n = pair
    interval = intervals.share_interval(count, n)
    assert interval is not None
    expected = stats.binomtest(count, n).proportion_ci(0.95)
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high))


def test_half_a_win_is_taken_both_ways() -> None:
    half, low, high = (intervals.share_interval(count, 9) for count in (4.5, 4, 5))
    assert half is not None and low is not None and high is not None
    assert (half.low, half.high) == (low.low, high.high)
    assert intervals.share_interval(0, 0) is None


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 14), st.integers(1, 12), st.floats(-4, 4), st.integers(0, 2**32 - 1))
def test_many_intervals_are_each_to_the_last_bit_the_one_alone(n: int, k: int, power: float, seed: int) -> None:
    rows = np.random.default_rng(seed).normal(size=(k, n)) * 10**power
    rows[0] = rows[0, 0]  # no spread
    assert intervals.mean_intervals(rows, [rows.shape[1]]) == [intervals.mean_interval([row]) for row in rows]


def test_many_intervals_are_of_finite_values() -> None:
    with pytest.raises(ValueError, match="finite"):
        intervals.mean_intervals(np.array([[1.0, np.nan]]), [2])
