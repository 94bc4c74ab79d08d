"""Diagrams of cells: four nodes and six edges, with the operation shown by colour and dashes.

The edges are defined once per page; each cell refers to them six times.
"""

from nas_selection_bench.bench.problem.space import EDGES, Architecture, to_string
from nas_selection_bench.reports.figures.costs_and_operations import OPERATION_LABELS

_X = (7.0, 41.0, 75.0, 109.0)
_Y = 27.0
_BEND = {1: 0.0, 2: 15.0, 3: -21.0}
"""Number of steps between the nodes of an edge -> its bend in pixels, positive downwards."""


def _edge_path(target: int, source: int) -> str:
    start, end = _X[source] + 4, _X[target] - 4
    # The edge from node 1 to 3 bends to the other side than that from 0 to 2, so that no edge crosses a node.
    bend = _BEND[target - source] * (-1 if (target, source) == (3, 1) else 1)
    return f"M{start:g} {_Y:g}Q{(start + end) / 2:g} {_Y + bend * 2:g} {end:g} {_Y:g}" if bend else (
        f"M{start:g} {_Y:g}H{end:g}"
    )  # fmt: skip


def definitions() -> str:
    """The SVG definitions that `draw` refers to, once per page."""
    paths = "".join(
        f'<path id="edge{number}" d="{_edge_path(target, source)}"/>' for number, (target, source) in enumerate(EDGES)
    )
    nodes = "".join(f'<circle cx="{x:g}" cy="{_Y:g}" r="3.5"/>' for x in _X)
    return (
        f'<svg width="0" height="0" class="defs" aria-hidden="true"><defs>{paths}<g id="nodes">{nodes}</g></defs></svg>'
    )


def draw(architecture: Architecture) -> str:
    """An inline SVG of the cell of an architecture."""
    edges = "".join(f'<use href="#edge{edge}" class="op{operation}"/>' for edge, operation in enumerate(architecture))
    return (
        f'<svg viewBox="0 0 116 54" class="cell" role="img" aria-label="{to_string(architecture)}">{edges}'
        '<use href="#nodes"/></svg>'
    )


def key() -> str:
    """The key of the strokes, as HTML."""
    parts = [
        f'<span><svg viewBox="0 0 26 8" class="cell stroke" aria-hidden="true"><path d="M1 4H25" class="op{o}"/></svg>'
        f"{label}</span>"
        for o, label in enumerate(OPERATION_LABELS)
    ]
    return f'<p class="key">{"".join(parts)}</p>'
