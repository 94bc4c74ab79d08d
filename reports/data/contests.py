"""Who beats whom on one data set: methods and floors compared on the checkpoints they share."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations

from bench.problem.table import GroundTruth
from bench.yardsticks.comparisons import Comparison, compare, corrected, tie_groups
from bench.yardsticks.floors import Yardstick
from bench.yardsticks.statistics import Interval, TrialNoise, bootstrap, estimate, trial_noise
from reports.data.factors import FACTORS
from reports.data.founders import PRIMARY
from reports.data.in_figures import focus
from reports.data.results import Checkpoint, Results, per_checkpoint

RANDOM = "random"
FLOORS = (RANDOM, "constant-order", "params")
"""Yardsticks that take part in the comparisons, as selectors that choose the same on every checkpoint.

Of those that choose the same architecture, the first speaks for all. A random choice is the exception: its accuracy
has a long tail of broken networks, so that most choices lie above its mean and a paired test against the mean would
call a criterion that draws lots better (about every fourth time, simulated with nine checkpoints). In percentiles of
the space a random choice is uniform; against RANDOM, what is compared is the percentile with that of its expectation.
"""

FEWEST_PLACED = 0.5
"""Share of the selectors that must be told from some other one before any of them is said to lead.

With less, a place goes to who has the most results: among a hundred selectors with five seeds and ten with six, the
correction over all pairs lets nobody but those ten be placed.
"""

BASELINES = {
    RANDOM: "a random architecture (in percentiles)",
    "constant-order": "the constant order of operations",
    "params": "the parameter count",
    "magnitude": "magnitude",
}
"""What every selector is held against, and how sentences call it."""


def measure_of(comparison: Comparison) -> str:
    """The column of records.csv that is compared: `percentile` against a random choice, else `test`."""
    return "percentile" if RANDOM in (comparison.first, comparison.second) else "test"


@dataclass(frozen=True)
class Standing:
    """One method over all settings of a data set."""

    method: str
    mean: float
    """Mean over settings of the mean over supernet seeds."""
    interval: Interval | None
    settings: int
    """Settings in which the method has a value."""
    n: int
    """Checkpoints; supernet seeds for a method that reads nothing of them."""
    group: int | None
    """Tie group, 0 = the leader's; None without groups, or where the method cannot be told from any other."""


@dataclass(frozen=True)
class Contest:
    """Everything that is compared on one data set."""

    dataset: str
    best: str
    """The method with the best mean among those that have values in the most settings."""
    leader: str | None
    """The best of those that could have been told from some other one; None where they are less than FEWEST_PLACED."""
    placeable: int
    """The methods that could have been told from some other one."""
    standings: list[Standing]
    """Best mean first."""
    comparisons: list[Comparison]
    """All pairs of methods, and of methods with the floors."""
    noise: TrialNoise | None
    settings: int
    focus: list[str]
    """The methods that are drawn, best mean first: all of them where they are not too many."""
    floors: dict[str, list[str]]
    """The floors that are compared with, and for each those that choose the same architecture."""

    @property
    def drawn(self) -> list[Comparison]:
        """The comparisons among the methods in focus, and of those with FLOORS."""
        return [c for c in self.comparisons if c.first in self.focus and c.second in {*self.focus, *self.floors}]

    @cached_property
    def primary(self) -> list[str]:
        """The PRIMARY methods, best mean first, where they are some among others; else none, all being one family."""
        found = [standing.method for standing in self.standings if standing.method in PRIMARY]
        return found if 1 < len(found) < len(self.standings) else []

    def against(self, baseline: str, among: Collection[str] | None = None) -> list[Comparison]:
        """Every method (or those in `among`) against one name, best first; Holm's correction over these alone."""
        found = {}
        for comparison in self.comparisons:
            if baseline in (comparison.first, comparison.second):
                other = comparison.second if comparison.first == baseline else comparison.first
                found[other] = comparison.seen_from(other)
        members = [s.method for s in self.standings if s.method in found and (among is None or s.method in among)]
        return corrected([found[method] for method in members])

    def among(self, names: Collection[str]) -> list[Comparison]:
        """All pairs of `names`, and of these with the floors; Holm's correction over these alone."""
        return corrected([c for c in self.comparisons if c.first in names and c.second in {*names, *self.floors}])

    def of(self, method: str) -> Standing:
        """Where one method stands."""
        return next(standing for standing in self.standings if standing.method == method)

    @property
    def leaders(self) -> list[str]:
        """The leader's tie group: the methods that were not shown worse than the leader."""
        return [standing.method for standing in self.standings if standing.group == 0]

    @property
    def placed(self) -> list[str]:
        """The methods that are in some tie group."""
        return [standing.method for standing in self.standings if standing.group is not None]

    @property
    def unplaced_above(self) -> list[Standing]:
        """Methods in no tie group whose mean is above the leader's."""
        if self.leader is None:
            return []
        return [s for s in self.standings if s.group is None and s.mean > self.of(self.leader).mean]

    @cached_property
    def primary_groups(self) -> list[list[str]]:
        """The tie groups of the PRIMARY methods among themselves, the best first, each with its leader first."""
        pairs = [c for c in self.among(self.primary) if c.second not in self.floors]
        order = sorted(map(self.of, self.primary), key=_most_settings_first)
        return tie_groups([standing.method for standing in order], pairs)

    @property
    def family(self) -> str:
        """What verdicts over all pairs are corrected over, in words."""
        return family_of(self.comparisons)


