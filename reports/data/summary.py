"""One line per method, setting and data set: mean, spread, interval and n, at the last checkpoint."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files

import numpy as np

from bench.yardsticks.statistics import ROUGH_BELOW, Interval, VarianceComponents, bootstrap, variance_components
from reports.data.results import Results


@dataclass(frozen=True)
class Line:
    """What one method did in one setting on one data set, for one measure."""

    dataset: str
    setting: str
    method: str
    values: dict[int, list[float]]
    """Supernet seed -> one value per selector seed."""

    @property
    def per_supernet(self) -> list[float]:
        """Mean over selector seeds, one per supernet seed."""
        return [float(np.mean(values)) for values in self.values.values()]

    @property
    def n(self) -> int:
        """Supernet seeds."""
        return len(self.values)

    @property
    def selector_seeds(self) -> int:
        """Most selector seeds on one supernet."""
        return max(len(values) for values in self.values.values())

    @property
    def mean(self) -> float:
        """Mean over supernet seeds of the means over selector seeds."""
        return float(np.mean(self.per_supernet))

    @property
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
        """Bootstrap interval of the mean over supernet seeds."""
        return bootstrap([self.per_supernet])

    @cached_property
    def components(self) -> VarianceComponents | None:
        """The spread split into supernet seeds and selector seeds, where both vary."""
        return variance_components(list(self.values.values()))


def lines(results: Results, column: str) -> list[Line]:
    """One line per data set, setting and method that has values of `column`; methods in alphabetical order."""
    order = ["setting", "method", "supernet_seed", "selector_seed"]
    ordered = results.final[["dataset", *order, column]].dropna(subset=column).sort_values(order, kind="stable")
    found: dict[tuple[str, str, str], dict[int, list[float]]] = {}
    for dataset, setting, method, seed, _, value in ordered.itertuples(index=False):
        found.setdefault((dataset, setting, method), {}).setdefault(int(seed), []).append(float(value))
    place = {name: number for number, name in enumerate(results.datasets)}
    return [Line(*key, values) for key, values in sorted(found.items(), key=lambda item: place[item[0][0]])]


def written_coverage() -> list[dict[str, str]]:
    """The simulated coverage of the intervals (`reports.data.simulate_coverage`), one row per case."""
    with files("reports.data").joinpath("coverage.csv").open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def promise(seeds: int) -> str:
    """What a 95 % interval over so many seeds of one recipe really covers, by the nearest simulated case."""
    if seeds < 2:
        return ""
    rows = [row for row in written_coverage() if row["recipes"] == "1"]
    simulated = sorted(int(row["seeds_per_recipe"]) for row in rows)
    nearest = min(simulated, key=lambda n: abs(n - seeds))
    covered = {
        r["results"]: f"{100 * float(r['covered']):.0f} %" for r in rows if r["seeds_per_recipe"] == str(nearest)
    }
    rough = "It is rough: over" if seeds < ROUGH_BELOW else "Over"
    return (
        f"{rough} {nearest} seeds such an interval held the truth in {covered['normal']} of simulated runs, in"
        f" {covered['with collapses']} where results collapse now and then. Read the marks."
    )


def order_of_methods(found: Sequence[Line]) -> list[str]:
    """Methods by their mean over settings, best first; equal ones by name."""
    means: dict[str, list[float]] = {}
    for line in found:
        means.setdefault(line.method, []).append(line.mean)
    return sorted(means, key=lambda method: (-float(np.mean(means[method])), method))
