"""Sections on outcomes: the main table, the strips, who beats whom, and where the spread comes from."""

from collections.abc import Sequence
from functools import partial
from html import escape

import numpy as np

from bench.pairs import SIGNIFICANCE, Comparison, Verdict
from bench.statistics import Interval
from bench.yardsticks import Yardstick
from reports.blocks import Block, Cell, Column, Heading, Picture, Prose, Row, Section, Table
from reports.comparisons import Contest
from reports.figures import selection_costs
from reports.source import Source
from reports.standings import standings_figure
from reports.strips import accuracy_figure
from reports.summary import Line, promise
from reports.text import count, duration, number, spread

MARKS = {
    Verdict.BETTER: ("better", "+"),
    Verdict.WORSE: ("worse", "−"),
    Verdict.SMALL: ("small", "≈"),
    Verdict.OPEN: ("open", "·"),
    Verdict.TOO_FEW: ("few", "?"),
    Verdict.SAME: ("same", "="),
}
"""CSS class and sign of each verdict."""


def group_name(group: int) -> str:
    """A for the leader's tie group, then B, C, ..."""
    return chr(ord("A") + group) if group < 26 else str(group + 1)


def interval_text(interval: Interval | None, decimals: int = 2) -> str:
    """`[low, high]`, with a tilde where it is rough."""
    if interval is None:
        return "–"
    return f"{'~' if interval.rough else ''}[{number(interval.low, decimals)}, {number(interval.high, decimals)}]"


def _mean(lines: Sequence[Line], method: str) -> float | None:
    """Mean over settings."""
    values = [line.mean for line in lines if line.method == method]
    return float(np.mean(values)) if values else None


def main_table(source: Source, contest: Contest) -> Table:
    """One row per method and yardstick of a data set, best first."""
    dataset = contest.dataset
    settings = [s for s in source.results.settings if any(x.dataset == dataset and x.setting == s for x in source.test)]
    costs = selection_costs(source.results, dataset).groupby("method")["seconds"].mean()
    columns = [
        Column("selector", "the criterion; floors and ceilings of the table in italics", numeric=False),
        Column("group", "tie group: A is the leader and all selectors that were not shown worse than it, B the same"
               " among the rest", numeric=False),
        Column("test %", "mean test accuracy: over selector seeds, then supernet seeds, then recipes"),
        Column("95 % interval", "stratified bootstrap over supernet seeds; ~ = rough, fewer than 10 seeds per recipe"),
        Column("regret", "best test accuracy of the space minus this one, points"),
        Column("percentile", "share of architectures with strictly lower test accuracy, %", hidden=len(settings) > 2),
        *(Column(setting, f"test accuracy on {setting} supernets: mean ± standard deviation over seeds (seeds)")
          for setting in settings),
        Column("τ best", "tau-b with the oracle of best accuracies, mean over edges and recipes"),
        Column("τ mean", "tau-b with the oracle of mean accuracies, mean over edges and recipes"),
        Column("cost", "mean time of one selection: scoring and tuning"),
        Column("n", "checkpoints: recipes × supernet seeds; supernet seeds for a selector that reads nothing of the"
               " checkpoint, since its result is one for all recipes", hidden=len(settings) > 2),
    ]  # fmt: skip
    entries: list[tuple[float, Row]] = []
    for standing in contest.standings:
        per_setting = {x.setting: x for x in source.test if x.dataset == dataset and x.method == standing.method}
        partial = standing.settings < contest.settings
        percentile = _mean([x for x in source.lines("percentile") if x.dataset == dataset], standing.method)
        cells = [
            Cell(standing.method, "name"),
            Cell(group_name(standing.group) if contest.can_tell else "?"),
            Cell(
                number(standing.mean) + ("*" if partial else ""), "strong",
                f"over {standing.settings} of {contest.settings} recipes" if partial else "",
            ),
            Cell(interval_text(standing.interval), "quiet"),
            Cell(number(source.optimum(dataset) - standing.mean)),
            Cell(number(percentile, 1)),
            *(
                Cell(spread(x.mean, x.deviation, x.n) if (x := per_setting.get(setting)) else "–")
                for setting in settings
            ),
            *(
                Cell(number(_mean([x for x in lines if x.dataset == dataset], standing.method)))
                for lines in (source.tau_best, source.tau_mean)
            ),
            Cell(duration(float(costs[standing.method])) if standing.method in costs else "–"),
            Cell(str(standing.n)),
        ]  # fmt: skip
        entries.append((standing.mean, Row(cells, "leader" if standing.group == 0 and contest.can_tell else "")))
    for stick in source.sticks.get(dataset, []):
        cells = [
            Cell(stick.name, "name", stick.note), Cell(""), Cell(number(stick.test), "strong"), Cell("exact", "quiet"),
            Cell(number(stick.regret)), Cell(number(stick.percentile, 1)), *(Cell("–") for _ in settings),
            Cell(number(stick.tau_best)), Cell(number(stick.tau_mean)), Cell("–"), Cell("–"),
        ]  # fmt: skip
        entries.append((stick.test, Row(cells, "yardstick")))
    entries.sort(key=lambda entry: -entry[0])
    caption = (
        f"Shaded: the tie group of the leader ({contest.leader}), that is all selectors that were not shown worse"
        " than it by paired sign-flip tests, Holm's correction over the comparisons with it. "
        if contest.can_tell
        else "There are no tie groups: with so few pairs no difference from the leader could be shown. "
    ) + "Italics: floors and ceilings, from the table alone."
    if any(standing.settings < contest.settings for standing in contest.standings):
        caption += " * mean over fewer recipes than the others; compare it inside a recipe only."
    return Table(f"main-{dataset}", caption, columns, [row for _, row in entries])


