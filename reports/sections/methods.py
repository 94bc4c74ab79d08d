"""What was compared, in the words of the files that define it: every criterion and every supernet of the run."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape

from reports.data.material import Material
from reports.data.text import count
from reports.sections.blocks import Cell, Column, Heading, Prose, Row, Section, Table

Said = Mapping[str, Mapping[str, str]]
"""Name -> {what is said: text}."""


@dataclass(frozen=True)
class Kind:
    """One kind of method, and what its table tells."""

    noun: str
    """Its plural names the kind in methods.json."""
    column: str
    """Of records.csv."""
    called: str
    told: tuple[tuple[str, str], ...]
    """(what is said, what that means)."""
    symbols: str = ""
    """Those in the formulas."""


KINDS = (
    Kind(
        "selector", "selector", "criterion",
        (
            ("score", "what an operation on an edge is worth to it"),
            ("keeps", "which operation it keeps"),
            ("reads", "what it was given; the rest was withheld: without `trained` it sees a freshly initialised"
             " network, without `alphas` a uniform mixture"),
            ("passes", "forward and backward passes over the network; B: mini-batches of selection images"),
            ("paper", ""),
        ),
        " e: an edge, o: an operation on it, p: the weights of the mixture, L or loss: cross-entropy on B mini-batches"
        " of selection images.",
    ),
    Kind(
        "supernet", "recipe", "supernet",
        (
            ("update", "how its search differs from plain training"),
            ("offers", "what its checkpoints offer a criterion"),
            ("paper", ""),
        ),
    ),
)  # fmt: skip


def methods_section(source: Material) -> Section:
    """Tables of criteria and supernets, each with what differs from the papers and the code released with them."""
    section = Section("methods", "What the criteria and supernets are", folded=True)
    for kind in KINDS:
        plural = f"{kind.noun}s"
        names = sorted(source.results.rows[kind.column].unique())
        described = source.results.described[plural]
        known = {name: described[name] for name in names if name in described}
        if not known:
            section.blocks.append(
                Prose(f"<p>This folder was filled before it was kept what its {plural} are. Its command adds it.</p>")
            )
            continue
        notes = _notes(known)
        rows = [Row(list(_cells(name, kind, known.get(name, {}), notes))) for name in names]
        section.blocks.append(_table(kind, rows))
        section.blocks.append(Heading(f"What differs from papers and released code: {plural}"))
        said = "".join(f"<dt>{number}</dt><dd>{escape(text)}</dd>" for text, number in notes.items())
        section.blocks.append(Prose(f"<dl>{said}</dl>" if said else "<p>Nothing that they declare.</p>"))
    return section


def _notes(known: Said) -> dict[str, int]:
    """The different texts on what differs, numbered; many criteria share one."""
    texts = dict.fromkeys(said["differs"] for said in known.values() if said.get("differs"))
    return {text: number for number, text in enumerate(texts, start=1)}


def _table(kind: Kind, rows: list[Row]) -> Table:
    columns = [
        Column(kind.called, numeric=False),
        *(Column(title, help, numeric=False) for title, help in kind.told),
        Column("differs", "number of the note below", numeric=False),
    ]
    caption = f"As their files said when they ran. {count(len(rows), kind.noun)}.{kind.symbols}"
    return Table(f"methods-{kind.noun}s", caption, columns, rows)


def _cells(name: str, kind: Kind, said: Mapping[str, str], notes: Mapping[str, int]) -> Iterator[Cell]:
    yield Cell(name, "name")
    for title, _ in kind.told:
        yield Cell(said.get(title) or "–", "quiet wrap" if title == "paper" else "wrap")
    yield Cell(str(notes[said["differs"]]) if said.get("differs") else "–")
