"""Every measure compared with a literal computation: loops over pairs and over all architectures."""

import itertools
import math
import os
import statistics
from dataclasses import asdict
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas_selection_bench.bench.problem.accuracies import Accuracies
from nas_selection_bench.bench.problem.equivalence import function_classes, representatives
from nas_selection_bench.bench.problem.selection import Decision, Ranking, Selection
from nas_selection_bench.bench.problem.space import N_ARCHITECTURES, architecture_of, code
from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.bench.yardsticks import measures
from nas_selection_bench.bench.yardsticks.kendall import tau_b
from nas_selection_bench.bench.yardsticks.measures import (
    STEPS,
    architecture_scores,
    decision_regret,
    edge_agreement,
    expand,
    measure,
    outcome,
    space_agreement,
    standardised,
)
from nas_selection_bench.bench.yardsticks.oracle import oracle
from nas_selection_bench.bench.yardsticks.truth import Truth
from tests.bench.synthetic_table import accuracies

ACCURACIES = accuracies(noise=1.0)
SPACE = list(itertools.product(range(5), repeat=6))
RNG = np.random.default_rng(5)


def truth_of(test: np.ndarray, **held: np.ndarray) -> Truth:
    return Truth(GroundTruth("t", {"d": Accuracies(test, **held)}), "d")


TRUTH = truth_of(ACCURACIES)


def brute_force_tau_b(first: list[float], second: list[float]) -> float:
    """Kendall 1945: concordant minus discordant pairs, over the root of the product of untied pairs in each."""
    concordant = untied_first = untied_second = 0
    for (a, x), (b, y) in itertools.combinations(zip(first, second, strict=True), 2):
        concordant += (int(a > b) - int(a < b)) * (int(x > y) - int(x < y))
        untied_first += int(a != b)
        untied_second += int(x != y)
    if not untied_first or not untied_second:
        return 0.0
    return concordant / math.sqrt(untied_first * untied_second)


@pytest.mark.parametrize("kind", ["best", "mean"])
def test_the_oracle_enumerates_all_architectures_with_an_operation(kind: str) -> None:
    found = oracle(ACCURACIES, kind)
    for edge, operation in itertools.product(range(6), range(5)):
        held = [ACCURACIES[i] for i, architecture in enumerate(SPACE) if architecture[edge] == operation]
        assert len(held) == 5**5
        expected = max(held) if kind == "best" else math.fsum(held) / len(held)
        assert found[edge, operation] == pytest.approx(expected, abs=1e-9)


def test_the_oracle_of_a_subset_leaves_the_others_out() -> None:
    known = RNG.random(N_ARCHITECTURES) < 0.01
    known[[architecture[2] == 4 for architecture in SPACE]] = False
    partly = np.where(known, ACCURACIES, np.nan)
    for kind, reduce in (("best", max), ("mean", lambda held: math.fsum(held) / len(held))):
        found = oracle(partly, kind)
        for edge, operation in itertools.product(range(6), range(5)):
            held = [ACCURACIES[i] for i, a in enumerate(SPACE) if known[i] and a[edge] == operation]
            if held:
                assert found[edge, operation] == pytest.approx(reduce(held), abs=1e-9)
            else:
                assert math.isnan(found[edge, operation])
    with pytest.raises(ValueError, match="neither 'best' nor 'mean'"):
        oracle(ACCURACIES, "median")


def random_scores(tied_edges: int) -> np.ndarray:
    scores = RNG.normal(size=(6, 5))
    scores[RNG.permutation(6)[:tied_edges]] = RNG.normal()
    scores[0, 1] = scores[0, 2]
    return scores


@pytest.mark.parametrize("tied_edges", [0, 1, 6])
def test_the_agreement_is_the_mean_over_edges_and_tied_ones_count_zero(tied_edges: int) -> None:
    scores = random_scores(tied_edges)
    found = asdict(edge_agreement(scores, TRUTH))
    for kind in ("best", "mean"):
        strengths = oracle(ACCURACIES, kind)
        for suffix, kept in (("", slice(0, 5)), ("_no_none", slice(1, 5)), ("_ops", slice(1, 4))):
            if (kind, suffix) == ("best", "_ops"):
                continue
            taus = [brute_force_tau_b(list(scores[e, kept]), list(strengths[e, kept])) for e in range(6)]
            assert found[f"tau_{kind}{suffix}"] == pytest.approx(sum(taus) / 6, abs=1e-12)
    assert found["tied_edges"] == tied_edges


