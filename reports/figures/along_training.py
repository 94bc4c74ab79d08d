"""The figure along training: what is chosen, and how good it is, at each stored checkpoint."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from nas_selection_bench.bench.problem.space import NONE, SKIP
from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.reports.data.results import Results, shares_of
from nas_selection_bench.reports.data.text import number
from nas_selection_bench.reports.figures.axes import AccuracyAxis, AnyAxis, Axis, draw_horizontal, draw_vertical
from nas_selection_bench.reports.figures.strips import WIDTH, look
from nas_selection_bench.reports.figures.svg import Drawing, NotDrawn, width_of

PANELS = {
    "skip_share": "share of skip", "none_share": "share of none", "test": "test accuracy, %",
    "tau_mean": "τ, mean oracle",
}  # fmt: skip
"""What the panels of a band show along training, from the top."""

ACROSS = 4
"""Settings side by side; further ones go below."""
LEFT, TALL, GAP, HEAD, FOOT = 110.0, 96.0, 18.0, 34.0, 30.0
SHARE_TICKS = tuple((share, (f"{100 * share:.0f} %",)) for share in (0.0, 0.5, 1.0))


def along_epochs(results: Results, dataset: str) -> pd.DataFrame:
    """Rows of the methods that were applied to two or more checkpoints of a setting on one data set."""
    frame = results.done[results.done["dataset"] == dataset]
    if frame.empty:
        return frame
    epochs = frame.groupby(["method", "setting"])["epoch"].transform("nunique")
    return frame[epochs > 1]


def _over_seeds(frame: pd.DataFrame) -> pd.DataFrame:
    """The columns PANELS per epoch: mean over supernet seeds of means over selector seeds, as in the tables."""
    per_seed = frame.groupby(["epoch", "supernet_seed"])[list(PANELS)].mean()
    return per_seed.groupby(level="epoch").mean().reset_index()


def _runs(frame: pd.DataFrame) -> list[pd.DataFrame]:
    """The rows of each seed, by epoch."""
    return [run.sort_values("epoch") for _, run in frame.groupby(["supernet_seed", "selector_seed"])]


@dataclass(frozen=True)
class AlongTraining:
    """What one method chose along the training of one setting's supernets, for all PANELS."""

    method: str
    setting: str
    runs: list[pd.DataFrame]
    """One per seed, by epoch."""
    means: pd.DataFrame
    """Of each epoch, over the seeds."""


def epoch_figure(results: Results, table: GroundTruth, dataset: str) -> Drawing:
    """The PANELS against the epoch of the checkpoint, one column per setting.

    Where there are many settings, further bands of rows stand below.
    """
    frame = along_epochs(results, dataset)
    if frame.empty:
        raise NotDrawn("no method was applied to more than one checkpoint of a supernet")
    settings = [setting for setting in results.settings if (frame["setting"] == setting).any()]
    methods = sorted(frame["method"].unique())
    optimum = float(table.accuracy(dataset).max())
    worst = optimum - float(frame["test"].min())
    frame = frame.assign(
        skip_share=shares_of(SKIP, frame["architecture"]), none_share=shares_of(NONE, frame["architecture"])
    )
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
        here = {
            str(method): AlongTraining(str(method), setting, _runs(rows), _over_seeds(rows))
            for method, rows in frame[frame["setting"] == setting].groupby("method")
        }
        for panel, measure in enumerate(PANELS):
            top = keys + band * band_height + HEAD + panel * (TALL + GAP)
            y = _axis(measure, top, optimum, worst)
            draw_vertical(drawing, y, left, left + room, named=column == 0)
            if column == 0:
                drawing.text(left + 4, top - 3, PANELS[measure], "small strong")
            for place, method in enumerate(methods):
                if method in here:
                    _curves(drawing, here[method], measure, epoch_axis, y, look(place))
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
    """A thin line per seed and the mean over them of one method, in one panel."""
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
