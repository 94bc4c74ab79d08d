"""Axes: the mapping from values to pixels, with ticks and labels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nas_selection_bench.reports.figures.svg import Drawing

REGRET_FLOOR = 0.1
"""Regret, in points, below which the accuracy axis stops stretching."""

AXIS_SAID = "The accuracy axis is stretched towards the best; in brackets, points below it."
"""The sentence of captions on the accuracy axis."""

AT_END = 4.0
"""A tick this close to an end of its axis, in pixels, counts as at the end."""

STEPS = (0, 0.1, 0.3, 1, 3, 10, 30, 90)
FEW_STEPS = (0, 0.5, 3, 10, 30, 90)
"""Distances from the optimum, in points, at which the accuracy axis has ticks; FEW_STEPS are for a narrow axis."""


def stretched(regret: ArrayLike) -> NDArray[np.float64]:
    """Position on the accuracy axis: minus the logarithm of the distance to the optimum + REGRET_FLOOR, in points."""
    return np.asarray(-np.log10(np.maximum(np.asarray(regret, float), 0.0) + REGRET_FLOOR))


@dataclass(frozen=True)
class Axis:
    """Maps numbers from `low` to `high` to pixels from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float
    ticks: Sequence[tuple[float, tuple[str, ...]]]
    """(number, lines of its label)."""

    def __call__(self, value: float) -> float:
        """The pixel of a number."""
        return self.start + (self.end - self.start) * (value - self.low) / (self.high - self.low)


@dataclass(frozen=True)
class AccuracyAxis:
    """Maps accuracies to pixels, stretched towards the optimum."""

    optimum: float
    worst: float
    """The largest distance from the optimum that has to fit, in points."""
    start: float
    end: float
    narrow: bool = False

    def __call__(self, accuracy: float) -> float:
        """The pixel of an accuracy."""
        low, high = float(stretched(self.worst * 1.15 + 0.02)), float(stretched(0)) + 0.06
        return self.start + (self.end - self.start) * (float(stretched(self.optimum - accuracy)) - low) / (high - low)

    @property
    def ticks(self) -> list[tuple[float, tuple[str, ...]]]:
        """Round distances from the optimum, labelled with the accuracy and the distance."""
        wanted = FEW_STEPS if self.narrow else STEPS
        steps = [step for step in wanted if step <= max(self.worst * 1.05, wanted[1])]
        # Below the optimum one decimal is enough, because the distance is exact.
        return [
            (self.optimum - step, (f"{self.optimum - step:.1f}", f"(−{step:g})") if step else
             (f"{self.optimum:.2f}", "(best)"))
            for step in steps
        ]  # fmt: skip


AnyAxis = Axis | AccuracyAxis


def draw_horizontal(drawing: Drawing, axis: AnyAxis, top: float, bottom: float) -> None:
    """Draw ticks as lines from top to bottom with labels below; labels at the ends stay inside, clear of neighbours."""
    drawing.lines([(axis(value), top, axis(value), bottom) for value, _ in axis.ticks], "rule")
    for value, names in axis.ticks:
        place = axis(value)
        anchor = "start" if place - axis.start < AT_END else "end" if axis.end - place < AT_END else "middle"
        for number, name in enumerate(names):
            drawing.text(place, bottom + 12 + 11 * number, name, "small muted", anchor)


def draw_vertical(drawing: Drawing, axis: AnyAxis, left: float, right: float, named: bool = True) -> None:
    """Draw ticks as lines from left to right, with labels on the left if `named`."""
    drawing.lines([(left, axis(value), right, axis(value)) for value, _ in axis.ticks], "rule")
    for value, names in axis.ticks if named else ():
        drawing.text(left - 4, axis(value) + 3, " ".join(names), "small muted", "end")
