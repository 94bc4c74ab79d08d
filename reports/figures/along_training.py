"""The figure along training: the choices and their quality at each stored checkpoint."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from nas_selection_bench.bench.problem.space import NONE, SKIP
from nas_selection_bench.reports.data.results import Results
from nas_selection_bench.reports.data.text import number
from nas_selection_bench.reports.figures.axes import AccuracyAxis, AnyAxis, Axis, draw_horizontal, draw_vertical
from nas_selection_bench.reports.figures.strips import WIDTH, look
from nas_selection_bench.reports.figures.svg import Drawing, NotDrawn, width_of

PANELS = {
    "skip_share": "share of skip", "none_share": "share of none", "test": "test accuracy, %",
    "tau_mean": "τ, mean oracle",
}  # fmt: skip
"""Measure -> title of its panel, from the top of a band."""

ACROSS = 4
"""Settings side by side; further settings go into bands below."""
LEFT, TALL, GAP, HEAD, FOOT = 110.0, 96.0, 18.0, 34.0, 30.0
SHARE_TICKS = tuple((share, (f"{100 * share:.0f} %",)) for share in (0.0, 0.5, 1.0))


def along_epochs(results: Results, dataset: str) -> pd.DataFrame:
    """The rows of methods that were applied to two or more epochs of a setting on one data set."""
    frame = results.done[results.done["dataset"] == dataset]
    if frame.empty:
        return frame
    epochs = frame.groupby(["method", "setting"])["epoch"].transform("nunique")
    return frame[epochs > 1]


Series = dict[str, list[float]]
"""`epoch` and PANELS -> one value per checkpoint, in the order of the epochs."""


@dataclass(frozen=True)
class AlongTraining:
    """The choices of one method along the training of one setting's supernets."""

    method: str
    setting: str
    runs: list[Series]
    """One per pair of supernet seed and selector seed."""
    means: Series
    """Means over supernet seeds of means over selector seeds, as in the tables."""


def courses_of_choices(frame: pd.DataFrame) -> dict[tuple[str, str], AlongTraining]:
    """(setting, method) -> the course of its choices; `frame` is that of `along_epochs` with the PANELS as columns."""
    by = ["setting", "method"]
    panels = list(PANELS)
    per_seed = frame.groupby([*by, "epoch", "supernet_seed"])[panels].mean()
    means = per_seed.groupby(level=[*by, "epoch"]).mean().reset_index()
    found = {
        (setting, method): AlongTraining(method, setting, [], series)
        for (setting, method), series in _series(means, by).items()
    }
    seeds = [*by, "supernet_seed", "selector_seed"]
    for (setting, method, *_), series in _series(frame.sort_values([*seeds, "epoch"]), seeds).items():
        found[setting, method].runs.append(series)
    return found


def _series(ordered: pd.DataFrame, by: list[str]) -> dict[tuple[str, ...], Series]:
    """Key of a group of `by` -> its series; the rows of `ordered` are in the order of the epochs."""
    columns = {name: ordered[name].tolist() for name in ("epoch", *PANELS)}
    found: dict[tuple[str, ...], Series] = {}
    for i, key in enumerate(zip(*(ordered[name].tolist() for name in by), strict=True)):
        series = found.setdefault(key, {name: [] for name in columns})
        for name, values in columns.items():
            series[name].append(values[i])
    return found


