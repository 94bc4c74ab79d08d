"""One summary per method, setting and data set: mean, spread, interval and n, at the last checkpoint."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

import numpy as np

from nas_selection_bench.bench.yardsticks.comparisons import FEWEST_WITH_COLLAPSES
from nas_selection_bench.bench.yardsticks.intervals import Interval, mean_intervals
from nas_selection_bench.bench.yardsticks.statistics import VarianceComponents, variance_components
from nas_selection_bench.reports.data.results import Place, Results
from nas_selection_bench.reports.data.simulate_coverage import CHANCE, COLLAPSES, MEAN, NORMAL, SKEWED

ACCURACIES = ("test", "valid", "regret", "percentile", "gain")
"""Columns in which a collapsed choice is an outlier."""


@dataclass(frozen=True)
class Summary:
    """One measure of one method in one setting on one data set."""

    dataset: str
    setting: str
    method: str
    values: dict[int, list[float]]
    """Supernet seed -> one value per selector seed."""
    collapsed: int
    """Number of supernet seeds on which some choice is among the worst tenth of the space."""
    mean: float
    """Mean over supernet seeds of the means over selector seeds."""
    deviation: float | None
    """Standard deviation over supernet seeds (n - 1); None for one seed."""
    interval: Interval | None
    """Interval of the mean over supernet seeds; None if there are few seeds and some collapsed."""

    @property
    def n(self) -> int:
        """Number of supernet seeds."""
        return len(self.values)

    @property
    def selector_seeds(self) -> int:
        """Largest number of selector seeds on one supernet."""
        return max(map(len, self.values.values()))

    @property
    def low(self) -> float:
        """The lowest single value."""
        return min(map(min, self.values.values()))

    @property
    def high(self) -> float:
        """The highest single value."""
        return max(map(max, self.values.values()))

    @property
    def components(self) -> VarianceComponents | None:
        """The spread split into supernet seeds and selector seeds; None if no supernet has several selector seeds."""
        return variance_components(list(self.values.values())) if self.selector_seeds > 1 else None


def summaries(results: Results, column: str, bounds: Mapping[str, tuple[float, float]] | None = None) -> list[Summary]:
    """One summary per data set, setting and method with values of `column`; settings and methods sorted by name.

    Intervals are cut at `bounds`, by data set: values that the mean cannot leave.
    """
    values = results.final_in_order[column].tolist()
    found: dict[Place, dict[int, list[float]]] = {}
    collapsed: dict[Place, int] = {}
    for place, by_seed in results.final_places.items():
        there = {seed: [float(values[i]) for i in rows if values[i] == values[i]] for seed, rows in by_seed.items()}
        there = {seed: of_seed for seed, of_seed in there.items() if of_seed}
        if there:
            found[place] = there
            if column in ACCURACIES:
                collapsed[place] = len(results.fallen[place] & there.keys())
    return _summed(found, collapsed, bounds or {})


def _summed(
    found: dict[Place, dict[int, list[float]]], collapsed: dict[Place, int], bounds: Mapping[str, tuple[float, float]]
) -> list[Summary]:
    """The summary of each place, in order; places with the same number of supernet seeds are computed together."""
    per_supernet = {
        place: [values[0] if len(values) == 1 else float(np.mean(values)) for values in by_seed.values()]
        for place, by_seed in found.items()
    }
    summed: dict[Place, Summary] = {}
    for n in {len(means) for means in per_supernet.values()}:
        places = [place for place, means in per_supernet.items() if len(means) == n]
        rows = np.array([per_supernet[place] for place in places])
        means = rows.mean(axis=1).tolist()
        deviations = rows.std(axis=1, ddof=1).tolist() if n > 1 else [None] * len(places)
        for place, mean, deviation, interval in zip(places, means, deviations, mean_intervals(rows, [n]), strict=True):
            fell = collapsed.get(place, 0)
            shown = None if fell and n < FEWEST_WITH_COLLAPSES else interval
            if shown is not None and place[0] in bounds:
                shown = shown.within(*bounds[place[0]])
            summed[place] = Summary(*place, found[place], fell, mean, deviation, shown)
    return [summed[place] for place in found]


def written_coverage() -> list[dict[str, str]]:
    """The simulated coverage of the intervals (`reports.data.simulate_coverage`), one row per case."""
    with files("nas_selection_bench.reports.data").joinpath("coverage.csv").open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@dataclass(frozen=True)
class Promise:
    """Simulated coverage of a 95 % interval over some seeds of one recipe, as shares; from the nearest case."""

    seeds: int
    """Number of seeds of the nearest simulated case."""
    normal: float
    skewed: float
    collapses: float | None
    """Coverage for results with collapses, over the runs that show an interval; None if no run shows one."""
    shown: float
    """Share of the runs for results with collapses that show an interval."""


def promise_of(seeds: int) -> Promise:
    """The simulated case with the nearest number of seeds on the same side of FEWEST_WITH_COLLAPSES.

    Of two equally near cases, the one with fewer seeds.
    """
    rows = [row for row in written_coverage() if row["recipes"] == "1" and row["interval"] == MEAN]
    simulated = sorted({int(row["seeds_per_recipe"]) for row in rows})
    alike = [n for n in simulated if (n < FEWEST_WITH_COLLAPSES) == (seeds < FEWEST_WITH_COLLAPSES)]
    nearest = min(alike, key=lambda n: abs(n - seeds))
    of = {row["results"]: row for row in rows if row["seeds_per_recipe"] == str(nearest)}
    collapses = of[COLLAPSES]["covered"]
    return Promise(
        nearest, float(of[NORMAL]["covered"]), float(of[SKEWED]["covered"]), float(collapses) if collapses else None,
        float(of[COLLAPSES]["shown"]),
    )  # fmt: skip


def promise(seeds: int) -> str:
    """A sentence on the simulated coverage of a 95 % interval with this many seeds; empty for a single seed."""
    if seeds < 2:
        return ""
    found = promise_of(seeds)
    said = (
        f"With {found.seeds} seeds, such an interval contained the true mean in {100 * found.normal:.0f} % of simulated"
        f" runs, and in {100 * found.skewed:.0f} % if results were skewed"
    )
    if found.shown < 1:
        return f"{said}; none is drawn if some seeds collapsed."
    collapsing = f"in {100 * (found.collapses or 0):.0f} % if {100 * CHANCE:.0f} % of results collapse"
    return f"{said}; {collapsing}, so look at the marks then."


def order_of_methods(found: Sequence[Summary]) -> list[str]:
    """Methods by their mean over settings, best first; ties by name."""
    means: dict[str, list[float]] = {}
    for summary in found:
        means.setdefault(summary.method, []).append(summary.mean)
    return sorted(means, key=lambda method: (-float(np.mean(means[method])), method))
