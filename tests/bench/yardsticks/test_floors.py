"""Floors, ceilings and the agreement between two trainings."""

import itertools
import os

import numpy as np
import pytest
from scipy import stats

from nas_selection_bench.bench.problem.accuracies import Accuracies
from nas_selection_bench.bench.problem.equivalence import function_classes
from nas_selection_bench.bench.problem.space import N_ARCHITECTURES, code
from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.bench.yardsticks.floors import Yardstick, floors_and_ceilings, retraining_agreement
from nas_selection_bench.bench.yardsticks.kendall import tau_b
from nas_selection_bench.bench.yardsticks.measures import WITHOUT_NONE, edge_tau
from nas_selection_bench.bench.yardsticks.oracle import oracle
from nas_selection_bench.bench.yardsticks.truth import Truth
from tests.bench.synthetic_table import accuracies, class_table

SPACE = list(itertools.product(range(5), repeat=6))
TEST = accuracies(3)


def by_name(table: GroundTruth, dataset: str) -> dict[str, Yardstick]:
    return {yardstick.name: yardstick for yardstick in floors_and_ceilings(Truth(table, dataset))}


@pytest.fixture(scope="module")
def yardsticks() -> dict[str, Yardstick]:
    sizes = np.array([sum({2: 1, 3: 9}.get(op, 0) for op in a) for a in SPACE], dtype=float)
    held = Accuracies(TEST, TEST - 2, parameters=sizes * 1000, flops=sizes * 3000)
    return by_name(GroundTruth("t", {"d": held}), "d")


def test_every_floor_and_ceiling_is_there(yardsticks: dict[str, Yardstick]) -> None:
    assert list(yardsticks) == [
        "random", "random-no-none-pool", "random-conv", "all-skip", "constant-order", "params", "flops", "all-3x3",
        "optimum",
    ]  # fmt: skip


def test_random_is_the_exact_expectation_over_the_space(yardsticks: dict[str, Yardstick]) -> None:
    yardstick = yardsticks["random"]
    assert yardstick.architecture is None
    assert yardstick.test == pytest.approx(sum(TEST) / N_ARCHITECTURES)
    assert yardstick.valid == pytest.approx(sum(TEST - 2) / N_ARCHITECTURES)
    assert yardstick.regret == pytest.approx(max(TEST) - sum(TEST) / N_ARCHITECTURES)
    sample = [100 * np.mean(value > TEST) for value in TEST[::7]]
    assert yardstick.percentile == pytest.approx(np.mean(sample), abs=1.5)
    assert yardstick.gain == pytest.approx(0)


@pytest.mark.parametrize(("name", "allowed"), [("random-no-none-pool", {1, 2, 3}), ("random-conv", {2, 3})])
def test_random_among_some_operations_is_their_exact_expectation(
    yardsticks: dict[str, Yardstick], name: str, allowed: set[int]
) -> None:
    members = [i for i, a in enumerate(SPACE) if set(a) <= allowed]
    assert len(members) == len(allowed) ** 6
    yardstick = yardsticks[name]
    assert yardstick.test == pytest.approx(sum(TEST[members]) / len(members))
    assert yardstick.valid == pytest.approx(yardstick.test - 2)
    percentiles = [100 * np.mean(TEST[i] > TEST) for i in members]
    assert yardstick.percentile == pytest.approx(np.mean(percentiles))
    assert yardstick.architecture is None and yardstick.tau_mean is None


def test_the_room_above_a_yardstick_is_counted() -> None:
    """The margin is that of the architectures in the upper range, not of the whole space."""
    noise = np.where(np.quantile(TEST, 0.9) < TEST, 0.2, 4.0)
    trials = np.stack([TEST, np.full_like(TEST, np.nan), TEST + noise], axis=1)
    found = by_name(GroundTruth("t", {"d": Accuracies(TEST, trials=trials)}), "d")
    yardstick = found["all-3x3"]
    assert yardstick.above == sum(yardstick.test < TEST)
    assert yardstick.above_margin == sum(yardstick.test + 0.2 < value for value in TEST)
    assert (found["optimum"].above, found["optimum"].above_margin) == (0, 0)
    wide = np.median([abs(a - b) for a, _, b in trials[found["random"].test <= TEST]])
    assert found["random"].above_margin == sum(found["random"].test + wide < TEST)


def test_without_a_second_trial_there_is_no_margin(yardsticks: dict[str, Yardstick]) -> None:
    assert yardsticks["random"].above_margin is None and yardsticks["random"].above > 0


