"""What criteria resemble, on scores whose nature is known."""

import numpy as np
import pytest
from scipy import stats

from bench import bias
from bench.space import N_ARCHITECTURES, all_architectures, code
from bench.table import Accuracies, GroundTruth

SIZES = 1.0 + 9 * (all_architectures() == 3).sum(axis=1)


@pytest.fixture(scope="module")
def table() -> GroundTruth:
    accuracy = np.random.default_rng(0).uniform(10, 90, N_ARCHITECTURES)
    return GroundTruth("t", {"d": Accuracies(test=accuracy, parameters=SIZES)})


def test_traits_of_a_known_cell(table: GroundTruth) -> None:
    found = bias.traits(table, "d")
    assert list(found) == ["parameters", "convolutions", "skip connections", "depth"]  # the table knows no FLOPs
    position = code((1, 3, 2, 0, 1, 4))
    assert [found[name][position] for name in found] == [10.0, 2.0, 2.0, 1.0]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ((3, 3, 3, 3, 3, 3), 3),  # 0 -> 1 -> 2 -> 3
        ((3, 3, 3, 3, 3, 0), 2),  # the last step of the longest path is cut: 0 -> 1 -> 3
        ((3, 3, 3, 1, 0, 0), 0),  # only the skip connection from 0 to 3 is left
        ((3, 3, 3, 0, 0, 0), 0),  # nothing reaches the output
        ((1, 0, 4, 0, 0, 2), 1),
    ],
)
def test_depth_is_the_most_convolutions_on_an_open_path(cell: tuple[int, ...], expected: int) -> None:
    assert bias.depths(np.array([cell])).tolist() == [expected]


def test_a_score_that_counts_convolutions_is_found_out(table: GroundTruth) -> None:
    scores = np.tile([0.0, 0.0, 1.0, 1.0, 0.0], (6, 1))
    found = bias.trait_correlations(scores, bias.traits(table, "d"))
    assert found["convolutions"] == pytest.approx(1.0)
    assert found["skip connections"] < 0


def test_trait_correlation_is_the_tau_of_the_summed_scores(table: GroundTruth) -> None:
    scores = np.random.default_rng(1).normal(size=(6, 5))
    standard = stats.zscore(scores, axis=1)
    sums = [sum(standard[e, o] for e, o in enumerate(cell)) for cell in all_architectures()]
    expected = stats.kendalltau(sums, SIZES).statistic
    assert bias.trait_correlations(scores, bias.traits(table, "d"))["parameters"] == pytest.approx(expected)


def test_agreement_bounds() -> None:
    scores = np.random.default_rng(1).normal(size=(6, 5))
    assert bias.agreement(scores, scores * 2 + 1) == pytest.approx(1)
    assert bias.agreement(scores, -scores) == pytest.approx(-1)
    assert bias.agreement(scores, np.zeros((6, 5))) == 0
