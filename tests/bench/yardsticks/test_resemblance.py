"""What criteria resemble, on scores with known properties."""

import numpy as np
import pytest
from scipy import stats

from nas_selection_bench.bench.problem.accuracies import Accuracies
from nas_selection_bench.bench.problem.space import N_ARCHITECTURES, all_architectures, code
from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.bench.yardsticks import resemblance as bias
from nas_selection_bench.bench.yardsticks.measures import pair_signs

COUNTS = ("convolutions", "skip connections", "depth", "test accuracy")
SIZES = 1000.0 + 9000 * (all_architectures() == 3).sum(axis=1)


@pytest.fixture(scope="module")
def table() -> GroundTruth:
    accuracy = np.random.default_rng(0).uniform(10, 90, N_ARCHITECTURES)
    return GroundTruth("t", {"d": Accuracies(test=accuracy, parameters=SIZES)})


def test_traits_of_a_known_cell(table: GroundTruth) -> None:
    found = bias.traits(table, "d")
    # The table has no FLOPs.
    assert list(found) == ["parameters", "convolutions", "skip connections", "depth", "test accuracy"]
    position = code((1, 3, 2, 0, 1, 4))
    assert [found[name][position] for name in found] == [10_000.0, 2.0, 2.0, 1.0, table.accuracy("d")[position]]


def sized(parameters: np.ndarray | None, flops: np.ndarray | None) -> list[str]:
    accuracy = np.linspace(10, 90, N_ARCHITECTURES)
    held = Accuracies(test=accuracy, parameters=parameters, flops=flops)
    return [name for name in bias.traits(GroundTruth("t", {"d": held}), "d") if name not in COUNTS]


def test_a_second_size_that_orders_alike_is_no_second_column() -> None:
    assert sized(SIZES, 3 * SIZES + 5) == ["parameters"]
    assert sized(SIZES, 60_000 - SIZES) == ["parameters", "FLOPs"]
    assert sized(None, SIZES) == ["FLOPs"]


def test_size_is_counted_where_the_table_holds_none() -> None:
    assert sized(None, None) == ["convolution weights"]
    bare = GroundTruth("t", {"d": Accuracies(test=np.linspace(10, 90, N_ARCHITECTURES))})
    weights = bias.traits(bare, "d")["convolution weights"]
    for cell in ((0, 1, 4, 0, 1, 4), (2, 2, 0, 0, 0, 1), (3, 2, 1, 0, 4, 3)):
        assert weights[code(cell)] == cell.count(2) + 9 * cell.count(3)  # 1x1 and 3x3 kernels


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ((3, 3, 3, 3, 3, 3), 3),  # 0 -> 1 -> 2 -> 3
        ((3, 3, 3, 3, 3, 0), 2),  # the last edge of the longest path is removed: 0 -> 1 -> 3
        ((3, 3, 3, 1, 0, 0), 0),  # only the skip connection from 0 to 3 is left
        ((3, 3, 3, 0, 0, 0), 0),  # nothing reaches the output
        ((1, 0, 4, 0, 0, 2), 1),
    ],
)
def test_depth_is_the_most_convolutions_on_an_open_path(cell: tuple[int, ...], expected: int) -> None:
    assert bias.depths(np.array([cell])).tolist() == [expected]


def test_a_score_that_counts_convolutions_is_found_out(table: GroundTruth) -> None:
    scores = np.tile([0.0, 0.0, 1.0, 1.0, 0.0], (6, 1))
    found = bias.trait_correlations([scores], bias.traits(table, "d"))
    assert found["convolutions"] == pytest.approx(1.0)
    assert found["skip connections"] < 0


def tau_of_sums(scores: np.ndarray, values: np.ndarray) -> float:
    standard = stats.zscore(scores, axis=1)
    sums = [sum(standard[e, o] for e, o in enumerate(cell)) for cell in all_architectures()]
    return float(stats.kendalltau(sums, values).statistic)


def test_trait_correlation_is_the_mean_tau_of_the_summed_scores(table: GroundTruth) -> None:
    selections = list(np.random.default_rng(1).normal(size=(2, 6, 5)))
    selections.append(selections[0])  # a selector that reads no checkpoint: the same for another recipe
    found = bias.trait_correlations(selections, bias.traits(table, "d"))
    for name, values in (("parameters", SIZES), ("test accuracy", table.accuracy("d"))):
        assert found[name] == pytest.approx(np.mean([tau_of_sums(scores, values) for scores in selections]))


def test_noise_that_differs_between_selections_does_not_make_size_win() -> None:
    """If accuracy equals size for every architecture, the two columns are equal whatever the noise."""
    table = GroundTruth("t", {"d": Accuracies(test=SIZES / 1000, parameters=SIZES)})
    noise = np.random.default_rng(2).normal(size=(9, 6, 5))
    signal = np.tile([0.0, 0.0, 0.1, 0.9, 0.0], (6, 1))
    found = bias.trait_correlations(signal + noise, bias.traits(table, "d"))
    assert found["parameters"] == found["test accuracy"]
    averaged = bias.trait_correlations([(signal + noise).mean(axis=0)], bias.traits(table, "d"))
    assert averaged["parameters"] > found["parameters"] + 0.1


def test_agreement_bounds() -> None:
    scores = np.random.default_rng(1).normal(size=(2, 6, 5))
    signs = pair_signs(scores)
    assert bias.agreement(signs, pair_signs(scores * 2 + 1)) == pytest.approx(1)
    assert bias.agreement(signs, pair_signs(-scores)) == pytest.approx(-1)
    assert bias.agreement(signs, pair_signs(np.zeros((2, 6, 5)))) == 0
