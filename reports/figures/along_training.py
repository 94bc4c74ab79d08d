"""The figure along training: what is chosen, and how good it is, at each stored checkpoint."""

import pandas as pd
import seaborn as sns
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from bench.problem.space import NONE, SKIP
from bench.problem.table import GroundTruth
from reports.data.results import Results, shares_of
from reports.figures.costs_and_operations import ACROSS
from reports.figures.strips import WIDTH, look
from reports.figures.style import NotDrawn, accuracy_axis, drawing, stretched, without_clipping

PANELS = {
    "skip_share": "share of skip", "none_share": "share of none", "test": "test accuracy, %",
    "tau_mean": "τ-b, mean oracle",
}  # fmt: skip
"""What the panels of a band show along training, from the top."""

DOWN = len(PANELS)


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


def epoch_figure(results: Results, table: GroundTruth, dataset: str) -> Figure:
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
        skip_share=shares_of(SKIP, frame["architecture"]),
        none_share=shares_of(NONE, frame["architecture"]),
        run=frame["supernet_seed"].astype(str) + "." + frame["selector_seed"].astype(str),
    )

    def placed(rows: pd.DataFrame) -> pd.DataFrame:
        """Accuracies on their axis: averaged before this, since a mean of stretched values is not their mean."""
        return rows.assign(test=stretched(optimum - rows["test"].to_numpy()))

    with drawing():
        across = min(len(settings), ACROSS)
        bands = -(-len(settings) // across)
        figure = Figure(figsize=(min(WIDTH, 2.2 + 2.6 * across), 0.6 + 1.5 * DOWN * bands), layout="constrained")
        grid = figure.subplots(DOWN * bands, across, sharex=True, sharey="row", squeeze=False)
        for number_of_setting, setting in enumerate(settings):
            band, column = divmod(number_of_setting, across)
            panels = grid[DOWN * band : DOWN * (band + 1), column]
            for number, method in enumerate(methods):
                here = frame[(frame["setting"] == setting) & (frame["method"] == method)]
                if here.empty:  # skipped on this recipe
                    continue
                colour, marker = look(number)
                runs, means = placed(here), placed(_over_seeds(here))
                for axes, measure in zip(panels, PANELS, strict=True):
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
            panels[-1].tick_params(labelbottom=True)
            panels[-1].set_xlabel("epoch of the checkpoint", visible=True)
        for band in range(bands):
            for axes, (measure, label) in zip(grid[DOWN * band : DOWN * (band + 1), 0], PANELS.items(), strict=True):
                axes.set_ylabel(label)
                if measure.endswith("_share"):
                    axes.set_ylim(-0.04, 1.04)
                if measure == "test":
                    accuracy_axis(axes, optimum, worst, vertical=True)
        for axes in grid.flat:
            axes.grid()
            without_clipping(axes)
        for spare in range(len(settings), across * bands):
            for axes in grid[-DOWN:, spare % across]:
                axes.set_visible(False)
        keys: dict[str, Artist] = {}
        for axes in grid[::DOWN].flat:  # a method need not be in the first panel
            handles, labels = axes.get_legend_handles_labels()
            keys.update(zip(map(str, labels), handles, strict=True))
        figure.legend([keys[method] for method in methods], methods, loc="outside upper right",
                      ncols=min(4, len(methods)), fontsize=7.5)  # fmt: skip
    return figure
