"""Strip figures: one row per method, one mark per selection, one panel per setting."""

from collections.abc import Callable, Collection, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from bench.problem.table import GroundTruth
from bench.yardsticks.floors import RETRAINING, Yardstick
from reports.data.results import ONE_DRAW
from reports.data.summary import Line, order_of_methods
from reports.figures.style import (
    INK,
    MARKERS,
    MUTED,
    PAPER,
    SERIES,
    accuracy_axis,
    drawing,
    stretched,
    without_clipping,
)

Place = Callable[[ArrayLike], NDArray[np.float64]]
"""From values to positions on the horizontal axis."""

WIDTH = 9.6
ROW = 0.2
PANELS_PER_ROW = 3
_BREAK = (float("nan"), float("nan"))


def _panels(settings: Sequence[str], rows: int) -> tuple[Figure, list[Axes]]:
    across = min(len(settings), PANELS_PER_ROW)
    down = -(-len(settings) // across)
    figure = Figure(figsize=(WIDTH if across > 1 else 7.0, down * (ROW * rows + 0.75)), layout="constrained")
    grid = figure.subplots(down, across, sharey=True, squeeze=False)
    axes = list(grid.flat)
    for spare in axes[len(settings) :]:
        spare.set_visible(False)
    return figure, axes[: len(settings)]


def _jitter(count: int) -> NDArray[np.float64]:
    """Vertical offsets that keep marks of one row apart, the same every time."""
    return np.linspace(-0.26, 0.26, count) if count > 1 else np.zeros(1)


def draw_rows(
    axes: Axes, rows: Sequence[tuple[float, Line]], place: Place, colour: str, marker: str, hollow: Collection[str] = ()
) -> None:
    """The marks of each line at its height, its mean as a tick and its interval as a bar; those of `hollow` empty."""
    means: list[tuple[float, float]] = []
    intervals: list[tuple[float, float]] = []
    for y, line in rows:
        values = [value for per_seed in line.values.values() for value in per_seed]
        empty = line.method in hollow
        drawn = axes.scatter(place(values), y + _jitter(len(values)), s=13, marker=marker, alpha=0.75, zorder=3,
                             linewidths=0.8 if empty else 0, facecolors=PAPER if empty else colour,
                             edgecolors=colour)  # fmt: skip
        drawn.set_gid(f"points={line.dataset}|{line.setting}|{line.method}")
        middle = float(place(line.mean))
        means += [(middle, y - 0.3), (middle, y + 0.3), _BREAK]
        interval = line.interval
        if interval is not None:
            low, high = place([interval.low, interval.high])
            intervals += [(float(low), y), (float(high), y), _BREAK]
    # One path for all ticks and one for all bars: a hundred paths would weigh as much as the marks.
    for points, width, order in ((intervals, 1.1, 2), (means, 1.6, 4)):
        if points:
            axes.plot(*np.array(points).T, color=INK, lw=width, zorder=order, solid_capstyle="butt")


def _join_pairs(axes: Axes, rows: dict[str, Line], order: Sequence[str], place: Place) -> None:
    """A faint line through all methods for each supernet seed: the selections that share a checkpoint."""
    for seed in sorted({seed for line in rows.values() for seed in line.values}):
        points = [
            (place(float(np.mean(rows[method].values[seed]))), y)
            for y, method in enumerate(order)
            if method in rows and seed in rows[method].values
        ]
        if len(points) > 1:
            (joined,) = axes.plot(*np.array(points, float).T, color=MUTED, lw=0.4, alpha=0.45, zorder=1)
            joined.set_gid(f"pair={seed}")


def _rows_and_labels(axes: Axes, labels: Sequence[str], methods: int) -> None:
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", lw=0.4)
    if methods < len(labels):
        axes.axhline(methods - 0.5, color=MUTED, lw=0.6)
        for label in axes.get_yticklabels()[methods:]:
            label.set_color(MUTED)


def _yardstick_rows(
    axes: Axes, sticks: Sequence[tuple[str, float]], first: int, place: Place, lines: Sequence[str]
) -> None:
    for y, (name, value) in enumerate(sticks, start=first):
        at = float(place(value))
        axes.scatter([at], [y], marker="d", s=22, facecolors=PAPER, edgecolors=INK, linewidths=0.9, zorder=3)
        if name in lines:
            axes.plot([at, at], [-0.6, y], color=MUTED, lw=0.8, ls=(0, (4, 3)), zorder=1)


def accuracy_figure(
    found: Sequence[Line],
    table: GroundTruth,
    dataset: str,
    settings: Sequence[str],
    sticks: Sequence[Yardstick],
    alike: Collection[str] = (),
) -> Figure:
    """Test accuracy of every selection on one data set; floors, ceilings and the optimum as diamonds.

    Methods in `alike` read no supernet: they are hollow, and not joined to what was selected on it.
    """
    here = [line for line in found if line.dataset == dataset]
    order = order_of_methods(here)
    optimum = float(table.accuracy(dataset).max())
    worst = max([optimum - line.low for line in here] + [stick.regret for stick in sticks])
    named = [(stick.name, stick.test) for stick in sticks]

    def place(values: ArrayLike) -> NDArray[np.float64]:
        return stretched(optimum - np.asarray(values, float))

    with drawing():
        present = [setting for setting in settings if any(line.setting == setting for line in here)]
        figure, panels = _panels(present, len(order) + len(named))
        for axes, setting in zip(panels, present, strict=True):
            index = settings.index(setting)
            rows = {line.method: line for line in here if line.setting == setting}
            labels = [method + ONE_DRAW if method in alike else method for method in order]
            _rows_and_labels(axes, [*labels, *(name for name, _ in named)], len(order))
            _join_pairs(axes, {name: line for name, line in rows.items() if name not in alike}, order, place)
            draw_rows(axes, [(order.index(method), line) for method, line in rows.items()], place, *look(index), alike)
            _yardstick_rows(axes, named, len(order), place, ("random", "optimum"))
            accuracy_axis(axes, optimum, worst, narrow=len(present) > 1)
            axes.set_title(setting)
            axes.grid(axis="x")
            without_clipping(axes)
        figure.supxlabel("test accuracy, % (points from the optimum)", fontsize=8, color=MUTED)
    return figure


def tau_figure(
    best: Sequence[Line],
    mean: Sequence[Line],
    dataset: str,
    settings: Sequence[str],
    sticks: Sequence[Yardstick],
    retraining: float | None,
) -> Figure:
    """Kendall's tau-b per method: marks against the oracle of best accuracies, the mean against the mean one hollow."""
    here = [line for line in best if line.dataset == dataset]
    order = order_of_methods(here)
    named = [(stick.name, stick.tau_best) for stick in sticks if stick.tau_best is not None and stick.name != "optimum"]
    if retraining is not None:
        named.append((RETRAINING, retraining))
    with drawing():
        present = [setting for setting in settings if any(line.setting == setting for line in here)]
        figure, panels = _panels(present, len(order) + len(named))
        for axes, setting in zip(panels, present, strict=True):
            colour, marker = look(settings.index(setting))
            _rows_and_labels(axes, [*order, *(name for name, _ in named)], len(order))
            rows = [(order.index(line.method), line) for line in here if line.setting == setting]
            draw_rows(axes, rows, _as_is, colour, marker)
            against_mean = [
                (line.mean, order.index(line.method))
                for line in mean
                if line.dataset == dataset and line.setting == setting and line.method in order
            ]
            axes.scatter(*columns_of(against_mean), s=26, marker=marker, facecolors=PAPER,
                         edgecolors=colour, linewidths=1.1, zorder=5)  # fmt: skip
            _yardstick_rows(axes, named, len(order), _as_is, (RETRAINING, "constant-order"))
            axes.axvline(0, color=MUTED, lw=0.6)
            axes.set_xlim(-1.02, 1.02)
            axes.set_title(setting)
            axes.grid(axis="x")
            without_clipping(axes)
        figure.supxlabel("Kendall's τ-b with the oracle, mean over the six edges", fontsize=8, color=MUTED)
    return figure


def columns_of(points: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    """Points as x values and y values."""
    return [x for x, _ in points], [y for _, y in points]


def _as_is(values: ArrayLike) -> NDArray[np.float64]:
    return np.asarray(values, float)


def look(index: int) -> tuple[str, str]:
    """Colour and marker of the setting number `index`, the same in all figures."""
    return SERIES[index % len(SERIES)], MARKERS[index % len(MARKERS)]
