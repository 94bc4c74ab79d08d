"""The building blocks of the page: sections of prose, tables and figures, as plain data that the template renders."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from html import escape

WIDE = 14
"""A table with more columns than this is printed in landscape."""
TALL = 1.8
"""A figure with a larger ratio of height to width is not printed: fitted to one page, its text would be too small."""


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    title: str
    help: str = ""
    """What the column means, shown on hover."""
    numeric: bool = True
    hidden: bool = False
    """Whether it is shown only when the reader switches it on."""
    low: bool = False
    """Whether the lowest value is best and comes first when sorted."""


@dataclass(frozen=True)
class Field:
    """A cell of a table: text, or markup that the report made itself."""

    text: str
    css: str = ""
    title: str = ""
    markup: bool = False
    partial: bool = False
    """Whether the number lacks recipes or cells, as the star in its text says."""


@dataclass(frozen=True)
class Row:
    """A row of a table; `css` is the class of its look."""

    cells: Sequence[Field]
    css: str = ""
    place: str = ""
    """The id of the row, which links lead to."""
    family: str = ""
    """The family of the row; rows of one family are folded under its head."""
    head: bool = False


@dataclass(frozen=True)
class Table:
    """A sortable table."""

    name: str
    """Unique in the page."""
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    kind: str = "table"
    searchable: bool = True
    baseline: str = ""
    """What the rows are compared with, if the reader can change that; else empty."""

    @property
    def wide(self) -> bool:
        """Whether a page in portrait is too narrow for it."""
        return sum(not column.hidden for column in self.columns) > WIDE


@dataclass(frozen=True)
class Picture:
    """A figure; its title asks a question or makes a claim, and its caption explains the marks and gives n."""

    name: str
    title: str
    caption: str
    markup: str
    """Inline SVG or HTML; empty if `reason` says why the figure is not drawn."""
    reason: str = ""
    tall: bool = False
    """Whether it is too tall for one printed page."""
    kind: str = "picture"


@dataclass(frozen=True)
class Prose:
    """Paragraphs, as markup that the report made itself."""

    markup: str
    kind: str = "prose"


@dataclass(frozen=True)
class Heading:
    """A heading inside a section."""

    text: str
    kind: str = "heading"


Block = Table | Picture | Prose | Heading


@dataclass
class Section:
    """One section of the page."""

    name: str
    title: str
    blocks: list[Block] = field(default_factory=list)
    folded: bool = False
    """Whether it is closed until the reader opens it."""
    link: str = ""
    """Its name in the navigation, if that differs from its title."""


def gathered(blocks: Sequence[Block]) -> list[Block]:
    """The blocks, with figures not drawn for the same reason replaced by one sentence in the place of the first.

    For titles of the form `X: question`, the sentence has the question once and lists every X. A figure that alone has
    its question and reason keeps its box and caption.
    """
    groups: dict[tuple[str, str], list[str]] = {}
    for block in blocks:
        if isinstance(block, Picture) and block.reason:
            subject, _, question = block.title.rpartition(": ")
            groups.setdefault((question, block.reason), []).append(subject)
    found: list[Block] = []
    for block in blocks:
        if not isinstance(block, Picture) or not block.reason:
            found.append(block)
            continue
        question = block.title.rpartition(": ")[2]
        subjects = groups[question, block.reason]
        if len(subjects) == 1:
            found.append(block)
        elif subjects:
            opening = f"{question[:1].upper()}{question[1:]}: {len(subjects)} figures not drawn"
            said = f"{opening} ({'; '.join(subjects)}): {block.reason}."
            found.append(Prose(f'<p class="notdrawn">{escape(said)}</p>'))
            groups[question, block.reason] = []
    return found


EMPTY = ("", "–", "?")
"""The texts of cells that carry no information."""


def without_empty_columns(columns: Sequence[Column], rows: Sequence[Row]) -> tuple[list[Column], list[Row]]:
    """The columns and rows without the columns that are EMPTY in every row; the first two columns always stay."""
    kept = [
        i for i in range(len(columns)) if i < 2 or any(row.cells[i].text not in EMPTY for row in rows)
    ]  # fmt: skip
    return [columns[i] for i in kept], [replace(row, cells=[row.cells[i] for i in kept]) for row in rows]


def shade(tau: float) -> str:
    """The CSS class of the colour for a tau, in tenths: `p0` to `p10`, and `m1` to `m10` below zero."""
    tenths = round(10 * tau)
    return f"p{tenths}" if tenths >= 0 else f"m{-tenths}"