def literal_edge_specific_tau(scores: np.ndarray, strengths: np.ndarray) -> float:
    """Tau-b of ranks and z values minus the mean of their operation, in fractions and loops."""
    ranks = [
        [Fraction(sum(a < b for a in row) + sum(a <= b for a in row) + 1, 2) for b in row] for row in scores.tolist()
    ]
    z = [[(v - statistics.fmean(row)) / statistics.pstdev(row) for v in row] for row in strengths.tolist()]
    first = [ranks[e][o] - sum(ranks[f][o] for f in range(6)) / 6 for e in range(6) for o in range(5)]
    second = [round(z[e][o] - math.fsum(z[f][o] for f in range(6)) / 6, 9) for e in range(6) for o in range(5)]
    return brute_force_tau_b([float(value) for value in first], second)


@pytest.mark.parametrize("tied_edges", [0, 1, 6])
def test_edge_specific_agreement_is_of_what_is_left_without_the_means_of_operations(tied_edges: int) -> None:
    scores = random_scores(tied_edges)
    expected = literal_edge_specific_tau(scores, oracle(ACCURACIES, "mean"))
    assert edge_agreement(scores, TRUTH).tau_edge == pytest.approx(expected, abs=1e-12)


@settings(deadline=None)
@given(
    st.lists(st.floats(-1e6, 1e6), min_size=5, max_size=5),
    st.lists(st.tuples(st.floats(0.01, 1e3), st.floats(-1e3, 1e3)), min_size=6, max_size=6),
)
def test_a_constant_order_knows_nothing_of_edges_whatever_the_scale_on_each(
    values: list[float], scales: list[tuple[float, float]]
) -> None:
    ranks = np.unique(values, return_inverse=True)[1].astype(float)
    scores = np.array([scale * ranks + shift for scale, shift in scales])
    assert edge_agreement(scores, TRUTH).tau_edge == 0.0


def test_the_order_that_each_edge_wants_beyond_the_average_is_found_and_its_reverse_too() -> None:
    strengths = oracle(ACCURACIES, "mean")
    z = standardised(strengths)
    wanted = z - z.mean(axis=0)
    assert edge_agreement(wanted, TRUTH).tau_edge > 0.5
    assert edge_agreement(-wanted, TRUTH).tau_edge == pytest.approx(-edge_agreement(wanted, TRUTH).tau_edge)


def test_the_oracle_agrees_with_itself() -> None:
    found = edge_agreement(oracle(ACCURACIES, "mean"), TRUTH)
    assert found.tau_mean == pytest.approx(1) and found.tau_mean_no_none == pytest.approx(1)
    against = edge_agreement(-oracle(ACCURACIES, "mean"), TRUTH)
    assert against.tau_mean == pytest.approx(-1)


@pytest.mark.parametrize("wrong", [np.full((6, 5), np.nan), np.zeros((5, 6)), np.full((6, 5), np.inf)])
def test_scores_that_are_no_scores_are_refused(wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"finite and of shape \(6, 5\)"):
        edge_agreement(wrong, TRUTH)


def test_architecture_scores_add_standardised_edge_scores() -> None:
    scores = random_scores(1)
    total = architecture_scores(scores) / STEPS
    for position in range(0, N_ARCHITECTURES, 1234):
        expected = 0.0
        for edge, operation in enumerate(architecture_of(position)):
            row = scores[edge].tolist()
            mean = sum(row) / 5
            spread = math.sqrt(sum((value - mean) ** 2 for value in row) / 5)
            expected += (row[operation] - mean) / spread if len(set(row)) > 1 else 0.0
        assert total[position] == pytest.approx(expected, abs=1e-8)