def test_the_place_of_the_constant_order_among_all_orders_is_told(yardsticks: dict[str, Yardstick]) -> None:
    places = []
    for kind in ("mean", "best"):
        strengths = oracle(TEST, kind)
        taus = sorted(
            (round(edge_tau(np.tile(order, (6, 1)), strengths), 9) for order in itertools.permutations(range(5))),
            reverse=True,
        )
        own = edge_tau(np.tile([0.0, 2.0, 3.0, 4.0, 1.0], (6, 1)), strengths)
        places.append(1 + taus.index(round(own, 9)))
    assert f"number {places[0]} by τ mean and {places[1]} by τ best" in yardsticks["constant-order"].note
    assert yardsticks["constant-order"].tau_edge == 0


def test_fixed_architectures_are_looked_up(yardsticks: dict[str, Yardstick]) -> None:
    for name, architecture in (("all-skip", (1,) * 6), ("all-3x3", (3,) * 6)):
        yardstick = yardsticks[name]
        assert yardstick.architecture == architecture
        assert yardstick.test == TEST[code(architecture)] and yardstick.valid == yardstick.test - 2
        assert yardstick.regret == pytest.approx(max(TEST) - yardstick.test)
        assert yardstick.percentile == pytest.approx(100 * np.mean(yardstick.test > TEST))
        assert yardstick.tau_best is None and yardstick.tau_space is None


def test_the_constant_order_has_scores(yardsticks: dict[str, Yardstick]) -> None:
    yardstick = yardsticks["constant-order"]
    assert yardstick.architecture == (3,) * 6
    ranks = np.tile([0.0, 2.0, 3.0, 4.0, 1.0], (6, 1))  # none 0, pool 1, skip 2, 1x1 3, 3x3 4
    assert yardstick.tau_mean == pytest.approx(edge_tau(ranks, oracle(TEST, "mean")))
    assert yardstick.tau_best_no_none == pytest.approx(edge_tau(ranks, oracle(TEST, "best"), WITHOUT_NONE))
    totals = np.array([sum(ranks[0][op] for op in a) for a in SPACE])
    assert yardstick.tau_space == pytest.approx(tau_b(totals, TEST))


def test_size_ranks_architectures(yardsticks: dict[str, Yardstick]) -> None:
    sizes = np.array([sum({2: 1, 3: 9}.get(op, 0) for op in a) for a in SPACE], dtype=float)
    ranks = np.tile([0.0, 0.0, 1.0, 9.0, 0.0], (6, 1))
    for name in ("params", "flops"):
        yardstick = yardsticks[name]
        assert yardstick.architecture == (3,) * 6
        assert yardstick.tau_space == pytest.approx(tau_b(sizes, TEST))
        assert yardstick.tau_mean == pytest.approx(edge_tau(ranks, oracle(TEST, "mean")))


def test_an_operation_is_worth_its_mean_size_and_not_its_largest() -> None:
    sizes = np.array([sum({2: 1, 3: 9}.get(op, 0) for op in a) for a in SPACE], dtype=float)
    # One huge all-skip architecture: the largest with skip on any edge, but only one of 3,125 on each.
    sizes[SPACE.index((1,) * 6)] = 100.0
    yardstick = by_name(GroundTruth("t", {"d": Accuracies(TEST, parameters=sizes * 1000)}), "d")["params"]
    assert yardstick.architecture == (3,) * 6
    means = [[np.mean([size for size, a in zip(sizes, SPACE, strict=True) if a[e] == op]) for op in range(5)]
             for e in range(6)]  # fmt: skip
    worths = [[np.mean(TEST[[a[e] == op for a in SPACE]]) for op in range(5)] for e in range(6)]
    taus = [stats.kendalltau(np.round(m, 6), w).statistic for m, w in zip(means, worths, strict=True)]
    assert yardstick.tau_mean == pytest.approx(np.mean(taus))


def test_size_is_counted_where_the_table_does_not(yardsticks: dict[str, Yardstick]) -> None:
    bare = by_name(GroundTruth("t", {"d": Accuracies(TEST)}), "d")
    assert "flops" not in bare
    assert bare["params"].tau_space == yardsticks["params"].tau_space
    assert bare["params"].valid is None


def test_the_optimum_is_the_best(yardsticks: dict[str, Yardstick]) -> None:
    yardstick = yardsticks["optimum"]
    assert code(yardstick.architecture) == TEST.argmax()  # type: ignore[arg-type]
    assert (yardstick.regret, yardstick.gain, yardstick.tau_best) == (0, 1, pytest.approx(1))
    assert "as good" not in yardstick.note
    tied = TEST.copy()
    tied[0] = tied.max()
    assert "1 more as good" in by_name(GroundTruth("t", {"d": Accuracies(tied)}), "d")["optimum"].note


