"""Draw a figure once and use it twice: in the page and as a file of its own."""

from collections.abc import Callable

from nas_selection_bench.bench.files import make_folder, write_whole
from nas_selection_bench.reports.data.material import Material
from nas_selection_bench.reports.figures.svg import Drawing, NotDrawn
from nas_selection_bench.reports.sections.blocks import TALL, Picture


def picture(source: Material, name: str, title: str, caption: str, draw: Callable[[], Drawing]) -> Picture:
    """Return the figure drawn by `draw` for the page and write it as figures/NAME.svg.

    If `draw` raises NotDrawn, return the reason in place of the figure and write no file.
    """
    try:
        drawing = draw()
    except NotDrawn as reason:
        return Picture(name, title, caption, "", str(reason))
    write_figure(source, name, drawing)
    tall = drawing.height > TALL * drawing.width
    return Picture(name, title, caption, drawing.markup(title), tall=tall)


def write_figure(source: Material, name: str, drawing: Drawing) -> None:
    """Write figures/NAME.svg and note its name in `source.drawn`."""
    file_name = "".join(c if c.isalnum() or c in "-._" else "_" for c in name)
    make_folder(source.figures)
    write_whole(source.figures / f"{file_name}.svg", drawing.file())
    source.drawn.append(file_name)
