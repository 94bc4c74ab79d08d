"""The dose-response figure: test accuracy against the share that one operation was given in the supernet."""

from collections.abc import Mapping, Sequence

import numpy as np

from nas_selection_bench.reports.data.doses import Response
from nas_selection_bench.reports.data.text import number
from nas_selection_bench.reports.figures.axes import AccuracyAxis, Axis, draw_horizontal, draw_vertical
from nas_selection_bench.reports.figures.strips import look
from nas_selection_bench.reports.figures.svg import Drawing, NotDrawn, width_of

LEFT, LINE = 90.0, 13.0
"""Pixels; LINE is the smallest distance between labels beside the figure."""
SIZE, SMALL = (620.0, 430.0), (370.0, 300.0)
"""Width and height of the plotting area in pixels; SMALL is for places with little room."""


def dose_figure(
    found: Sequence[Response], optimum: float, called: str, floors: Mapping[str, float],
    size: tuple[float, float] = SIZE,
) -> Drawing:  # fmt: skip
    """One line per method through its means, a small mark per seed; `floors` (name -> accuracy) as dashed lines.

    Methods with the same values at every dose share a line. Raises NotDrawn if no method has two doses.
    """
    wide, tall = size
    by_method: dict[str, list[Response]] = {}
    for response in found:
        by_method.setdefault(response.method, []).append(response)
    alike: dict[tuple[tuple[float, tuple[float, ...]], ...], list[str]] = {}
    for method, own in by_method.items():
        if len(own) > 1:
            alike.setdefault(tuple((r.dose, r.values) for r in own), []).append(method)
    if not alike:
        raise NotDrawn("no method was applied at two doses")
    lines = sorted(alike.items(), key=lambda item: -float(np.mean(item[0][-1][1])))
    worst = optimum - min(min(v for points, _ in lines for _, values in points for v in values), *floors.values())
    doses = sorted({response.dose for response in found})
    margin = 0.03 * (doses[-1] - doses[0])
    names = [", ".join(methods) for _, methods in lines]
    drawing = Drawing(LEFT + wide + 40 + max(map(width_of, names)), tall + 44)
    ticks = [(dose, (f"{dose:g}",)) for dose in doses]
    x = Axis(doses[0] - margin, doses[-1] + margin, LEFT, LEFT + wide, ticks)
    y = AccuracyAxis(optimum, worst, tall, 8)
    draw_vertical(drawing, y, LEFT, LEFT + wide)
    draw_horizontal(drawing, x, 8, tall)
    said = f"share of {called} on every edge of the supernet"
    drawing.text(LEFT + wide / 2, tall + 30, said, "muted", "middle")
    for value in floors.values():
        drawing.line(LEFT, y(value), LEFT + wide, y(value), "dashed")
    below = -LINE
    for place, ((points, methods), name) in enumerate(zip(lines, names, strict=True)):
        css, shape = look(place)
        means = [(dose, float(np.mean(values))) for dose, values in points]
        with drawing.group(css, series=methods[0]):
            drawing.polyline([(x(dose), y(mean)) for dose, mean in means], "thick")
            with drawing.group("marks"):
                for dose, values in points:
                    for value in values:
                        drawing.mark(0, x(dose), y(value), size=1.6, tip=f"{name} at {dose:g}: {number(value)} %")
                for dose, mean in means:
                    drawing.mark(shape, x(dose), y(mean), size=3.4, tip=f"{name} at {dose:g}: mean {number(mean)} %")
            below = max(y(means[-1][1]), below + LINE)
            drawing.line(x(means[-1][0]), y(means[-1][1]), LEFT + wide + 14, below, "thin")
            drawing.text(LEFT + wide + 18, below + 4, name)
    for name, value in floors.items():  # on top of the lines that cross them
        drawing.text(x(doses[0]) + 5, y(value) - 3, name, "small muted halo")
    drawing.height = max(drawing.height, below + 8)
    return drawing
