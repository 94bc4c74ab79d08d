"""The check of distributions reports a difference if it is significant after correction and larger than noise."""

from collections.abc import Sequence

import numpy as np
import pytest
from scipy import stats

from nas_selection_bench.bench.check.fresh import compare_distributions
from nas_selection_bench.bench.problem.accuracies import Accuracies
from nas_selection_bench.bench.problem.space import N_ARCHITECTURES
from nas_selection_bench.bench.problem.table import GroundTruth

LEVELS = np.linspace(20, 80, N_ARCHITECTURES)
TWO_POINTS = GroundTruth("t", {"digits": Accuracies(trials=np.stack([LEVELS, LEVELS + 2], axis=1))})
"""Two trainings of any architecture lie two points apart."""
ONE_TRAINING = GroundTruth("t", {"digits": Accuracies(test=LEVELS)})


def rows(values: Sequence[float], measure: str = "test", selector: str = "s") -> list[dict[str, str]]:
    return [
        {"dataset": "digits", "selector": selector, "recipe": "a", "epoch": "2", "supernet_seed": str(seed),
         "bn": "batch", "preset": "lite", "state": "done", measure: repr(value)}
        for seed, value in enumerate(values)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("measure", "table", "small", "large"),
    [
        ("test", TWO_POINTS, 1.9, 2.1),
        ("test", ONE_TRAINING, 0.9, 1.1),
        ("tau_best", TWO_POINTS, 0.09, 0.11),
        ("tau_mean", TWO_POINTS, 0.09, 0.11),
    ],
)
def test_a_significant_difference_counts_if_it_is_large(
    measure: str, table: GroundTruth, small: float, large: float
) -> None:
    stored = [0.5 + 0.0001 * seed for seed in range(5)]
    for sign in (1, -1):
        # The two runs do not overlap at all: p = 2 / 252, whatever the distance.
        for shift, told in ((small, 0), (large, 1)):
            fresh = [value + sign * shift for value in stored]
            compared, differences, _ = compare_distributions(rows(stored, measure), rows(fresh, measure), table)
            assert compared == 1
            assert [d.column for d in differences] == [f"mean {measure}"] * told


SIDES = [60.0, 61.0, 62.0, 63.0, 64.0], [63.5, 64.5, 65.0, 66.0, 67.0]


def many(values: Sequence[float], selectors: int) -> list[dict[str, str]]:
    """Rows of `values` for the first selector; those of the other selectors are the same in every run."""
    others = [row for other in range(1, selectors) for row in rows(SIDES[0], selector=f"s{other}")]
    return [*rows(values, selector="s0"), *others]


def test_a_difference_is_held_against_all_that_were_compared() -> None:
    exact = stats.permutation_test(
        SIDES, lambda a, b: np.mean(a) - np.mean(b), permutation_type="independent", n_resamples=np.inf
    ).pvalue
    assert 0.05 / 6 < exact < 0.025
    compared, differences, _ = compare_distributions(many(SIDES[0], 1), many(SIDES[1], 1), ONE_TRAINING)
    assert (compared, [d.cell["selector"] for d in differences]) == (1, ["s0"])
    # One result of six this extreme is not significant.
    assert compare_distributions(many(SIDES[0], 6), many(SIDES[1], 6), ONE_TRAINING)[:2] == (6, [])


def test_what_could_be_told_alone_may_be_too_little_among_many() -> None:
    # Five against five: 252 labellings, of which two are the most extreme; 6 * 2 / 252 < .05 < 7 * 2 / 252.
    assert compare_distributions(many(SIDES[0], 6), many(SIDES[1], 6), ONE_TRAINING)[2] == []
    compared, _, notes = compare_distributions(many(SIDES[0], 7), many(SIDES[1], 7), ONE_TRAINING)
    assert compared == 0
    assert notes == [f"digits, s{i}, test: n too small to tell (n = 5 stored and 5 fresh)" for i in range(7)]


def test_selector_seeds_on_one_supernet_are_one_result() -> None:
    """Two supernets with three selector seeds each are too few to tell, whereas six supernets are not."""

    def on(supernets: int, level: float) -> list[dict[str, str]]:
        return [
            {**row, "supernet_seed": str(i % supernets)} for i, row in enumerate(rows([level + i for i in range(6)]))
        ]

    assert compare_distributions(on(6, 20.0), on(6, 70.0), ONE_TRAINING)[0] == 1
    assert compare_distributions(on(2, 20.0), on(2, 70.0), ONE_TRAINING) == (
        0, [], ["digits, s, test: n too small to tell (n = 2 stored and 2 fresh)"],
    )  # fmt: skip


def test_the_last_epoch_of_both_runs_is_compared() -> None:
    def at(epoch: int, values: Sequence[float]) -> list[dict[str, str]]:
        return [{**row, "epoch": str(epoch)} for row in rows(values)]

    same, other = at(9, SIDES[0]), [*at(9, SIDES[0]), *at(10, [90.0] * 5)]
    assert compare_distributions(same, other, ONE_TRAINING)[:2] == (1, [])
    assert compare_distributions(other, same, ONE_TRAINING)[:2] == (1, [])
