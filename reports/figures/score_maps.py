"""Heat maps of the 6 x 5 scores of operations on edges, beside those of the oracles."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nas_selection_bench.bench.problem.space import EDGE_NAMES, OPERATIONS
from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.bench.yardsticks.measures import standardised
from nas_selection_bench.bench.yardsticks.oracle import oracle
from nas_selection_bench.reports.data.results import Results
from nas_selection_bench.reports.data.text import number
from nas_selection_bench.reports.figures.costs_and_operations import OPERATION_LABELS
from nas_selection_bench.reports.figures.svg import Drawing, px, short

Values = NDArray[np.float64]
ACROSS = 5
CELL = 27.0, 14.0
"""Width and height of a cell, pixels."""
LEFT, GAP, HEAD, FOOT = 44.0, 34.0, 20.0, 18.0
LEVELS = 10
"""Number of shades from 0 to LIMIT."""
LIMIT = 2
"""Score, in standard deviations, at which the colours saturate."""


@dataclass(frozen=True)
class ScoreMap:
    """The scores [6, 5] of one method in one setting, standardised per edge and averaged over selections."""

    title: str
    scores: Values
    chosen: Values
    """[6, 5] share of the selections that took this operation on this edge."""
    n: int
    """Number of selections; 0 for an oracle."""


def score_maps(results: Results, dataset: str, setting: str | None, order: Sequence[str]) -> list[ScoreMap]:
    """One map per method in `order` that has scores.

    Without a setting, each pair of seeds counts once, for methods that have the same draws in every setting.
    """
    frame = results.final_of(dataset)
    if setting is None:
        frame = frame.drop_duplicates(["method", "supernet_seed", "selector_seed"])
    else:
        frame = frame[frame["setting"] == setting]
    found = []
    of_method = frame.groupby("method").groups
    for method in order:
        places = of_method[method].to_numpy() if method in of_method else np.zeros(0, np.int64)
        scored = places[results.scored[places]]
        if len(scored):
            chosen = (results.operations[places][:, :, None] == np.arange(len(OPERATIONS))).mean(axis=0)
            found.append(ScoreMap(method, results.standardised[scored].mean(axis=0), chosen, len(scored)))
    return found


def score_map_figure(maps: Sequence[ScoreMap], table: GroundTruth, dataset: str) -> Drawing:
    """The two oracles of a data set, then the given maps; a dot marks the most frequent choice on each edge."""
    accuracies = table.accuracy(dataset)
    shown = [
        ScoreMap(f"oracle ({kind})", standardised(oracle(accuracies, kind)), np.zeros((6, 5)), 0)
        for kind in ("best", "mean")
    ]
    shown += maps
    wide, tall = CELL[0] * 5 + GAP, CELL[1] * 6 + HEAD + FOOT
    down = -(-len(shown) // ACROSS)
    drawing = Drawing(LEFT + wide * min(ACROSS, len(shown)), tall * down + 24)
    cells: dict[tuple[str, int], list[str]] = {}
    for place, panel in enumerate(shown):
        row, column = divmod(place, ACROSS)
        left, top = LEFT + wide * column, tall * row + HEAD
        drawing.text(left, top - 6, short(panel.title, 25), "" if panel.n else "strong")
        for edge, name in enumerate(EDGE_NAMES if column == 0 else ()):
            drawing.text(left - 4, top + CELL[1] * (edge + 0.75), name, "small muted", "end")
        for operation, name in enumerate(OPERATION_LABELS):
            drawing.text(left + CELL[0] * (operation + 0.5), top + CELL[1] * 6 + 10, name, "small muted", "middle")
        for edge, operation in np.ndindex(6, 5):
            score = float(panel.scores[edge, operation])
            level = min(LEVELS, round(LEVELS * abs(score) / LIMIT))
            square = f"M{px(left + CELL[0] * operation)} {px(top + CELL[1] * edge)}h26v13h-26z"
            cells.setdefault(("keep" if score > 0 else "drop", level), []).append(square)
    for (css, level), squares in sorted(cells.items()):
        drawing.shapes("".join(squares), f"{css} l{level}")
    for place, panel in enumerate(shown):
        row, column = divmod(place, ACROSS)
        left, top = LEFT + wide * column, tall * row + HEAD
        with drawing.group(tip=_told(panel)):
            drawing.rect(left, top, CELL[0] * 5, CELL[1] * 6, "clear")
            for edge, operation in enumerate(panel.chosen.argmax(axis=1)) if panel.n else ():
                x, y = left + CELL[0] * (operation + 0.5), top + CELL[1] * (edge + 0.5)
                drawing.mark(0, x - 0.5, y - 0.5, "chosen", 2.6)
    _key(drawing, tall * down + 4)
    return drawing


def _told(panel: ScoreMap) -> str:
    """The tooltip of a panel."""
    wanted = ", ".join(OPERATION_LABELS[o] for o in panel.scores.argmax(axis=1))
    said = f"{panel.title}\nhighest score on each edge: {wanted}"
    if panel.n:
        said += (
            f"\nchosen most often: {', '.join(OPERATION_LABELS[o] for o in panel.chosen.argmax(axis=1))}; n {panel.n}"
        )
    return said


def _key(drawing: Drawing, top: float) -> None:
    """Draw the key of the shades."""
    x = LEFT
    for step in range(-LIMIT, LIMIT + 1):
        drawing.rect(x, top, 26, 13, f"{'keep' if step > 0 else 'drop'} l{round(LEVELS * abs(step) / LIMIT)}")
        said = {-LIMIT: f"−{LIMIT} or less: drop", LIMIT: f"{LIMIT} or more: keep"}.get(step, number(step, 0))
        drawing.text(x + 31, top + 11, said, "small muted")
        x += 130 if step == -LIMIT else 60
