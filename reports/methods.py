"""What was compared, in the words of the files that define it: every criterion and every supernet of the run."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape

from reports.blocks import Cell, Column, Heading, Prose, Row, Section, Table
from reports.source import Source

OF_SELECTORS = (
    ("score", "what an operation on an edge is worth to it"),
    ("keeps", "which operation it keeps"),
    ("reads", "what it was given; the rest was withheld: without `trained` it sees a freshly initialised network,"
     " without `alphas` a uniform mixture"),
    ("passes", "forward and backward passes over the network; B: mini-batches of selection images"),
    ("paper", ""),
)  # fmt: skip
SYMBOLS = {
    "selectors": " e: an edge, o: an operation on it, p: the weights of the mixture, L or loss: cross-entropy on B"
    " mini-batches of selection images.",
    "supernets": "",
}
OF_SUPERNETS = (
    ("update", "how its search differs from plain training"),
    ("offers", "what its checkpoints offer a criterion"),
    ("paper", ""),
)


def methods_section(source: Source) -> Section:
    """Tables of criteria and supernets, each with what differs from the papers and the code released with them."""
    section = Section("methods", "What the criteria and supernets are", folded=True)
    described = source.results.described
    for kind, column, called, columns in (
        ("selectors", "selector", "criterion", OF_SELECTORS),
        ("supernets", "recipe", "supernet", OF_SUPERNETS),
    ):
        names = sorted(source.results.rows[column].unique())
        known = {name: described[kind][name] for name in names if name in described[kind]}
        if not known:
            section.blocks.append(
                Prose(f"<p>This folder was filled before it was kept what its {kind} are. Its command adds it.</p>")
            )
            continue
        notes = _notes(known)
        section.blocks.append(_table(kind, called, columns, names, known, notes))
        section.blocks.append(Heading(f"What differs from papers and released code: {kind}"))
        said = "".join(f"<dt>{number}</dt><dd>{escape(text)}</dd>" for text, number in notes.items())
        section.blocks.append(Prose(f"<dl>{said}</dl>" if said else "<p>Nothing that they declare.</p>"))
    return section


def _notes(known: Mapping[str, Mapping[str, str]]) -> dict[str, int]:
    """The different texts on what differs, numbered; many criteria share one."""
    texts = dict.fromkeys(said["differs"] for said in known.values() if said.get("differs"))
    return {text: number for number, text in enumerate(texts, start=1)}


def _table(
    kind: str, called: str, told: Sequence[tuple[str, str]], names: Sequence[str],
    known: Mapping[str, Mapping[str, str]], notes: Mapping[str, int],
) -> Table:  # fmt: skip
    columns = [Column(called, numeric=False)]
    columns += [Column(title, help, numeric=False) for title, help in told]
    columns.append(Column("differs", "number of the note below", numeric=False))
    rows = [Row(list(_cells(name, told, known.get(name, {}), notes))) for name in names]
    n = len(rows)
    caption = f"As their files said when they ran. {n} {kind if n > 1 else kind[:-1]}.{SYMBOLS[kind]}"
    return Table(f"methods-{kind}", caption, columns, rows)


def _cells(
    name: str, told: Sequence[tuple[str, str]], said: Mapping[str, str], notes: Mapping[str, int]
) -> Iterator[Cell]:
    yield Cell(name, "name")
    for title, _ in told:
        yield Cell(said.get(title) or "–", "quiet wrap" if title == "paper" else "wrap")
    yield Cell(str(notes[said["differs"]]) if said.get("differs") else "–")
