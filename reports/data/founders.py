"""Families of selectors, fixed before the results (families.csv); p values are corrected within each family.

Every added selector adds comparisons, and correcting for them makes every verdict harder to reach. Three families keep
the comparisons that the benchmark was made for separate: the criteria of the founding papers, with the controls that
separate what those papers mix; every criterion in its main form, the founding ones included; and combinations of
proxies and schemes, of which there can be any number and whose verdicts are exploratory.
"""

import csv
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files


class Level(StrEnum):
    """A family of selectors that is judged on its own."""

    FOUNDING = "founding"
    """The criteria of DARTS, DARTS-PT, OStr-DARTS and Zero-Cost-PT, and the controls that separate what they mix."""
    MAIN = "main"
    """Every criterion in its main form, the founding ones among them."""
    EXPLORATORY = "exploratory"
    """Combinations of proxies and schemes, and selectors with options."""


CALLED = {
    Level.FOUNDING: ("founding criterion", "founding criteria"),
    Level.MAIN: ("main form", "main forms"),
    Level.EXPLORATORY: ("exploratory variant", "exploratory variants"),
}
"""Singular and plural of what a member of each family is called; the controls count as founding criteria."""


def called(level: Level, number: int) -> str:
    """`1 main form`, `27 main forms`."""
    return f"{number} {CALLED[level][number != 1]}"


def _read() -> dict[Level, tuple[str, ...]]:
    with files("nas_selection_bench.reports.data").joinpath("families.csv").open(encoding="utf-8") as stream:
        rows = [(Level(row["family"]), row["selector"]) for row in csv.DictReader(stream)]
    return {level: tuple(name for of, name in rows if of is level) for level in Level}


_PATTERNS = _read()
FOUNDERS = _PATTERNS[Level.FOUNDING]
"""The founding criteria, including the controls."""

GROUPS = {
    "founders": ",".join(_PATTERNS[Level.FOUNDING]),
    "main": ",".join((*_PATTERNS[Level.FOUNDING], *_PATTERNS[Level.MAIN])),
}
"""Group name that `--selectors` accepts -> the criteria that it stands for, separated by commas."""


@cache
def level_of(method: str) -> Level:
    """The family that a method is judged in; MAIN for a criterion that families.csv does not name."""
    selector = method.partition(" ")[0]
    for level in Level:
        if any(fnmatchcase(selector, pattern) for pattern in _PATTERNS[level]):
            return level
    return Level.MAIN
