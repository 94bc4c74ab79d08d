"""Families of comparisons, fixed before results: families.csv, corrected apart.

Whoever adds selectors adds comparisons, and the correction for them makes every verdict harder to reach. Three levels
keep what the benchmark was made for judged among itself: the criteria of the papers that founded the question, with the
controls that separate what those mix; every criterion in its main form, those included; and combinations of proxies
and schemes, of which there can be any number, and whose verdicts are exploratory.
"""

import csv
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files


class Level(StrEnum):
    """A family of selectors that is judged by itself."""

    FOUNDING = "founding"
    """The criteria of DARTS, DARTS-PT, OStr-DARTS and Zero-Cost-PT, and the controls that separate what they mix."""
    MAIN = "main"
    """Every criterion in its main form, the founding ones among them."""
    EXPLORATORY = "exploratory"
    """Proxies x schemes, and selectors with options."""


CALLED = {
    Level.FOUNDING: ("founding criterion", "founding criteria"),
    Level.MAIN: ("main form", "main forms"),
    Level.EXPLORATORY: ("exploratory variant", "exploratory variants"),
}
"""What one, and what several, of a family are called; the controls count among the founding criteria."""


def called(level: Level, number: int) -> str:
    """`1 main form`, `27 main forms`."""
    return f"{number} {CALLED[level][number != 1]}"


def _read() -> dict[Level, tuple[str, ...]]:
    with files("nas_selection_bench.reports.data").joinpath("families.csv").open(encoding="utf-8") as stream:
        rows = [(Level(row["family"]), row["selector"]) for row in csv.DictReader(stream)]
    return {level: tuple(name for of, name in rows if of is level) for level in Level}


_PATTERNS = _read()
PRIMARY = _PATTERNS[Level.FOUNDING]
"""The founding criteria."""

GROUPS = {
    "founders": ",".join(_PATTERNS[Level.FOUNDING]),
    "main": ",".join((*_PATTERNS[Level.FOUNDING], *_PATTERNS[Level.MAIN])),
}
"""What `--selectors` takes for several criteria, and the criteria."""


@cache
def level_of(method: str) -> Level:
    """The family that a method is judged in; a criterion that the file does not name is one in its main form."""
    selector = method.partition(" ")[0]
    for level in Level:
        if any(fnmatchcase(selector, pattern) for pattern in _PATTERNS[level]):
            return level
    return Level.MAIN
