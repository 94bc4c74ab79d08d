"""What the page is made of: sections of prose, tables and figures, as plain data that the template renders."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from html import escape

WIDE = 14
"""Columns beyond which a table is printed across the page."""
TALL = 1.8
"""Height by width beyond which a figure is not printed: on one page its text would be too small."""


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    title: str
    help: str = ""
    """What the column means, shown on hover."""
    numeric: bool = True
    hidden: bool = False
    """Whether the reader has to switch it on."""
    low: bool = False
    """Whether the lowest is best, and comes first when sorted."""


@dataclass(frozen=True)
class Field:
    """A cell: text, or markup that the report made itself."""

    text: str
    css: str = ""
    title: str = ""
    markup: bool = False
    partial: bool = False
    """Whether recipes or cells are missing behind the number, as the star in its text says."""


@dataclass(frozen=True)
class Row:
    """A row, with a class for its look."""

    cells: Sequence[Field]
    css: str = ""
    place: str = ""
    """The id that links lead to."""
    family: str = ""
    """Rows of one family are folded under its head."""
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
    """What the rows are compared with, where that can be changed."""

    @property
    def wide(self) -> bool:
        """Whether an upright page is too narrow for it."""
        return sum(not column.hidden for column in self.columns) > WIDE


@dataclass(frozen=True)
class Picture:
    """A figure with its title, a question or a claim, and a caption that says what a mark is and n."""

    name: str
    title: str
    caption: str
    markup: str
    """Inline SVG or HTML; empty if there is a reason why it is not drawn."""
    reason: str = ""
    tall: bool = False
    """Whether it is too tall for one printed page."""
    kind: str = "picture"


@dataclass(frozen=True)
class Prose:
    """Paragraphs of the report's own markup."""

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
    """What the navigation calls it, where that is not its title."""


def gathered(blocks: Sequence[Block]) -> list[Block]:
    """The blocks with figures that are not drawn for one reason told in one sentence, where the first of them stood.

    Of titles `X: question` the question is said once and the X are listed. A single figure keeps its box and caption.
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
"""What a cell says that says nothing."""


def spoken(columns: Sequence[Column], rows: Sequence[Row]) -> tuple[list[Column], list[Row]]:
    """The table without the columns that say nothing in any row; the first two stay."""
    kept = [
        i for i in range(len(columns)) if i < 2 or any(row.cells[i].text not in EMPTY for row in rows)
    ]  # fmt: skip
    return [columns[i] for i in kept], [replace(row, cells=[row.cells[i] for i in kept]) for row in rows]


def shade(tau: float) -> str:
    """The class of the colour for a tau: `p0` to `p10`, `m1` to `m10` below zero, in tenths."""
    tenths = round(10 * tau)
    return f"p{tenths}" if tenths >= 0 else f"m{-tenths}"
