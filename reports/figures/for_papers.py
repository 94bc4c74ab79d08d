"""Figures for papers, drawn with matplotlib and seaborn: vector graphics whose bytes depend on the results alone.

The page draws its own SVG, which is fast, interactive and free of dependencies. A paper needs PDF, fonts that
publishers accept, and axes that fit beside LaTeX text. Both show the same data. matplotlib and seaborn are imported
only here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from nas_selection_bench.reports.data.doses import Response
from nas_selection_bench.reports.data.text import number
from nas_selection_bench.reports.figures.axes import REGRET_FLOOR, STEPS, stretched
from nas_selection_bench.reports.figures.main_forms import Form

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMN, PAGE = 3.4, 7.0
"""Inches: the width of one column of a two-column paper, and of the whole page."""
NO_DATE: Mapping[str, dict[str, Any]] = {
    "pdf": {"Creator": None, "Producer": None, "CreationDate": None},
    "svg": {"Creator": None, "Date": None},
}
"""Format -> metadata entries to leave out: those that change with the date or the version of matplotlib."""
FORMATS = tuple(NO_DATE)
COLOURS: Mapping[str, str] = {"s0": "#0173b2", "s1": "#de8f05", "grey": "#949494"}
"""CSS class of a form -> colour, from seaborn's palette for the colour-blind."""


NEAREST = 0.1
"""Smallest distance between two ticks, as a share of the axis."""


@dataclass(frozen=True)
class Agreement:
    """A criterion in the figure of agreement against accuracy, as means over its selections."""

    name: str
    tau: float
    accuracy: float
    main: bool
    """Whether the criterion is a main form, which is named; all others are small points without a name."""


@contextmanager
def plain_style() -> Iterator[None]:
    """Context of seaborn's paper style on matplotlib's defaults, whatever a matplotlibrc says; undone on exit."""
    import matplotlib as mpl
    import seaborn as sns  # type: ignore[import-untyped]

    with mpl.rc_context():
        mpl.rcdefaults()
        sns.set_theme(context="paper", style="ticks", palette="colorblind", font="DejaVu Sans")
        mpl.rcParams.update({"pdf.fonttype": 42, "svg.hashsalt": "nas-selection-bench", "svg.fonttype": "none"})
        yield


