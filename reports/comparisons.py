"""Who beats whom on one data set: methods and floors compared on the checkpoints they share."""

from dataclasses import dataclass

from bench.statistics import (
    Comparison,
    Interval,
    TrialNoise,
    bootstrap,
    compare,
    corrected,
    estimate,
    rank_ranges,
    trial_noise,
)
from bench.table import GroundTruth
from bench.yardsticks import Yardstick
from reports.results import Checkpoint, Results, per_checkpoint

FLOORS = ("random", "constant-order", "params")
"""Yardsticks that take part in the comparisons, as selectors that choose the same on every checkpoint."""


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
    """Checkpoints."""
    rank: tuple[int, int]
    """Best and worst rank among the methods that the comparisons leave open."""


@dataclass(frozen=True)
class Contest:
    """Everything that is compared on one data set."""

    dataset: str
    standings: list[Standing]
    """Best mean first."""
    comparisons: list[Comparison]
    """All pairs of methods, and of methods with FLOORS."""
    noise: TrialNoise | None
    settings: int

    def against(self, baseline: str) -> list[Comparison]:
        """Every method against one name, best method first; Holm's correction over these comparisons only."""
        found = {}
        for comparison in self.comparisons:
            if baseline in (comparison.first, comparison.second):
                other = comparison.second if comparison.first == baseline else comparison.first
                found[other] = comparison.seen_from(other)
        margin = None if self.noise is None else self.noise.margin
        return corrected([found[s.method] for s in self.standings if s.method in found], margin)

    @property
    def leaders(self) -> list[str]:
        """The methods that nothing was shown to beat."""
        return [standing.method for standing in self.standings if standing.rank[0] == 1]

    @property
    def can_tell(self) -> bool:
        """Whether at least one pair of methods has enough pairs to tell a difference."""
        methods = {standing.method for standing in self.standings}
        return any(
            c.verdict != "too few pairs to tell" and c.differing
            for c in self.comparisons
            if {c.first, c.second} <= methods
        )


def _by_setting(values: dict[Checkpoint, float]) -> list[list[float]]:
    groups: dict[str, list[float]] = {}
    for (setting, _), value in values.items():
        groups.setdefault(setting, []).append(value)
    return list(groups.values())


def contest(results: Results, table: GroundTruth, dataset: str, sticks: list[Yardstick]) -> Contest:
    """Test accuracy at the last checkpoint compared over all settings of `dataset`, paired by checkpoint."""
    values = per_checkpoint(results.final[results.final["dataset"] == dataset], "test")
    checkpoints = sorted({checkpoint for of_method in values.values() for checkpoint in of_method})
    floors = {stick.name: dict.fromkeys(checkpoints, stick.test) for stick in sticks if stick.name in FLOORS}
    trials = table.trials(dataset)
    noise = None if trials is None else trial_noise(trials)
    comparisons = compare(
        {**values, **floors}, stratum=lambda checkpoint: checkpoint[0], margin=None if noise is None else noise.margin
    )
    comparisons = [c for c in comparisons if c.first not in floors]
    methods = list(values)
    ranks = rank_ranges(methods, [c for c in comparisons if c.second not in floors])
    standings = [
        Standing(
            method, estimate(_by_setting(of_method)), bootstrap(_by_setting(of_method)), len(_by_setting(of_method)),
            len(of_method), ranks[method],
        )
        for method, of_method in values.items()
    ]  # fmt: skip
    standings.sort(key=lambda standing: (-standing.mean, standing.method))
    return Contest(dataset, standings, comparisons, noise, len({setting for setting, _ in checkpoints}))
