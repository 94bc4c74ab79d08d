"""The table of how many criteria of each family are shown better and worse than each floor."""

from collections.abc import Sequence

from nas_selection_bench.bench.errors import joined
from nas_selection_bench.reports.data.contests import BASELINES, FLOOR, Contest
from nas_selection_bench.reports.data.founders import Level, called
from nas_selection_bench.reports.data.points import Point
from nas_selection_bench.reports.data.text import number, some
from nas_selection_bench.reports.sections.blocks import Column, Field, Row, Table, without_empty_columns
from nas_selection_bench.reports.sections.who_beats_whom import unit_against

FEW = 6
"""The most names that a sentence or a cell lists; the rest are only counted."""
TOLD_FLOORS = ("random-conv", FLOOR, "magnitude")
TOLD_LOOKUPS = ("random-conv", FLOOR)
"""The baselines in the table of verdicts, on the searched data set and on others; tables further down have all."""


def verdict_table(contest: Contest, found: Sequence[Point]) -> Table | None:
    """The verdicts against each floor, by family and by data set that choices are looked up on; None if none."""
    told = [p for p in found if p.words["baseline"] in (TOLD_FLOORS if p.lookup == p.dataset else TOLD_LOOKUPS)]
    told = [p for p in told if p.lookup == p.dataset or p.words["level"] == contest.levels[0]]
    told = [p for p in told if p.numbers["judged"]]
    if not told:
        return None
    elsewhere = any(p.lookup != p.dataset for p in told)
    rows = [
        Row([
            Field(called(Level(p.words["level"]), int(p.numbers["of"] or 0)), "name"),
            Field(p.words["baseline"], "", BASELINES[p.words["baseline"]]),
            Field(p.lookup if elsewhere else ""),
            Field(str(p.numbers["judged"])), *(_counted_cell(p.names[verdict]) for verdict in ("better", "worse")),
            *(_counted_cell(p.names[verdict], "") for verdict in ("small", "open", "same")),
            Field(_would_show(p), "quiet"),
            Field(some(p.names["better"], FEW) if len(p.names["better"]) <= FEW else "", "wrap"),
        ])
        for p in told
    ]  # fmt: skip
    columns = [
        Column("criteria", numeric=False), Column("against", numeric=False),
        Column("looked up on", "the data set whose test accuracies are compared", numeric=False),
        Column("judged", "criteria with enough seeds for a verdict"), Column("better"), Column("worse"),
        Column("within noise", "significant, but within the noise of training"), Column("no difference shown"),
        Column("same choices"),
        Column("could show", "the true difference that the test detects in four of five repetitions; the median"
               " over the criteria for which no difference is shown", numeric=False),
        Column("shown better", f"up to {FEW} names; hover over a count for its names", numeric=False),
    ]  # fmt: skip
    alike = [f"{name} makes the same choice as {floor}" for floor, names in contest.floors.items()
             for name in names]  # fmt: skip
    caption = (
        "Verdicts by family of criteria, for families with enough seeds for any verdict: tests paired by checkpoint,"
        " Holm's correction within each row. Against random architectures, percentiles of the space are compared."
        f"{f' Here, {joined(alike)}.' if alike else ''}"
    )
    columns, rows = without_empty_columns(columns, rows)
    return Table(f"verdicts-{contest.dataset}", caption, columns, rows, searchable=False)


def _counted_cell(names: Sequence[str], none: str = "0") -> Field:
    """The number of names, with the names shown on hover; `none` if there are none."""
    return Field(str(len(names)) if names else none, "" if names else "quiet", ", ".join(names))


def _would_show(point: Point) -> str:
    could = point.numbers["could_show"]
    if not point.names["open"] or could is None:
        return ""
    return f"{number(could, 1)} {unit_against(point.words['baseline'])}"
