"""Heat maps of the 6 x 5 scores beside the oracle."""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from bench.problem.space import EDGE_NAMES, parse
from bench.problem.table import GroundTruth
from bench.yardsticks.measures import standardised
from bench.yardsticks.oracle import oracle
from reports.data.results import Results
from reports.data.text import number
from reports.figures.strips import WIDTH, columns_of
from reports.figures.style import MUTED, OPERATION_LABELS, RULE, drawing, short

Values = NDArray[np.float64]
ACROSS = 5
ONE_LINE, WRAPPED = 22, 26
"""Characters of a name that fit over a panel: in one line, and in each of two smaller ones."""
LIMIT = 2
"""Standard deviations at which the colours end."""


@dataclass(frozen=True)
class ScoreMap:
    """The scores of one method in one setting, standardised per edge and averaged over selections."""

    title: str
    scores: Values
    chosen: Values
    """[6, 5] share of the selections that took this operation on this edge."""
    n: int


def score_maps(results: Results, dataset: str, setting: str | None, order: Sequence[str]) -> list[ScoreMap]:
    """One map per method in `order` that has scores.

    Without a setting each draw is counted once, which is for methods that have the same draws in every setting.
    """
    frame = results.final_of(dataset)
    if setting is None:
        frame = frame.drop_duplicates(["method", "supernet_seed", "selector_seed"])
    else:
        frame = frame[frame["setting"] == setting]
    found = []
    for method in order:
        rows = frame[frame["method"] == method]
        scores = results.scores[rows.index.to_numpy()]
        scores = scores[np.isfinite(scores).all(axis=(1, 2))]
        if len(scores):
            chosen = np.zeros((6, 5))
            for text in rows["architecture"]:
                chosen[np.arange(6), parse(text)] += 1 / len(rows)
            found.append(ScoreMap(method, np.mean([standardised(s) for s in scores], axis=0), chosen, len(scores)))
    return found


def score_map_figure(maps: Sequence[ScoreMap], table: GroundTruth, dataset: str) -> Figure:
    """The two oracles of a data set, then the mean scores of each method; dots on its most frequent choice."""
    accuracies = table.accuracy(dataset)
    shown = [
        ScoreMap(f"oracle ({kind})", standardised(oracle(accuracies, kind)), np.zeros((6, 5)), 0)
        for kind in ("best", "mean")
    ]
    shown += maps
    down = -(-len(shown) // ACROSS)
    tall, wide = 6 + 2, 5 + 1
    # All panels in one mosaic, one pixel a cell, so that the figure holds one small picture.
    mosaic = np.full((tall * down, wide * ACROSS), np.nan)
    with drawing():
        figure = Figure(figsize=(WIDTH, 0.165 * tall * down), layout="constrained")
        axes = figure.subplots()
        dots: list[tuple[float, float]] = []
        for position, panel in enumerate(shown):
            row, column = divmod(position, ACROSS)
            top, left = tall * row + 1, wide * column
            mosaic[top : top + 6, left : left + 5] = panel.scores
            lines = wrap(short(panel.title, 2 * WRAPPED), WRAPPED) if len(panel.title) > ONE_LINE else [panel.title]
            axes.text(left, top - 0.2, "\n".join(lines), fontsize=7 if len(lines) == 1 else 6, va="bottom",
                      linespacing=1.0, fontweight="bold" if panel.n == 0 else "normal")  # fmt: skip
            if panel.n:
                dots += [(left + o + 0.5, top + e + 0.5) for e, o in enumerate(panel.chosen.argmax(axis=1))]
            if column == 0:
                for e, name in enumerate(EDGE_NAMES):
                    axes.text(-0.2, top + e + 0.5, name, fontsize=6, ha="right", va="center", color=MUTED)
            for o, name in enumerate(OPERATION_LABELS):
                axes.text(left + o + 0.5, top + 6.15, name, fontsize=6, ha="center", va="top", color=MUTED)
        colours = colormaps["PuOr"]
        axes.imshow(mosaic, cmap=colours, vmin=-LIMIT, vmax=LIMIT, interpolation="none", aspect="auto",
                    extent=(0, mosaic.shape[1], mosaic.shape[0], 0))  # fmt: skip
        axes.scatter(*columns_of(dots), s=9, color="#ffffff", edgecolors="#000000", linewidths=0.6)
        axes.set_xlim(-2.2, mosaic.shape[1])
        axes.set_axis_off()
        # A colour bar would be a picture of its own; five patches say the same.
        steps = range(-LIMIT, LIMIT + 1)
        keys = [Patch(facecolor=colours((step + LIMIT) / (2 * LIMIT)), edgecolor=RULE) for step in steps]
        said = {-LIMIT: f"−{LIMIT} or less: drop", LIMIT: f"{LIMIT} or more: keep"}
        figure.legend(keys, [said.get(step, number(step, 0)) for step in steps], loc="outside lower center",
                      ncols=len(keys), fontsize=7)  # fmt: skip
    return figure
