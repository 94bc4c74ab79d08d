"""The written coverage table is what the simulation gives."""

import csv
from importlib.resources import files

import numpy as np
import pytest

from reports.data import simulate_coverage as coverage


def stored() -> dict[tuple[str, int, int], float]:
    with files("reports.data").joinpath("coverage.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    return {(r["results"], int(r["recipes"]), int(r["seeds_per_recipe"])): float(r["covered"]) for r in rows}


def test_every_case_is_written_down() -> None:
    assert set(stored()) == {(k, s, n) for k in coverage.KINDS for s in coverage.STRATA for n in coverage.SEEDS}


def test_intervals_of_few_seeds_cover_less_than_they_promise() -> None:
    table = stored()
    assert table["normal", 1, 3] < 0.9
    assert table["normal", 3, 20] == pytest.approx(0.95, abs=0.025)
    assert table["with collapses", 1, 3] < table["normal", 1, 3]


def test_a_case_simulated_again_agrees() -> None:
    again = coverage.coverage("normal", 3, 5, simulations=200)
    assert again == pytest.approx(stored()["normal", 3, 5], abs=0.06)


def test_invented_results_have_mean_zero() -> None:
    values = coverage.draw("with collapses", (4, 100_000), np.random.default_rng(0))
    assert values.mean() == pytest.approx(0, abs=0.03)