def test_architectures_with_the_same_scores_tie_whatever_the_order_of_summation() -> None:
    scores = np.tile([0.1, 0.2, 0.3, 0.7, 0.15], (6, 1))
    total = architecture_scores(scores)
    assert len({total[code(order)] for order in itertools.permutations((0, 1, 2, 3, 4, 4))}) == 1


def test_tau_space_of_edge_scores() -> None:
    scores = random_scores(0)
    tau, n = space_agreement(scores, None, TRUTH)
    assert n == N_ARCHITECTURES
    sample = RNG.permutation(N_ARCHITECTURES)[:300]
    total = architecture_scores(scores)
    # The literal definition over a sample, and the whole space close to it.
    assert tau_b(total[sample], ACCURACIES[sample]) == pytest.approx(
        brute_force_tau_b(list(total[sample]), list(ACCURACIES[sample])), abs=1e-12
    )
    assert tau == tau_b(total, ACCURACIES)


def test_a_full_ranking_is_compared_as_it_is() -> None:
    ranking = Ranking(np.arange(N_ARCHITECTURES), ACCURACIES * 2 - 1)
    tau, n = space_agreement(np.zeros((6, 5)), ranking, TRUTH)
    assert (tau, n) == (pytest.approx(1), N_ARCHITECTURES)


def test_a_ranking_of_class_representatives_is_expanded_to_the_space() -> None:
    codes = representatives(function_classes())
    scores = RNG.normal(size=len(codes))
    expanded = expand(Ranking(codes, scores))
    by_class = dict(zip(function_classes()[codes].tolist(), scores.tolist(), strict=True))
    assert expanded.tolist() == [by_class[number] for number in function_classes().tolist()]
    tau, n = space_agreement(np.zeros((6, 5)), Ranking(codes, scores), TRUTH)
    assert (tau, n) == (tau_b(expanded, ACCURACIES), N_ARCHITECTURES)


def test_a_sampled_ranking_is_compared_over_its_own_sample() -> None:
    codes = RNG.permutation(N_ARCHITECTURES)[:200]
    scores = RNG.integers(0, 5, size=200).astype(float)
    tau, n = space_agreement(np.zeros((6, 5)), Ranking(codes, scores), TRUTH)
    assert n == 200
    assert tau == pytest.approx(brute_force_tau_b(list(scores), list(ACCURACIES[codes])), abs=1e-12)


def test_an_architecture_keeps_its_own_score_beside_equivalent_ones() -> None:
    members = np.flatnonzero(function_classes() == function_classes()[0])
    expanded = expand(Ranking(members[:2], np.array([1.0, 3.0])))
    assert expanded[members[:2]].tolist() == [1, 3]
    assert set(expanded[members[2:]]) == {2.0}
    with pytest.raises(ValueError, match="scores an architecture twice"):
        expand(Ranking(np.array([1, 1]), np.array([1.0, 2.0])))


def literal_decision_regret(decisions: list[Decision]) -> list[float]:
    fixed: dict[int, int] = {}
    best = [max(ACCURACIES)]
    for decision in decisions:
        fixed[decision.edge] = decision.operation
        best.append(max(ACCURACIES[i] for i, a in enumerate(SPACE) if all(a[e] == o for e, o in fixed.items())))
    return [before - after for before, after in itertools.pairwise(best)]


@settings(max_examples=5, deadline=None)
@given(st.permutations(range(6)), st.tuples(*[st.integers(0, 4)] * 6))
def test_decision_regret_is_what_each_decision_closes_off(order: list[int], architecture: tuple) -> None:
    decisions = [Decision(edge, architecture[edge]) for edge in order]
    found = decision_regret(decisions, ACCURACIES)
    assert found == pytest.approx(literal_decision_regret(decisions), abs=1e-9)
    assert min(found) >= 0
    assert sum(found) == pytest.approx(ACCURACIES.max() - ACCURACIES[code(architecture)], abs=1e-9)


