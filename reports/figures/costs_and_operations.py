"""The figures of selection costs and of the operations chosen."""

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd

from nas_selection_bench.bench.problem.space import AVG_POOL, CONV_1X1, CONV_3X3, NONE, SKIP
from nas_selection_bench.reports.data.contests import Contest
from nas_selection_bench.reports.data.costs import seconds_per_selection
from nas_selection_bench.reports.data.results import COST_COLUMNS, Results
from nas_selection_bench.reports.data.text import duration, number
from nas_selection_bench.reports.figures.axes import AccuracyAxis, Axis, draw_horizontal, draw_vertical
from nas_selection_bench.reports.figures.strips import ROW, WIDTH
from nas_selection_bench.reports.figures.svg import Drawing, NotDrawn, width_of

ACROSS = 4
"""Settings side by side; further settings go below."""

OPERATION_LABELS = ("none", "skip", "1×1", "3×3", "pool")
"""Short labels in the order of NAS-Bench-201: none, skip_connect, nor_conv_1x1, nor_conv_3x3, avg_pool_3x3."""

STACK = (CONV_3X3, CONV_1X1, SKIP, AVG_POOL, NONE)
"""The operations in stacking order of the bars, from the left."""


def selection_costs(results: Results, contest: Contest) -> pd.DataFrame:
    """One row per method with stored seconds: its costs, and its mean and interval over all settings.

    `whole`: the method has results in every setting. `front`: it is whole, and no other whole method is both faster
    and better. `low` and `high` are nan without an interval.
    """
    costs = seconds_per_selection(results, contest.dataset)
    standings = [standing for standing in contest.standings if standing.method in costs.index]
    rows = [
        {
            "method": s.method, **costs.loc[s.method], "test": s.mean, "n": s.n,
            "whole": s.settings == contest.settings,
            "low": np.nan if s.interval is None else s.interval.low,
            "high": np.nan if s.interval is None else s.interval.high,
        }
        for s in standings
    ]  # fmt: skip
    columns = ["method", *COST_COLUMNS, "seconds", "test", "n", "whole", "low", "high"]
    found = pd.DataFrame(rows, columns=columns)
    front = pareto(found[found["whole"].astype(bool)])
    return found.assign(front=found.index.isin(front))


def pareto(costs: pd.DataFrame) -> list[int]:
    """Indices of the rows that no other row beats in both accuracy and seconds, cheapest first."""
    kept: list[int] = []
    best = -np.inf
    for i, row in costs.sort_values(["seconds", "test"], ascending=[True, False], kind="stable").iterrows():
        if row["test"] > best:
            kept.append(int(str(i)))
            best = row["test"]
    return kept


NAME_PLACES = tuple((side, shift) for shift in (4, -8, 14, -18) for side in (1, -1))
"""Candidate positions for the name of a point: to its right (1) or left (-1), and pixels below it."""
COST_WIDE, COST_TALL, COST_LEFT = 760.0, 340.0, 90.0


def cost_figure(costs: pd.DataFrame, optimum: float) -> Drawing:
    """Accuracy against seconds per selection, one mark per method of `selection_costs`.

    The methods on the front are joined by a line and named; other methods are named if there is room. Raises NotDrawn
    if no seconds are stored.
    """
    if costs.empty:
        raise NotDrawn("no selection of this data set has its seconds stored")
    worst = optimum - float(np.fmin(costs["test"], costs["low"]).min())
    drawing = Drawing(COST_LEFT + COST_WIDE, COST_TALL + 44)
    low, high = (np.log10(costs["seconds"].agg(end)) for end in ("min", "max"))
    margin = 0.12 * max(high - low, 0.1)
    ticks = [(float(e), (duration(10.0**e),)) for e in range(int(np.ceil(low - margin)), int(high + margin) + 1)]
    x = Axis(low - margin, high + margin, COST_LEFT, COST_LEFT + COST_WIDE, ticks)
    y = AccuracyAxis(optimum, worst, COST_TALL, 8)
    draw_vertical(drawing, y, COST_LEFT, COST_LEFT + COST_WIDE)
    draw_horizontal(drawing, x, 8, COST_TALL)
    drawing.text(
        COST_LEFT + COST_WIDE / 2, COST_TALL + 30, "time of one selection: scoring and fine-tuning", "muted", "middle"
    )
    rows = costs.sort_values("seconds", kind="stable")
    at = {row["method"]: (x(float(np.log10(row["seconds"]))), y(row["test"])) for _, row in rows.iterrows()}
    bars = rows[rows["low"].notna()]
    drawing.lines([(at[m][0], y(a), at[m][0], y(b)) for m, a, b in bars[["method", "low", "high"]].to_numpy()], "rule")
    front = rows[rows["front"]]
    if len(front):
        drawing.polyline([at[method] for method in front["method"]], "muted", step=True)
    for whole in (True, False):
        with drawing.group(f"s0 {'marks' if whole else 'hollow'}"):
            for _, row in rows[rows["whole"] == whole].iterrows():
                ends = "" if np.isnan(row["low"]) else f" [{number(row['low'])}, {number(row['high'])}]"
                tip = f"{row['method']}: {number(row['test'])} %{ends}, {duration(row['seconds'])}, n {row['n']}"
                drawing.mark(0, *at[row["method"]], size=3.8, tip=tip)
    named = [*front["method"], *rows.loc[~rows["front"], "method"]]
    _name_points(drawing, named, at, set(front["method"]))
    return drawing


