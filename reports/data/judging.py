"""Judging the choices on one data set: pairing with each other and with the floors, correction, tie groups."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pandas as pd

from nas_selection_bench.bench.yardsticks.comparisons import Comparison, corrected, paired, tie_groups
from nas_selection_bench.bench.yardsticks.floors import RANDOM_CHOICES, Yardstick
from nas_selection_bench.bench.yardsticks.truth import Truth
from nas_selection_bench.reports.data.contests import FLOORS, Contest, main_pair
from nas_selection_bench.reports.data.founders import FOUNDERS, Level, level_of
from nas_selection_bench.reports.data.in_figures import focus
from nas_selection_bench.reports.data.results import COLLAPSED, Checkpoint, Results, per_checkpoint
from nas_selection_bench.reports.data.standings import most_settings_first, standing_of

FEWEST_PLACED = 0.5
"""Share of the main forms with enough seeds to be distinguished from some other one that is required for a leader.

Below it, tie groups would reward having the most results: among a hundred selectors with five seeds and ten with six,
the correction over all pairs allows only those ten to be placed.
"""


def _seed(checkpoint: Checkpoint) -> int:
    return checkpoint[1]


def judged_apart(comparisons: Iterable[Comparison], floors: Collection[str]) -> list[Comparison]:
    """Holm's correction within each family: pairs of main forms, all other pairs, each Level against each floor."""
    families: dict[object, list[Comparison]] = {}
    for c in comparisons:
        key = (c.second, level_of(c.first)) if c.second in floors else main_pair(c)
        families.setdefault(key, []).append(c)
    return [c for family in families.values() for c in corrected(family)]


def looked_up(frame: pd.DataFrame, truth: Truth) -> pd.DataFrame:
    """The selections in `frame`, with `test` and `percentile` replaced by those on the data set of `truth`."""
    places = np.array([truth.table.position(text) for text in frame["architecture"]], dtype=np.int64)
    test = truth.test[places]
    below = np.searchsorted(np.sort(truth.test), test, side="left")
    return frame.assign(test=test, percentile=100 * below / len(truth.test))


def contest(results: Results, truth: Truth, dataset: str, yardsticks: list[Yardstick]) -> Contest:
    """The contest of the choices at the last checkpoint, over all settings of `dataset`, paired by checkpoint.

    `truth` and `yardsticks` are those of the data set that judges the choices. If it is not `dataset`, methods are
    compared with the floors only.
    """
    frame = results.final_of(dataset)
    transferred = truth.dataset != dataset
    if transferred:
        frame = looked_up(frame, truth)
    values, percentiles = per_checkpoint(frame, "test"), per_checkpoint(frame, "percentile")
    lowest = per_checkpoint(frame, "percentile", "min")  # a mean over selector seeds would hide a collapse
    checkpoints = sorted({checkpoint for of_method in values.values() for checkpoint in of_method})
    floors_found = floors_with_duplicates(yardsticks)
    of_stick = {yardstick.name: yardstick for yardstick in yardsticks}
    fixed = [name for name in floors_found if name not in RANDOM_CHOICES]
    floors = {name: dict.fromkeys(checkpoints, of_stick[name].test) for name in fixed}
    duplicates = results.duplicates(dataset, list(values))

    def fell(name: str, checkpoint: Checkpoint) -> bool:
        return name in lowest and lowest[name].get(checkpoint, COLLAPSED) < COLLAPSED

    def margin(least: float) -> float | None:
        noise = truth.noise(least)
        return None if noise is None else noise.margin

    def compared(
        values: dict[str, dict[Checkpoint, float]], pairs: Iterable[tuple[str, str]], in_points: bool
    ) -> list[Comparison]:
        return paired(
            values,
            stratum=lambda checkpoint: checkpoint[0],
            margin=margin if in_points else lambda least: None,
            draws=dict.fromkeys(results.checkpoint_free, _seed),
            pairs=pairs,
            collapsed=fell,
            known=results.store.agreements,
        )

    # Only the pairs that the report shows: of main forms, with a founding criterion, and of drawn methods.
    main = {name for name in values if level_of(name) is not Level.EXPLORATORY}
    drafts = [
        standing_of(method, of_method, lowest[method], method in results.checkpoint_free, (truth.worst, truth.best))
        for method, of_method in values.items()
    ]
    drafts.sort(key=lambda standing: (-standing.mean, standing.method))
    shown = focus([standing.method for standing in drafts], duplicates)
    pairs = [
        (first, second)
        for first, second in combinations(values, 2)
        if {first, second} <= main or {first, second} <= {*shown} or not {*FOUNDERS}.isdisjoint((first, second))
    ]
    if transferred:
        pairs = []
    comparisons = compared({**values, **floors}, [*pairs, *product(values, fixed)], True)
    drawn = {name: dict.fromkeys(checkpoints, of_stick[name].percentile) for name in floors_found if name not in fixed}
    comparisons += compared({**percentiles, **drawn}, product(values, drawn), False)
    comparisons = judged_apart(comparisons, floors_found)
    order = [s.method for s in sorted(drafts, key=most_settings_first) if s.level is not Level.EXPLORATORY]
    groups = tie_groups(order, [c for c in comparisons if c.second not in floors_found and main_pair(c)])
    placeable = sum(map(len, groups))
    if placeable < FEWEST_PLACED * len(order):
        groups = []
    group_of = {name: place for place, group in enumerate(groups) for name in group}
    standings = [replace(standing, group=group_of.get(standing.method)) for standing in drafts]
    return Contest(
        dataset=dataset,
        lookup=truth.dataset,
        best=min(drafts, key=most_settings_first).method,
        leader=groups[0][0] if groups else None,
        placeable=placeable,
        standings=standings,
        comparisons=comparisons,
        noise=truth.noise(),
        settings=len({setting for setting, _ in checkpoints}),
        focus=shown,
        floors=floors_found,
    )


def floors_with_duplicates(yardsticks: Sequence[Yardstick]) -> dict[str, list[str]]:
    """Each of FLOORS -> the later ones that choose the same architecture, which have no entry of their own."""
    chosen: dict[object, str] = {}
    floors_found: dict[str, list[str]] = {}
    for yardstick in (yardstick for name in FLOORS for yardstick in yardsticks if yardstick.name == name):
        first = chosen.setdefault(yardstick.architecture or yardstick.name, yardstick.name)
        if first == yardstick.name:
            floors_found[first] = []
        else:
            floors_found[first].append(yardstick.name)
    return floors_found