@pytest.mark.parametrize("edges", [[0, 1, 2, 3, 4], [0, 1, 2, 3, 4, 4], []])
def test_decisions_must_fix_every_edge_once(edges: list[int]) -> None:
    with pytest.raises(ValueError, match="do not fix each edge once"):
        decision_regret([Decision(edge, 0) for edge in edges], ACCURACIES)


def test_outcome_counts_strictly_worse_architectures() -> None:
    values = np.full(N_ARCHITECTURES, 50.0)
    values[:100] = 40
    values[-1] = 60
    truth = truth_of(values)
    found = outcome(50.0, truth)
    mean = (100 * 40 + (N_ARCHITECTURES - 101) * 50 + 60) / N_ARCHITECTURES
    assert found.regret == 10
    assert found.percentile == pytest.approx(100 * 100 / N_ARCHITECTURES)
    assert found.gain == pytest.approx((50 - mean) / (60 - mean))
    best = outcome(60.0, truth)
    assert (best.regret, best.gain) == (0, 1)


def test_gain_does_not_exist_where_nothing_differs() -> None:
    # The mean of equal floats need not equal them to the last digit.
    assert outcome(33.1, truth_of(np.full(N_ARCHITECTURES, 33.1))).gain is None


def selection(architecture: tuple, scores: np.ndarray | None = None) -> Selection:
    scores = RNG.normal(size=(6, 5)) if scores is None else scores
    return Selection(architecture, scores, [Decision(edge, architecture[edge]) for edge in (3, 0, 5, 1, 2, 4)])


def table() -> GroundTruth:
    index = np.random.default_rng(0).permutation(N_ARCHITECTURES)
    held = Accuracies(ACCURACIES, ACCURACIES - 1, parameters=np.arange(N_ARCHITECTURES) + 0.0)
    return GroundTruth("t", {"full": held, "bare": Accuracies(ACCURACIES[::-1])}, index)


def random_search_by_enumeration(accuracies: np.ndarray, k: int) -> float:
    """The mean of the best of k, from the number of sets of k in which each architecture is the best; no ties."""
    ascending = sorted(accuracies.tolist())
    n = len(ascending)
    return math.fsum(a * math.comb(below, k - 1) / math.comb(n, k) for below, a in enumerate(ascending))


def test_measure_gives_every_column() -> None:
    truth, chosen = table(), selection((1, 1, 3, 0, 2, 1))
    position = code(chosen.architecture)
    found = measure(chosen, Truth(truth, "full"))
    assert list(found) == ["index", *measures.MEASURES]
    assert found["index"] == truth.index[position]
    assert found["test"] == ACCURACIES[position]
    assert found["valid"] == ACCURACIES[position] - 1
    assert found["regret"] == pytest.approx(max(ACCURACIES) - ACCURACIES[position])
    assert found["percentile"] == pytest.approx(100 * sum(ACCURACIES[position] > ACCURACIES) / N_ARCHITECTURES)
    better = [k for k in range(1, 5) if random_search_by_enumeration(ACCURACIES, k) >= ACCURACIES[position]]
    assert found["worth"] == better[0] if better else found["worth"] > 4  # type: ignore[operator]
    assert found["skips"] == 3
    assert found["parameters"] == position
    assert found["tau_space_n"] == N_ARCHITECTURES
    assert sum(found["decision_regret"]) == pytest.approx(found["regret"])


def test_measure_leaves_open_what_the_table_does_not_hold() -> None:
    found = measure(selection((0, 1, 2, 3, 4, 0)), Truth(table(), "bare"))
    assert found["valid"] is None and found["parameters"] is None and found["worth"] is None


@pytest.mark.skipif("NAS_BENCH_TABLE" not in os.environ, reason="NAS_BENCH_TABLE does not name the real table")
def test_all_skip_on_the_real_table() -> None:
    from nas_selection_bench.bench.problem.open_table import open_table

    found = measure(selection((1,) * 6), Truth(open_table(os.environ["NAS_BENCH_TABLE"]), "cifar10"))
    assert round(float(found["test"]), 3) == 54.297  # type: ignore[arg-type]
    assert found["skips"] == 6
