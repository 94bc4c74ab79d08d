"""The section on who beats whom: every criterion against a baseline, the standings, and all pairs."""

from collections.abc import Mapping, Sequence
from functools import partial
from html import escape

from nas_selection_bench.bench.errors import counted
from nas_selection_bench.bench.yardsticks.comparisons import FEWEST_SEEDS, UNJUDGED, Comparison, Verdict
from nas_selection_bench.bench.yardsticks.floors import RANDOM_CHOICES
from nas_selection_bench.bench.yardsticks.statistics import SIGNIFICANCE
from nas_selection_bench.reports.data.contests import BASELINES, FLOOR, Contest, family_of
from nas_selection_bench.reports.data.factors import contrasts
from nas_selection_bench.reports.data.founders import Level, called
from nas_selection_bench.reports.data.material import Material
from nas_selection_bench.reports.data.text import interval_text, number, p_text, signed
from nas_selection_bench.reports.figures.axes import AXIS_SAID
from nas_selection_bench.reports.figures.standings import standings_figure
from nas_selection_bench.reports.sections.blocks import Column, Field, Heading, Picture, Prose, Row, Section, Table
from nas_selection_bench.reports.sections.families import families_in, folded
from nas_selection_bench.reports.sections.pictures import picture
from nas_selection_bench.reports.sections.titles import titled

MARKS = {
    Verdict.BETTER: ("better", "+"),
    Verdict.WORSE: ("worse", "−"),
    Verdict.SMALL: ("small", "≈"),
    Verdict.OPEN: ("open", "·"),
    Verdict.TOO_FEW: ("few", "?"),
    Verdict.SAME: ("same", "="),
}
"""CSS class and sign of each verdict."""


def _pair_cells(c: Comparison) -> list[Field]:
    css, sign = MARKS[c.verdict]
    return [
        Field(c.first, "name"), Field(f"{sign} {c.verdict}", css), Field(str(c.n)), Field(str(c.differing)),
        Field(number(c.mean)), Field(interval_text(c.mean_interval), "quiet"), Field(number(c.median)),
        Field(number(c.improvement)), Field(interval_text(c.improvement_interval), "quiet"),
        Field(p_text(c.p_holm) if c.judged else "–"), Field(p_text(c.p_sign_holm) if c.judged else "–"),
        Field(number(c.detectable) if c.judged else "–"),
    ]  # fmt: skip


PERCENTILES = (
    "Against random architectures, percentiles are compared, since accuracies have a long tail of broken networks."
)
"""The sentence of every caption on comparisons with random architectures."""

CORRECTED_APART = ", main forms only; pairs with floors or variants are corrected apart"
"""Follows the number of pairs in captions of figures that also show floors, and variants if main forms are few."""

PAIR_COLUMNS = (
    Column("selector", numeric=False),
    Column("verdict", "what the corrected test and the margin support", numeric=False),
    Column("n", "pairs: checkpoints shared by the two; supernet seeds if one of them does not read the checkpoint"),
    Column("differing", "pairs in which the two accuracies differ"),
    Column(
        "mean difference",
        "over shared checkpoints, tested by the sign-flip test: points of test accuracy; against random architectures,"
        " percentiles",
    ),
    Column(
        "95 % interval",
        "of the mean difference, Welch's t over supernet seeds; ~ = rough. If a few runs collapse, it can include 0"
        " although the sign-flip test, which assumes no distribution, is significant",
    ),
    Column("median difference", "what the margin is compared with"),
    Column("P(better)", "probability of improvement: share of checkpoints on which it is above, ties counted half"),
    Column("95 % interval ", "of P(better), Clopper and Pearson's"),
    Column(
        "p (Holm)",
        low=True,
        help="paired sign-flip test, corrected over the comparisons of its family; – = no outcome could"
        " have been significant, or the choices are the same",
    ),
    Column(
        "p (signs)", "sign test, corrected in the same way: it counts which one is above, not by how much", low=True
    ),
    Column(
        "could show",
        "the true mean difference that the corrected test detects in four of five repetitions, with as many pairs and"
        " this spread",
    ),
)


def default_baseline(contest: Contest) -> str:
    """The baseline shown at first: the constant order if there is one, else the last criterion of the ranking."""
    names = {c.second for c in contest.comparisons} | {c.first for c in contest.comparisons}
    return FLOOR if FLOOR in names else contest.standings[-1].method


