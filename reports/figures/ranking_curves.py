"""The figure of rankings: the rank that a criterion gives each architecture, against its test accuracy."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nas_selection_bench.bench.yardsticks.kendall import tau_b
from nas_selection_bench.bench.yardsticks.truth import Truth
from nas_selection_bench.reports.data.rankings import ArchitectureScores
from nas_selection_bench.reports.data.text import number
from nas_selection_bench.reports.figures.axes import AccuracyAxis, Axis, draw_horizontal, draw_vertical
from nas_selection_bench.reports.figures.svg import Drawing, px, short

ACROSS = 4
LEFT, WIDE, TALL, GAP, HEAD, FOOT = 76.0, 220.0, 150.0, 16.0, 34.0, 30.0
DOT = 2.0
"""Grid of the dots, in pixels: the architectures in one square are one dot, darker the more there are."""
LEVELS = ((1, 0.35), (3, 0.6), (10, 1.0))
"""(fewest architectures in a square, opacity of its dot)."""
PERCENTS = tuple((float(percent), (f"{percent} %",)) for percent in (0, 50, 100))


def ranking_figure(found: Sequence[ArchitectureScores], truth: Truth) -> Drawing:
    """Rank by criterion against test accuracy, one panel per ranking, as a density of architectures."""
    worst = max(float(truth.best - truth.test[ranking.codes].min()) for ranking in found)
    across = min(ACROSS, len(found))
    down = -(-len(found) // across)
    drawing = Drawing(LEFT + across * (WIDE + GAP), down * (HEAD + TALL + FOOT))
    for place, ranking in enumerate(found):
        row, column = divmod(place, across)
        left, top = LEFT + column * (WIDE + GAP), row * (HEAD + TALL + FOOT) + HEAD
        x = Axis(0, 100, left, left + WIDE, PERCENTS)
        y = AccuracyAxis(truth.best, worst, top + TALL, top)
        accuracies = truth.test[ranking.codes]
        percent = 100 * pd.Series(ranking.scores).rank().to_numpy() / len(accuracies)
        said = f"τ-b {number(tau_b(ranking.scores, accuracies))}, n = {len(accuracies):,}"
        drawing.text(left, top - 19, short(ranking.method, 34), "strong")
        drawing.text(left, top - 6, said, "small muted")
        draw_vertical(drawing, y, left, left + WIDE, named=column == 0)
        draw_horizontal(drawing, x, top + TALL, top + TALL)
        with drawing.group(tip=f"{ranking.method}: {said}"):
            _density(drawing, percent, accuracies, x, y)
    return drawing


def _density(
    drawing: Drawing, percent: NDArray[np.float64], accuracies: NDArray[np.float64], x: Axis, y: AccuracyAxis
) -> None:  # fmt: skip
    columns = np.floor((x.start + (x.end - x.start) * percent / 100) / DOT).astype(int)
    heights = np.floor(np.array([y(value) for value in np.unique(accuracies)]) / DOT).astype(int)
    rows = heights[np.searchsorted(np.unique(accuracies), accuracies)]
    squares, counts = np.unique(np.stack([rows, columns]), axis=1, return_counts=True)
    # A hundred architectures must be visible, and ten thousand distinguishable.
    dot = DOT if len(accuracies) > 2_000 else 1.6 * DOT
    for number_of_level, (least, opacity) in enumerate(LEVELS):
        most = LEVELS[number_of_level + 1][0] if number_of_level + 1 < len(LEVELS) else np.inf
        here = squares[:, (counts >= least) & (counts < most)]
        if here.size:
            size = px(dot)
            outline = "".join(f"M{px(c * DOT)} {px(r * DOT)}h{size}v{size}h-{size}z" for r, c in here.T.tolist())
            with drawing.group(f"dense d{round(100 * (opacity if len(accuracies) > 2_000 else 1))}"):
                drawing.shapes(outline, "")