def _name_points(
    drawing: Drawing, names: Sequence[str], at: dict[str, tuple[float, float]], always: Collection[str]
) -> None:  # fmt: skip
    """Write names beside their points: those in `always`, and others that would cover no mark and no name."""
    taken = [(x - 4, y - 4, x + 4, y + 4) for x, y in at.values()]

    def hidden(box: tuple[float, float, float, float]) -> int:
        left, top, right, bottom = box
        outside = left < COST_LEFT or right > drawing.width or top < 0 or bottom > COST_TALL
        return 1000 * outside + sum(a < right and left < c and b < bottom and top < d for a, b, c, d in taken)

    for name in names:
        (x, y), wide = at[name], width_of(name, 9)
        boxes = [
            (x + 6 if side > 0 else x - 6 - wide, y + shift - 8, x + 6 + wide if side > 0 else x - 6, y + shift + 1)
            for side, shift in NAME_PLACES
        ]
        best = min(range(len(boxes)), key=lambda place: (hidden(boxes[place]), place))
        if hidden(boxes[best]) and name not in always:
            continue
        taken.append(boxes[best])
        side, shift = NAME_PLACES[best]
        css = "small strong" if name in always else "small muted"
        drawing.text(x + 6 * side, y + shift, name, css, "start" if side > 0 else "end")


def operation_shares(results: Results, dataset: str) -> dict[str, dict[str, np.ndarray]]:
    """Setting -> method -> [5] share of each operation on the edges of its selected architectures."""
    found: dict[str, dict[str, np.ndarray]] = {setting: {} for setting in results.settings}
    frame = results.final_of(dataset)
    places: dict[tuple[str, str], list[int]] = {}
    for place, *of in zip(frame.index, frame["setting"], frame["method"], strict=True):
        places.setdefault((of[0], of[1]), []).append(place)
    for (setting, method), rows in sorted(places.items()):
        found[setting][method] = np.bincount(results.operations[rows].ravel(), minlength=5) / (6 * len(rows))
    return found


def operation_figure(results: Results, dataset: str, order: Sequence[str]) -> Drawing:
    """The operations chosen: stacked shares per method, one panel per setting, methods in the given `order`."""
    shares = {setting: found for setting, found in operation_shares(results, dataset).items() if found}
    across = max(1, min(len(shares), ACROSS))
    left, head, foot, gap = max(map(width_of, order), default=0.0) + 8, 20.0, 22.0, 16.0
    room = min(240.0, (WIDTH - left) / across - gap)
    tall = head + ROW * len(order) + foot
    drawing = Drawing(left + across * (room + gap), tall * -(-len(shares) // across) + 20)
    for place, (setting, found) in enumerate(shares.items()):
        band, column = divmod(place, across)
        start, top = left + column * (room + gap), band * tall + head
        drawing.text(start, top - 6, setting, "strong")
        for row, method in enumerate(order):
            y = top + ROW * row
            if column == 0:
                drawing.text(left - 6, y + 11, method, anchor="end")
            if method in found:
                of = found[method]
                said = ", ".join(f"{OPERATION_LABELS[o]} {100 * of[o]:.0f} %" for o in STACK if of[o])
                with drawing.group(tip=f"{method} on {setting}: {said}"):
                    x = start
                    for operation in STACK:
                        if of[operation]:
                            drawing.rect(x, y + 1.5, room * of[operation], ROW - 3, f"o{operation}")
                        x += room * of[operation]
        for share, name in ((0, "0"), (0.5, "½"), (1, "1")):
            drawing.text(start + room * share, top + ROW * len(order) + 12, name, "small muted", "middle")
    x = left
    for operation in STACK:
        drawing.rect(x, drawing.height - 13, 12, 10, f"o{operation}")
        drawing.text(x + 16, drawing.height - 4, OPERATION_LABELS[operation])
        x += 64
    return drawing
