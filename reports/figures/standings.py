"""The figure of standings: means in order, with bars that join methods of which no pair was shown to differ.

It resembles a critical-difference diagram (Demšar, JMLR 2006), but the bars come from the paired tests with Holm's
correction, as in `Contest.comparisons`, not from mean ranks.
"""

from nas_selection_bench.bench.errors import counted
from nas_selection_bench.bench.yardsticks.comparisons import Verdict
from nas_selection_bench.reports.data.contests import Contest
from nas_selection_bench.reports.data.text import interval_text, number
from nas_selection_bench.reports.figures.axes import AccuracyAxis, draw_horizontal
from nas_selection_bench.reports.figures.strips import ROW
from nas_selection_bench.reports.figures.svg import Drawing, NotDrawn, width_of

DECISIVE = (Verdict.BETTER, Verdict.WORSE)
ROOM, STEP = 420.0, 9.0


def runs_of_ties(contest: Contest) -> list[tuple[int, int]]:
    """First and last place of every maximal run of neighbours in which no pair was shown to differ.

    Raises NotDrawn if too few criteria have enough seeds to differ from another one, or if no pair differs.
    """
    if contest.leader is None and contest.placeable:
        raise NotDrawn(
            f"only {contest.placeable} of {counted(len(contest.ranked), 'main form')} have enough seeds to show any"
            " difference"
        )
    place = {method: number for number, method in enumerate(contest.focus)}
    apart = {
        frozenset((place[c.first], place[c.second]))
        for c in contest.comparisons
        if c.verdict in DECISIVE and c.first in place and c.second in place
    }
    if not apart:
        raise NotDrawn("no two criteria could be told apart, so one bar would join them all")
    runs: list[tuple[int, int]] = []
    for first in range(len(place)):
        last = first
        while last + 1 < len(place) and not any(frozenset((k, last + 1)) in apart for k in range(first, last + 1)):
            last += 1
        if last > first and (not runs or last > runs[-1][1]):
            runs.append((first, last))
    return runs


def standings_figure(contest: Contest, optimum: float) -> Drawing:
    """Mean and interval of each method in focus, best first, and the runs of ties as bars on the right."""
    runs = runs_of_ties(contest)
    shown = [standing for standing in contest.standings if standing.method in contest.focus]
    lows = [s.mean if s.interval is None else s.interval.low for s in shown]
    left = max(width_of(s.method) for s in shown) + 8
    bottom = ROW * len(shown) + 4
    drawing = Drawing(left + ROOM + 24 + STEP * len(runs), bottom + 30)
    axis = AccuracyAxis(optimum, optimum - min(lows), left + 4, left + ROOM)
    draw_horizontal(drawing, axis, 2, bottom)
    for row, standing in enumerate(shown):
        y = ROW * (row + 0.5)
        drawing.text(left - 6, y + 4, standing.method, anchor="end")
        if standing.interval is not None:
            drawing.line(axis(standing.interval.low), y, axis(standing.interval.high), y, "bar")
        tip = f"{standing.method}: {number(standing.mean)} % {interval_text(standing.interval)}, n {standing.n}"
        with drawing.group("s0 marks"):
            drawing.mark(0, axis(standing.mean), y, size=3.4, tip=tip)
    for column, (first, last) in enumerate(runs):
        x = left + ROOM + 16 + STEP * column
        drawing.line(x, ROW * (first + 0.2), x, ROW * (last + 0.8), "tie")
    return drawing