def save(figure: Figure, path: Path) -> None:
    """Write a figure without a date, in the format of the suffix of `path`, one of FORMATS."""
    figure.savefig(path, metadata=NO_DATE[path.suffix[1:]], bbox_inches="tight")


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def _stretch(axis: Axes, optimum: float, ticks: Sequence[float], *, vertical: bool) -> None:
    """Stretch an accuracy axis towards the optimum, as on the page, and set those `ticks` that fit."""

    def forward(accuracy: ArrayLike) -> NDArray[np.float64]:
        return stretched(optimum - np.asarray(accuracy, float))

    def backward(place: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(optimum + REGRET_FLOOR - 10.0 ** (-np.asarray(place, float)))

    which = axis.yaxis if vertical else axis.xaxis
    (axis.set_yscale if vertical else axis.set_xscale)("function", functions=(forward, backward))
    low, high = map(forward, axis.get_ylim() if vertical else axis.get_xlim())
    kept: list[float] = []
    for tick in sorted(ticks, reverse=True):
        if low <= forward(tick) and (not kept or forward(kept[-1]) - forward(tick) >= NEAREST * (high - low)):
            kept.append(tick)
    which.set_ticks(kept, labels=[f"{tick:.6g}" for tick in kept])
    which.set_minor_locator(_none())


def _none() -> Any:
    from matplotlib.ticker import NullLocator

    return NullLocator()


def criteria(rows: Sequence[Form], floors: Mapping[str, float], optimum: float, ticks: Sequence[float]) -> Figure:
    """Mean test accuracy of each form with its interval, in the given order; floors and the optimum as lines."""
    figure, axis = _figure(COLUMN, 0.8 + 0.16 * len(rows))
    for place, row in enumerate(rows):
        colour = COLOURS[row.css]
        if row.interval is not None:
            axis.plot([row.interval.low, min(row.interval.high, optimum)], [place, place], color=colour, lw=1)
        axis.plot([row.mean], [place], "o", color=colour, ms=3.5, gid=row.name)
    for (name, value), style in zip({**floors, "best": optimum}.items(), ("--", "-", ":"), strict=False):
        axis.axvline(value, color="0.3", lw=0.8, ls=style, zorder=0)
        axis.annotate(
            f"{name}\n{number(value)}", (value, 1), xycoords=("data", "axes fraction"), xytext=(0, 2),
            textcoords="offset points", ha="center", va="bottom", fontsize=6,
        )  # fmt: skip
    lows = [row.mean if row.interval is None else row.interval.low for row in rows]
    axis.set_xlim(min([*lows, *floors.values()]) - 0.5, optimum)
    _stretch(axis, optimum, ticks, vertical=False)
    axis.set_yticks(range(len(rows)), labels=[row.name for row in rows])
    axis.set_ylim(len(rows) - 0.5, -0.5)
    axis.set_xlabel("test accuracy (%)")
    axis.tick_params(axis="y", length=0)
    axis.spines[["top", "right", "left"]].set_visible(False)
    return figure


def proxies(means: pd.DataFrame, signs: pd.DataFrame) -> Figure:
    """A matrix of mean test accuracies, proxies [rows] by schemes [columns]; `signs` are appended to the numbers."""
    import seaborn as sns

    figure, axis = _figure(1.6 + 0.75 * means.shape[1], 0.9 + 0.19 * means.shape[0])
    told = means.map(lambda value: "" if pd.isna(value) else f"{value:.1f}") + signs.fillna("")
    sns.heatmap(
        means, annot=told, fmt="", cmap="viridis", ax=axis, linewidths=0.4, annot_kws={"size": 6},
        cbar_kws={"label": "test accuracy (%)"}, robust=True,
    )  # fmt: skip
    axis.set(xlabel="", ylabel="")
    axis.tick_params(length=0)
    axis.set_xticks(axis.get_xticks(), labels=list(means.columns), rotation=30, ha="right")
    return figure


def doses(found: Sequence[Response], called: str, floors: Mapping[str, float]) -> Figure:
    """Test accuracy against the imposed share: one line per criterion through its means, one mark per supernet seed.

    `called` is the operation in words; `floors` (name -> accuracy) are dashed lines.
    """
    import seaborn as sns

    frame = pd.DataFrame(
        [(r.method, r.dose, value) for r in found for value in r.values], columns=["criterion", "share", "accuracy"]
    )
    order = list(frame.groupby("criterion")["accuracy"].mean().sort_values(ascending=False, kind="stable").index)
    figure, axis = _figure(PAGE * 0.75, 3.2)
    shared = {"data": frame, "x": "share", "y": "accuracy", "hue": "criterion", "hue_order": order, "ax": axis}
    palette = sns.color_palette("colorblind" if len(order) <= 10 else "husl", len(order))
    sns.lineplot(**shared, palette=palette, errorbar=None, style="criterion", style_order=order, markers=True)
    sns.scatterplot(**shared, palette=palette, s=8, alpha=0.5, legend=False, linewidth=0)
    for name, value in floors.items():
        axis.axhline(value, color="0.3", lw=0.7, ls="--", zorder=0)
        axis.annotate(name, (frame["share"].min(), value), xytext=(0, 2), textcoords="offset points", fontsize=6)
    axis.set(xlabel=f"share of {called} on every edge", ylabel="test accuracy (%)")
    axis.set_xticks(sorted(frame["share"].unique()))
    sns.move_legend(axis, "center left", bbox_to_anchor=(1.01, 0.5), title=None, frameon=False)
    sns.despine(ax=axis)
    return figure


def agreement(points: Sequence[Agreement], floors: Mapping[str, tuple[float, float]], optimum: float) -> Figure:
    """Mean agreement with the oracle against mean test accuracy; `floors` (name -> tau, accuracy) as crosses."""
    import seaborn as sns

    frame = pd.DataFrame([(p.tau, p.accuracy, p.main) for p in points], columns=["tau", "accuracy", "main"])
    figure, axis = _figure(PAGE * 0.6, 3.4)
    palette = {True: COLOURS["s0"], False: COLOURS["grey"]}
    sns.scatterplot(
        data=frame, x="tau", y="accuracy", hue="main", size="main", sizes={True: 22, False: 9}, palette=palette,
        legend=False, linewidth=0, ax=axis,
    )  # fmt: skip
    for point in points:
        if point.main:
            axis.annotate(
                point.name, (point.tau, point.accuracy), xytext=(3, 2), textcoords="offset points", fontsize=5
            )
    for name, (tau, accuracy) in floors.items():
        axis.plot([tau], [accuracy], "x", color="0.2", ms=5)
        axis.annotate(name, (tau, accuracy), xytext=(3, -7), textcoords="offset points", fontsize=5, style="italic")
    lowest = min([*frame["accuracy"], *(accuracy for _, accuracy in floors.values())])
    axis.set_ylim(lowest - 1, optimum)
    _stretch(axis, optimum, [round(optimum - below, 2) for below in STEPS], vertical=True)
    axis.set(xlabel="Kendall's τ-b with the mean oracle, mean over edges", ylabel="test accuracy (%)")
    sns.despine(ax=axis)
    return figure