def test_without_noise_two_trainings_agree() -> None:
    trials = np.stack([TEST, np.full_like(TEST, np.nan), TEST], axis=1)
    found = retraining_agreement(GroundTruth("t", {"d": Accuracies(trials=trials)}), "d", draws=2)
    taus = [found.taus[name] for name in ("tau_best", "tau_mean", "tau_best_no_none", "tau_mean_no_none", "tau_space")]
    assert taus == pytest.approx([1] * 5)
    assert (found.n, found.draws) == (N_ARCHITECTURES, 2)


def test_with_two_trials_it_is_their_agreement() -> None:
    trials = np.stack([TEST, TEST + np.random.default_rng(0).normal(0, 3, len(TEST)).clip(-9, 9)], axis=1)
    table = GroundTruth("t", {"d": Accuracies(trials=trials)})
    found = retraining_agreement(table, "d", draws=1)
    # Which of the two is first is drawn per architecture, and hardly changes the agreement of the trials.
    assert found.taus["tau_space"] == pytest.approx(tau_b(trials[:, 0], trials[:, 1]), abs=0.02)
    assert found.taus == retraining_agreement(table, "d", 1).taus


def test_equivalent_architectures_share_the_draw() -> None:
    """Members of a class share one training: separate draws would average the noise away."""
    table = class_table(trials=4, noise=8.0)
    found = retraining_agreement(table, "digits", draws=5)
    trials = table.trials("digits")
    assert trials is not None
    repeated = (~np.isnan(trials)).sum(axis=1) >= 2
    assert found.n == repeated.sum()
    classes = np.unique(function_classes()[repeated])
    rng, expected = np.random.default_rng(1), []
    for _ in range(5):
        pair = np.full((2, N_ARCHITECTURES), np.nan)
        for number in classes:
            members = function_classes() == number
            run = trials[members][0]
            pair[:, members] = rng.permutation(run[~np.isnan(run)])[:2, None]
        expected.append(edge_tau(oracle(pair[0], "mean"), oracle(pair[1], "mean")))
    assert found.taus["tau_mean"] == pytest.approx(np.mean(expected), abs=0.15)


def test_architectures_with_the_same_trials_share_the_draw_also_where_one_is_missing() -> None:
    trials = np.tile([10.0, 90.0, np.nan], (N_ARCHITECTURES, 1))
    trials[1::2] = [50.0, 50.5, np.nan]
    found = retraining_agreement(GroundTruth("t", {"d": Accuracies(trials=trials)}), "d", draws=5)
    assert found.taus["tau_space"] == pytest.approx(-1), (
        "10 < 50 in one of the two trainings, and 90 > 50.5 in the other"
    )


def test_two_trainings_of_a_few_architectures_say_nothing_about_operations() -> None:
    trials = np.stack([TEST, np.full_like(TEST, np.nan)], axis=1)
    trials[:40, 1] = TEST[:40] + 1
    found = retraining_agreement(GroundTruth("t", {"d": Accuracies(trials=trials)}), "d")
    assert (found.taus, found.n) == ({}, 0) and "too few" in found.how


def test_without_a_second_trial_nothing_is_known() -> None:
    """The message is about the file only: NAS-Bench-201 has repeated trainings that a copy may store as one mean."""
    for held, how in (
        (Accuracies(TEST), "the table file stores no separate trainings"),
        (Accuracies(trials=TEST[:, None]), "the table file stores no more than one training of each architecture"),
    ):
        found = retraining_agreement(GroundTruth("t", {"d": held}), "d")
        assert found.n == 0 and not found.taus
        assert found.how == how


@pytest.mark.skipif("NAS_BENCH_TABLE" not in os.environ, reason="NAS_BENCH_TABLE does not name the real table")
def test_anchors_of_the_real_table() -> None:
    from nas_selection_bench.bench.problem.open_table import open_table

    real = by_name(open_table(os.environ["NAS_BENCH_TABLE"]), "cifar10")
    rounded = {name: round(real[name].test, 3) for name in ("all-skip", "all-3x3", "optimum")}
    assert rounded == {"all-skip": 54.297, "all-3x3": 93.76, "optimum": 94.373}
    assert round(real["random"].test, 2) == 87.06
    assert real["params"].architecture == (3,) * 6
    drawn = [(round(real[n].test, 2), round(real[n].percentile, 1)) for n in ("random-no-none-pool", "random-conv")]
    assert drawn == [(92.27, 81.0), (93.21, 93.2)]
    assert real["all-3x3"].above == 165
