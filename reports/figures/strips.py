"""Strip figures: one row per method, one mark per selection, one panel per setting."""

from collections.abc import Callable, Collection, Iterator, Sequence

import numpy as np

from nas_selection_bench.bench.yardsticks.floors import ONE_ORDER, RANDOM, RETRAINING, Yardstick
from nas_selection_bench.reports.data.results import ONE_DRAW
from nas_selection_bench.reports.data.summary import Summary, order_of_methods
from nas_selection_bench.reports.data.text import number
from nas_selection_bench.reports.figures.axes import AccuracyAxis, AnyAxis, Axis, draw_horizontal
from nas_selection_bench.reports.figures.svg import SERIES, SHAPES, Drawing, width_of

WIDTH = 1080.0
ROW = 15.0
PANELS_PER_ROW = 3
PANEL_HEAD, PANEL_FOOT, GAP = 18.0, 34.0, 14.0
ROOM = 330.0
"""Largest width of a panel in pixels, if three stand side by side; fewer may be wider."""


def _jitter(count: int) -> list[float]:
    """Vertical offsets, in rows, that keep the marks of one row apart; the same on every call."""
    return list(np.linspace(-0.26, 0.26, count)) if count > 1 else [0.0]


Height = Callable[[float], float]
"""Maps a row to the y coordinate of its middle, in pixels."""


