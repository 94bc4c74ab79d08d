"""What was compared, in the words of the files that define it: every criterion and every supernet of the run."""

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
"""Name -> {what is said: text}."""


@dataclass(frozen=True)
class MethodKind:
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
    MethodKind(
        "selector", "selector", "criterion",
        (
            ("what", "in one line"),
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
    MethodKind(
        "supernet", "recipe", "supernet",
        (
            ("what", "in one line"),
            ("update", "how its search differs from plain training"),
            ("offers", "what its checkpoints offer a criterion"),
            ("paper", ""),
        ),
    ),
)  # fmt: skip


def place_of(method: str) -> str:
    """The id of what the page says of a criterion; that of its selector, whatever the run's mode."""
    return "criterion-" + "".join(c if c.isalnum() else "-" for c in method.partition(" ")[0])


def methods_section(source: Material) -> Section:
    """Tables of criteria and supernets, each with what differs from the papers and the code released with them.

    Of criteria that differ in the proxy alone the scheme stands in one row, and the proxies are a table of their own.
    """
    section = Section("methods", "What the criteria and supernets are", folded=True, link="Methods")
    for kind in KINDS:
        plural = f"{kind.noun}s"
        names = sorted(source.results.rows[kind.column].unique())
        described = source.results.described[plural]
        known = {name: described[name] for name in names if name in described}
        if not known:
            section.blocks.append(
                Prose(f"<p>This folder does not say what its {plural} are; running its command again adds that.</p>")
            )
            continue
        kind = replace(
            kind, told=tuple(told for told in kind.told if any(said.get(told[0]) for said in known.values()))
        )
        found = schemes(names, described) if kind.noun == "selector" else Schemes(names, {})
        rows_of = sorted([*found.main, *found.members])
        known |= {  # a scheme whose own proxy was not run is told by another
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
            section.blocks.append(Heading(f"What differs from papers and released code: {plural}"))
            section.blocks.append(Prose(f'<ol class="notes">{said}</ol>'))
    return section


def _proxies(found: Schemes, known: Said) -> Table:
    """One row per proxy: where it comes from, and which schemes use it."""
    rows = []
    for proxy in sorted(found.proxies):
        users = {scheme: of[proxy] for scheme, of in found.members.items() if proxy in of}
        papers = (known.get(name, {}).get("paper", "") for name in users.values())
        paper = next((said.partition(OF_PROXY)[2] for said in papers if OF_PROXY in said), "")
        rows.append(Row([Field(proxy, "name"), _paper(paper), Field(", ".join(users), "wrap")], place=f"proxy-{proxy}"))
    columns = [Column("proxy", numeric=False), Column("paper", numeric=False), Column("schemes", numeric=False)]
    return Table("methods-proxies", f"{len(rows)} zero-cost proxies, each used by the schemes named.", columns, rows)


OF_PROXY = "; the proxy: "
"""What a criterion says between the paper of its scheme and that of its proxy."""


def _paper(text: str) -> Field:
    """A source, linked where its address is known."""
    address = address_of(text)
    if not address:
        return Field(text or "–", "quiet wrap")
    return Field(f'<a href="{address}">{escape(text)}</a>', "quiet wrap", markup=True)


def _coded(text: str) -> str:
    """Text as HTML, with what stands in backticks as code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(text))


def _said(text: str) -> Field:
    return Field(_coded(text), "wrap", markup=True) if "`" in text else Field(text or "–", "wrap")


def _notes(known: Said) -> dict[str, int]:
    """The different texts on what differs, numbered; many criteria share one."""
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
    """Where a browser finds the files of the program that ran last: its repository at its commit, if both are known."""
    address, commit = run.get("repository"), (run.get("git_commit") or "").removesuffix("-dirty")
    return f"{address.rstrip('/')}/blob/{commit}/" if address and commit else None


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