def yardstick_table(dataset: str, sticks: Sequence[Yardstick]) -> Table:
    """The floors and ceilings with three decimals and what they are."""
    columns = [
        Column("yardstick", numeric=False), Column("test %"), Column("valid %"), Column("regret"), Column("percentile"),
        Column("gain", "0 = mean of the space, 1 = its best"), Column("τ best"), Column("τ mean"), Column("τ space"),
        Column("what it is", numeric=False),
    ]  # fmt: skip
    rows = [
        Row([
            Cell(stick.name, "name"), Cell(number(stick.test, 3)), Cell(number(stick.valid, 3)),
            Cell(number(stick.regret, 3)), Cell(number(stick.percentile)), Cell(number(stick.gain, 3)),
            Cell(number(stick.tau_best, 3)), Cell(number(stick.tau_mean, 3)), Cell(number(stick.tau_space, 3)),
            Cell(stick.note, "quiet wrap"),
        ])
        for stick in sticks
    ]  # fmt: skip
    caption = "Computed from the ground-truth table alone; no supernet is involved."
    return Table(f"yardsticks-{dataset}", caption, columns, rows, searchable=False)


def results_section(source: Source) -> Section:
    """The main tables."""
    section = Section("results", "Results")
    for contest in source.contests:
        section.blocks += [Heading(contest.dataset), main_table(source, contest)]
        section.blocks.append(yardstick_table(contest.dataset, source.sticks.get(contest.dataset, [])))
    return section


def strips_section(source: Source) -> Section:
    """Every selection as a mark."""
    section = Section("seeds", "Every seed")
    for contest in source.contests:
        dataset = contest.dataset
        here = [line for line in source.test if line.dataset == dataset]
        seeds = max((line.n for line in here), default=0)
        repeats = max((line.selector_seeds for line in here), default=0)
        caption = (
            f"A mark is one selection; at most {count(seeds, 'supernet seed')} per recipe and"
            f" {count(repeats, 'selector seed')} on each. The tick is the mean over supernet seeds, the bar its 95 %"
            f" bootstrap interval over supernet seeds (selector seeds averaged). {promise(seeds)} A faint line joins"
            " what was selected on the same supernet; point at a mark to follow it. Diamonds: floors and ceilings;"
            " dashed: random choice and the optimum. The axis is logarithmic in the distance to the optimum."
            + source.left_out(dataset)
        )
        draw = partial(
            accuracy_figure, source.in_focus(source.test), source.table, dataset, source.results.settings,
            source.sticks.get(dataset, []),
        )  # fmt: skip
        title = f"{dataset}: which accuracy does each selector reach, seed by seed?"
        section.blocks.append(source.picture(f"accuracy-{dataset}", title, caption, draw))
    section.blocks += _variance(source)
    return section


def _variance(source: Source) -> list[Block]:
    rows = []
    for line in source.test:
        parts = line.components
        if parts is not None:
            rows.append(
                Row([
                    Cell(line.dataset), Cell(line.setting), Cell(line.method, "name"), Cell(number(parts.supernet)),
                    Cell(number(parts.selector)), Cell(str(parts.supernets)), Cell(str(parts.values)),
                ])
            )  # fmt: skip
    if not rows:
        return [Prose("<p>No selector was run with more than one selector seed, so its own chance cannot be told apart"
                      " from that of the supernet.</p>")]  # fmt: skip
    columns = [
        Column("data set", numeric=False), Column("recipe", numeric=False), Column("selector", numeric=False),
        Column("sd between supernets", "standard deviation between supernet seeds with the selector's noise taken out"),
        Column("sd between selector seeds", "standard deviation between selector seeds on one checkpoint"),
        Column("supernets"), Column("values"),
    ]  # fmt: skip
    caption = (
        "Where the spread of test accuracy comes from, in points: supernet seeds or the selector's own randomness"
        " (one-way random-effects analysis of variance; 0 where the estimate is negative)."
    )
    return [Heading("Two sources of chance"), Table("variance", caption, columns, rows)]


def _pair_cells(c: Comparison) -> list[Cell]:
    css, sign = MARKS[c.verdict]
    return [
        Cell(c.first, "name"), Cell(f"{sign} {c.verdict}", css), Cell(number(c.median)),
        Cell(interval_text(c.median_interval), "quiet"), Cell(number(c.improvement)),
        Cell(interval_text(c.improvement_interval), "quiet"),
        Cell("<0.001" if c.p_holm < 0.001 else number(c.p_holm, 3)), Cell(str(c.n)), Cell(str(c.differing)),
    ]  # fmt: skip


