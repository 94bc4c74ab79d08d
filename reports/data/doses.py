"""Dose-response: what criteria choose if one operation is given a fixed share on every edge of the supernet.

`blank[skip=0.6]` imposes the collapse that DARTS is known for, to a known degree, which shows up to which share a
criterion still finds a good architecture. Plain `blank` is the dose at which all operations weigh the same.
"""

import re
from dataclasses import dataclass

import pandas as pd

from nas_selection_bench.bench.problem.space import AVG_POOL, CONV_1X1, CONV_3X3, OPERATIONS, SKIP
from nas_selection_bench.reports.data.results import Results

IMPOSED = {"skip": SKIP, "conv_1x1": CONV_1X1, "conv_3x3": CONV_3X3, "avg_pool": AVG_POOL}
"""Option of `blank` -> the operation whose share it sets."""

EVEN = 1 / len(OPERATIONS)
"""The dose of plain `blank`, the same for every operation."""

HALF = 50.0
"""Mean percentile of a random architecture. Better suited than the mean accuracy of the space, which lies far below
its median."""

_NAME = re.compile(rf"blank\[({'|'.join(IMPOSED)})=([0-9.e-]+)\]")


@dataclass(frozen=True)
class Response:
    """The choices of one method at one dose."""

    method: str
    dose: float
    values: tuple[float, ...]
    """Values of the measure, one per supernet seed, each a mean over selector seeds."""

    @property
    def mean(self) -> float:
        """The mean over supernet seeds."""
        return sum(self.values) / len(self.values)

    @property
    def n(self) -> int:
        """The number of supernet seeds."""
        return len(self.values)


def dose(recipe: str) -> tuple[str, float] | None:
    """(option, share) of a recipe that imposes one; None for any other."""
    found = _NAME.fullmatch(recipe)
    return None if found is None else (found[1], float(found[2]))


def dosed_options(frame: pd.DataFrame) -> list[str]:
    """The options with two or more doses in the rows, `blank` counted as one; the option with the most doses first."""
    doses: dict[str, set[float]] = {}
    recipes = set(frame["recipe"])
    for recipe in sorted(recipes):
        if (known := dose(recipe)) is not None:
            doses.setdefault(known[0], {EVEN} if "blank" in recipes else set()).add(known[1])
    return sorted((option for option in doses if len(doses[option]) > 1), key=lambda option: -len(doses[option]))


def rows_with_doses(results: Results, dataset: str) -> pd.DataFrame:
    """The final rows of the criteria that read the supernet; the others make the same choice at every dose."""
    frame = results.final_of(dataset)
    return frame[~frame["method"].isin(results.checkpoint_free)]


def responses(frame: pd.DataFrame, option: str, measure: str = "test") -> list[Response]:
    """The response of each method at each dose of `option`, sorted by method and dose.

    `frame` holds the rows of one data set. Settings that also differ in preset, device or threads have responses of
    their own; what differs is appended to the method's name.
    """
    found = []
    for recipe in sorted(set(frame["recipe"])):
        known = (option, EVEN) if recipe == "blank" else dose(recipe)
        if known is None or known[0] != option:
            continue
        here = frame[frame["recipe"] == recipe]
        here = here.assign(method=here["method"] + here["setting"].str.removeprefix(recipe))
        per_seed = here.groupby(["method", "supernet_seed"], sort=True)[measure].mean().dropna()
        for method, values in per_seed.groupby(level="method", sort=True):
            found.append(Response(str(method), known[1], tuple(map(float, values))))
    return sorted(found, key=lambda response: (response.method, response.dose))


def holds_up_to(percentiles: list[Response], method: str) -> float | None:
    """The largest dose up to which every seed of a method is above HALF at every dose tried; None if at no dose."""
    held = None
    for response in sorted((r for r in percentiles if r.method == method), key=lambda r: r.dose):
        if min(response.values) <= HALF:
            break
        held = response.dose
    return held
