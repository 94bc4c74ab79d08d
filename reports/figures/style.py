"""How figures look, and how they become SVG whose bytes depend on the data alone.

Colours are those of Okabe & Ito, "Color Universal Design", 2008, which colour-blind readers can tell apart;
shapes repeat what colours say. Inside the page every colour becomes a CSS variable, so that figures
follow light and dark mode.
"""

import io
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray


class NotDrawn(Exception):
    """A figure or table has nothing to show; the message is the reason that the page gives."""


INK, MUTED, RULE, PAPER = "#1c1c1e", "#6a6a70", "#dcdce0", "#fefefe"
SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5195", "#8a8a3c")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
OPERATION_COLOURS = ("#c4c4ca", "#d55e01", "#56b4ea", "#0072b3", "#009e74")
"""none, skip_connect, nor_conv_1x1, nor_conv_3x3, avg_pool_3x3."""
OPERATION_LABELS = ("none", "skip", "1×1", "3×3", "pool")

_VARIABLES = {
    INK: "ink", MUTED: "muted", RULE: "rule", PAPER: "paper",
    **{colour: f"s{i}" for i, colour in enumerate(SERIES)},
    **{colour: f"o{i}" for i, colour in enumerate(OPERATION_COLOURS)},
}  # fmt: skip

_RC: dict[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "nas-selection-bench",
    "font.family": "sans-serif",
    # Text is laid out in the widest of these, so that it fits whichever of them the reader has.
    "font.sans-serif": ["DejaVu Sans", "Helvetica Neue", "Arial", "Liberation Sans", "sans-serif"],
    "font.size": 8,
    "axes.titlesize": 8.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 8,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": RULE,
    "axes.linewidth": 0.8,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.color": RULE,
    "ytick.color": RULE,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "text.color": INK,
    "grid.color": RULE,
    "grid.linewidth": 0.5,
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "legend.frameon": False,
    "lines.linewidth": 1.3,
    "image.composite_image": False,
}


@contextmanager
def drawing() -> Iterator[None]:
    """Within this context figures have the report's look; nothing outside is changed."""
    # Whatever the user's own settings are, the bytes are the same.
    plain = {name: value for name, value in mpl.rcParamsDefault.items() if name != "backend"}
    look: Any = {**plain, **_RC}
    with mpl.rc_context(look):
        yield


def to_svg(figure: Figure) -> str:
    """The figure as a stand-alone SVG document, the same text for the same data."""
    stream = io.StringIO()
    with drawing():
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None}, dpi=144)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"


def with_ground(svg: str) -> str:
    """The stand-alone SVG on white paper, so that it can be read on a dark page too."""
    start = svg.index(">", svg.index("<svg")) + 1
    return f'{svg[:start]}\n <rect width="100%" height="100%" fill="{PAPER}"/>{svg[start:]}'


_ID = re.compile(r' id="([^"]*)"')
_REFERENCE = re.compile(r'(?:url\(#|href="#)([^")]+)')
_DECIMALS = re.compile(r"-?\d+\.\d{2,}")
_TAG = re.compile(r"<[a-z][^>]*>")
_MARKS = re.compile(r"(<g[^>]*)>((?:<use [^>]*/>){2,})</g>")
_STYLE = re.compile(r' style="([^"]*)"')
_PATHS = re.compile(r'(?:<path d="[^"]*"(?: clip-path="[^"]*")? style="[^"]*"/>){2,}')
_PATH = re.compile(r'<path d="([^"]*)"((?: clip-path="[^"]*")? style="[^"]*")/>')
_DROPPED = (
    r"<metadata>.*?</metadata>",
    r"<!--.*?-->",
    r' transform="rotate\(-?0 [^"]*\)"',
    r"font-family: [^;\"]*;? ?",
    r'xmlns[:\w]*="[^"]*"',
)


def inline(svg: str, name: str, label: str) -> str:
    """The SVG as a small element of the page: no header, ids its own, colours as CSS variables.

    An artist's gid `series=X` becomes the attribute `data-series="X"`, which scripts find it by.
    """
    svg = svg[svg.index("<svg") :]
    for pattern in _DROPPED:
        svg = re.sub(pattern, "", svg, flags=re.S)
    box = re.search(r'viewBox="([^"]*)"', svg)
    if box is None:
        raise ValueError(f"the figure {name} has no viewBox")
    opening = (
        f'<svg viewBox="{box.group(1)}" class="figure" role="img" aria-label="{escape(label)}"'
        f' style="--wide:{float(box.group(1).split()[2]) * 4 / 3:.0f}px">'
    )
    svg = re.sub(r"<svg[^>]*>", lambda _: opening, svg, count=1)
    short = {long: f"{name}{number}" for number, long in enumerate(dict.fromkeys(_REFERENCE.findall(svg)))}

    def identify(match: re.Match[str]) -> str:
        kind, given, value = match.group(1).partition("=")
        if given:
            return f' data-{kind}="{value}"'
        return f' id="{short[kind]}"' if kind in short else ""

    svg = _ID.sub(identify, svg)
    svg = _REFERENCE.sub(lambda m: m.group(0)[: -len(m.group(1))] + short[m.group(1)], svg)
    svg = svg.replace("xlink:href", "href")
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, f"var(--{variable})")
    svg = re.sub(r">\s+<", "><", svg)
    svg = re.sub(r'(?<= d=")[^"]*', lambda m: " ".join(m.group().split()), svg)
    svg = _TAG.sub(lambda tag: _DECIMALS.sub(lambda m: f"{float(m[0]):.1f}".removesuffix(".0"), tag[0]), svg)
    svg = _MARKS.sub(_share_style, svg)
    svg = _PATHS.sub(_join_paths, svg)
    svg = svg.replace("<g/>", "")
    while "<g></g>" in svg:
        svg = svg.replace("<g></g>", "")
    return svg.strip()


