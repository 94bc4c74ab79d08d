"""The section on what has no result: failed, skipped or missing cells, and the commands that run them again."""

import argparse
import shlex
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from html import escape

import pandas as pd

from bench.commands.options import build_parser
from bench.commands.regenerate import without
from bench.commands.resolve import find_settings, usual_extent
from bench.errors import UsageError
from bench.names import canonical, parse
from bench.work.plan import split_names
from bench.work.records import preset_label
from bench.work.run_file import commands
from reports.data.founders import PRIMARY
from reports.data.material import Material
from reports.data.text import count
from reports.sections.blocks import Cell, Column, Prose, Row, Section, Table

NAMED = 12
"""Selectors that a command names; of more it keeps its own."""


def failures_section(source: Material) -> Section:
    """What failed, was skipped or is missing, and the commands that run it again."""
    rows = source.results.rows
    section = Section("failures", "Failed, skipped, missing")
    left = rows[rows["state"] != "done"]
    if left.empty:
        section.blocks.append(Prose("<p>Nothing: every cell that was asked for is done.</p>"))
        return section
    section.blocks.append(_table(left))
    wanted = left[left["state"].isin(("failed", "missing"))]
    known = commands(source.results.run)
    if not wanted.empty and known:
        # The command line of the last run is the latest one, wherever it stands among the others.
        latest = [*([source.results.run["argv"]] if "argv" in source.results.run else []), *reversed(known)]
        lines, forgotten = again(latest, wanted)
        if lines:
            section.blocks.append(Prose(f"<p>To run what failed or is missing:</p>{code(lines)}"))
        if forgotten:
            said = f"No command that filled this folder asks for {forgotten} of these cells."
            section.blocks.append(Prose(f"<p>{said}</p>"))
    return section


def code(lines: Sequence[Sequence[str]]) -> str:
    """Command lines that can be pasted into a shell."""
    spelled = "\n".join(shlex.join(["python", "run_bench.py", *map(str, line)]) for line in lines)
    return f"<pre><code>{escape(spelled)}</code></pre>"


def _table(left: pd.DataFrame) -> Table:
    """Failed and missing cells by selector, since each has a cause of its own; skipped ones by their reason."""
    frame = left.assign(reason=left["reason"].fillna(""))
    by_reason = frame["state"] == "skipped"
    frame["cause"] = frame["method"].mask(by_reason, "")
    repeated = bool((frame["selector_seed"] != 0).any())
    rows = []
    for key, group in frame.groupby(["state", "dataset", "cause", "reason"], sort=True):
        state, dataset, _, reason = map(str, key)
        pairs = dict.fromkeys(zip(group["supernet_seed"], group["selector_seed"], strict=True))
        seeds = ", ".join(f"{seed} / {repeat}" if repeated else str(seed) for seed, repeat in pairs)
        rows.append(
            Row([
                Cell(state, "bad" if state in ("failed", "missing") else ""), Cell(dataset),
                Cell(", ".join(dict.fromkeys(group["setting"])), "wrap"),
                Cell(", ".join(dict.fromkeys(group["method"])), "wrap"),
                Cell(f"{reason}{_one_failure(group)}", "wrap"),
                Cell(seeds, "wrap"), Cell(str(len(group))),
            ])
        )  # fmt: skip
    columns = [
        Column("state", numeric=False), Column("data set", numeric=False), Column("recipes", numeric=False),
        Column("selectors", numeric=False), Column("reason", numeric=False),
        Column("supernet seed / selector seed" if repeated else "supernet seeds", numeric=False), Column("cells"),
    ]  # fmt: skip
    return Table("left", "Cells without a result, by reason.", columns, rows)


def _one_failure(group: pd.DataFrame) -> str:
    """Cells that share a draw have one result, so they fail together."""
    shared = group["shared"].dropna() if "shared" in group else pd.Series(dtype=str)
    draws = shared.nunique()
    if (group["state"] != "failed").any() or len(shared) < len(group) or draws == len(group):
        return ""
    return f" ({count(draws, 'failure')}: the {len(group)} cells share {count(draws, 'draw')}.)"


def again(lines: Sequence[Sequence[str]], cells: pd.DataFrame) -> tuple[list[list[str]], int]:
    """The fewest of `lines`, the latest first, that ask for all of `cells`, narrowed to them; and how many none does.

    A line keeps its recipes, seeds and sizes, and names only the selectors of the cells.
    """
    asked = [frozenset(_asked(line, cells)) for line in lines]
    left = frozenset(cells.index)
    found = []
    while left:
        most = max(range(len(lines)), key=lambda place: (len(asked[place] & left), -place))
        here = asked[most] & left
        if not here:
            break
        found.append(_narrowed(lines[most], cells.loc[sorted(here)]))
        left -= here
    return found, len(left)


def _asked(line: Sequence[str], cells: pd.DataFrame) -> Iterator[int]:
    """The index of each of the cells that a command line asks for."""
    try:
        options = build_parser().parse_args([str(word) for word in line])
    except SystemExit:  # a word that this program no longer has
        return
    for i, cell in cells.iterrows():
        if _asks(options, cell):
            yield int(str(i))


def _asks(options: argparse.Namespace, cell: pd.Series) -> bool:
    dataset, datasets = str(cell["dataset"]), split_names(options.datasets)
    if dataset not in datasets:
        return False
    try:
        settings = find_settings(options, datasets, str(cell["device"]))
    except UsageError:  # a preset that this program no longer has
        return False
    extent = usual_extent(settings)
    stored = settings[dataset].checkpoint_epochs
    # Where a line names no epochs, each selector has those that it is meant for.
    epochs = {stored[-1] if epoch == "last" else epoch for epoch in options.epochs or stored}
    return (
        preset_label(settings[dataset]) == cell["preset"]
        and options.bn == cell["bn"]
        and int(cell["supernet_seed"]) < (options.seeds or extent.supernet_seeds)
        and int(cell["selector_seed"]) < (options.selector_seeds or extent.selector_seeds)
        and (int(cell["epoch"]) in epochs or "all" in epochs)
        and _matches(options.supernets, str(cell["recipe"]))
        and _matches(options.selectors or (",".join(PRIMARY) if extent.quick else "all"), str(cell["selector"]))
    )


def _matches(text: str, name: str) -> bool:
    """Whether a list of names and globs, some with `!` in front, asks for `name`."""
    base = name.partition("[")[0]

    def fits(entry: str) -> bool:
        pattern, bracket, options = entry.removeprefix("!").partition("[")
        return (pattern == "all" or fnmatchcase(base, pattern)) and canonical(*parse(base + bracket + options)) == name

    entries = split_names(text)
    wanted = [entry for entry in entries if not entry.startswith("!")]
    return (not wanted or any(map(fits, wanted))) and not any(fits(entry) for entry in entries if entry not in wanted)


def _narrowed(line: Sequence[str], cells: pd.DataFrame) -> list[str]:
    names = list(dict.fromkeys(map(str, cells["selector"])))
    words = [str(word) for word in line if word != "--retry-failed"]
    if len(names) <= NAMED:
        words = [*without(words, "--selectors"), "--selectors", ",".join(names)]
    return [*words, "--retry-failed"] if (cells["state"] == "failed").any() else words