def family_of(comparisons: Sequence[Comparison]) -> str:
    """What Holm's correction counts of `comparisons`, in words."""
    counted = sum(comparison.hopeful for comparison in comparisons)
    if counted == len(comparisons):
        return f"all {counted} pairs"
    if not counted:
        return f"none of {len(comparisons)} pairs, since too few seeds stand behind each"
    return f"the {counted} of {len(comparisons)} pairs that enough seeds stand behind"


def _most_settings_first(standing: Standing) -> tuple[int, float, str]:
    """By mean, but those with values in fewer settings last: their means are over other supernets."""
    return -standing.settings, -standing.mean, standing.method


def _by_setting(values: dict[Checkpoint, float]) -> list[list[float]]:
    groups: dict[str, list[float]] = {}
    for (setting, _), value in values.items():
        groups.setdefault(setting, []).append(value)
    return list(groups.values())


def _seed(checkpoint: Checkpoint) -> int:
    return checkpoint[1]


def contest(results: Results, table: GroundTruth, dataset: str, sticks: list[Yardstick]) -> Contest:
    """The choices at the last checkpoint compared over all settings of `dataset`, paired by checkpoint."""
    frame = results.final_of(dataset)
    values = per_checkpoint(frame, "test")
    checkpoints = sorted({checkpoint for of_method in values.values() for checkpoint in of_method})
    twins = _twins(sticks)
    floors = {s.name: dict.fromkeys(checkpoints, s.test) for s in sticks if s.name in twins and s.name != RANDOM}
    trials = table.trials(dataset)
    noise = None if trials is None else trial_noise(trials)
    clones = results.clones(dataset, list(values))
    drawn = {*focus(list(values), clones), *floors}

    named = {factor.pair for factor in FACTORS} | {frozenset(pair) for pair in combinations(PRIMARY, 2)}

    def compared(values: dict[str, dict[Checkpoint, float]], margin: float | None) -> list[Comparison]:
        return compare(
            values,
            stratum=lambda checkpoint: checkpoint[0],
            margin=margin,
            alike=dict.fromkeys(results.alike, _seed),
            with_intervals=lambda *pair: pair[1] in twins or frozenset(pair) in named or set(pair) <= drawn,
            pairs=[pair for pair in combinations(values, 2) if pair[0] not in twins],
        )

    comparisons = compared({**values, **floors}, None if noise is None else noise.margin)
    if RANDOM in twins:
        (expected,) = (stick.percentile for stick in sticks if stick.name == RANDOM)
        chance = dict.fromkeys(checkpoints, expected)
        for method, percentiles in per_checkpoint(frame, "percentile").items():
            comparisons += compared({method: percentiles, RANDOM: chance}, None)
    comparisons = corrected(comparisons)
    drafts = [_standing(method, of_method, method in results.alike) for method, of_method in values.items()]
    order = [standing.method for standing in sorted(drafts, key=_most_settings_first)]
    among = [c for c in comparisons if c.second not in floors]
    groups = tie_groups(order, among)
    placeable = sum(map(len, groups))
    if placeable < FEWEST_PLACED * len(order):
        groups = []
    group_of = {name: place for place, group in enumerate(groups) for name in group}
    standings = [replace(standing, group=group_of.get(standing.method)) for standing in drafts]
    standings.sort(key=lambda standing: (-standing.mean, standing.method))
    shown = focus([standing.method for standing in standings], clones)
    recipes = len({setting for setting, _ in checkpoints})
    leader = groups[0][0] if groups else None
    return Contest(dataset, order[0], leader, placeable, standings, comparisons, noise, recipes, shown, twins)


def _twins(sticks: Sequence[Yardstick]) -> dict[str, list[str]]:
    """The FLOORS, each with those that choose the same architecture, of which the first speaks for all."""
    chosen: dict[object, str] = {}
    twins: dict[str, list[str]] = {}
    for stick in (stick for name in FLOORS for stick in sticks if stick.name == name):
        first = chosen.setdefault(stick.architecture or stick.name, stick.name)
        if first == stick.name:
            twins[first] = []
        else:
            twins[first].append(stick.name)
    return twins


def _standing(method: str, values: dict[Checkpoint, float], alike: bool) -> Standing:
    groups = _by_setting(values)
    draws = groups
    if alike:  # one result per seed, however many recipes it stands beside
        draws = [list({seed: value for (_, seed), value in values.items()}.values())]
    return Standing(method, estimate(groups), bootstrap(draws), len(groups), sum(map(len, draws)), None)
