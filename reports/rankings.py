"""Criteria that rank whole architectures: their scores against test accuracy, overall and among the best."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from html import escape

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bench.kendall import tau_b
from bench.table import GroundTruth
from reports.blocks import Block, Cell, Column, Prose, Row, Table
from reports.results import ONE_DRAW_SAID, Results
from reports.source import Source
from reports.style import AXIS_SAID, INK, MUTED, accuracy_axis, drawing, short, stretched
from reports.text import from_to, number

Values = NDArray[np.float64]
PIXELS = "#3f8fce"
"""Of marks that become pixels: they cannot follow light and dark mode, so a colour that does for both."""
FEWEST = 10
"""A tau among fewer architectures than this says nothing."""
TOP_PARTS = (10, 100)
TOP_COUNTS = (1, 10, 100)


@dataclass(frozen=True)
class ArchitectureScores:
    """Scores that one selection gave to whole architectures."""

    method: str
    setting: str
    seed: int
    """Of the supernet."""
    repeat: int
    """The selector seed."""
    codes: NDArray[np.int64]
    scores: Values


def rankings(results: Results, dataset: str) -> dict[str, list[ArchitectureScores]]:
    """What the ranking criteria scored on a data set at the last checkpoint: method -> its independent selections.

    Sorted by recipe and seeds. A selection that scored fewer than FEWEST architectures ranks nothing and is left out;
    of a method that reads no checkpoint each draw counts once, not once per recipe.
    """
    frame = results.final_of(dataset)
    records = results.records()
    found: dict[str, dict[tuple[object, ...], ArchitectureScores]] = {}
    for i, row in frame.sort_values(["method", "setting", "supernet_seed", "selector_seed"]).iterrows():
        ranking = records.get(int(str(i)), {}).get("ranking")
        if not ranking or len(ranking["codes"]) < FEWEST:
            continue
        method, setting, seed, repeat = row["method"], row["setting"], row["supernet_seed"], row["selector_seed"]
        draw = (seed, repeat) if method in results.alike else (setting, seed, repeat)
        found.setdefault(method, {}).setdefault(
            draw,
            ArchitectureScores(
                method, setting, int(seed), int(repeat), np.asarray(ranking["codes"]),
                np.asarray(ranking["scores"], float),
            ),
        )  # fmt: skip
    return {method: list(draws.values()) for method, draws in found.items()}


@dataclass(frozen=True)
class TopAgreement:
    """How a ranking agrees with the truth, overall and among the best; None where too few are left to say.

    Equal scores, and equal accuracies, stand in no order: precision and best rank are expectations over all orders.
    """

    n: int
    tied: int
    tau: float
    tau_top: dict[int, float | None]
    """Part -> tau-b among the truly best n / part, rounded up, and those as good as the last of them."""
    precision: dict[int, float | None]
    """k -> share of the criterion's k best that are among the k truly best."""
    best_rank: dict[int, float | None]
    """k -> the best true rank among the criterion's k best; 1 = no architecture of those scored is better."""


