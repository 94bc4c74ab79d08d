"""Drawings as SVG text, with the same bytes for the same data.

A drawing refers to CSS classes (`figure.css`) and never to a colour, so that one figure serves the light page, the dark
page, print, and a stand-alone file. Units are CSS pixels; the text of a figure is as large as that beside it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from importlib.resources import files

FONT = 11.0
CHARACTER = 0.6
"""Width of a character as a multiple of the font size, in the widest font that a reader may have."""

SERIES, SHAPES = 8, 6
"""Number of colours for series (`s0` to `s7`), and of mark shapes that distinguish series as well."""

LIGHT = (
    "--ink:#1c1c1e;--muted:#62626a;--rule:#dcdce0;--paper:#fefefe;--s0:#0072b2;--s1:#d55e00;--s2:#009e73;--s3:#b84a8c;"
    "--s4:#c08a00;--s5:#1c1c1e;--s6:#5b3a8c;--s7:#7a3b1e;--o0:#c4c4ca;--o1:#d55e00;--o2:#56b4e9;--o3:#0072b2;"
    "--o4:#009e73;--plus:0 114 178;--minus:213 94 0"
)
"""The colours of a stand-alone file. Blue, vermilion and green are those of Okabe & Ito, "Color Universal Design",
2008; colour-blind readers can tell all series apart, and each stands out from the paper."""


class NotDrawn(Exception):
    """A figure has nothing to show; the message is the reason that the page gives."""


def px(value: float) -> str:
    """A coordinate with one decimal."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def width_of(text: str, size: float = FONT) -> float:
    """The largest possible width of a text, in pixels."""
    return CHARACTER * size * len(text)


def short(name: str, length: int) -> str:
    """A name of at most `length` characters; a longer one is cut and ends in an ellipsis."""
    return name if len(name) <= length else name[: length - 1] + "…"


class Drawing:
    """A figure under construction; y grows downwards."""

    def __init__(self, width: float, height: float):
        self.width, self.height = width, height
        self._parts: list[str] = []

    def line(self, x1: float, y1: float, x2: float, y2: float, css: str = "rule") -> None:
        """A straight line."""
        self._parts.append(f'<path class="{css}" d="M{px(x1)} {px(y1)}L{px(x2)} {px(y2)}"/>')

    def lines(self, ends: Sequence[tuple[float, float, float, float]], css: str) -> None:
        """Straight lines (x1, y1, x2, y2) of one class, as a single element."""
        if ends:
            outline = "".join(f"M{px(a)} {px(b)}L{px(c)} {px(d)}" for a, b, c, d in ends)
            self._parts.append(f'<path class="{css}" d="{outline}"/>')

    def polyline(self, points: Sequence[tuple[float, float]], css: str, step: bool = False) -> None:
        """A line through points; with `step`, a staircase that is flat first."""
        (x, y), *others = points
        ends = (f"H{px(a)}V{px(b)}" if step else f"L{px(a)} {px(b)}" for a, b in others)
        self._parts.append(f'<path class="{css}" d="M{px(x)} {px(y)}{"".join(ends)}"/>')

    def text(self, x: float, y: float, said: str, css: str = "", anchor: str = "start") -> None:
        """One line of text with its baseline at y."""
        look = f' class="{css}"' if css else ""
        side = "" if anchor == "start" else f' text-anchor="{anchor}"'
        self._parts.append(f'<text x="{px(x)}" y="{px(y)}"{look}{side}>{escape(said, quote=False)}</text>')

    def rect(self, x: float, y: float, width: float, height: float, css: str) -> None:
        """A filled rectangle."""
        self._parts.append(
            f'<rect class="{css}" x="{px(x)}" y="{px(y)}" width="{px(width)}" height="{px(height)}"/>'
        )  # fmt: skip

    def shapes(self, outline: str, css: str) -> None:
        """A filled outline in SVG's path language."""
        self._parts.append(f'<path class="{css}" d="{outline}"/>')

    def mark(self, shape: int, x: float, y: float, css: str = "", size: float = 3.0, tip: str = "") -> None:
        """A mark in one of SHAPES, with an optional tooltip."""
        look = f' class="{css}"' if css else ""
        told = f' data-tip="{escape(tip)}"' if tip else ""
        self._parts.append(f'<path{look}{told} d="{_outline(shape % SHAPES, x, y, size)}"/>')

    @contextmanager
    def group(self, css: str = "", **data: str) -> Iterator[None]:
        """Context whose drawings share CSS classes and data attributes."""
        attributes = "".join(f' data-{name}="{escape(value)}"' for name, value in data.items())
        self._parts.append(f'<g class="{css}"{attributes}>' if css else f"<g{attributes}>")
        yield
        self._parts.append("</g>")

    def markup(self, label: str) -> str:
        """The figure as an element of the page, with `label` for screen readers."""
        return (
            f'<svg viewBox="0 0 {px(self.width)} {px(self.height)}" class="figure" role="img"'
            f' aria-label="{escape(label)}" style="--wide:{px(self.width)}px">{"".join(self._parts)}</svg>'
        )

    def file(self) -> str:
        """The figure as a stand-alone SVG document with a paper-coloured background."""
        size = f"{px(self.width)} {px(self.height)}"
        style = f"svg{{{LIGHT}}}{style_sheet()}"
        body = "\n".join(self._parts)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" width="{px(self.width)}"'
            f' height="{px(self.height)}" class="figure">\n<style>{style}</style>\n'
            f'<rect width="100%" height="100%" class="paper"/>\n{body}\n</svg>\n'
        )


def style_sheet() -> str:
    """The style sheet of all figures (figure.css)."""
    return files("nas_selection_bench.reports.figures").joinpath("figure.css").read_text(encoding="utf-8")


def _outline(shape: int, x: float, y: float, r: float) -> str:
    """The path of a shape: circle, square, triangle, diamond, triangle down or plus, of about the same area."""
    if shape == 0:
        return f"M{px(x - r)} {px(y)}a{px(r)} {px(r)} 0 1 1 {px(2 * r)} 0a{px(r)} {px(r)} 0 1 1 {px(-2 * r)} 0z"
    corners: Sequence[tuple[float, float]] = {
        1: ((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)),
        2: ((0, -1.2), (1.15, 0.9), (-1.15, 0.9)),
        3: ((0, -1.3), (1.1, 0), (0, 1.3), (-1.1, 0)),
        4: ((0, 1.2), (1.15, -0.9), (-1.15, -0.9)),
        5: ((-0.4, -1.2), (0.4, -1.2), (0.4, -0.4), (1.2, -0.4), (1.2, 0.4), (0.4, 0.4), (0.4, 1.2), (-0.4, 1.2),
            (-0.4, 0.4), (-1.2, 0.4), (-1.2, -0.4), (-0.4, -0.4)),
    }[shape]  # fmt: skip
    return "M" + "L".join(f"{px(x + r * a)} {px(y + r * b)}" for a, b in corners) + "z"
