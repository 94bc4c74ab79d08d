"""Blocks on criteria that rank whole architectures: scores against test accuracy, overall and among the best."""

from collections.abc import Sequence
from functools import partial
from html import escape

import numpy as np

from nas_selection_bench.reports.data.founders import Level, level_of
from nas_selection_bench.reports.data.material import Material
from nas_selection_bench.reports.data.rankings import FEWEST, TOP_COUNTS, TOP_PARTS, ArchitectureScores, top_agreement
from nas_selection_bench.reports.data.results import ONE_DRAW_SAID, Results
from nas_selection_bench.reports.data.text import from_to, number
from nas_selection_bench.reports.figures.axes import AXIS_SAID
from nas_selection_bench.reports.figures.ranking_curves import ranking_figure
from nas_selection_bench.reports.sections.blocks import Block, Column, Field, Prose, Row, Table, without_empty_columns
from nas_selection_bench.reports.sections.families import FOLDED_SAID, families_in, folded
from nas_selection_bench.reports.sections.pictures import picture
from nas_selection_bench.reports.sections.titles import titled


def ranking_blocks(source: Material, dataset: str) -> list[Block]:
    """The figure of the rankings on a data set, and the table of how well they find the best architectures."""
    found = source.rankings(dataset)
    if not found:
        return [Prose(f"<p>No selector on {escape(dataset)} ranks whole architectures.</p>")]
    main = [method for method in found if level_of(method) is not Level.EXPLORATORY]
    first = [found[method][0] for method in main or found]
    caption = (
        "One mark per architecture: its rank by the criterion (equal scores share a rank) against its test accuracy."
        f" One selection per criterion, {_which(first, source.results)}; the table has means over all selections."
        f" {'Main forms only. ' if main and len(main) < len(found) else ''}{AXIS_SAID}"
    )
    drawn = picture(
        source, f"ranking-{dataset}",
        titled(source, dataset, "does a better score mean a better architecture?"), caption,
        partial(ranking_figure, first, source.truths[dataset]),
    )  # fmt: skip
    accuracies = source.table.accuracy(dataset)
    rows: dict[str, Row] = {}
    for method, draws in found.items():
        tops = [top_agreement(draw, accuracies) for draw in draws]
        rows[method] = (
            Row([
                Field(source.results.marked(method), "name"), Field(str(len(tops))),
                Field(from_to([top.n for top in tops])), Field(f"{np.mean([top.tied for top in tops]):,.0f}"),
                Field(_mean([top.tau for top in tops])),
                *(Field(_mean([top.tau_top[part] for top in tops])) for part in TOP_PARTS),
                *(Field(_mean([top.precision[k] for top in tops])) for k in TOP_COUNTS[1:]),
                *(Field(_mean([top.best_rank[k] for top in tops], 1)) for k in TOP_COUNTS[:2]),
            ])
        )  # fmt: skip
    columns = [
        Column("criterion", numeric=False),
        Column("n", "independent selections: recipes, supernet seeds, selector seeds"),
        Column("scored", "architectures scored by one selection"),
        Column("tied", "scores that repeat that of another architecture"),
        Column("τ all"),
        Column("τ top 10 %", "τ-b within the truly best tenth of those scored"),
        Column("τ top 1 %", "τ-b within the truly best hundredth of those scored"),
        Column("P@10", "share of the criterion's 10 best that are among the 10 truly best"),
        Column("P@100", "share of its 100 best that are among the 100 truly best"),
        Column("rank@1", "true rank of the criterion's first choice, among those scored", low=True),
        Column("rank@10", "best true rank among the criterion's 10 best", low=True),
    ]
    columns, kept = without_empty_columns(columns, list(rows.values()))
    rows = dict(zip(rows, kept, strict=True))
    said = (
        "Means over n selections. P@k and rank@k are expectations over all orders of equal scores. –: fewer than"
        f" {FEWEST} architectures in the top set, or k above half of the number scored."
        f"{f' {ONE_DRAW_SAID}' if source.results.checkpoint_free.intersection(found) else ''}"
    )
    shown = folded(columns, rows, families_in(source, dataset))
    said += f" {FOLDED_SAID}" if any(row.head for row in shown) else ""
    return [drawn, Table(f"top-{dataset}", said, columns, shown)]


def _which(shown: Sequence[ArchitectureScores], results: Results) -> str:
    """The selections that the panels show, in words."""
    parts = []
    reading = [ranking for ranking in shown if ranking.method not in results.checkpoint_free]
    for setting in dict.fromkeys(ranking.setting for ranking in reading):
        names = [ranking.method for ranking in reading if ranking.setting == setting]
        parts.append(setting + (f" ({', '.join(names)})" if len(names) < len(reading) else ""))
    seeds = sorted({(ranking.seed, ranking.repeat) for ranking in shown})
    said = f"supernet seed {seeds[0][0]} and selector seed {seeds[0][1]}" if len(seeds) == 1 else "its first seeds"
    return said + (f", on the recipe {', '.join(parts)}" if parts else "")


def _mean(values: Sequence[float | None], decimals: int = 2) -> str:
    """The mean as text, or a dash if a selection has no value: a mean over the rest would have another n."""
    there = [value for value in values if value is not None]
    return number(float(np.mean(there)) if len(there) == len(values) else None, decimals)
