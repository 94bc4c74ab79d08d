"""The contest on one data set: methods and floors, compared on the checkpoints they share."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from nas_selection_bench.bench.yardsticks.comparisons import Comparison, corrected, tie_groups
from nas_selection_bench.bench.yardsticks.floors import ONE_ORDER, RANDOM, RANDOM_CHOICES
from nas_selection_bench.bench.yardsticks.statistics import TrialNoise
from nas_selection_bench.reports.data.founders import FOUNDERS, Level, level_of
from nas_selection_bench.reports.data.standings import Standing, most_settings_first

FLOORS = (*RANDOM_CHOICES, ONE_ORDER, "params")
"""Yardsticks that take part in the comparisons, as selectors that choose the same on every checkpoint.

Floors that choose the same architecture are compared once, under the name of the first. The RANDOM_CHOICES are
compared differently: the accuracy of a random architecture has a long tail of broken networks, so most random choices
lie above the mean, and a paired test against the mean would call a random choice better (about every fourth time,
simulated with nine checkpoints). In percentiles of the space a random choice is uniform, so methods are compared with
RANDOM_CHOICES by percentile, against the expected percentile.
"""

FLOOR = ONE_ORDER
"""The baseline of the headline, which every criterion is compared with: always 3x3 convolutions."""

BASELINES = {
    RANDOM: "a random architecture",
    "random-no-none-pool": "a random architecture of skip and convolutions",
    "random-conv": "a random architecture of convolutions",
    ONE_ORDER: "the constant order",
    "params": "the parameter count",
    "magnitude": "magnitude",
}
"""The baselines that every selector is compared with, and their names in sentences."""


def measure_of(comparison: Comparison) -> str:
    """The column of records.csv that is compared: `percentile` if one side is a random choice, else `test`."""
    return "test" if RANDOM_CHOICES.keys().isdisjoint((comparison.first, comparison.second)) else "percentile"


@dataclass(frozen=True)
class Contest:
    """All standings and comparisons on one data set."""

    dataset: str
    """The data set of the supernets that the choices were made on."""
    lookup: str
    """The data set whose test accuracies judge the choices: `dataset`, or another if the choices are transferred."""
    best: str
    """The method with the best mean among those that have values in the most settings."""
    leader: str | None
    """The leader of the first tie group; None if too few main forms are placeable (`judging.FEWEST_PLACED`)."""
    placeable: int
    """Number of main forms with enough seeds to be distinguished from some other main form."""
    standings: list[Standing]
    """Best mean first."""
    comparisons: list[Comparison]
    """The pairs of main forms, of drawn methods, of a method and a founding criterion, and of a method and a floor.
    Holm's correction runs over one family for the pairs of main forms, one for all other pairs of methods, and one
    per Level for each floor."""
    noise: TrialNoise | None
    """Trial noise of the whole space. The margin of a comparison is the trial noise among architectures at least as
    accurate as the lower of its two medians (`Truth.noise`)."""
    settings: int
    """Number of settings, i.e. of training recipes as the report names them, with results."""
    focus: list[str]
    """The methods that the figures draw, best mean first; all of them if they fit."""
    floors: dict[str, list[str]]
    """Floor that methods are compared with -> the other floors that choose the same architecture."""

    @property
    def drawn(self) -> list[Comparison]:
        """The comparisons of methods in focus with each other and with the floors."""
        return [c for c in self.comparisons if c.first in self.focus and c.second in {*self.focus, *self.floors}]

    @cached_property
    def founders(self) -> list[str]:
        """The founding criteria, best mean first; none if there are fewer than two, or if every method is one."""
        found = [standing.method for standing in self.standings if standing.method in FOUNDERS]
        return found if 1 < len(found) < len(self.standings) else []

    @cached_property
    def families(self) -> dict[Level, list[str]]:
        """Level -> the methods judged together, best mean first; only Levels with methods.

        The main forms include the founding criteria; if there are no other main forms, MAIN is absent.
        """
        names = {level: [s.method for s in self.standings if s.level is level] for level in Level}
        if names[Level.MAIN]:
            names[Level.MAIN] = [s.method for s in self.standings if s.level is not Level.EXPLORATORY]
        return {level: found for level, found in names.items() if found}

    @property
    def levels(self) -> list[Level]:
        """The families with members, the main forms first."""
        return sorted(self.families, key=lambda level: level is not Level.MAIN)

    def against(self, baseline: str, among: Collection[str] | None = None) -> list[Comparison]:
        """Every method against `baseline`, best mean first, each judged in its own family.

        With `among`, only those methods, judged as one family.
        """
        key = baseline, None if among is None else frozenset(among)
        if key not in self._judged:
            found = self._with(baseline)
            self._judged[key] = (
                self._by_family(found) if among is None else
                corrected([found[s.method] for s in self.standings if s.method in found and s.method in among])
            )  # fmt: skip
        return self._judged[key]

    def _with(self, baseline: str) -> dict[str, Comparison]:
        """Other name -> its comparison with `baseline`, seen from the other name."""
        others = ((c.second if c.first == baseline else c.first, c) for c in self.comparisons_of.get(baseline, ()))
        return {other: comparison.seen_from(other) for other, comparison in others}

    @cached_property
    def comparisons_of(self) -> dict[str, list[Comparison]]:
        """Name -> the comparisons that it takes part in."""
        found: dict[str, list[Comparison]] = {}
        for comparison in self.comparisons:
            found.setdefault(comparison.first, []).append(comparison)
            found.setdefault(comparison.second, []).append(comparison)
        return found

    @cached_property
    def _judged(self) -> dict[tuple[str, frozenset[str] | None], list[Comparison]]:
        """Cache of `against`. Not a dataclass field, so that a copy made with `replace` starts empty."""
        return {}

    def _by_family(self, found: Mapping[str, Comparison]) -> list[Comparison]:
        judged = {
            comparison.first: comparison
            for level in reversed(self.families)  # a founding criterion ends with the verdict of its own family
            for comparison in corrected([found[name] for name in self.families[level] if name in found])
        }
        return [judged[standing.method] for standing in self.standings if standing.method in judged]

    def among(self, names: Collection[str]) -> list[Comparison]:
        """The pairs within `names`, and those of `names` with the floors; Holm's correction over these alone."""
        return corrected([c for c in self.comparisons if c.first in names and c.second in {*names, *self.floors}])

    def of(self, method: str) -> Standing:
        """The standing of one method."""
        return next(standing for standing in self.standings if standing.method == method)

    @property
    def leaders(self) -> list[str]:
        """The leader's tie group: the methods that were not shown worse than the leader."""
        return [standing.method for standing in self.standings if standing.group == 0]

    @property
    def placed(self) -> list[str]:
        """The methods that are in some tie group."""
        return [standing.method for standing in self.standings if standing.group is not None]

    @cached_property
    def ranked(self) -> list[str]:
        """The main forms, which alone can be in tie groups, best mean first."""
        return [standing.method for standing in self.standings if standing.level is not Level.EXPLORATORY]

    @property
    def unplaced_above(self) -> list[Standing]:
        """The main forms in no tie group whose mean is above the leader's; none without a leader."""
        if self.leader is None:
            return []
        least = self.of(self.leader).mean
        return [s for s in self.standings if s.method in self.ranked and s.group is None and s.mean > least]

    @cached_property
    def founder_groups(self) -> list[list[str]]:
        """The tie groups of the founding criteria among themselves, the best first, each with its leader first."""
        pairs = [c for c in self.among(self.founders) if c.second not in self.floors]
        order = sorted(map(self.of, self.founders), key=most_settings_first)
        return tie_groups([standing.method for standing in order], pairs)

    @cached_property
    def family(self) -> str:
        """The number of pairs that Holm's correction over the main forms counts, in words."""
        return family_of([c for c in self.comparisons if main_pair(c) and c.second not in self.floors])


def family_of(comparisons: Sequence[Comparison]) -> str:
    """How many of `comparisons` Holm's correction counts, in words."""
    counted = sum(comparison.can_be_significant for comparison in comparisons)
    if len(comparisons) < 2:
        return "the only pair" if comparisons else "no pairs"
    if not counted:
        return f"none of the {len(comparisons)} pairs, each of which has too few seeds"
    if counted == len(comparisons):
        return "both pairs" if counted == 2 else f"all {counted} pairs"
    return f"the {counted} of {len(comparisons)} pairs with enough seeds"


def main_pair(comparison: Comparison) -> bool:
    """Whether both sides are main forms (neither is exploratory)."""
    return Level.EXPLORATORY not in (level_of(comparison.first), level_of(comparison.second))