def pair_table(contest: Contest, baseline: str, families: Mapping[str, tuple[str, bool]] | None = None) -> Table:
    """Every method against one baseline, with the rows of `families` folded."""
    compared = contest.against(baseline)
    rows = folded(PAIR_COLUMNS, {c.first: Row(_pair_cells(c)) for c in compared}, families or {})
    margin = (
        "A difference counts only if its median exceeds the noise of training: the median gap between two trainings of"
        " one architecture, over the architectures at least as accurate as the lower of the two medians"
        f" ({number(contest.noise.margin)} points over the whole space, n = {contest.noise.architectures:,})."
        if contest.noise
        else "The table stores no separate trainings on this data set, so every significant difference counts, however"
        " small."
    )
    judged = sum(c.judged for c in compared)
    caption = (
        f"Tests paired by checkpoint; Holm's correction per baseline and family ({_families(contest)}). {judged} of"
        f" {len(compared)} judged. {_sizes(compared)} {margin} “{Verdict.TOO_FEW}”: no outcome could reach p ≤"
        f" {SIGNIFICANCE} after correction, or there are fewer than {FEWEST_SEEDS} independent seeds per recipe."
        f" “{Verdict.OPEN}” includes cases in which mean and median do not have the same sign. {PERCENTILES}"
    )
    return Table(f"pairs-{contest.dataset}", caption, PAIR_COLUMNS, rows, baseline=baseline)


def _families(contest: Contest) -> str:
    return ", ".join(called(level, len(names)) for level, names in contest.families.items())


def primary_table(contest: Contest) -> Table:
    """The founding criteria against each baseline, with one family of comparisons per baseline."""
    judged = [(name, contest.against(name, contest.founders)) for name in BASELINES]
    rows = [Row([Field(name, "name"), *_pair_cells(c)]) for name, compared in judged for c in compared]
    caption = (
        f"The {called(Level.FOUNDING, len(contest.founders))} form a family of their own. Tests paired by checkpoint;"
        f" Holm's correction per baseline. {_sizes([c for _, compared in judged for c in compared])} {PERCENTILES}"
    )
    columns = (Column("against", numeric=False), *PAIR_COLUMNS)
    return Table(f"primary-{contest.dataset}", caption, columns, rows)


def factor_table(contest: Contest) -> Table | None:
    """The pairs of selectors that differ in one part only; None if no such pair was run."""
    found = contrasts(contest.comparisons)
    if not found:
        return None
    rows = [
        Row([Field(c.first, "name"), Field(c.second, "name"), Field(factor.changed, "wrap"), *_pair_cells(c)[1:]])
        for factor, c in found
    ]
    caption = (
        "The two selectors of a row differ in one part only, so their difference is due to that part. Tests paired by"
        f" checkpoint; Holm's correction over {family_of([c for _, c in found])}. The test concerns the mean, which a"
        f" few collapses can shift, so look at the median too. {_sizes([c for _, c in found])}"
    )
    columns = (
        Column("selector", numeric=False), Column("control", numeric=False),
        Column("what differs", "what the selector has and its control lacks", numeric=False), *PAIR_COLUMNS[1:],
    )  # fmt: skip
    return Table(f"factors-{contest.dataset}", caption, columns, rows)


FEW_COLUMNS = 16
"""The most columns of a matrix whose cells hold numbers; in wider ones they hold signs."""


