"""The small figure of a README: one point with its interval per criterion in its main form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nas_selection_bench.bench.yardsticks.intervals import Interval
from nas_selection_bench.reports.data.text import number
from nas_selection_bench.reports.figures.axes import AccuracyAxis
from nas_selection_bench.reports.figures.strips import ROW
from nas_selection_bench.reports.figures.svg import Drawing, width_of

WIDE, HEAD = 520.0, 30.0


@dataclass(frozen=True)
class Form:
    """One row of the figure: a criterion, its mean and interval, and the CSS class of its colour."""

    name: str
    mean: float
    interval: Interval | None
    css: str


def main_forms_figure(
    rows: Sequence[Form], floors: Mapping[str, float], optimum: float, worst: float, ticks: Sequence[float]
) -> Drawing:
    """The rows in the given order, `floors` (name -> accuracy) as dashed lines, and `ticks` on the axis below.

    `worst` is the largest distance from the optimum that the axis shows, in points; longer intervals are cut there.
    """
    left = max(width_of(row.name) for row in rows) + 60
    bottom = HEAD + ROW * len(rows)
    drawing = Drawing(left + WIDE + 20, bottom + 20)
    axis = AccuracyAxis(optimum, worst, left + 4, left + WIDE)
    for name, value in floors.items():
        drawing.line(axis(value), HEAD - 2, axis(value), bottom, "dashed")
        drawing.text(axis(value), 10, name, "small muted", "middle")
        drawing.text(axis(value), 21, number(value), "small muted", "middle")
    for tick in ticks:
        drawing.text(axis(tick), bottom + 13, f"{tick:g}", "small muted", "middle")
    for place, row in enumerate(rows):
        y = HEAD + ROW * (place + 0.5)
        drawing.text(left - 56, y + 4, row.name, anchor="end")
        drawing.text(left - 8, y + 4, number(row.mean), "muted", "end")
        with drawing.group(f"{row.css} marks"):
            if row.interval is not None:
                ends = (max(optimum - worst, row.interval.low), min(optimum, row.interval.high))
                drawing.line(axis(ends[0]), y, axis(ends[1]), y, "thick")
            drawing.mark(0, axis(row.mean), y, size=3.4)
    return drawing
