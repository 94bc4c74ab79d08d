"""Random search with few trainings, compared with all sets of architectures that it could draw."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas_selection_bench.bench.yardsticks.worth import random_search, trainings


def by_all_sets(test: list[int], valid: list[int], k: int) -> float:
    """The mean over all sets of k; architectures tied in validation accuracy are equally likely."""
    reached = []
    for drawn in itertools.combinations(range(len(test)), k):
        best = max(valid[i] for i in drawn)
        among = [test[i] for i in drawn if valid[i] == best]
        reached.append(Fraction(sum(among), len(among)))
    return float(Fraction(sum(reached), len(reached)))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 4)), min_size=1, max_size=9))
def test_random_search_is_the_mean_over_all_that_it_could_draw(pairs: list[tuple[int, int]]) -> None:
    test, valid = (list(values) for values in zip(*pairs, strict=True))
    found = random_search(np.array(test, float), np.array(valid, float))
    assert found == pytest.approx([by_all_sets(test, valid, k) for k in range(1, len(test) + 1)], abs=1e-9)


def test_a_large_space_agrees_with_binomial_coefficients() -> None:
    rng = np.random.default_rng(0)
    test = rng.normal(90, 3, size=3_000)
    valid = test + rng.normal(0, 2, size=3_000)
    ascending = test[np.argsort(valid)]
    found = random_search(test, valid)
    for k in (1, 2, 17, 400, 2_999, 3_000):
        expected = math.fsum(
            float(a) * float(Fraction(math.comb(below, k - 1), math.comb(3_000, k)))
            for below, a in enumerate(ascending)
        )
        assert found[k - 1] == pytest.approx(expected, abs=1e-9)


def test_worth_is_the_fewest_trainings_that_reach_as_much() -> None:
    reached = np.array([50.0, 60.0, 70.0, 65.0])
    assert [trainings(reached, a) for a in (10.0, 50.0, 50.1, 60.0, 69.0, 70.0)] == [1, 1, 2, 2, 3, 3]
    assert trainings(reached, 70.1) == math.inf
    assert trainings(reached, 70.0 + 1e-12) == 3, "means that only rounding tells apart are equal"