def matrix(methods: Sequence[str], comparisons: Sequence[Comparison], dataset: str | None = None) -> str:
    """All pairs of `methods`, and of `methods` with the floors, as a grid: the row against the column.

    With `dataset`, the page's script shows the numbers behind a cell, which are those of the family of all pairs.
    """
    others = [*methods, *dict.fromkeys(c.second for c in comparisons if c.second not in methods)]
    found = {(c.first, c.second): c for c in comparisons}
    found |= {(c.second, c.first): c.seen_from(c.second) for c in comparisons}
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
                median = number(c.median, 1 if abs(c.median) >= 10 else 2)
                told = "" if dataset else f' data-tip="{escape(f"{c.verdict}: {_told(c)}")}"'
                cells.append(f'<td class="{css}"{told}>{median if len(others) <= FEW_COLUMNS else sign}</td>')
        body.append(f'<tr><th scope="row">{escape(row)}</th>{"".join(cells)}</tr>')
    linked = "" if dataset is None else f' data-dataset="{escape(dataset)}"'
    return (
        f'<div class="scroll"><table class="matrix"{linked}><thead><tr><td></td>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def unit_against(baseline: str) -> str:
    """The unit of a difference from a baseline, in words."""
    return "percentiles" if baseline in RANDOM_CHOICES else "points"


def _told(c: Comparison) -> str:
    return f"mean {signed(c.mean)}, median {signed(c.median)} {unit_against(c.second)}, n {c.n}"


def _matrix(name: str, title: str, compared: Sequence[Comparison], grid: str, further: str) -> Picture:
    """The grid with its key; not drawn if no pair could be judged or most pairs have too few seeds."""
    columns = {c.second for c in compared} | {c.first for c in compared}
    shown = "median difference (points)" if len(columns) <= FEW_COLUMNS else "sign of the verdict"
    caption = (
        f"Row against column: {shown} over shared checkpoints; colour: the verdict after Holm's correction over"
        f" {further} {_sizes(compared)} {PERCENTILES}"
    )
    if all(c.verdict in UNJUDGED for c in compared):
        return Picture(name, title, caption, "", "every pair has too few seeds to be judged")
    few = sum(c.verdict is Verdict.TOO_FEW for c in compared)
    if 2 * few > len(compared):
        reason = f"{few} of the {len(compared)} pairs have too few seeds to be judged"
        return Picture(name, title, caption, "", reason)
    key = "".join(f'<span><b class="{css}">{sign}</b>{verdict}</span>' for verdict, (css, sign) in MARKS.items())
    return Picture(name, title, caption, f'<p class="key">{key}</p>{grid}')


def pairs_section(source: Material) -> Section:
    """The comparisons of criteria with baselines and with each other, for every data set."""
    section = Section("pairs", "Who beats whom")
    for contest in source.contests:
        dataset = contest.dataset
        if not contest.comparisons:
            section.blocks.append(Prose(f"<p>There is nothing to compare with on {escape(dataset)}.</p>"))
            continue
        baseline = default_baseline(contest)
        if contest.founders:
            title = titled(source, dataset, "the founding criteria against the floors and magnitude")
            section.blocks += [Heading(title), primary_table(contest)]
            judged = contest.among(contest.founders)
            grid = matrix(contest.founders, judged)
            further = f"{family_of(judged)}."
            title = titled(source, dataset, "all pairs of the founding criteria")
            section.blocks.append(_matrix(f"primary-matrix-{dataset}", title, judged, grid, further))
        factors = factor_table(contest)
        if factors is not None:
            section.blocks += [Heading(titled(source, dataset, "one part changed at a time")), factors]
        section.blocks += [
            Heading(titled(source, dataset, f"every criterion against {baseline}")),
            pair_table(contest, baseline, families_in(source, dataset)),
        ]
        section.blocks.append(_standings(source, contest))
        grid = matrix(contest.focus, contest.drawn, dataset)
        further = f"{contest.family}{CORRECTED_APART}.{source.left_out(dataset)}"
        section.blocks.append(
            _matrix(f"matrix-{dataset}", titled(source, dataset, "all pairs"), contest.drawn, grid, further)
        )
    return section


def _standings(source: Material, contest: Contest) -> Picture:
    caption = (
        "Mean and 95 % interval. A bar on the right spans criteria no two of which are shown to differ (paired"
        f" sign-flip tests, Holm's correction over {contest.family}{CORRECTED_APART}). {_sizes(contest.drawn)}"
        f" {AXIS_SAID}{source.left_out(contest.dataset)}"
    )
    title = titled(source, contest.dataset, "which criteria cannot be told apart?")
    draw = partial(standings_figure, contest, source.optimum(contest.dataset))
    return picture(source, f"standings-{contest.dataset}", title, caption, draw)


def _sizes(comparisons: Sequence[Comparison]) -> str:
    """`n = 9 pairs = 3 recipes × 3 seeds.`; for unequal comparisons, the smallest and the largest."""
    if not comparisons:
        return ""
    fewest, most = (of(comparisons, key=lambda c: (c.n, len(c.sizes))) for of in (min, max))
    said = f"n = {_product(fewest)}"
    return f"{said}." if fewest.sizes == most.sizes else f"{said} to {_product(most)}."


def _product(comparison: Comparison) -> str:
    seeds = sorted(set(comparison.sizes))
    pairs = counted(comparison.n, "pair")
    if len(seeds) > 1:
        return pairs
    if len(comparison.sizes) == 1:
        return f"{pairs} = {counted(seeds[0], 'seed')}"
    return f"{pairs} = {counted(len(comparison.sizes), 'recipe')} × {counted(seeds[0], 'seed')}"
