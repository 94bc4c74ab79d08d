"""The first figure: every criterion at a glance, the main forms as points, schemes x proxies as a matrix."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from nas_selection_bench.bench.errors import counted
from nas_selection_bench.bench.yardsticks.comparisons import Verdict
from nas_selection_bench.bench.yardsticks.floors import RANDOM
from nas_selection_bench.reports.data.contests import FLOOR, Contest, Standing
from nas_selection_bench.reports.data.founders import Level
from nas_selection_bench.reports.data.material import Material
from nas_selection_bench.reports.data.results import ONE_DRAW
from nas_selection_bench.reports.data.schemes import Schemes, schemes
from nas_selection_bench.reports.data.text import criteria, interval_text, number, signed
from nas_selection_bench.reports.figures.axes import AccuracyAxis
from nas_selection_bench.reports.figures.main_forms import Form, main_forms_figure
from nas_selection_bench.reports.figures.svg import Drawing
from nas_selection_bench.reports.sections.methods import place_of
from nas_selection_bench.reports.sections.who_beats_whom import MARKS

NEAREST = 8.0
"""The smallest distance between ticks of the axis, in per cent of the width."""
APART = 9.0
"""If the lines of a random choice and the floor are closer than this, in per cent of the width, their names stand on
either side of the two."""
ROUND = (50, 20, 10, 5, 2, 1, 0.5, 0.2, 0.1)
"""Steps of the axis, the roundest first; a step below 5 is used only within three steps of the optimum."""
FULL = 20.0
"""A cell of the matrix has its full colour this many points or more below the floor."""


@dataclass(frozen=True)
class Entry:
    """A criterion in the figure."""

    standing: Standing
    verdict: Verdict | None
    difference: float
    """Mean accuracy minus that of the floor, points."""
    one_draw: bool
    partial: bool
    """Whether recipes or cells are missing."""

    @property
    def tip(self) -> str:
        """The text shown when the reader points at it."""
        s = self.standing
        said = f"{s.method}: {number(s.mean)} % {interval_text(s.interval)}, n = {s.n}\n"
        said += f"{signed(self.difference)} points relative to the baseline: {self.verdict or 'not compared'}"
        said += "\nneeds no trained supernet: one result per seed, the same for every recipe" if self.one_draw else ""
        return said + ("\nsome recipes or cells are missing" if self.partial else "")


@dataclass(frozen=True)
class Overview:
    """The first figure of one data set, as data."""

    dataset: str
    main: list[Entry]
    """The main forms, and other criteria without a place in the matrix, best mean first."""
    matrix: dict[str, dict[str, Entry]]
    """Proxy -> scheme -> criterion; proxies with the best mean accuracy come first."""
    schemes: list[str]
    floors: dict[str, float]
    """The accuracies drawn as lines: random, the floor and the optimum."""
    axis: AccuracyAxis
    """The accuracy axis, in per cent of the width."""
    what: Mapping[str, str] | None
    """Criterion -> what it is, in one line; None if the page does not describe the criteria."""


def overview(source: Material, contest: Contest) -> Overview:
    """Return the figure of one data set."""
    yardsticks = {yardstick.name: yardstick for yardstick in source.yardsticks[contest.dataset]}
    floor = yardsticks[FLOOR]
    verdicts = {c.first: c.verdict for c in contest.against(FLOOR)}
    lost = {method for dataset, _, method in source.results.lost if dataset == contest.dataset}
    entries = {
        s.method: Entry(
            s, verdicts.get(s.method), s.mean - floor.test, s.method in source.results.checkpoint_free,
            s.settings < contest.settings or s.method in lost,
        )
        for s in contest.standings
    }  # fmt: skip
    sorted_in: Schemes = schemes([s.method for s in contest.standings], source.results.described["selectors"])
    matrix: dict[str, dict[str, Entry]] = {}
    for scheme, of in sorted_in.members.items():
        for proxy, name in of.items():
            matrix.setdefault(proxy, {})[scheme] = entries[name]
    best_first = sorted(matrix, key=lambda proxy: (-_mean(matrix[proxy]), proxy))
    alone = set(sorted_in.main)
    shown = [entries[s.method] for s in contest.standings if s.method in alone or s.level is not Level.EXPLORATORY]
    lows = [e.standing.mean if e.standing.interval is None else e.standing.interval.low for e in shown]
    optimum = source.optimum(contest.dataset)
    worst = optimum - min([*lows, yardsticks[RANDOM].test])
    return Overview(
        contest.dataset, shown, {proxy: matrix[proxy] for proxy in best_first}, list(sorted_in.members),
        {RANDOM: yardsticks[RANDOM].test, FLOOR: floor.test, "optimum": optimum},
        AccuracyAxis(optimum, worst, 1, 97),
        {e.standing.method: source.results.what(e.standing.method) for e in shown}
        if source.results.described["selectors"] else None,
    )  # fmt: skip


def _mean(of: Mapping[str, Entry]) -> float:
    return sum(entry.standing.mean for entry in of.values()) / len(of)


def round_ticks(axis: AccuracyAxis) -> list[float]:
    """Return round accuracies at least NEAREST apart on the axis, in ascending order; the roundest are placed first."""
    low = axis.optimum - axis.worst
    taken: list[float] = []
    for step in ROUND:
        first = math.ceil(low / step)
        for multiple in range(first, math.floor(axis.optimum / step) + 1):
            value = round(multiple * step, 6)
            near = step >= 5 or axis.optimum - value <= 3 * step
            if near and value < axis.optimum and all(abs(axis(value) - axis(other)) >= NEAREST for other in taken):
                taken.append(value)
    return sorted(taken)


COLOURS = {Verdict.BETTER: "s0", Verdict.WORSE: "s1"}
"""CSS classes of the points shown better or worse than the floor; the others are "grey"."""


def forms(found: Overview) -> tuple[list[Form], dict[str, float]]:
    """Return the main forms with the class of their colour, and the floors by their names in the figure."""
    rows = [
        Form(e.standing.method, e.standing.mean, e.standing.interval, COLOURS.get(e.verdict, "grey"))  # type: ignore[arg-type]
        for e in found.main
    ]
    return rows, {RANDOM: found.floors[RANDOM], "all 3×3": found.floors[FLOOR]}


def small_figure(found: Overview) -> Drawing:
    """Draw the main forms alone, for a README."""
    return main_forms_figure(*forms(found), found.axis.optimum, found.axis.worst, round_ticks(found.axis))


def markup(found: Overview, beside: str = "") -> str:
    """Return the figure as HTML; `beside` takes the place of the matrix if there is none."""
    beside = _matrix(found) if found.matrix else beside
    return f'<div class="overview">{_dots(found)}{beside}<p class="marks-said">{_key(found)}</p></div>'


def _dots(found: Overview) -> str:
    axis = found.axis
    lines = "".join(
        f'<line class="{css}" x1="{axis(found.floors[name]):.1f}%" x2="{axis(found.floors[name]):.1f}%" y1="0"'
        ' y2="100%"/>'
        for name, css in ((RANDOM, "dashed"), (FLOOR, "solid"), ("optimum", "dashed"))
    )
    near = 0 <= axis(found.floors[FLOOR]) - axis(found.floors[RANDOM]) < APART
    named = {RANDOM: "random", FLOOR: "all 3×3", "optimum": "best"}
    heads = "".join(
        f'<span class="at {css}" style="left:{axis(found.floors[name]):.1f}%">{said}<br>{number(found.floors[name])}'
        "</span>"
        for (name, said), css in zip(
            named.items(), ("before" if near else "", "left right" if near else "left", "right"), strict=True
        )
    )
    ticks = "".join(
        f'<span class="at" style="left:{axis(value):.1f}%">{value:g}</span>' for value in round_ticks(axis)
    )  # fmt: skip
    rows = "".join(_row(entry, axis, lines, found.what) for entry in found.main)
    return (
        f'<figure class="dots"><h2>{_called(found.main)}: mean test accuracy and'
        " 95\N{NO-BREAK SPACE}% interval</h2>"
        '<table><thead><tr><th scope="col">criterion</th><th scope="col" class="number">test %</th>'
        f'<th scope="col" class="number" title="difference of means over recipes; the tables of pairs give it over'
        f' shared checkpoints">vs 3×3</th><th scope="col"><span class="reads">verdict</span></th>'
        f'<th scope="col" class="track"><div class="heads">{heads}</div></th></tr></thead><tbody>{rows}</tbody>'
        f'<tfoot><tr><td colspan="4"></td>'
        f'<td class="track"><div class="heads">{ticks}</div></td></tr></tfoot></table></figure>'
    )


def _called(main: Sequence[Entry]) -> str:
    """`27 main forms and 3 variants`; `30 criteria` if none or all are variants."""
    n = sum(entry.standing.level is not Level.EXPLORATORY for entry in main)
    rest = len(main) - n
    return f"{counted(n, 'main form')} and {counted(rest, 'variant')}" if n and rest else criteria(len(main))


def _key(found: Overview) -> str:
    """Explain the marks, the axis and the shades that occur in the figure."""
    entries = [*found.main, *(entry for of in found.matrix.values() for entry in of.values())]
    verdicts = {entry.verdict for entry in entries}
    said = [f'<b class="{MARKS[v][0]}">{MARKS[v][1]}</b> {text}' for v, text in SHORTLY.items() if v in verdicts]
    keys = [f"{' &nbsp; '.join(said)}: verdicts from paired tests against all 3×3 (Holm-corrected), not from intervals"]
    keys += ["* some recipes or cells are missing"] if any(entry.partial for entry in entries) else []
    keys += (
        [f"{ONE_DRAW} needs no trained supernet: one result per seed"] if any(e.one_draw for e in found.main) else []
    )
    keys += ["lines: a random architecture, all 3×3, the best architecture; the axis is stretched towards the best"]
    keys += ["matrix: blue at least as good as all 3×3, orange below"] if found.matrix else []
    return f"{'. '.join(f'{key[0].upper()}{key[1:]}' for key in keys)}."


SHORTLY = {
    Verdict.BETTER: "better", Verdict.WORSE: "worse", Verdict.SMALL: "within the noise of training",
    Verdict.OPEN: "no difference shown",
    Verdict.TOO_FEW: "too few seeds", Verdict.SAME: "same choices",
}  # fmt: skip
"""Short forms of the verdicts, for the key."""


def _row(entry: Entry, axis: AccuracyAxis, lines: str, what: Mapping[str, str] | None) -> str:
    s = entry.standing
    css, sign = MARKS[entry.verdict] if entry.verdict else ("", "")
    bar = ""
    if s.interval is not None:
        low, high = (f"{max(0, min(100, axis(end))):.1f}%" for end in (s.interval.low, s.interval.high))
        bar = f'<line class="spread" x1="{low}" x2="{high}" y1="50%" y2="50%"/>'
        if s.interval.high > axis.optimum:  # cut off where the space ends
            bar += f'<text class="beyond" x="{axis(axis.optimum):.1f}%" y="50%">›</text>'
    point = f'<circle cx="{axis(s.mean):.1f}%" cy="50%" r="4"/>'
    name = escape(s.method)
    if what is not None:
        tip = f' data-tip="{escape(what[s.method])}"' if what[s.method] else ""
        name = f'<a href="#{place_of(s.method)}"{tip}>{name}</a>'
    name += ONE_DRAW if entry.one_draw else ""
    star = '<sup title="some recipes or cells are missing">*</sup>' if entry.partial else ""
    return (
        f'<tr class="{css}"><th scope="row">{name}</th><td>{number(s.mean)}{star}</td>'
        f'<td>{signed(entry.difference)}</td><td class="sign" title="{entry.verdict or ""}">{sign}</td>'
        f'<td class="track"><svg data-tip="{escape(entry.tip)}">{lines}{bar}{point}</svg></td></tr>'
    )


def level(difference: float) -> str:
    """Return the CSS class of a cell by its distance from the floor: blue if no worse, deeper orange further below."""
    if difference >= -0.005:
        return "p4"
    return f"m{min(10, max(1, round(10 * math.log1p(-difference) / math.log1p(FULL))))}"


def _matrix(found: Overview) -> str:
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in found.schemes)
    rows = []
    for proxy, of in found.matrix.items():
        cells = []
        for scheme in found.schemes:
            entry = of.get(scheme)
            if entry is None:
                cells.append("<td></td>")
                continue
            _, sign = MARKS[entry.verdict] if entry.verdict else ("", "")
            star = "*" if entry.partial else ""
            cells.append(
                f'<td class="{level(entry.difference)}" tabindex="0" data-tip="{escape(entry.tip)}">'
                f"{number(entry.standing.mean, 1)}<sup>{sign}{star}</sup></td>"
            )
        rows.append(f'<tr><th scope="row">{escape(proxy)}</th>{"".join(cells)}</tr>')
    said = f"{len(found.matrix)} {'proxy' if len(found.matrix) == 1 else 'proxies'}"
    inside = {entry.standing.method for of in found.matrix.values() for entry in of.values()}
    both = len(inside & {entry.standing.method for entry in found.main})
    held = criteria(len(inside)) + (f", {both} of them {'a main form' if both == 1 else 'main forms'}" if both else "")
    return (
        f'<figure class="proxies"><h2>{said} × {counted(len(found.schemes), "scheme")} ({held})</h2>'
        f"<table><thead><tr><td></td>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table></figure>"
    )
