"""Figures of cost, behaviour along training and what was chosen; the strips and maps have files of their own."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from bench.space import AVG_POOL, CONV_1X1, CONV_3X3, NONE, SKIP, parse
from bench.table import GroundTruth
from reports.blocks import NotDrawn
from reports.results import Results
from reports.strips import ROW, WIDTH, look, setting_key
from reports.style import (
    INK,
    MUTED,
    OPERATION_COLOURS,
    OPERATION_LABELS,
    accuracy_axis,
    drawing,
    stretched,
)

ACROSS = 4
"""Settings side by side; further ones go below."""

EPOCH_MEASURES = ("skip_share", "test", "tau_mean")
"""What the panels of a band show along training, from the top."""

STACK = (CONV_3X3, CONV_1X1, SKIP, AVG_POOL, NONE)
"""Operations in the order in which the bars stack."""


def selection_costs(results: Results, dataset: str) -> pd.DataFrame:
    """One row per method and setting: means of test accuracy, seconds (scoring, tuning, both), peak memory; n.

    Peak memory is that of the CUDA allocator. On a CPU only the mark of the whole worker process is stored, which is
    mostly PyTorch and images and says nothing of the selection: nan.
    """
    frame = results.final[results.final["dataset"] == dataset]
    frame = frame.assign(peak_memory_bytes=frame["peak_memory_bytes"].where(frame["device"] != "cpu"))
    columns = ["test", "scoring_seconds", "tuning_seconds", "peak_memory_bytes"]
    groups = frame.groupby(["method", "setting"], sort=True)
    costs = groups[columns].mean().assign(n=groups.size()).reset_index()
    costs["seconds"] = costs["scoring_seconds"] + costs["tuning_seconds"].fillna(0.0)
    return costs[costs["seconds"].notna() & (costs["seconds"] > 0)].reset_index(drop=True)


def pareto(costs: pd.DataFrame) -> list[int]:
    """Rows that no other row beats in both accuracy and seconds, cheapest first."""
    kept: list[int] = []
    best = -np.inf
    for i, row in costs.sort_values(["seconds", "test"], ascending=[True, False], kind="stable").iterrows():
        if row["test"] > best:
            kept.append(int(str(i)))
            best = row["test"]
    return kept


def cost_figure(results: Results, table: GroundTruth, dataset: str) -> Figure:
    """Mean accuracy against seconds of selection; the Pareto set joined and named."""
    costs = selection_costs(results, dataset)
    if costs.empty:
        raise NotDrawn("no selection of this data set has its seconds stored")
    optimum, worst = float(table.accuracy(dataset).max()), float(table.accuracy(dataset).max() - costs["test"].min())
    with drawing():
        figure = Figure(figsize=(WIDTH * 0.8, 3.6), layout="constrained")
        axes = figure.subplots()
        for setting, rows in costs.groupby("setting", sort=True):
            colour, marker = look(results.settings.index(str(setting)))
            drawn = axes.scatter(rows["seconds"], stretched(optimum - rows["test"]), s=26, color=colour, marker=marker,
                                 alpha=0.85, lw=0, zorder=3)  # fmt: skip
            drawn.set_gid(f"cost={dataset}|{setting}")
        front = costs.loc[pareto(costs)]
        axes.step(front["seconds"], stretched(optimum - front["test"]), where="post", color=MUTED, lw=0.8, zorder=1)
        axes.set_xscale("log")
        axes.margins(x=0.12)
        accuracy_axis(axes, optimum, worst, vertical=True)
        _name_points(axes, front.drop_duplicates("method", keep="last"), optimum)
        axes.set_xlabel("seconds of selection (scoring and tuning; training of the supernet is not in it)")
        axes.set_ylabel("test accuracy, %")
        axes.grid()
        axes.legend(handles=setting_key(results.settings), loc="lower right", fontsize=7.5)
    return figure


def _name_points(axes: Axes, points: pd.DataFrame, optimum: float) -> None:
    """Write the method beside each point, where there is room; a name without room is left to the table."""
    taken: list[tuple[float, float, float, float]] = []
    width, height = (72 * size * 0.85 for size in axes.get_figure().get_size_inches())  # type: ignore[union-attr]
    for method, seconds, test in zip(points["method"], points["seconds"], points["test"], strict=True):
        at = (float(seconds), float(stretched(optimum - test)))
        x, y = axes.transAxes.inverted().transform(axes.transData.transform(at))
        for shift in (5, -11, 15, -21, 25):
            box = (x * width + 5, y * height + shift, x * width + 5 + 4.6 * len(method), y * height + shift + 9)
            if not any(a < box[2] and box[0] < c and b < box[3] and box[1] < d for a, b, c, d in taken):
                taken.append(box)
                axes.annotate(method, at, fontsize=7, xytext=(5, shift), textcoords="offset points", color=INK)
                break


def along_epochs(results: Results, dataset: str) -> pd.DataFrame:
    """Rows of the methods that were applied to two or more checkpoints of a setting on one data set."""
    frame = results.done[results.done["dataset"] == dataset]
    if frame.empty:
        return frame
    epochs = frame.groupby(["method", "setting"])["epoch"].transform("nunique")
    return frame[epochs > 1]


def _over_seeds(frame: pd.DataFrame) -> pd.DataFrame:
    """The columns EPOCH_MEASURES per epoch: mean over supernet seeds of means over selector seeds, as in the tables."""
    per_seed = frame.groupby(["epoch", "supernet_seed"])[list(EPOCH_MEASURES)].mean()
    return per_seed.groupby(level="epoch").mean().reset_index()


def epoch_figure(results: Results, table: GroundTruth, dataset: str) -> Figure:
    """Share of skip connections, accuracy and tau against the epoch of the checkpoint, one column per setting.

    Where there are many settings, further bands of three rows stand below.
    """
    frame = along_epochs(results, dataset)
    if frame.empty:
        raise NotDrawn("no method was applied to more than one checkpoint of a supernet")
    settings = [setting for setting in results.settings if (frame["setting"] == setting).any()]
    methods = sorted(frame["method"].unique())
    optimum = float(table.accuracy(dataset).max())
    worst = optimum - float(frame["test"].min())
    frame = frame.assign(
        skip_share=frame["skips"] / 6,
        run=frame["supernet_seed"].astype(str) + "." + frame["selector_seed"].astype(str),
    )

    def placed(rows: pd.DataFrame) -> pd.DataFrame:
        """Accuracies on their axis: averaged before this, since a mean of stretched values is not their mean."""
        return rows.assign(test=stretched(optimum - rows["test"].to_numpy()))

    with drawing():
        across = min(len(settings), ACROSS)
        bands = -(-len(settings) // across)
        figure = Figure(figsize=(min(WIDTH, 2.2 + 2.6 * across), 0.6 + 4.6 * bands), layout="constrained")
        grid = figure.subplots(3 * bands, across, sharex=True, sharey="row", squeeze=False)
        for number_of_setting, setting in enumerate(settings):
            band, column = divmod(number_of_setting, across)
            panels = grid[3 * band : 3 * band + 3, column]
            for number, method in enumerate(methods):
                here = frame[(frame["setting"] == setting) & (frame["method"] == method)]
                if here.empty:  # skipped on this recipe
                    continue
                colour, marker = look(number)
                runs, means = placed(here), placed(_over_seeds(here))
                for axes, measure in zip(panels, EPOCH_MEASURES, strict=True):
                    before = len(axes.get_lines())
                    where = {"x": "epoch", "y": measure, "estimator": None, "color": colour, "ax": axes}
                    sns.lineplot(runs, **where, units="run", lw=0.5, alpha=0.4)
                    sns.lineplot(means, **where, marker=marker, ms=5, lw=1.6, label=method, legend=False)
                    for line in axes.get_lines()[before:]:
                        line.set_gid(f"series={method}")
                    axes.set(xlabel="", ylabel="")
                    legend = axes.get_legend()
                    if legend is not None:
                        legend.remove()
            panels[0].set_title(setting)
            # Shared axes are labelled in the lowest row of the grid alone, which need not be full.
            panels[2].tick_params(labelbottom=True)
            panels[2].set_xlabel("epoch of the checkpoint", visible=True)
        for band in range(bands):
            share, accuracy, tau = grid[3 * band : 3 * band + 3, 0]
            share.set_ylabel("share of skip")
            share.set_ylim(-0.04, 1.04)
            accuracy.set_ylabel("test accuracy, %")
            accuracy_axis(accuracy, optimum, worst, vertical=True)
            tau.set_ylabel("τ-b, mean oracle")
        for axes in grid.flat:
            axes.grid()
        for spare in range(len(settings), across * bands):
            for axes in grid[-3:, spare % across]:
                axes.set_visible(False)
        keys: dict[str, Artist] = {}
        for axes in grid[::3].flat:  # a method need not be in the first panel
            handles, labels = axes.get_legend_handles_labels()
            keys.update(zip(map(str, labels), handles, strict=True))
        figure.legend([keys[method] for method in methods], methods, loc="outside upper right",
                      ncols=min(4, len(methods)), fontsize=7.5)  # fmt: skip
    return figure


def operation_shares(results: Results, dataset: str, setting: str) -> dict[str, np.ndarray]:
    """Method -> [5] share of each operation among the edges of its selected architectures."""
    frame = results.final[(results.final["dataset"] == dataset) & (results.final["setting"] == setting)]
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
