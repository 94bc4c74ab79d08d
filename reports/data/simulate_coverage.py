"""How much the bootstrap intervals cover, simulated once.

Made by `python -m reports.data.simulate_coverage > reports/data/coverage.csv`.

The intervals promise 95 %. With few supernet seeds they keep less; the report says how much. Two kinds of
results: normal ones, and ones that fail now and then (a normal spread of 0.5 points, and with probability 0.15 a
collapse of 10 points), which is how selections on a benchmark behave.
"""

import sys

import numpy as np

from bench.yardsticks.statistics import LEVEL, bootstrap

SEEDS = (3, 5, 10, 20)
STRATA = (1, 3)
SIMULATIONS = 1_000
KINDS = ("normal", "with collapses")
_COLLAPSE, _SHARE = 10.0, 0.15


def draw(kind: str, shape: tuple[int, int], generator: np.random.Generator) -> np.ndarray:
    """Invented results of mean 0: [strata, seeds]."""
    values = 0.5 * generator.normal(size=shape)
    if kind == "with collapses":
        values -= _COLLAPSE * ((generator.random(shape) < _SHARE) - _SHARE)
    return values


def coverage(kind: str, strata: int, seeds: int, simulations: int = SIMULATIONS) -> float:
    """Share of simulated runs whose interval holds the true mean, 0."""
    generator = np.random.default_rng([KINDS.index(kind), strata, seeds])
    held = 0
    for _ in range(simulations):
        interval = bootstrap(list(draw(kind, (strata, seeds), generator)))
        held += interval is not None and interval.low <= 0 <= interval.high
    return held / simulations


def main() -> None:
    """Print the table as CSV."""
    print("results,recipes,seeds_per_recipe,promised,covered,simulations")
    for kind in KINDS:
        for strata in STRATA:
            for seeds in SEEDS:
                print(f"{kind},{strata},{seeds},{LEVEL},{coverage(kind, strata, seeds):.3f},{SIMULATIONS}")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