PAIR_COLUMNS = (
    Column("selector", numeric=False),
    Column("verdict", "what the corrected test and the margin support", numeric=False),
    Column("median difference", "median over shared checkpoints of the difference in test accuracy, points"),
    Column("95 % interval", "stratified bootstrap over supernet seeds"),
    Column("P(better)", "probability of improvement: share of checkpoints on which it is above, ties half"),
    Column("95 % interval ", "stratified bootstrap over supernet seeds"),
    Column("p (Holm)", "paired sign-flip test, corrected over the comparisons with this baseline"),
    Column("n", "pairs: shared checkpoints"),
    Column("differing", "pairs in which the two accuracies differ"),
)


def default_baseline(contest: Contest) -> str:
    """The name that everything is compared with at first: the constant order, else the last in the ranking."""
    names = {c.second for c in contest.comparisons} | {c.first for c in contest.comparisons}
    return "constant-order" if "constant-order" in names else contest.standings[-1].method


def pair_table(contest: Contest, baseline: str) -> Table:
    """Every method against one baseline."""
    compared = contest.against(baseline)
    rows = [Row(_pair_cells(comparison)) for comparison in compared]
    margin = (
        f"A difference counts only if its median exceeds {number(contest.noise.margin)} points, the median gap between"
        f" two trainings of one architecture in the table ({contest.noise.architectures:,} architectures)."
        if contest.noise
        else "The table holds no repeated trainings of this data set, so there is no margin of practical equivalence."
    )
    caption = (
        f"Compared on the same checkpoints, paired; Holm's correction over the {len(compared)} comparisons with the"
        f" baseline. {margin} “too few pairs to tell”: no outcome could have reached p ≤ {SIGNIFICANCE} after"
        " correction. Inference is about this data set and these recipes."
    )
    return Table(f"pairs-{contest.dataset}", caption, PAIR_COLUMNS, rows, baseline=baseline)


def matrix(contest: Contest) -> str:
    """All pairs as a grid of signs: the row against the column."""
    methods = contest.focus
    others = [*methods, *dict.fromkeys(c.second for c in contest.drawn if c.second not in methods)]
    found = {(c.first, c.second): c for c in contest.drawn}
    found |= {(c.second, c.first): c.seen_from(c.second) for c in contest.drawn}
    values = len(others) <= 16
    head = "".join(f'<th scope="col"><span>{escape(name)}</span></th>' for name in others)
    body = []
    for row in methods:
        cells = []
        for column in others:
            c = found.get((row, column))
            if c is None:
                cells.append("<td></td>")
            else:
                css, sign = MARKS[c.verdict]
                cells.append(
                    f'<td class="{css}">{number(c.median, 1 if abs(c.median) >= 10 else 2) if values else sign}</td>'
                )
        body.append(f'<tr><th scope="row">{escape(row)}</th>{"".join(cells)}</tr>')
    return (
        f'<div class="scroll"><table class="matrix" data-dataset="{escape(contest.dataset)}">'
        f"<thead><tr><td></td>{head}</tr></thead>"
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def pairs_section(source: Source) -> Section:
    """Who beats whom."""
    section = Section("pairs", "Who beats whom")
    key = "".join(f'<span><b class="{css}">{sign}</b>{verdict}</span>' for verdict, (css, sign) in MARKS.items())
    for contest in source.contests:
        if not contest.comparisons:
            section.blocks.append(Prose(f"<p>{contest.dataset}: there is nothing to compare with.</p>"))
            continue
        baseline = default_baseline(contest)
        section.blocks += [Heading(f"{contest.dataset}: against {baseline}"), pair_table(contest, baseline)]
        caption = (
            "Row against column: median difference in test accuracy, points, over shared checkpoints, coloured by"
            f" what the paired test supports after correction over all {len(contest.comparisons)} pairs."
            f" {_sizes(contest)}{source.left_out(contest.dataset)}"
        )
        grid = f'<p class="key">{key}</p>{matrix(contest)}'
        section.blocks.append(_standings(source, contest))
        section.blocks.append(Picture(f"matrix-{contest.dataset}", f"{contest.dataset}: all pairs", caption, grid))
    return section


def _standings(source: Source, contest: Contest) -> Picture:
    caption = (
        "A dot is a selector's mean over recipes and supernet seeds, the line its 95 % bootstrap interval over"
        " supernet seeds. A bar on the right joins neighbours among which no pair was shown to differ (paired"
        f" sign-flip tests, Holm's correction over all {len(contest.comparisons)} pairs). {_sizes(contest)}"
        f"{source.left_out(contest.dataset)}"
    )
    title = f"{contest.dataset}: who cannot be told apart?"
    draw = partial(standings_figure, contest, source.table)
    return source.picture(f"standings-{contest.dataset}", title, caption, draw)


def _sizes(contest: Contest) -> str:
    pairs = sorted({c.n for c in contest.comparisons})
    return f"n = {pairs[0]} pairs." if len(pairs) == 1 else f"n = {pairs[0]} to {pairs[-1]} pairs."
