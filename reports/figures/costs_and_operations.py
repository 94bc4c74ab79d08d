"""Figures of cost and of what was chosen; strips, maps and curves along training have files of their own."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from bench.problem.space import AVG_POOL, CONV_1X1, CONV_3X3, NONE, SKIP, parse
from bench.problem.table import GroundTruth
from reports.data.contests import Contest
from reports.data.results import Results
from reports.figures.strips import ROW, WIDTH
from reports.figures.style import (
    INK,
    MUTED,
    OPERATION_COLOURS,
    OPERATION_LABELS,
    PAPER,
    RULE,
    SERIES,
    NotDrawn,
    accuracy_axis,
    drawing,
    stretched,
)

ACROSS = 4
"""Settings side by side; further ones go below."""

STACK = (CONV_3X3, CONV_1X1, SKIP, AVG_POOL, NONE)
"""Operations in the order in which the bars stack."""


COST_MEASURES = ("scoring_seconds", "tuning_seconds", "peak_memory_bytes")


def seconds_per_selection(results: Results, dataset: str) -> pd.DataFrame:
    """What a selection costs, by method: means of COST_MEASURES on each setting, then over settings; `seconds` of both.

    Peak memory is that of the CUDA allocator. On a CPU only the mark of the whole worker process is stored, which is
    mostly PyTorch and images and says nothing of the selection: nan.
    """
    frame = results.final_of(dataset)
    frame = frame.assign(peak_memory_bytes=frame["peak_memory_bytes"].where(frame["device"] != "cpu"))
    per_setting = frame.groupby(["method", "setting"], sort=True)[list(COST_MEASURES)].mean()
    per_setting["seconds"] = per_setting["scoring_seconds"] + per_setting["tuning_seconds"].fillna(0.0)
    return per_setting[per_setting["seconds"] > 0].groupby(level="method").mean()


def selection_costs(results: Results, contest: Contest) -> pd.DataFrame:
    """One row per method whose seconds are stored: its costs, and where it stands over all settings.

    `whole` is whether it has results on as many settings as any; `front`, whether it is of these and no other one of
    them is both faster and better. `low` and `high` are nan where there is no interval.
    """
    costs = seconds_per_selection(results, contest.dataset)
    standings = [standing for standing in contest.standings if standing.method in costs.index]
    rows = [
        {
            "method": s.method, **costs.loc[s.method], "test": s.mean, "n": s.n,
            "whole": s.settings == contest.settings,
            "low": np.nan if s.interval is None else s.interval.low,
            "high": np.nan if s.interval is None else s.interval.high,
        }
        for s in standings
    ]  # fmt: skip
    columns = ["method", *COST_MEASURES, "seconds", "test", "n", "whole", "low", "high"]
    found = pd.DataFrame(rows, columns=columns)
    front = pareto(found[found["whole"].astype(bool)])
    return found.assign(front=found.index.isin(front))


def pareto(costs: pd.DataFrame) -> list[int]:
    """Rows that no other row beats in both accuracy and seconds, cheapest first."""
    kept: list[int] = []
    best = -np.inf
    for i, row in costs.sort_values(["seconds", "test"], ascending=[True, False], kind="stable").iterrows():
        if row["test"] > best:
            kept.append(int(str(i)))
            best = row["test"]
    return kept


def cost_figure(costs: pd.DataFrame, table: GroundTruth, dataset: str) -> Figure:
    """Accuracy against seconds of selection, one mark per method of `selection_costs`; the front joined and named."""
    if costs.empty:
        raise NotDrawn("no selection of this data set has its seconds stored")
    optimum = float(table.accuracy(dataset).max())
    worst = optimum - float(np.fmin(costs["test"], costs["low"]).min())
    front = costs[costs["front"]].sort_values("seconds", kind="stable")
    colour = SERIES[0]
    with drawing():
        figure = Figure(figsize=(WIDTH * 0.8, 4.2), layout="constrained")
        axes = figure.subplots()
        for rows, ink, width in ((costs[~costs["front"]], RULE, 0.8), (front, MUTED, 1.2)):
            ends = stretched(optimum - rows[["low", "high"]].to_numpy())
            axes.vlines(rows["seconds"], ends[:, 0], ends[:, 1], colors=ink, lw=width, zorder=1)
        for whole, face in ((True, colour), (False, PAPER)):
            rows = costs[costs["whole"] == whole]
            drawn = axes.scatter(rows["seconds"], stretched(optimum - rows["test"]), s=24, facecolors=face,
                                 edgecolors=colour, linewidths=0.9, zorder=3)  # fmt: skip
            drawn.set_gid(f"cost={dataset}|{'whole' if whole else 'fewer'}")
        (line,) = axes.step(front["seconds"], stretched(optimum - front["test"]), where="post", color=INK, lw=0.9,
                            zorder=2)  # fmt: skip
        line.set_gid(f"front={dataset}")
        axes.set_xscale("log")
        axes.margins(x=0.12)
        accuracy_axis(axes, optimum, worst, vertical=True)
        figure.draw_without_rendering()  # where the marks are is known once there is a layout
        _name_points(axes, front, costs, optimum)
        axes.set_xlabel("seconds of selection (scoring and tuning; training of the supernet is not in it)")
        axes.set_ylabel("mean test accuracy, %")
        axes.grid()
        keys = [Line2D([], [], ls="", marker="o", ms=5, color=colour, label="a selector, mean over all recipes")]
        if not costs["whole"].all():
            keys.append(Line2D([], [], ls="", marker="o", ms=5, markerfacecolor=PAPER, markeredgecolor=colour,
                               label="mean over fewer recipes, not compared"))  # fmt: skip
        keys.append(Line2D([], [], color=INK, lw=0.9, label="none is faster and better"))
        figure.legend(handles=keys, loc="outside lower center", ncols=len(keys), fontsize=7.5)
    return figure


NAME_PLACES = tuple((side, shift) for shift in (4, -10, 14, -20, 24, -30, 34, -40, 44, -50) for side in (1, -1))
"""Where the name of a point may stand: to its right (1) or left (-1), and how far above it, in points."""


def _name_points(axes: Axes, points: pd.DataFrame, others: pd.DataFrame, optimum: float) -> None:
    """Write the method beside each point where it hides the fewest names and marks; a line leads to a far one."""
    scale = 72 / axes.get_figure().dpi  # type: ignore[union-attr]

    def at(rows: pd.DataFrame) -> np.ndarray:
        there = np.column_stack([rows["seconds"].to_numpy(float), stretched(optimum - rows["test"].to_numpy(float))])
        return np.asarray(axes.transData.transform(there)) * scale

    marks = at(others)
    frame = np.asarray(axes.get_window_extent().extents) * scale
    taken: list[tuple[float, float, float, float]] = []

    def hidden(box: tuple[float, float, float, float]) -> float:
        left, low, right, high = box
        names = sum(a < right and left < c and b < high and low < d for a, b, c, d in taken)
        outside = left < frame[0] or right > frame[2] or low < frame[1] or high > frame[3]
        inside = (
            (marks[:, 0] > left - 3) & (marks[:, 0] < right + 3) & (marks[:, 1] > low - 3) & (marks[:, 1] < high + 3)
        )
        return 1000.0 * names + 1000.0 * outside + float(inside.sum())

    for (x, y), method, seconds, test in zip(
        at(points), points["method"], points["seconds"], points["test"], strict=True
    ):
        wide = 4.6 * len(method)
        boxes = [
            (x + 5 if side > 0 else x - 5 - wide, y + shift, x + 5 + wide if side > 0 else x - 5, y + shift + 9)
            for side, shift in NAME_PLACES
        ]
        best = min(range(len(boxes)), key=lambda place: (hidden(boxes[place]), place))
        side, shift = NAME_PLACES[best]
        taken.append(boxes[best])
        axes.annotate(
            method, (seconds, float(stretched(optimum - test))), xytext=(5 * side, shift), textcoords="offset points",
            ha="left" if side > 0 else "right", fontsize=7, color=INK, zorder=5,
            arrowprops={"arrowstyle": "-", "lw": 0.4, "color": MUTED} if abs(shift) > 10 else None,
        )  # fmt: skip


def operation_shares(results: Results, dataset: str, setting: str) -> dict[str, np.ndarray]:
    """Method -> [5] share of each operation among the edges of its selected architectures."""
    frame = results.final_of(dataset)
    frame = frame[frame["setting"] == setting]
    return {
        str(method): np.bincount([op for text in group["architecture"] for op in parse(text)], minlength=5)
        / (6 * len(group))
        for method, group in frame.groupby("method", sort=True)
    }


def operation_figure(results: Results, dataset: str, order: Sequence[str]) -> Figure:
    """Which operations were chosen: stacked shares per method, one panel per setting."""
    shares = {setting: operation_shares(results, dataset, setting) for setting in results.settings}
    shares = {setting: found for setting, found in shares.items() if found}
    with drawing():
        across = min(len(shares), ACROSS)
        down = -(-len(shares) // across)
        size = (min(WIDTH, 2.6 + 2.4 * across), (ROW * len(order) + 0.5) * down + 0.3)
        figure = Figure(figsize=size, layout="constrained")
        grid = list(figure.subplots(down, across, sharey=True, squeeze=False).flat)
        for spare in grid[len(shares) :]:
            spare.set_visible(False)
        for axes, (setting, found) in zip(grid, shares.items(), strict=False):
            heights = [y for y, method in enumerate(order) if method in found]
            stacked = np.array([found[method][list(STACK)] for method in order if method in found])
            right = stacked.cumsum(axis=1)
            for column, operation in enumerate(STACK):
                axes.hlines(heights, right[:, column] - stacked[:, column], right[:, column], lw=8.5,
                            colors=OPERATION_COLOURS[operation], capstyle="butt")  # fmt: skip
            axes.set_yticks(range(len(order)), order)
            axes.set_ylim(len(order) - 0.4, -0.6)
            axes.set_xlim(0, 1)
            axes.set_xticks([0, 0.5, 1], ["0", "½", "1"])
            axes.tick_params(axis="y", length=0)
            axes.set_title(setting)
        keys = [Patch(color=OPERATION_COLOURS[operation]) for operation in STACK]
        figure.legend(keys, [OPERATION_LABELS[operation] for operation in STACK], loc="outside lower center", ncols=5,
                      fontsize=7.5)  # fmt: skip
    return figure
