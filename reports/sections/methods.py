"""The section that describes every criterion and supernet of the run, in the words of the files that define them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from html import escape
from typing import Any

from nas_selection_bench.bench.errors import counted
from nas_selection_bench.reports.data.material import Material
from nas_selection_bench.reports.data.papers import address_of
from nas_selection_bench.reports.data.schemes import Schemes, schemes
from nas_selection_bench.reports.sections.blocks import Column, Field, Heading, Prose, Row, Section, Table

Said = Mapping[str, Mapping[str, str]]
"""Name -> {field of its description: text}."""


@dataclass(frozen=True)
class MethodKind:
    """A kind of method and the contents of its table."""

    noun: str
    """The word for the kind; its plural is the key in methods.json."""
    column: str
    """The column of records.csv with its names."""
    called: str
    """The title of the first column of its table."""
    told: tuple[tuple[str, str], ...]
    """The other columns: (field of the description, help text)."""
    symbols: str = ""
    """An explanation of the symbols in the formulas."""


KINDS = (
    MethodKind(
        "selector", "selector", "criterion",
        (
            ("what", "in one line"),
            ("score", "how it scores an operation on an edge"),
            ("keeps", "which operation it keeps"),
            ("reads", "what it was given, the rest being withheld: without `trained` it sees a freshly initialised"
             " network, without `alphas` a uniform mixture"),
            ("passes", "forward and backward passes over the network; B: mini-batches of selection images"),
            ("paper", ""),
        ),
        " e: an edge, o: an operation on it, p: the weights of the mixture, L or loss: cross-entropy on B mini-batches"
        " of selection images.",
    ),
    MethodKind(
        "supernet", "recipe", "supernet",
        (
            ("what", "in one line"),
            ("update", "how its search differs from plain training"),
            ("offers", "what its checkpoints provide to a criterion"),
            ("paper", ""),
        ),
    ),
)  # fmt: skip


def place_of(method: str) -> str:
    """The id of the row that describes a criterion: that of its selector, whatever the mode of the run."""
    return "criterion-" + "".join(c if c.isalnum() else "-" for c in method.partition(" ")[0])


def methods_section(source: Material) -> Section:
    """Tables of criteria and supernets, each with its differences from the papers and their released code.

    Criteria that differ only in the proxy share one row, that of their scheme; the proxies have a table of their own.
    """
    section = Section("methods", "What the criteria and supernets are", folded=True, link="Methods")
    for kind in KINDS:
        plural = f"{kind.noun}s"
        names = sorted(source.results.rows[kind.column].unique())
        described = source.results.described[plural]
        known = {name: described[name] for name in names if name in described}
        if not known:
            section.blocks.append(
                Prose(f"<p>This folder has no description of its {plural}; running its command again adds one.</p>")
            )
            continue
        kind = replace(
            kind, told=tuple(told for told in kind.told if any(said.get(told[0]) for said in known.values()))
        )
        found = schemes(names, described) if kind.noun == "selector" else Schemes(names, {})
        rows_of = sorted([*found.main, *found.members])
        known |= {  # a scheme whose own proxy was not run is described by another of its criteria
            scheme: next(known[name] for name in of.values() if name in known)
            for scheme, of in found.members.items() if scheme not in known and known.keys() & of.values()
        }  # fmt: skip
        notes = _notes({name: known.get(name, {}) for name in rows_of})
        at = files_at(source.results.run)
        rows = [Row(list(_cells(name, kind, known.get(name, {}), notes, at)), place=place_of(name)) for name in rows_of]
        section.blocks.append(_table(kind, rows))
        if found.members:
            section.blocks.append(_proxies(found, known))
        said = "".join(f"<li>{_coded(text)}</li>" for text in notes)
        if said:
            section.blocks.append(Heading(f"Differences from the papers and released code: {plural}"))
            section.blocks.append(Prose(f'<ol class="notes">{said}</ol>'))
    return section


def _proxies(found: Schemes, known: Said) -> Table:
    """One row per proxy: its source and the schemes that use it."""
    rows = []
    for proxy in sorted(found.proxies):
        users = {scheme: of[proxy] for scheme, of in found.members.items() if proxy in of}
        papers = (known.get(name, {}).get("paper", "") for name in users.values())
        paper = next((said.partition(OF_PROXY)[2] for said in papers if OF_PROXY in said), "")
        rows.append(Row([Field(proxy, "name"), _paper(paper), Field(", ".join(users), "wrap")], place=f"proxy-{proxy}"))
    columns = [Column("proxy", numeric=False), Column("paper", numeric=False), Column("schemes", numeric=False)]
    said = f"{len(rows)} zero-cost {'proxy' if len(rows) == 1 else 'proxies'}, with the schemes that use each."
    return Table("methods-proxies", said, columns, rows)


OF_PROXY = "; the proxy: "
"""The text between the paper of the scheme and that of the proxy in the description of a criterion."""


def _paper(text: str) -> Field:
    """A source, with a link if its address is known."""
    address = address_of(text)
    if not address:
        return Field(text or "–", "quiet wrap")
    return Field(f'<a href="{address}">{escape(text)}</a>', "quiet wrap", markup=True)


def _coded(text: str) -> str:
    """Text as HTML, with anything in backticks as code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(text))


def _said(text: str) -> Field:
    return Field(_coded(text), "wrap", markup=True) if "`" in text else Field(text or "–", "wrap")


def _notes(known: Said) -> dict[str, int]:
    """Distinct text on differences -> its number; many criteria share one text."""
    texts = dict.fromkeys(said["differs"] for said in known.values() if said.get("differs"))
    return {text: number for number, text in enumerate(texts, start=1)}


def _table(kind: MethodKind, rows: list[Row]) -> Table:
    columns = [
        Column(kind.called, numeric=False),
        *(Column(title, help, numeric=False) for title, help in kind.told),
        Column("differs", "number of the note below", numeric=False),
    ]
    caption = f"{counted(len(rows), kind.noun)}, as described when they ran.{kind.symbols}"
    return Table(f"methods-{kind.noun}s", caption, columns, rows)


def files_at(run: Mapping[str, Any]) -> str | None:
    """The address of the program's files at the commit of the last run; None unless repository and commit are known."""
    address, commit = run.get("repository", ""), (run.get("git_commit") or "").removesuffix("-dirty")
    return f"{address.rstrip('/')}/blob/{commit}/" if address.startswith(("https://", "http://")) and commit else None


def _cells(
    name: str, kind: MethodKind, said: Mapping[str, str], notes: Mapping[str, int], files: str | None
) -> Iterator[Field]:
    file = said.get("file", "")
    if files and file and not said.get("from"):
        yield Field(f'<a href="{escape(files + file)}">{escape(name)}</a>', "name", file, markup=True)
    else:
        yield Field(name, "name", file)
    for title, _ in kind.told:
        text = said.get(title) or ""
        yield _paper(text.partition(OF_PROXY)[0]) if title == "paper" else _said(text)
    yield Field(str(notes[said["differs"]]) if said.get("differs") else "–")