def _share_style(group: re.Match[str]) -> str:
    """A group of marks with the style that all of them have stated once."""
    styles = set(_STYLE.findall(group.group(2)))
    if len(styles) != 1 or "style=" in group.group(1):
        return group.group(0)
    return f'{group.group(1)} style="{styles.pop()}">{_STYLE.sub("", group.group(2))}</g>'


def _join_paths(run: re.Match[str]) -> str:
    """Neighbouring paths of the same look as one."""
    joined: list[tuple[str, str]] = []
    for outline, look in _PATH.findall(run.group(0)):
        if joined and joined[-1][1] == look:
            joined[-1] = (f"{joined[-1][0]} {outline}", look)
        else:
            joined.append((outline, look))
    return "".join(f'<path d="{outline}"{look}/>' for outline, look in joined)


_FIGURE = re.compile(r'(?<=<svg )viewBox="[^"]*" class="figure"[^>]*>(.*?)</svg>', flags=re.S)


def classes_for_styles(page: str) -> tuple[str, str]:
    """The page with the styles that its figures repeat as classes, and the CSS of those classes."""
    counts = Counter(style for figure in _FIGURE.findall(page) for style in _STYLE.findall(figure))
    names = {style: f"z{number}" for number, style in enumerate(sorted(s for s, n in counts.items() if n > 2))}

    def shorten(figure: re.Match[str]) -> str:
        inside = _STYLE.sub(lambda m: f' class="{names[m[1]]}"' if m[1] in names else m[0], figure[1])
        return figure[0][: figure.start(1) - figure.start()] + inside + "</svg>"

    return _FIGURE.sub(shorten, page), "".join(f".{name}{{{style}}}" for style, name in names.items())


def short(name: str, length: int) -> str:
    """A name that fits, its end cut off where it does not."""
    return name if len(name) <= length else name[: length - 1] + "…"


REGRET_FLOOR = 0.1
"""Points of regret below which the accuracy axis stops stretching."""


AXIS_SAID = (
    f"The accuracy axis is stretched towards the optimum, by the logarithm of the distance to it plus {REGRET_FLOOR}"
    " points; in brackets, how many points a tick is below the optimum."
)
"""What captions say of the accuracy axis."""


def stretched(regret: ArrayLike) -> NDArray[np.float64]:
    """Position on the accuracy axis: minus the logarithm of the distance to the optimum + REGRET_FLOOR, in points."""
    return np.asarray(-np.log10(np.maximum(np.asarray(regret, float), 0.0) + REGRET_FLOOR))


def without_clipping(axes: Axes) -> None:
    """For a panel whose limits hold all its marks: a clip path on each would weigh half as much as the mark."""
    for artist in (*axes.lines, *axes.collections, *axes.get_xgridlines(), *axes.get_ygridlines()):
        artist.set_clip_on(False)


def accuracy_axis(axes: Axes, optimum: float, worst: float, vertical: bool = False, narrow: bool = False) -> None:
    """Ticks at round distances from the optimum, labelled with the accuracy and the distance; fewer if `narrow`."""
    wanted = (0, 0.5, 3, 10, 30, 90) if narrow else (0, 0.1, 0.3, 1, 3, 10, 30, 90)
    steps = [step for step in wanted if step <= max(worst * 1.05, wanted[1])]
    limits = (float(stretched(worst * 1.15 + 0.02)), float(stretched(0)) + 0.06)
    between = " " if vertical else "\n"
    # Below the best one decimal is enough: the distance is exact.
    labels = [
        f"{optimum - step:.1f}{between}(−{step:g})" if step else f"{optimum:.2f}{between}(best)" for step in steps
    ]
    axis = axes.yaxis if vertical else axes.xaxis
    axis.set_ticks(list(stretched(steps)), labels)
    (axes.set_ylim if vertical else axes.set_xlim)(*limits)
