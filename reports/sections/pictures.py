"""Draws a figure once for the page and once as a file of its own."""

from collections.abc import Callable

from matplotlib.figure import Figure

from bench.files import write_whole
from reports.data.material import Material
from reports.figures.style import NotDrawn, inline, to_svg, with_ground
from reports.sections.blocks import Picture


def picture(source: Material, name: str, title: str, caption: str, draw: Callable[[], Figure]) -> Picture:
    """The figure that `draw` returns, in the page and as figures/NAME.svg, or a box with the reason why not."""
    try:
        svg = to_svg(draw())
    except NotDrawn as reason:
        return Picture(name, title, caption, "", str(reason))
    source.figures.mkdir(parents=True, exist_ok=True)
    file_name = "".join(c if c.isalnum() or c in "-._" else "_" for c in name)
    write_whole(source.figures / f"{file_name}.svg", with_ground(svg))
    source.drawn.append(file_name)
    return Picture(name, title, caption, inline(svg, f"f{len(source.drawn)}-", title))
