"""Comparisons on shared checkpoints: verdicts, families, tie groups."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from scipy import stats

from nas_selection_bench.bench.yardsticks import comparisons as pairs
from nas_selection_bench.bench.yardsticks import statistics
from nas_selection_bench.bench.yardsticks.comparisons import Verdict


def noisy(shift: float, seeds: int, spread: float = 0.1) -> dict[tuple[str, int], float]:
    generator = np.random.default_rng(int(shift * 100))
    return {(d, s): 90 + shift + spread * generator.normal() for d in ("a", "b") for s in range(seeds)}


def judged(
    values: Mapping[str, Mapping[tuple[str, int], float]], **options: Callable[..., Any] | Mapping[str, Any]
) -> list[pairs.Comparison]:
    """Comparisons of all pairs as one family, with the recipe as stratum."""
    return pairs.corrected(pairs.paired(values, stratum=lambda key: key[0], **options))  # type: ignore[arg-type]


def verdicts(margin: float | None = None, seeds: int = 5, **shifts: float) -> dict[tuple[str, str], Verdict]:
    values = {name: noisy(shift, seeds) for name, shift in shifts.items()}
    compared = judged(values, margin=lambda least: margin)
    return {(c.first, c.second): c.verdict for c in compared}


def test_compare_tells_clear_differences() -> None:
    assert verdicts(good=3, bad=0) == {("good", "bad"): Verdict.BETTER}
    assert verdicts(bad=0, good=3) == {("bad", "good"): Verdict.WORSE}
    assert verdicts(one=1.00, other=1.01) == {("one", "other"): Verdict.OPEN}


def test_compare_admits_too_few_pairs() -> None:
    assert verdicts(good=3, bad=0, seeds=2) == {("good", "bad"): Verdict.TOO_FEW}
    # Ten pairs could decide a single comparison, but not each of 45 after correction: .002 * 45 > .05.
    many = verdicts(**{f"s{i}": float(i) for i in range(10)})
    assert set(many.values()) == {Verdict.TOO_FEW}


def test_a_smaller_family_needs_less_correction() -> None:
    values = {f"s{i}": noisy(float(i), 5) for i in range(10)}
    compared = judged(values)
    family = pairs.corrected([c for c in compared if c.first == "s0"])
    assert [c.p_holm for c in family] == pytest.approx(list(statistics.holm([c.p for c in family])))
    assert {c.verdict for c in family} == {Verdict.WORSE}  # nine comparisons: .002 * 9 < .05


def test_compare_calls_small_what_is_within_the_margin() -> None:
    assert verdicts(margin=1.0, better=0.5, base=0) == {("better", "base"): Verdict.SMALL}


def test_what_the_rounding_of_a_mean_leaves_is_no_difference() -> None:
    """Two selectors choose alike, but only the results of one are averaged, over three selector seeds.

    The mean of three equal floats need not equal them.
    """
    accuracies = {("a", seed): 26.65 + 7.3 * seed for seed in range(12)}
    averaged = {key: value + (1 if key[1] % 3 else -1) * 4e-15 for key, value in accuracies.items()}
    (comparison,) = judged({"one": accuracies, "three": averaged})
    assert comparison.verdict is Verdict.SAME
    assert (comparison.differing, comparison.mean, comparison.p) == (0, 0, 1)
    better = {key: value + (0.5 if key[1] < 9 else 4e-15) for key, value in accuracies.items()}
    (comparison,) = judged({"one": better, "other": accuracies})
    assert (comparison.differing, comparison.above) == (9, 9)


def test_compare_uses_shared_checkpoints_only() -> None:
    full, part = noisy(1, 5), {("a", 0): 80.0, ("c", 9): 1.0}
    (comparison,) = judged({"full": full, "part": part})
    assert (comparison.n, comparison.differing) == (1, 1)
    assert comparison.median == full["a", 0] - 80
    assert judged({"full": full, "none": {}}) == []
    (same,) = judged({"x": full, "y": dict(full)})
    assert (same.verdict, same.differing, same.improvement) == (Verdict.SAME, 0, 0.5)


def test_a_comparison_mirrors() -> None:
    values = {"x": noisy(1, 6), "y": noisy(0, 6)}
    (forth,) = judged(values)
    (back,) = judged({"y": values["y"], "x": values["x"]})
    mirrored = forth.seen_from("y")
    assert (mirrored.verdict, mirrored.p_holm, mirrored.n) == (back.verdict, back.p_holm, back.n)
    assert mirrored.median == pytest.approx(back.median)
    assert mirrored.improvement == pytest.approx(back.improvement)
    assert (mirrored.above, mirrored.p_sign, mirrored.detectable) == (back.above, back.p_sign, back.detectable)
    assert mirrored.mean_interval is not None and back.mean_interval is not None
    assert mirrored.mean_interval.low < mirrored.mean < mirrored.mean_interval.high
    assert mirrored.mean_interval.low == pytest.approx(back.mean_interval.low)


def groups(seeds: int, margin: float | None = None, **shifts: float) -> list[list[str]]:
    values = {name: noisy(shift, seeds) for name, shift in shifts.items()}
    return pairs.tie_groups(list(shifts), judged(values, margin=lambda least: margin))


def test_tie_groups_leave_ties_open() -> None:
    assert groups(8, top=3.0, near=2.98, low=0) == [["top", "near"], ["low"]]
    assert groups(8, top=3.0, near=2.98, low=0.02, lowest=0) == [["top", "near"], ["low", "lowest"]]
    assert groups(8, margin=5.0, top=3.0, low=0) == [["top", "low"]]
    assert groups(2, top=3.0, low=0) == []  # too few seeds to tell


def test_the_leader_is_one_that_none_was_shown_better_than_whatever_the_order_of_names() -> None:
    values = {name: noisy(shift, 8) for name, shift in (("low", 0.0), ("near", 2.98), ("top", 3.0))}
    compared = judged(values)
    assert pairs.tie_groups(["low", "near", "top"], compared) == [["near", "top"], ["low"]]
    assert pairs.tie_groups(["low", "top", "near"], compared) == [["top", "near"], ["low"]]


def test_tie_groups_are_corrected_over_all_pairs() -> None:
    # Ten pairs could decide each of twelve comparisons with the best of 13 (.002 * 12 < .05), but not the 78 of all
    # pairs; the correction covers all pairs, because the best was found on the same data.
    assert groups(5, **{f"s{i:02}": 13.0 - i for i in range(13)}) == []
    found = groups(8, **{f"s{i:02}": 13.0 - i for i in range(13)})
    assert found == [[f"s{i:02}"] for i in range(13)]


def test_what_cannot_be_told_from_anything_leads_no_group() -> None:
    values = {name: noisy(shift, 3) for name, shift in (("good", 3.0), ("bad", 0.0))}
    values["shared"] = {(recipe, seed): 99.0 + seed for recipe in "ab" for seed in range(3)}
    compared = judged(values, draws={"shared": lambda key: key[1]})
    assert pairs.tie_groups(["shared", "good", "bad"], compared) == [["good"], ["bad"]]
    # Nor does it affect the others: it takes no part in the correction.
    (alone,) = (c for c in compared if "shared" not in (c.first, c.second))
    assert (alone.p_holm, alone.verdict) == (alone.p, Verdict.BETTER)
    assert {c.verdict for c in compared} == {Verdict.BETTER, Verdict.TOO_FEW}


def test_recipes_are_no_repetitions_of_a_seed() -> None:
    recipes = [f"r{i}" for i in range(21)]
    one = {(r, 0): 90.0 + i for i, r in enumerate(recipes)}
    (single,) = judged({"x": one, "y": {key: v - 1 for key, v in one.items()}})
    assert single.p < 0.001
    assert (single.verdict, single.n, single.sizes) == (Verdict.TOO_FEW, 21, (1,) * 21)
    two = {(r, s): 90.0 + i + s for i, r in enumerate(recipes) for s in range(2)}
    (double,) = judged({"x": two, "y": {key: v - 1 for key, v in two.items()}})
    assert double.verdict is Verdict.BETTER


def test_mean_and_median_of_two_signs_are_no_verdict() -> None:
    # Nearly always a little worse, but far better when the other one collapses.
    base = {("a", s): 90.0 for s in range(30)}
    other = {("a", s): 90.0 + (-0.5 if s < 18 else 20.0) for s in range(30)}
    for margin in (None, 1.0):
        (found,) = judged({"x": other, "y": base}, margin=lambda least, m=margin: m)
        assert found.p < 0.05
        assert found.mean > 0 > found.median
        assert found.verdict is Verdict.OPEN


def comparison_of(differences: dict[str, list[float]], margin: float | None = None) -> pairs.Comparison:
    """The comparison of x with y, given their differences in each recipe."""
    base = {(recipe, s): 0.0 for recipe, values in differences.items() for s in range(len(values))}
    other = {(recipe, s): value for recipe, values in differences.items() for s, value in enumerate(values)}
    (found,) = judged({"x": other, "y": base}, margin=lambda least: margin)
    return found


def test_a_median_of_nothing_is_no_verdict() -> None:
    for sign in (1, -1):
        found = comparison_of({"a": [sign * 1.0] * 14 + [0.0] * 16})
        assert (found.p, found.mean, found.median) == (2**-13, pytest.approx(sign * 14 / 30), 0)
        assert (found.verdict, found.decidable) == (Verdict.OPEN, True)


@pytest.mark.parametrize(
    ("differences", "verdict"),
    [
        ([0.5] * 10 + [20.0] * 2, Verdict.SMALL),  # mean 3.75, from two collapses of the other one
        ([2.0] * 20 + [-3.0] * 3, Verdict.BETTER),  # mean 1.35
        ([1.5] * 10, Verdict.SMALL),
        ([1.6] * 10, Verdict.BETTER),
        ([-1.6] * 10, Verdict.WORSE),
    ],
)
def test_the_margin_is_one_of_the_median(differences: list[float], verdict: Verdict) -> None:
    found = comparison_of({"a": differences}, margin=1.5)
    assert found.p_holm < 0.05
    assert found.verdict is verdict


def test_the_interval_is_one_of_what_is_tested() -> None:
    # Both won in one recipe, and none of six in the other: the test is of the mean of all eight.
    found = comparison_of({"a": [1.0, 1.5], "b": [-1.0, -2.0] * 3})
    assert (found.mean, found.improvement, found.n, found.sizes) == (pytest.approx(-6.5 / 8), 0.25, 8, (2, 6))
    assert found.mean_interval is not None
    assert (found.mean_interval.low + found.mean_interval.high) / 2 == pytest.approx(found.mean)
    # Equal within each recipe: the spread is unknown, however far the recipes lie apart.
    apart = comparison_of({"a": [1.0] * 3, "b": [-5.0] * 3})
    assert apart.mean_interval is None
    assert apart.improvement_interval is not None
    ends = apart.improvement_interval.low, apart.improvement_interval.high
    assert ends == pytest.approx((stats.beta.ppf(0.025, 3, 4), stats.beta.ppf(0.975, 4, 3)))


def test_the_sign_test_stands_beside_the_test_of_the_mean() -> None:
    """Eleven small gains and one collapse: the mean is not significant, the signs are."""
    found = comparison_of({"a": [0.5] * 11 + [-40.0]})
    assert (found.above, found.differing) == (11, 12)
    assert found.p > 0.5 and found.p_sign == pytest.approx(2 * 13 / 2**12)
    family = pairs.corrected([found, found, comparison_of({"a": [0.0, 0.0]})])
    assert [c.p_sign_holm for c in family] == pytest.approx([4 * 13 / 2**12, 4 * 13 / 2**12, 1])


@pytest.mark.parametrize(("seeds", "given"), [(6, False), (7, True)])
def test_few_results_of_which_one_collapsed_have_no_interval(seeds: int, given: bool) -> None:
    values = {"x": {("r", s): 90.0 + s for s in range(seeds)}, "y": {("r", s): 91.0 - s * s for s in range(seeds)}}

    def compared(fallen: tuple[str, tuple[str, int]]) -> pairs.Comparison:
        (found,) = judged(values, collapsed=lambda name, key: (name, key) == fallen)
        return found

    assert (compared(("y", ("r", 3))).mean_interval is not None) == given
    assert compared(("z", ("r", 3))).mean_interval is not None


def test_what_could_have_been_shown_stands_beside_what_was_not() -> None:
    (alone,) = judged({"x": noisy(0.01, 5), "y": noisy(0, 5)})
    differences = [noisy(0.01, 5)[key] - noisy(0, 5)[key] for key in noisy(0, 5)]
    assert alone.deviation == pytest.approx(np.std(differences, ddof=1))
    assert alone.detectable == statistics.detectable(alone.deviation, 10, 1)
    of_three = pairs.corrected([alone] * 3)[0].detectable
    assert of_three == statistics.detectable(alone.deviation, 10, 3)
    few = comparison_of({"a": [1.0, 2.0, 3.0]})
    assert few.verdict is Verdict.TOO_FEW and few.detectable is None and not few.judged


def test_the_margin_is_that_of_the_values_compared() -> None:
    values = {"high": {("r", s): 94.0 + s / 100 for s in range(12)}, "low": {("r", s): 92.0 for s in range(12)}}
    asked = []
    judged(values, margin=lambda least: asked.append(least))  # type: ignore[func-returns-value]
    assert asked == [92.0]


def test_a_share_of_all_or_nothing_has_an_exact_interval() -> None:
    (found,) = judged({"x": noisy(5, 5), "y": noisy(0, 5)})
    assert found.improvement == 1
    assert found.improvement_interval is not None
    # Clopper and Pearson for 10 of 10: 0.025 ** (1 / 10).
    assert found.improvement_interval.low == pytest.approx(0.025**0.1)
    assert found.improvement_interval.high == 1
    mirrored = found.seen_from("y").improvement_interval
    assert mirrored is not None
    assert (mirrored.low, mirrored.high) == pytest.approx((0, 1 - 0.025**0.1))
    (same,) = judged({"x": noisy(1, 5), "y": noisy(1, 5)})
    assert same.improvement_interval is None
    assert same.mean_interval is None


def test_one_draw_beside_many_recipes_is_one_observation() -> None:
    generator = np.random.default_rng(2)
    trained = {(recipe, seed): 90 + generator.normal() for recipe in "abcd" for seed in range(3)}
    draw = {seed: 95 + generator.normal() for seed in range(3)}
    shared = {(recipe, seed): draw[seed] for recipe in "abcd" for seed in range(3)}
    values = {"trained": trained, "shared": shared}

    def compared(**options: object) -> pairs.Comparison:
        (comparison,) = judged(values, **options)  # type: ignore[arg-type]
        return comparison

    naive, honest = compared(), compared(draws={"shared": lambda key: key[1]})
    assert (naive.n, naive.verdict) == (12, Verdict.WORSE)
    assert (honest.n, honest.verdict) == (3, Verdict.TOO_FEW)
    per_seed = [np.mean([trained[r, s] for r in "abcd"]) - draw[s] for s in range(3)]
    assert honest.median == pytest.approx(np.median(per_seed))
    assert [honest.p] == statistics.sign_flip_ps([per_seed])
