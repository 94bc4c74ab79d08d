"""Who cannot be told apart: means in order, joined by a bar where no pair among them was shown to differ.

In the manner of a critical-difference diagram (Demšar, JMLR 2006), but the bars come from the paired tests with
Holm's correction over all pairs, not from mean ranks.
"""

from matplotlib.figure import Figure

from bench.problem.table import GroundTruth
from bench.yardsticks.comparisons import Verdict
from reports.data.contests import Contest
from reports.figures.strips import ROW
from reports.figures.style import INK, MUTED, SERIES, NotDrawn, accuracy_axis, drawing, stretched

DECISIVE = (Verdict.BETTER, Verdict.WORSE)


def runs_of_ties(contest: Contest) -> list[tuple[int, int]]:
    """First and last place of every longest run of neighbours in which no pair was shown to differ.

    Raises NotDrawn where most selectors cannot be told from any other, or none from another.
    """
    if contest.leader is None and contest.placeable:
        raise NotDrawn(
            f"after correction over all pairs {contest.placeable} of {len(contest.standings)} selectors could have been"
            " told from some other one, so a bar would join what nobody could have told apart"
        )
    place = {method: number for number, method in enumerate(contest.focus)}
    apart = {
        frozenset((place[c.first], place[c.second]))
        for c in contest.comparisons
        if c.verdict in DECISIVE and c.first in place and c.second in place
    }
    if not apart:
        raise NotDrawn(
            "after correction over all pairs no two selectors could be told apart, so one bar would join them all"
        )
    runs: list[tuple[int, int]] = []
    for first in range(len(place)):
        last = first
        while last + 1 < len(place) and not any(frozenset((k, last + 1)) in apart for k in range(first, last + 1)):
            last += 1
        if last > first and (not runs or last > runs[-1][1]):
            runs.append((first, last))
    return runs


def standings_figure(contest: Contest, table: GroundTruth) -> Figure:
    """Mean and interval of each method, best first, and the runs of ties as bars on the right."""
    runs = runs_of_ties(contest)
    optimum = float(table.accuracy(contest.dataset).max())
    shown = [standing for standing in contest.standings if standing.method in contest.focus]
    lows = [s.mean if s.interval is None else s.interval.low for s in shown]
    with drawing():
        figure = Figure(figsize=(7.2, ROW * len(lows) + 0.7), layout="constrained")
        axes, bars = figure.subplots(1, 2, sharey=True, width_ratios=(5, max(1.0, 0.14 * len(runs))))
        for y, standing in enumerate(shown):
            if standing.interval is not None:
                ends = stretched([optimum - standing.interval.low, optimum - standing.interval.high])
                axes.plot(ends, [y, y], color=MUTED, lw=1.2)
            axes.plot(stretched(optimum - standing.mean), y, marker="o", ms=4.5, color=SERIES[0], ls="")
        for x, (first, last) in enumerate(runs):
            bars.plot([x, x], [first - 0.3, last + 0.3], color=INK, lw=2.4, solid_capstyle="butt")
        bars.set_xlim(-1, max(4, len(runs)))
        bars.set_axis_off()
        axes.set_yticks(range(len(lows)), [standing.method for standing in shown])
        axes.set_ylim(len(lows) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0)
        axes.grid()
        accuracy_axis(axes, optimum, optimum - min(lows))
        axes.set_xlabel("mean test accuracy, %")
    return figure