def top_agreement(ranking: ArchitectureScores, accuracies: Values) -> TopAgreement:
    """The agreement of a ranking with `accuracies` [15625], over the architectures that it scored."""
    truth, scores = accuracies[ranking.codes], ranking.scores
    n = len(truth)
    # Of equally good ones each has the best rank of them.
    rank = (np.searchsorted(np.sort(-truth), -truth) + 1).astype(float)
    tau_top: dict[int, float | None] = {}
    for part in TOP_PARTS:
        size = -(-n // part)
        among = rank <= size
        tau_top[part] = tau_b(scores[among], truth[among]) if size >= FEWEST else None
    # Where k is more than half of all, a random order is right too often for the number to mean anything.
    sizes = [k for k in TOP_COUNTS if k <= n / 2]
    return TopAgreement(
        n, n - len(np.unique(scores)), tau_b(scores, truth), tau_top,
        {k: float(_chances(truth, k) @ _chances(scores, k)) / k if k in sizes else None for k in TOP_COUNTS},
        {k: _expected_best(rank, scores, k) if k in sizes else None for k in TOP_COUNTS},
    )  # fmt: skip


def _chances(values: Values, k: int) -> Values:
    """[n]: the chance of each to be among the k largest when equal values are put in a random order."""
    last = np.sort(values)[-k]
    above, level = values > last, values == last
    return above + level * (k - above.sum()) / level.sum()


def _expected_best(rank: Values, scores: Values, k: int) -> float:
    """The expectation of the lowest `rank` among the k largest scores, equal scores in a random order."""
    last = np.sort(scores)[-k]
    certain = rank[scores > last].min(initial=np.inf)  # nothing is certain where all of the best are tied
    drawn = np.sort(rank[scores == last])
    m, r = len(drawn), k - int((scores > last).sum())
    # The chance that none of the first j is among the r that are drawn of m, a product over them; j = 0 ... m.
    place = np.arange(m)
    none = np.concatenate([[1.0], np.cumprod(np.maximum(m - r - place, 0) / (m - place))])
    return float((none[:-1] - none[1:]) @ np.minimum(drawn, certain))


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


def ranking_blocks(source: Source, dataset: str) -> list[Block]:
    """The figure of a data set's rankings, and the table of how well they find the best architectures."""
    found = rankings(source.results, dataset)
    if not found:
        return [Prose(f"<p>{escape(dataset)}: no selector of this run ranks whole architectures.</p>")]
    first = [draws[0] for draws in found.values()]
    caption = (
        "A mark is one architecture that the criterion scored: its rank by the criterion (equal scores share one)"
        f" against its test accuracy; n in each panel. One selection per criterion, {_which(first, source.results)};"
        f" means over all of them are in the table. {AXIS_SAID}"
    )
    picture = source.picture(
        f"ranking-{dataset}", f"{dataset}: does a better score mean a better architecture?", caption,
        partial(ranking_figure, first, source.table, dataset),
    )  # fmt: skip
    accuracies = source.table.accuracy(dataset)
    rows = []
    for method, draws in found.items():
        tops = [top_agreement(draw, accuracies) for draw in draws]
        rows.append(
            Row([
                Cell(source.results.marked(method), "name"), Cell(str(len(tops))),
                Cell(from_to([top.n for top in tops])), Cell(f"{np.mean([top.tied for top in tops]):,.0f}"),
                Cell(_mean([top.tau for top in tops])),
                *(Cell(_mean([top.tau_top[part] for top in tops])) for part in TOP_PARTS),
                *(Cell(_mean([top.precision[k] for top in tops])) for k in TOP_COUNTS[1:]),
                *(Cell(_mean([top.best_rank[k] for top in tops], 1)) for k in TOP_COUNTS[:2]),
            ])
        )  # fmt: skip
    columns = [
        Column("criterion", numeric=False),
        Column("n", "independent selections: recipes, supernet seeds, selector seeds"),
        Column("scored", "architectures scored by one selection"),
        Column("tied", "scores that repeat another one"),
        Column("τ all"),
        Column("τ top 10 %", "tau-b among the truly best tenth of those scored"),
        Column("τ top 1 %", "tau-b among the truly best hundredth of those scored"),
        Column("P@10", "share of the criterion's 10 best among the 10 truly best"),
        Column("P@100", "share of its 100 best among the 100 truly best"),
        Column("rank@1", "true rank of the criterion's first choice, among those scored"),
        Column("rank@10", "best true rank among the criterion's 10 best"),
    ]
    said = (
        "The same in numbers, and among the best only: means over n selections. Equal scores stand in no order; P@k and"
        f" rank@k are expectations over all orders. –: fewer than {FEWEST} architectures in the top set, or k more than"
        f" half of those scored. {ONE_DRAW_SAID}"
    )
    return [picture, Table(f"top-{dataset}", said, columns, rows)]


def _which(shown: Sequence[ArchitectureScores], results: Results) -> str:
    """Which selections the panels show, in words."""
    parts = []
    reading = [ranking for ranking in shown if ranking.method not in results.alike]
    for setting in dict.fromkeys(ranking.setting for ranking in reading):
        names = [ranking.method for ranking in reading if ranking.setting == setting]
        parts.append(setting + (f" ({', '.join(names)})" if len(names) < len(reading) else ""))
    seeds = sorted({(ranking.seed, ranking.repeat) for ranking in shown})
    said = f"supernet seed {seeds[0][0]} and selector seed {seeds[0][1]}" if len(seeds) == 1 else "its first seeds"
    return said + (f", on the recipe {', '.join(parts)}" if parts else "")


def _mean(values: Sequence[float | None], decimals: int = 2) -> str:
    """The mean, or a dash where a selection has none: a mean over some of them would be of another n."""
    there = [value for value in values if value is not None]
    return number(float(np.mean(there)) if len(there) == len(values) else None, decimals)
