"""The figure of a dose-response: test accuracy against the share that one operation was given in the supernet."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from bench.problem.table import GroundTruth
from reports.data.doses import Response
from reports.figures.strips import WIDTH, look
from reports.figures.style import INK, MUTED, NotDrawn, accuracy_axis, drawing, stretched, without_clipping

LABELLED_APART = 0.035
"""Share of the height that two labels beside the figure are kept apart by."""


def dose_figure(
    found: Sequence[Response], table: GroundTruth, dataset: str, called: str, floors: Mapping[str, float]
) -> Figure:
    """One line per method through its means, a small mark per seed; `floors` (name -> accuracy) as dashed lines.

    Methods that chose alike at every dose share a line. Raises NotDrawn where no method has two doses.
    """
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
    optimum = float(table.accuracy(dataset).max())
    worst = optimum - min(min(v for points, _ in lines for _, values in points for v in values), *floors.values())

    def place(value: float) -> float:
        return float(stretched(optimum - value))

    with drawing():
        figure = Figure(figsize=(WIDTH, 5.2), layout="constrained")
        axes = figure.subplots()
        for name, value in floors.items():
            axes.axhline(place(value), color=MUTED, lw=0.8, ls=(0, (4, 3)), zorder=1)
            axes.annotate(name, (0.004, place(value)), xycoords=("axes fraction", "data"), fontsize=7, color=MUTED,
                          va="bottom")  # fmt: skip
        ends = []
        for number, (points, methods) in enumerate(lines):
            colour, marker = look(number)
            means = [place(float(np.mean(values))) for _, values in points]
            (line,) = axes.plot([dose for dose, _ in points], means, color=colour, marker=marker, ms=5, lw=1.4)
            line.set_gid(f"series={methods[0]}")
            at = np.array([(dose, place(value)) for dose, values in points for value in values])
            axes.scatter(at[:, 0], at[:, 1], s=7, color=colour, alpha=0.45, linewidths=0, zorder=2)
            ends.append((means[-1], points[-1][0], ", ".join(methods), colour))
        accuracy_axis(axes, optimum, worst, vertical=True)
        low, high = axes.get_ylim()
        apart, below = LABELLED_APART * (high - low), high + 1.0
        for height, dose, label, colour in sorted(ends, reverse=True):
            below = min(height, below - apart)
            axes.annotate(label, (dose, height), (1.02, below), textcoords=("axes fraction", "data"), fontsize=7.5,
                          color=INK, va="center", annotation_clip=False,
                          arrowprops={"arrowstyle": "-", "color": colour, "lw": 0.6})  # fmt: skip
        doses = sorted({response.dose for response in found})
        axes.set_xticks(doses, [f"{dose:g}" for dose in doses])
        axes.set_xlabel(f"share of {called} on every edge of the supernet")
        axes.set_ylabel("test accuracy, %")
        axes.grid()
        without_clipping(axes)
    return figure