def epoch_figure(results: Results, dataset: str, optimum: float) -> Drawing:
    """The PANELS against the epoch of the checkpoint, one column per setting, ACROSS columns per band.

    Raises NotDrawn if no method was applied to more than one checkpoint.
    """
    frame = along_epochs(results, dataset)
    if frame.empty:
        raise NotDrawn("no method was applied to more than one checkpoint of a supernet")
    there = set(frame["setting"])
    settings = [setting for setting in results.settings if setting in there]
    methods = sorted(frame["method"].unique())
    worst = optimum - float(frame["test"].min())
    operations = results.operations[frame.index]
    frame = frame.assign(skip_share=(operations == SKIP).mean(axis=1), none_share=(operations == NONE).mean(axis=1))
    chosen = courses_of_choices(frame)
    epochs = sorted(map(int, frame["epoch"].unique()))
    across = min(len(settings), ACROSS)
    bands = -(-len(settings) // across)
    room = min(250.0, (WIDTH - LEFT) / across - GAP)
    band_height = HEAD + len(PANELS) * (TALL + GAP) + FOOT
    keys = 18.0 * -(-len(methods) // 4)
    drawing = Drawing(LEFT + across * (room + GAP), keys + bands * band_height)
    for place, method in enumerate(methods):
        row, column = divmod(place, 4)
        x, (css, shape) = LEFT + column * 200, look(place)
        with drawing.group(f"{css} marks"):
            drawing.mark(shape, x, 8 + 18 * row, size=3.5, tip=method)
        drawing.text(x + 9, 12 + 18 * row, method)
    for index, setting in enumerate(settings):
        band, column = divmod(index, across)
        left = LEFT + column * (room + GAP)
        drawing.text(left, keys + band * band_height + 12, setting, "strong")
        ticks = [(float(epoch), (str(epoch),)) for epoch in epochs]
        epoch_axis = Axis(epochs[0] - 0.5, epochs[-1] + 0.5, left, left + room, ticks)
        for panel, measure in enumerate(PANELS):
            top = keys + band * band_height + HEAD + panel * (TALL + GAP)
            y = _axis(measure, top, optimum, worst)
            draw_vertical(drawing, y, left, left + room, named=column == 0)
            if column == 0:
                drawing.text(left + 4, top - 3, PANELS[measure], "small strong")
            for place, method in enumerate(methods):
                if (setting, method) in chosen:
                    _curves(drawing, chosen[setting, method], measure, epoch_axis, y, look(place))
        bottom = keys + band * band_height + HEAD + len(PANELS) * (TALL + GAP) - GAP
        draw_horizontal(drawing, epoch_axis, bottom, bottom)
        drawing.text(left + room / 2, bottom + 25, "epoch of the checkpoint", "small muted", "middle")
    drawing.width = max(drawing.width, LEFT + 3 * 200 + max(map(width_of, methods)))
    return drawing


def _axis(measure: str, top: float, optimum: float, worst: float) -> AnyAxis:
    if measure == "test":
        return AccuracyAxis(optimum, worst, top + TALL, top, narrow=True)
    if measure.endswith("_share"):
        return Axis(-0.04, 1.04, top + TALL, top, SHARE_TICKS)
    return Axis(-1.04, 1.04, top + TALL, top, [(v, (number(v, 1),)) for v in (-1.0, 0.0, 1.0)])


def _curves(
    drawing: Drawing, of: AlongTraining, measure: str, x: Axis, y: AnyAxis, looks: tuple[str, int]
) -> None:  # fmt: skip
    """Draw one method in one panel: a thin line per seed and a thick line through the means."""
    css, shape = looks
    with drawing.group(css, series=of.method):
        for ordered in of.runs:
            points = [
                (x(e), y(v)) for e, v in zip(ordered["epoch"], ordered[measure], strict=True) if np.isfinite(v)
            ]  # fmt: skip
            if len(points) > 1:
                drawing.polyline(points, "thin")
        points = [(e, v) for e, v in zip(of.means["epoch"], of.means[measure], strict=True) if np.isfinite(v)]
        if points:
            drawing.polyline([(x(e), y(v)) for e, v in points], "thick")
            with drawing.group("marks"):
                for epoch, value in points:
                    tip = f"{of.method} on {of.setting}, epoch {epoch}\n{PANELS[measure]}: {number(value)}"
                    drawing.mark(shape, x(epoch), y(value), size=2.8, tip=tip)
