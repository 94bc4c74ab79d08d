"""One line per method, setting and data set: mean, spread, interval and n, at the last checkpoint."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files

import numpy as np

from nas_selection_bench.bench.yardsticks.comparisons import FEWEST_WITH_COLLAPSES
from nas_selection_bench.bench.yardsticks.statistics import (
    Interval,
    VarianceComponents,
    mean_interval,
    mean_intervals,
    share_interval,
    variance_components,
)
from nas_selection_bench.reports.data.results import COLLAPSED, Results
from nas_selection_bench.reports.data.simulate_coverage import COLLAPSES, MEAN, NORMAL, SKEWED

ACCURACIES = ("test", "valid", "regret", "percentile", "gain")
"""Columns that a collapse takes far from all others."""


@dataclass(frozen=True)
class Line:
    """What one method did in one setting on one data set, for one measure."""

    dataset: str
    setting: str
    method: str
    values: dict[int, list[float]]
    """Supernet seed -> one value per selector seed."""
    collapsed: int = 0
    """Supernet seeds on which some choice is among the worst tenth of the space."""

    @cached_property
    def per_supernet(self) -> list[float]:
        """Mean over selector seeds, one per supernet seed."""
        return [values[0] if len(values) == 1 else float(np.mean(values)) for values in self.values.values()]

    @property
    def n(self) -> int:
        """Supernet seeds."""
        return len(self.values)

    @property
    def selector_seeds(self) -> int:
        """Most selector seeds on one supernet."""
        return max(len(values) for values in self.values.values())

    @cached_property
    def mean(self) -> float:
        """Mean over supernet seeds of the means over selector seeds."""
        return float(np.mean(self.per_supernet))

    @cached_property
    def deviation(self) -> float | None:
        """Standard deviation over supernet seeds (n - 1); None for one seed."""
        return float(np.std(self.per_supernet, ddof=1)) if self.n > 1 else None

    @property
    def low(self) -> float:
        """The lowest single value."""
        return min(min(values) for values in self.values.values())

    @property
    def high(self) -> float:
        """The highest single value."""
        return max(max(values) for values in self.values.values())

    @cached_property
    def interval(self) -> Interval | None:
        """Of the mean over supernet seeds; none where there are few and some collapsed."""
        return None if self.uncertain else mean_interval([self.per_supernet])

    @property
    def uncertain(self) -> bool:
        """Whether some seeds collapsed and too few are there to say how often that happens."""
        return bool(self.collapsed) and self.n < FEWEST_WITH_COLLAPSES

    @property
    def collapses(self) -> Interval | None:
        """Clopper and Pearson's interval of the probability that a seed collapses."""
        return share_interval(self.collapsed, self.n)

    @cached_property
    def components(self) -> VarianceComponents | None:
        """The spread split into supernet seeds and selector seeds, where both vary."""
        return variance_components(list(self.values.values()))


def lines(results: Results, column: str) -> list[Line]:
    """One line per data set, setting and method that has values of `column`; methods in alphabetical order."""
    order = ["setting", "method", "supernet_seed", "selector_seed"]
    columns = list(dict.fromkeys([*order, column, "percentile"]))
    ordered = results.final[["dataset", *columns]].dropna(subset=column).sort_values(order, kind="stable")
    keys = zip(ordered["dataset"], ordered["setting"], ordered["method"], strict=True)
    found: dict[tuple[str, str, str], dict[int, list[float]]] = {}
    fallen: dict[tuple[str, str, str], set[int]] = {}
    for key, seed, value, percentile in zip(
        keys, ordered["supernet_seed"], ordered[column], ordered["percentile"], strict=True
    ):
        found.setdefault(key, {}).setdefault(int(seed), []).append(float(value))
        if percentile < COLLAPSED and column in ACCURACIES:
            fallen.setdefault(key, set()).add(int(seed))
    place = {name: number for number, name in enumerate(results.datasets)}
    summed = [
        Line(*key, values, len(fallen.get(key, ())))
        for key, values in sorted(found.items(), key=lambda item: place[item[0][0]])
    ]
    _compute_together(summed)
    return summed


def _compute_together(found: list[Line]) -> None:
    """The properties of many lines that take long one by one, in arrays of those with equally many seeds."""
    for n in {line.n for line in found}:
        alike = [line for line in found if line.n == n]
        rows = np.array([line.per_supernet for line in alike])
        means = rows.mean(axis=1).tolist()
        deviations = rows.std(axis=1, ddof=1).tolist() if n > 1 else [None] * len(alike)
        for line, mean, deviation, interval in zip(alike, means, deviations, mean_intervals(rows, [n]), strict=True):
            # What a cached property holds once it was asked for.
            vars(line).update(mean=mean, deviation=deviation, interval=None if line.uncertain else interval)


def written_coverage() -> list[dict[str, str]]:
    """The simulated coverage of the intervals (`reports.data.simulate_coverage`), one row per case."""
    with files("nas_selection_bench.reports.data").joinpath("coverage.csv").open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@dataclass(frozen=True)
class Promise:
    """What a 95 % interval over some seeds of one recipe covers, by the nearest simulated case; shares."""

    seeds: int
    """Of the nearest simulated case."""
    normal: float
    skewed: float
    collapses: float | None
    """Of the runs that show an interval; None where hardly any does."""
    shown: float
    """Runs with collapses that show an interval."""


def promise_of(seeds: int) -> Promise:
    """The nearest simulated case, of fewer seeds where two are as near."""
    rows = [row for row in written_coverage() if row["recipes"] == "1" and row["interval"] == MEAN]
    nearest = min(sorted({int(row["seeds_per_recipe"]) for row in rows}), key=lambda n: abs(n - seeds))
    of = {row["results"]: row for row in rows if row["seeds_per_recipe"] == str(nearest)}
    collapses = of[COLLAPSES]["covered"]
    return Promise(
        nearest, float(of[NORMAL]["covered"]), float(of[SKEWED]["covered"]), float(collapses) if collapses else None,
        float(of[COLLAPSES]["shown"]),
    )  # fmt: skip


def promise(seeds: int) -> str:
    """A sentence on the simulated coverage of a 95 % interval with this many seeds; none for a single seed."""
    if seeds < 2:
        return ""
    found = promise_of(seeds)
    said = (
        f"With {found.seeds} seeds such an interval held the truth in {100 * found.normal:.0f} % of simulated runs, in"
        f" {100 * found.skewed:.0f} % of those with skewed results"
    )
    if found.shown < 1:
        return f"{said}; where some seeds collapsed there is none, and none says how often they would."
    return f"{said}, in {100 * (found.collapses or 0):.0f} % where some collapse: read the marks."


def order_of_methods(found: Sequence[Line]) -> list[str]:
    """Methods by their mean over settings, best first; equal ones by name."""
    means: dict[str, list[float]] = {}
    for line in found:
        means.setdefault(line.method, []).append(line.mean)
    return sorted(means, key=lambda method: (-float(np.mean(means[method])), method))
