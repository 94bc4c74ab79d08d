"""Simulated coverage of the report's confidence intervals; the result is stored in coverage.csv.

Made by `python -m nas_selection_bench.reports.data.simulate_coverage > reports/data/coverage.csv`.

The intervals promise 95 %; the report says what they achieve. Three kinds of results are simulated, all of mean 0:
normal, skewed, and with collapses (normal, and with probability 0.15 lower by 10 points), which is how selections on a
benchmark behave. If there are few seeds and some collapsed, the report gives no interval of the mean. `shown` is the
share of runs with an interval, and `covered` is the share of those that hold the truth. A run with few seeds and no
collapse does get an interval, though it describes only results that did not collapse. The share of collapses has an
interval of its own.
"""

import sys
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from nas_selection_bench.bench.yardsticks.comparisons import FEWEST_WITH_COLLAPSES
from nas_selection_bench.bench.yardsticks.intervals import LEVEL, Interval, mean_interval, share_interval

SEEDS = (3, 5, 6, 10, 13, 20)
STRATA = (1, 3)
SIMULATIONS = 2_000
NORMAL, SKEWED, COLLAPSES = KINDS = ("normal", "skewed", "with collapses")
MEAN, SHARE = "mean (Welch's t)", "share of collapses (Clopper and Pearson)"
HEADER = "interval,results,recipes,seeds_per_recipe,promised,shown,covered,simulations"
SPREAD, COLLAPSE, CHANCE = 0.5, 10.0, 0.15
"""Spread of the results, how far a collapsed one lies below, both in points, and how often one collapses."""

Values = NDArray[np.float64]


def draw(kind: str, shape: tuple[int, int], generator: np.random.Generator) -> tuple[Values, NDArray[np.bool_]]:
    """Simulated results of mean 0, [strata, seeds], and which of them collapsed."""
    if kind == SKEWED:
        return SPREAD * (1 - generator.exponential(size=shape)), np.zeros(shape, dtype=bool)
    values = SPREAD * generator.normal(size=shape)
    fell = np.zeros(shape, dtype=bool)
    if kind == COLLAPSES:
        fell = generator.random(shape) < CHANCE
        values -= COLLAPSE * (fell - CHANCE)
    return values, fell


def _given(interval: str, values: Values, fell: NDArray[np.bool_]) -> Interval | None:
    """The interval as reports give it; None if they give none."""
    if interval == SHARE:
        return share_interval(float(fell.sum()), fell.size)
    if fell.any() and values.size < FEWEST_WITH_COLLAPSES:
        return None
    return mean_interval(list(values))


def coverage(
    interval: str, kind: str, strata: int, seeds: int, simulations: int = SIMULATIONS
) -> tuple[float, float | None]:
    """Share of simulated runs with an interval, and share of those whose interval holds the truth (None if no run)."""
    generator = np.random.default_rng([KINDS.index(kind), strata, seeds])
    truth = CHANCE if interval == SHARE else 0.0
    given = (_given(interval, *draw(kind, (strata, seeds), generator)) for _ in range(simulations))
    held = [found.low <= truth <= found.high for found in given if found is not None]
    return len(held) / simulations, float(np.mean(held)) if held else None


def cases() -> Iterator[tuple[str, str, int, int]]:
    """(interval, kind of results, recipes, seeds per recipe) of every row of the table."""
    for strata in STRATA:
        for seeds in SEEDS:
            yield from ((MEAN, kind, strata, seeds) for kind in KINDS)
            yield SHARE, COLLAPSES, strata, seeds


def main() -> None:
    """Print the table as CSV."""
    print(HEADER)
    for interval, kind, strata, seeds in sorted(cases(), key=lambda case: (case[0], KINDS.index(case[1]), case[2:])):
        shown, covered = coverage(interval, kind, strata, seeds)
        kept = "" if covered is None else f"{covered:.3f}"
        print(f"{interval},{kind},{strata},{seeds},{LEVEL},{shown:.3f},{kept},{SIMULATIONS}")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
