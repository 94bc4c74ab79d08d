"""The standing of one method on a data set: its mean over recipes, the interval, and how often it collapsed."""

import math
from dataclasses import dataclass

from nas_selection_bench.bench.yardsticks.comparisons import FEWEST_WITH_COLLAPSES
from nas_selection_bench.bench.yardsticks.intervals import Interval, mean_interval, mean_of_strata, share_interval
from nas_selection_bench.reports.data.founders import Level, level_of
from nas_selection_bench.reports.data.results import COLLAPSED, Checkpoint


@dataclass(frozen=True)
class Standing:
    """One method over all settings of a data set."""

    method: str
    mean: float
    """Mean over settings of the mean over supernet seeds; mean over draws for a method that reads no supernet."""
    interval: Interval | None
    settings: int
    """Settings in which the method has a value."""
    n: int
    """Number of checkpoints; of supernet seeds for a method that does not read the checkpoint."""
    group: int | None
    """Tie group, 0 = the leader's; None without groups, or if the method cannot be distinguished from any other."""
    level: Level
    """The family that the method is judged in."""
    collapsed: int = 0
    """How many of the n have some choice among the worst tenth of the space."""

    @property
    def collapses(self) -> Interval | None:
        """Clopper and Pearson's interval of the probability of a collapse."""
        return share_interval(self.collapsed, self.n)


def most_settings_first(standing: Standing) -> tuple[int, float, str]:
    """Sort key: methods with values in most settings first, then by mean, then by name.

    A mean over fewer settings is over other supernets, so it does not compare.
    """
    return -standing.settings, -standing.mean, standing.method


def _by_setting(values: dict[Checkpoint, float]) -> list[list[float]]:
    groups: dict[str, list[float]] = {}
    for (setting, _), value in values.items():
        groups.setdefault(setting, []).append(value)
    return list(groups.values())


def standing_of(
    method: str, values: dict[Checkpoint, float], lowest: dict[Checkpoint, float], checkpoint_free: bool,
    bounds: tuple[float, float] = (-math.inf, math.inf),
) -> Standing:  # fmt: skip
    """The standing of a method, from its test accuracies and lowest percentiles by checkpoint, without a tie group.

    `checkpoint_free` says that the method does not read the checkpoint, so that all recipes share one result per seed.
    The interval is cut at `bounds`, the accuracies of the worst and the best architecture.
    """
    groups = _by_setting(values)
    draws = groups
    fallen = {c[1] if checkpoint_free else c for c in values if lowest[c] < COLLAPSED}
    if checkpoint_free:  # one result per seed, however many recipes share it
        draws = [list({seed: value for (_, seed), value in values.items()}.values())]
    n = sum(map(len, draws))
    interval = None if fallen and n < FEWEST_WITH_COLLAPSES else mean_interval(draws)
    interval = interval and interval.within(*bounds)
    return Standing(
        method, mean_of_strata(draws), interval, len(groups), n, None, level_of(method), collapsed=len(fallen)
    )
