"""The stored coverage table agrees with the simulation, and the intervals have the promised coverage."""

import csv
from importlib.resources import files

import numpy as np
import pytest

from nas_selection_bench.reports.data import simulate_coverage as coverage
from nas_selection_bench.reports.data.simulate_coverage import COLLAPSES, MEAN, NORMAL, SHARE, SKEWED

Case = tuple[str, str, int, int]


def stored() -> dict[Case, tuple[float, float]]:
    with files("nas_selection_bench.reports.data").joinpath("coverage.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    return {
        (r["interval"], r["results"], int(r["recipes"]), int(r["seeds_per_recipe"])): (
            float(r["shown"]), float(r["covered"])
        )
        for r in rows
    }  # fmt: skip


def test_every_case_is_written_down() -> None:
    assert set(stored()) == set(coverage.cases())


def test_intervals_of_normal_results_keep_their_promise_with_the_fewest_seeds() -> None:
    normal = [(shown, covered) for (i, kind, *_), (shown, covered) in stored().items() if (i, kind) == (MEAN, NORMAL)]
    assert all(shown == 1 and covered == pytest.approx(0.95, abs=0.017) for shown, covered in normal)
    counts = [covered for (i, *_), (_, covered) in stored().items() if i == SHARE]
    assert min(counts) >= 0.95


def test_skewed_results_are_covered_less_and_better_with_more_seeds() -> None:
    table = stored()
    assert 0.8 < table[MEAN, SKEWED, 1, 5][1] < 0.92
    assert table[MEAN, SKEWED, 1, 5][1] < table[MEAN, SKEWED, 1, 20][1]


def test_few_seeds_of_which_one_collapsed_have_no_interval() -> None:
    table = stored()
    # No seed collapses with probability 0.85 ** 5; the interval is then one for the mean without collapses.
    assert table[MEAN, COLLAPSES, 1, 5][0] == pytest.approx(0.85**5, abs=0.04)
    assert table[MEAN, COLLAPSES, 1, 10][0] == table[MEAN, COLLAPSES, 3, 3][0] == 1


def test_a_case_simulated_again_agrees() -> None:
    shown, covered = coverage.coverage(MEAN, SKEWED, 3, 5, simulations=200)
    assert shown == 1
    assert covered == pytest.approx(stored()[MEAN, SKEWED, 3, 5][1], abs=0.06)


@pytest.mark.parametrize("kind", coverage.KINDS)
def test_invented_results_have_mean_zero(kind: str) -> None:
    values, fell = coverage.draw(kind, (4, 100_000), np.random.default_rng(0))
    assert values.mean() == pytest.approx(0, abs=0.03)
    assert fell.mean() == pytest.approx(coverage.CHANCE if kind == COLLAPSES else 0, abs=0.01)