class Strips:
    """Panels, one per setting, whose rows share their names on the left."""

    def __init__(self, settings: Sequence[str], names: Sequence[str], methods: int):
        """`names` are those of all rows: the first `methods` of them are methods, the others yardsticks."""
        self.settings, self.names, self.methods = settings, names, methods
        self.across = max(1, min(len(settings), PANELS_PER_ROW))
        self.left = max(map(width_of, names), default=0.0) + 8
        self.room = min(ROOM * (3 / self.across) ** 0.5, (WIDTH - self.left) / self.across - GAP)
        self.tall = PANEL_HEAD + ROW * len(names) + PANEL_FOOT
        bands = -(-len(settings) // self.across)
        self.drawing = Drawing(self.left + self.across * (self.room + GAP), bands * self.tall)

    def panels(
        self, axis: Callable[[float, float], AnyAxis]
    ) -> Iterator[tuple[str, AnyAxis, Callable[[float], float]]]:
        """Draw the panels; yields each setting with the axis of its panel and its Height function."""
        for index, setting in enumerate(self.settings):
            band, column = divmod(index, self.across)
            start, top = self.left + column * (self.room + GAP), band * self.tall + PANEL_HEAD
            bottom = top + ROW * len(self.names)
            here = axis(start + 4, start + self.room)
            self.drawing.text(start, top - 6, setting, "strong")
            draw_horizontal(self.drawing, here, top, bottom)
            if column == 0:
                for row, name in enumerate(self.names):
                    css = "" if row < self.methods else "muted"
                    self.drawing.text(self.left - 6, top + ROW * row + 11, name, css, "end")
            if self.methods < len(self.names):
                line = top + ROW * self.methods
                self.drawing.line(start, line, start + self.room, line, "muted")

            def height(row: float, top: float = top) -> float:
                return top + ROW * (row + 0.5)

            yield setting, here, height

    def rows(
        self, rows: Sequence[tuple[int, Summary]], axis: AnyAxis, height: Height, css: str, shape: int,
        hollow: Collection[str] = (),
    ) -> None:  # fmt: skip
        """Draw the marks of each line in its row, its mean as a tick and its interval as a bar.

        The marks of methods in `hollow` are not filled.
        """
        bars, ticks = [], []
        for row, line in rows:
            values = [value for per_seed in line.values.values() for value in per_seed]
            if line.interval is not None:
                bars.append((axis(line.interval.low), height(row), axis(line.interval.high), height(row)))
            ticks.append((axis(line.mean), height(row - 0.36), axis(line.mean), height(row + 0.36)))
            look = f"{css} {'hollow' if line.method in hollow else 'marks'}"
            with self.drawing.group(look, points=f"{line.dataset}|{line.setting}|{line.method}"):
                for value, offset in zip(values, _jitter(len(values)), strict=True):
                    self.drawing.mark(shape, axis(value), height(row + offset), size=2.6)
        self.drawing.lines(bars, "bar")
        self.drawing.lines(ticks, "tick")

    def yardsticks(
        self, yardsticks: Sequence[tuple[str, float]], axis: AnyAxis, height: Height, lines: Sequence[str]
    ) -> None:
        """Draw yardsticks as diamonds below the methods; those in `lines` also as a dashed line through all rows."""
        for row, (name, value) in enumerate(yardsticks, start=self.methods):
            if name in lines:
                self.drawing.line(axis(value), height(-0.5), axis(value), height(row), "dashed")
            self.drawing.mark(3, axis(value), height(row), "hollow", 4, f"{name}: {number(value)}")

    def pairs(self, rows: dict[str, Summary], order: Sequence[str], axis: AnyAxis, height: Height) -> None:
        """Draw a faint line per supernet seed, which joins the selections that share a checkpoint."""
        for seed in sorted({seed for line in rows.values() for seed in line.values}):
            points = [
                (axis(float(np.mean(rows[method].values[seed]))), height(y))
                for y, method in enumerate(order)
                if method in rows and seed in rows[method].values
            ]
            if len(points) > 1:
                self.drawing.polyline(points, "pair")


def accuracy_figure(
    found: Sequence[Summary],
    optimum: float,
    dataset: str,
    settings: Sequence[str],
    yardsticks: Sequence[Yardstick],
    checkpoint_free: Collection[str] = (),
) -> Drawing:
    """Test accuracy of every selection on one data set; floors, ceilings and the optimum as diamonds.

    Methods in `checkpoint_free` read no supernet: their marks are hollow and not joined to the selections made on it.
    """
    here = [line for line in found if line.dataset == dataset]
    order = order_of_methods(here)
    worst = max([optimum - line.low for line in here] + [yardstick.regret for yardstick in yardsticks])
    named = [(yardstick.name, yardstick.test) for yardstick in yardsticks]
    labels = [method + ONE_DRAW if method in checkpoint_free else method for method in order]
    present = [setting for setting in settings if any(line.setting == setting for line in here)]
    strips = Strips(present, [*labels, *(name for name, _ in named)], len(order))
    for setting, axis, height in strips.panels(
        lambda start, end: AccuracyAxis(optimum, worst, start, end, narrow=len(present) > 1)
    ):
        rows = {line.method: line for line in here if line.setting == setting}
        strips.pairs({name: line for name, line in rows.items() if name not in checkpoint_free}, order, axis, height)
        strips.yardsticks(named, axis, height, (RANDOM, "optimum"))
        placed = [(order.index(method), line) for method, line in rows.items()]
        strips.rows(placed, axis, height, *look(settings.index(setting)), checkpoint_free)
    return strips.drawing


TAU_TICKS = tuple((value, (number(value, 1),)) for value in (-1.0, -0.5, 0.0, 0.5, 1.0))


def tau_figure(
    best: Sequence[Summary],
    mean: Sequence[Summary],
    dataset: str,
    settings: Sequence[str],
    yardsticks: Sequence[Yardstick],
    retraining: float | None,
) -> Drawing:
    """Kendall's tau-b per method: marks for the oracle of best accuracies, a hollow mark for the mean tau-b with the
    oracle of mean accuracies."""
    here = [line for line in best if line.dataset == dataset]
    order = order_of_methods(here)
    named = [
        (yardstick.name, yardstick.tau_best)
        for yardstick in yardsticks
        if yardstick.tau_best is not None and yardstick.name != "optimum"
    ]
    if retraining is not None:
        named.append((RETRAINING, retraining))
    present = [setting for setting in settings if any(line.setting == setting for line in here)]
    strips = Strips(present, [*order, *(name for name, _ in named)], len(order))
    for setting, axis, height in strips.panels(lambda start, end: Axis(-1.02, 1.02, start, end, TAU_TICKS)):
        css, shape = look(settings.index(setting))
        strips.yardsticks(named, axis, height, (RETRAINING, ONE_ORDER))
        rows = [(order.index(line.method), line) for line in here if line.setting == setting]
        strips.rows(rows, axis, height, css, shape)
        with strips.drawing.group(css):
            for line in mean:
                if line.dataset == dataset and line.setting == setting and line.method in order:
                    tip = f"{line.method} on {setting}: mean τ with the mean oracle {number(line.mean)}"
                    strips.drawing.mark(
                        shape, axis(line.mean), height(order.index(line.method)), "hollow", 3.4, tip
                    )  # fmt: skip
    return strips.drawing


def look(index: int) -> tuple[str, int]:
    """CSS classes and shape of series number `index`, the same in all figures; repeated colours have dashed lines."""
    return f"s{index % SERIES}" + (" again" if index >= SERIES else ""), index % SHAPES
