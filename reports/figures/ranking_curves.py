"""The rank that a criterion gives against test accuracy."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from bench.problem.table import GroundTruth
from bench.yardsticks.kendall import tau_b
from reports.data.rankings import ArchitectureScores
from reports.data.text import number
from reports.figures.style import INK, MUTED, accuracy_axis, drawing, short, stretched

PIXELS = "#3f8fce"
"""Of marks that become pixels: they cannot follow light and dark mode, so a colour that does for both."""


def ranking_figure(found: Sequence[ArchitectureScores], table: GroundTruth, dataset: str) -> Figure:
    """Rank by criterion against accuracy, one panel per ranking; the marks are pixels, the axes are not."""
    accuracies = table.accuracy(dataset)
    optimum = float(accuracies.max())
    worst = max(float(optimum - accuracies[ranking.codes].min()) for ranking in found)
    across = min(4, len(found))
    down = -(-len(found) // across)
    with drawing():
        figure = Figure(figsize=(2.4 * across, 2.0 * down + 0.2), layout="constrained")
        grid = list(figure.subplots(down, across, sharex=True, sharey=True, squeeze=False).flat)
        for spare in grid[len(found) :]:
            spare.set_visible(False)
        for axes, ranking in zip(grid, found, strict=False):
            truth = accuracies[ranking.codes]
            percent = 100 * pd.Series(ranking.scores).rank().to_numpy() / len(truth)
            size = float(np.clip(1200 / len(truth), 2, 12))  # a hundred marks have to be seen, ten thousand told apart
            axes.scatter(percent, stretched(optimum - truth), s=size, lw=0, color=PIXELS,
                         alpha=float(np.interp(size, (2, 12), (0.45, 0.9))), rasterized=True)  # fmt: skip
            axes.set_title(short(ranking.method, 36), fontsize=7.5)
            said = f"τ-b {number(tau_b(ranking.scores, truth))}, n {len(truth):,}"
            axes.text(0.03, 0.97, said, transform=axes.transAxes, va="top", fontsize=7, color=INK)
            axes.grid(axis="y")
        for axes in grid[max(0, len(found) - across) : len(found)]:
            axes.tick_params(labelbottom=True)  # the lowest of its column, where the last row is not full
        accuracy_axis(grid[0], optimum, worst, vertical=True)
        figure.supxlabel("rank by the criterion, % (right = better)", fontsize=8, color=MUTED)
        figure.supylabel("test accuracy, %", fontsize=8, color=MUTED)
    return figure
