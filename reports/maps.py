"""Heat maps of the 6 x 5 scores beside the oracle, and scores of whole architectures against accuracy."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bench.measures import oracle, standardised, tau_b
from bench.space import EDGE_NAMES, parse
from bench.table import GroundTruth
from reports.results import Results
from reports.strips import WIDTH, columns_of
from reports.style import INK, MUTED, OPERATION_LABELS, accuracy_axis, drawing, stretched

Values = NDArray[np.float64]
ACROSS = 6
PIXELS = "#3f8fce"
"""Of marks that become pixels: they cannot follow light and dark mode, so a colour that does for both."""


@dataclass(frozen=True)
class ScoreMap:
    """The scores of one method in one setting, standardised per edge and averaged over selections."""

    title: str
    scores: Values
    chosen: Values
    """[6, 5] share of the selections that took this operation on this edge."""
    n: int


def score_maps(results: Results, dataset: str, setting: str, order: Sequence[str]) -> list[ScoreMap]:
    """One map per method in `order` that has scores."""
    frame = results.final[(results.final["dataset"] == dataset) & (results.final["setting"] == setting)]
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
            axes.text(left, top - 0.2, _short(panel.title), fontsize=7, va="bottom",
                      fontweight="bold" if panel.n == 0 else "normal")  # fmt: skip
            if panel.n:
                dots += [(left + o + 0.5, top + e + 0.5) for e, o in enumerate(panel.chosen.argmax(axis=1))]
            if column == 0:
                for e, name in enumerate(EDGE_NAMES):
                    axes.text(-0.2, top + e + 0.5, name, fontsize=6, ha="right", va="center", color=MUTED)
            if position + ACROSS >= len(shown):
                for o, name in enumerate(OPERATION_LABELS):
                    axes.text(left + o + 0.5, top + 6.15, name, fontsize=5, ha="center", va="top", color=MUTED)
        axes.imshow(mosaic, cmap="PuOr", vmin=-2, vmax=2, interpolation="none", aspect="auto",
                    extent=(0, mosaic.shape[1], mosaic.shape[0], 0))  # fmt: skip
        axes.scatter(*columns_of(dots), s=9, color="#ffffff", edgecolors="#000000", linewidths=0.6)
        axes.set_xlim(-2.2, mosaic.shape[1])
        axes.set_axis_off()
    return figure


def _short(name: str, length: int = 22) -> str:
    return name if len(name) <= length else name[: length - 1] + "…"


@dataclass(frozen=True)
class ArchitectureScores:
    """Scores that a criterion gave to whole architectures at one checkpoint."""

    method: str
    setting: str
    seed: int
    codes: NDArray[np.int64]
    scores: Values


def rankings(results: Results, dataset: str) -> list[ArchitectureScores]:
    """What the ranking criteria scored on a data set: the first supernet and selector seed of each."""
    frame = results.final[results.final["dataset"] == dataset]
    records = results.records()
    found: dict[str, ArchitectureScores] = {}
    for i, row in frame.sort_values(["method", "setting", "supernet_seed", "selector_seed"]).iterrows():
        ranking = records.get(int(str(i)), {}).get("ranking")
        if ranking and row["method"] not in found:
            found[row["method"]] = ArchitectureScores(
                row["method"], row["setting"], int(row["supernet_seed"]), np.asarray(ranking["codes"]),
                np.asarray(ranking["scores"], float),
            )  # fmt: skip
    return list(found.values())


@dataclass(frozen=True)
class TopAgreement:
    """How a ranking agrees with the truth, overall and among the best architectures it scored."""

    n: int
    tied: int
    tau: float
    tau_top: dict[float, float]
    """Share of the best architectures -> tau-b among them."""
    precision: dict[int, float]
    """k -> share of the criterion's k best that are among the k truly best."""
    best_rank: dict[int, int]
    """k -> the best true rank among the criterion's k best, 1 = the optimum of those scored."""


def top_agreement(ranking: ArchitectureScores, accuracies: Values) -> TopAgreement:
    """The agreement of a ranking with `accuracies` [15625], over the architectures that it scored."""
    truth, scores = accuracies[ranking.codes], ranking.scores
    n = len(truth)
    by_truth, by_score = np.argsort(-truth, kind="stable"), np.argsort(-scores, kind="stable")
    place = np.empty(n, dtype=int)
    place[by_truth] = np.arange(1, n + 1)
    tops = {share: by_truth[: max(2, round(share * n))] for share in (0.1, 0.01)}
    sizes = [k for k in (1, 10, 100) if k <= n]
    return TopAgreement(
        n, n - len(np.unique(scores)), tau_b(scores, truth),
        {share: tau_b(scores[rows], truth[rows]) for share, rows in tops.items()},
        {k: len(set(by_truth[:k]) & set(by_score[:k])) / k for k in sizes},
        {k: int(place[by_score[:k]].min()) for k in sizes},
    )  # fmt: skip


def ranking_figure(found: Sequence[ArchitectureScores], table: GroundTruth, dataset: str) -> Figure:
    """Rank by criterion against accuracy, one panel per ranking criterion; the marks are pixels, the axes are not."""
    accuracies = table.accuracy(dataset)
    optimum = float(accuracies.max())
    across = min(4, len(found))
    down = -(-len(found) // across)
    with drawing():
        figure = Figure(figsize=(2.4 * across, 2.0 * down + 0.2), layout="constrained")
        grid = list(figure.subplots(down, across, sharex=True, sharey=True, squeeze=False).flat)
        for spare in grid[len(found) :]:
            spare.set_visible(False)
        for axes, ranking in zip(grid, found, strict=False):
            truth = accuracies[ranking.codes]
            percent = 100 * (np.argsort(np.argsort(ranking.scores, kind="stable")) + 1) / len(truth)
            axes.scatter(percent, stretched(optimum - truth), s=2, lw=0, color=PIXELS, alpha=0.45, rasterized=True)
            accuracy_axis(axes, optimum, float(optimum - truth.min()), vertical=True)
            axes.set_title(_short(ranking.method, 30), fontsize=7.5)
            axes.text(0.03, 0.97, f"τ-b {tau_b(ranking.scores, truth):.2f}, n {len(truth):,}", transform=axes.transAxes,
                      va="top", fontsize=7, color=INK)  # fmt: skip
            axes.grid(axis="y")
        figure.supxlabel("rank by the criterion, % (right = better)", fontsize=8, color=MUTED)
        figure.supylabel("test accuracy, %", fontsize=8, color=MUTED)
    return figure
