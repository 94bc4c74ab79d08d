"""The files in tables/: accuracy and kendall_tau in three formats; comparisons and four more tables as CSV alone.

accuracy.csv and kendall_tau.csv hold one line per data set, setting, method and measure with exact numbers, including
floors and ceilings. Their Markdown and LaTeX show the main measures as `mean ± standard deviation over supernet seeds
(n)`. The other tables are comparisons, yardsticks, transfer, two_criteria and supernet_quality.
"""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from pathlib import Path

from nas_selection_bench.bench.files import make_folder, write_whole
from nas_selection_bench.bench.problem.space import to_string
from nas_selection_bench.bench.yardsticks.comparisons import Comparison
from nas_selection_bench.bench.yardsticks.floors import RETRAINING, Yardstick
from nas_selection_bench.bench.yardsticks.intervals import Interval
from nas_selection_bench.bench.yardsticks.measures import EDGE_TAUS
from nas_selection_bench.reports.data.contests import BASELINES, Contest, measure_of
from nas_selection_bench.reports.data.edge_knowledge import MEASURE
from nas_selection_bench.reports.data.factors import contrasts
from nas_selection_bench.reports.data.material import Material
from nas_selection_bench.reports.data.results import ONE_DRAW_SAID
from nas_selection_bench.reports.data.summary import Summary
from nas_selection_bench.reports.data.supernet_quality import SupernetQuality
from nas_selection_bench.reports.data.text import Value, number, spread, to_csv, to_latex, to_markdown
from nas_selection_bench.reports.data.two_criteria import TwoCriteria

HEADER = (
    "dataset", "recipe", "selector", "kind", "measure", "mean", "sd_over_supernets", "lowest", "highest",
    "interval_low", "interval_high", "supernet_seeds", "selector_seeds", "sd_selector_seeds", "one_draw_per_seed",
    "cells_without_result",
)  # fmt: skip
COMPARISONS = (
    "dataset", "lookup", "family", "first", "second", "measure", "verdict", "n", "differing", "p", "p_corrected",
    "smallest_p_corrected", "p_sign", "p_sign_corrected", "could_show", "mean", "mean_low", "mean_high", "median",
    "margin", "p_better", "p_better_low", "p_better_high",
)  # fmt: skip
TRANSFER = (
    "dataset",
    "lookup",
    "selector",
    "family",
    "n",
    "mean",
    "interval_low",
    "interval_high",
    "collapsed",
    "worth",
)
ALL_PAIRS, ONE_FACTOR = "all pairs", "one factor"
"""Families over which p values are corrected; comparisons with a baseline name their Level instead."""

ACCURACY = ("test", "valid", "regret", "percentile", "gain", "worth")
KENDALL_TAU = (*EDGE_TAUS, "tau_space")
WORTH = "worth"
"""The measure `worth`, for a selector that of its mean accuracy: single selections can exceed what random search
reaches with any number of trainings."""
NO_RECIPE = "(table)"
LOST_SAID = "* some of its selections failed or are missing; the mean is over the others."


def _summary_row(source: Material, summary: Summary, measure: str) -> list[Value]:
    components = summary.components
    return [
        summary.dataset, summary.setting, summary.method, "selector", measure,
        summary.mean, summary.deviation, summary.low, summary.high, *_ends(summary.interval),
        summary.n, summary.selector_seeds, None if components is None else components.selector,
        "yes" if summary.method in source.results.checkpoint_free else None, _lost(source, summary) or None,
    ]  # fmt: skip


def _ends(interval: Interval | None) -> tuple[Value, Value]:
    return (None, None) if interval is None else (interval.low, interval.high)


def _lost(source: Material, summary: Summary) -> int:
    """Number of cells of the summary that failed or are missing."""
    return source.results.lost.get((summary.dataset, summary.setting, summary.method), 0)


def _exact(source: Material, measures: Sequence[str]) -> str:
    rows: list[list[Value]] = []
    nothing: list[Value] = [None] * (len(HEADER) - HEADER.index("mean") - 1)
    for measure in measures:
        if measure == WORTH:
            worths = [(summary, source.worth(summary.dataset, summary.mean)) for summary in source.test]
            for summary, worth in worths:
                rows.append([summary.dataset, summary.setting, summary.method, "selector", WORTH, worth, *nothing])
        else:
            rows += [_summary_row(source, summary, measure) for summary in source.summaries(measure)]
        for dataset, yardsticks in source.yardsticks.items():
            for yardstick in yardsticks:
                value = getattr(yardstick, measure)
                if value is not None:
                    rows.append([dataset, NO_RECIPE, yardstick.name, "yardstick", measure, value, *nothing])
            retraining = source.retrainings[dataset].taus.get(measure)
            if retraining is not None:
                rows.append([dataset, NO_RECIPE, RETRAINING, "retraining", measure, retraining, *nothing])
    return to_csv(HEADER, rows)


def _readable(source: Material, measures: Sequence[str], decimals: int) -> tuple[list[str], list[list[str]]]:
    """Header and rows: one row per setting and method, then the yardsticks; one column per data set and measure."""
    columns = [(dataset, measure) for dataset in source.datasets for measure in measures]
    header = ["recipe", "selector", *(f"{d} {m}" if len(measures) > 1 else d for d, m in columns)]
    cells: dict[tuple[str, str], dict[tuple[str, str], str]] = {}
    means: dict[tuple[str, str], float] = {}
    for measure in measures:
        for summary in source.summaries(measure):
            place = (summary.setting, summary.method)
            star = "*" * bool(_lost(source, summary))
            shown = spread(summary.mean, summary.deviation, summary.n, decimals) + star
            cells.setdefault(place, {})[summary.dataset, measure] = shown
            means.setdefault(place, summary.mean)
    # Best first within a recipe, by the first measure and data set for which the method has a value.
    order = sorted(cells, key=lambda place: (place[0], -means[place], place[1]))
    rows = [
        [setting, source.results.marked(method), *(cells[setting, method].get(column, "–") for column in columns)]
        for setting, method in order
    ]
    names = dict.fromkeys(yardstick.name for yardsticks in source.yardsticks.values() for yardstick in yardsticks)
    for name in names:
        values = {
            (dataset, measure): number(getattr(yardstick, measure), decimals)
            for dataset, yardsticks in source.yardsticks.items()
            for yardstick in yardsticks
            for measure in measures
            if yardstick.name == name
        }
        if any(value != "–" for value in values.values()):
            rows.append([NO_RECIPE, name, *(values.get(column, "–") for column in columns)])
    agreements = [source.retrainings[dataset].taus.get(measure) for dataset, measure in columns]
    if any(agreement is not None for agreement in agreements):
        rows.append([NO_RECIPE, RETRAINING, *(number(agreement, decimals) for agreement in agreements)])
    return header, rows


def _notes(source: Material, measures: Sequence[str]) -> list[str]:
    """The notes that explain the marks in the readable rows of these measures."""
    lost = any(
        _lost(source, summary)
        for measure in measures
        for summary in source.summaries(measure)
        if summary.dataset in source.datasets
    )
    return [*([LOST_SAID] if lost else []), *([ONE_DRAW_SAID] if source.results.checkpoint_free else [])]


def _comparison_row(contest: Contest, family: str, c: Comparison, measure: str | None = None) -> list[Value]:
    return [
        contest.dataset, contest.lookup, family, c.first, c.second, measure or measure_of(c), str(c.verdict), c.n,
        c.differing,
        c.p, c.p_holm, c.smallest_p_holm, c.p_sign, c.p_sign_holm, c.detectable, c.mean, *_ends(c.mean_interval),
        c.median, c.margin, c.improvement, *_ends(c.improvement_interval),
    ]  # fmt: skip


def _against_baselines(contest: Contest, baselines: Iterable[str]) -> list[list[Value]]:
    """One row per method and baseline; each Level is one family."""
    return [
        _comparison_row(contest, level, c)
        for baseline in baselines
        for level, members in contest.families.items()
        for c in contest.against(baseline, members)
    ]


def _comparisons(source: Material) -> str:
    """comparisons.csv: the drawn pairs, every method against each baseline, single factors, edges, and transfers."""
    rows = []
    for contest in source.contests:
        rows += [_comparison_row(contest, ALL_PAIRS, c) for c in contest.drawn if c.second not in contest.floors]
        rows += _against_baselines(contest, BASELINES)
        rows += [_comparison_row(contest, ONE_FACTOR, c) for _, c in contrasts(contest.comparisons)]
        rows += [
            _comparison_row(contest, level, c, MEASURE)
            for level, compared in source.edge_knowledge[contest.dataset].items()
            for c in compared
        ]
    for contest in source.transfers:
        rows += _against_baselines(contest, contest.floors)
    return to_csv(COMPARISONS, rows)


def _transfers(source: Material) -> str:
    """transfer.csv: the choices of every method, judged by the accuracies on another data set."""
    rows: list[list[Value]] = []
    for contest in source.transfers:
        for s in contest.standings:
            worth = source.worth(contest.lookup, s.mean)
            place = [contest.dataset, contest.lookup, s.method, s.level]
            rows.append([*place, s.n, s.mean, *_ends(s.interval), s.collapsed, worth])
    return to_csv(TRANSFER, rows)


def _fields(of: type[TwoCriteria] | type[SupernetQuality], found: Sequence[TwoCriteria | SupernetQuality]) -> str:
    """CSV whose columns are the fields of the dataclass `of`."""
    names = [field.name for field in fields(of)]
    return to_csv(names, ([getattr(row, name) for name in names] for row in found))


def _yardsticks(source: Material) -> str:
    """yardsticks.csv: every floor and ceiling, with all fields of Yardstick."""
    names = [field.name for field in fields(Yardstick)]
    rows: list[list[Value]] = []
    for dataset, yardsticks in source.all_yardsticks.items():
        for yardstick in yardsticks:
            of = {name: getattr(yardstick, name) for name in names}
            of["architecture"] = None if yardstick.architecture is None else to_string(yardstick.architecture)
            rows.append([dataset, *of.values()])
    return to_csv(("dataset", *names), rows)


def write_tables(source: Material, folder: Path) -> set[str]:
    """Write all tables to `folder`, accuracy and kendall_tau as .csv, .md and .tex; return the names of the files."""
    make_folder(folder)
    texts: dict[str, str] = {}
    for name, exact, shown, decimals in (
        ("accuracy", ACCURACY, ("test",), 2),
        ("kendall_tau", KENDALL_TAU, ("tau_mean", "tau_edge", "tau_best"), 3),
    ):
        header, rows = _readable(source, shown, decimals)
        notes = _notes(source, shown)
        texts[f"{name}.csv"] = _exact(source, exact)
        texts[f"{name}.md"] = to_markdown(header, rows, left=2) + "".join(f"\n{note}\n" for note in notes)
        texts[f"{name}.tex"] = "".join(f"% {note}\n" for note in notes) + to_latex(header, rows, left=2)
    texts["comparisons.csv"] = _comparisons(source)
    texts["yardsticks.csv"] = _yardsticks(source)
    texts["transfer.csv"] = _transfers(source)
    texts["two_criteria.csv"] = _fields(TwoCriteria, source.two_criteria)
    texts["supernet_quality.csv"] = _fields(SupernetQuality, source.supernet_quality)
    for name, text in texts.items():
        write_whole(folder / name, text)
    return set(texts)
