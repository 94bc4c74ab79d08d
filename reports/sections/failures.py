"""The section on cells without a result: failed, skipped or missing, with the command that runs them again."""

import shlex
from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise
from pathlib import PurePath
from typing import Any

import pandas as pd

from nas_selection_bench.bench.errors import counted
from nas_selection_bench.bench.work.record import DONE, FAILED, MISSING, SKIPPED
from nas_selection_bench.bench.work.run_file import commands
from nas_selection_bench.reports.data.material import Material
from nas_selection_bench.reports.sections.blocks import Column, Field, Prose, Row, Section, Table


def failures_section(source: Material) -> Section:
    """List what failed, was skipped or is missing, and the command that runs it again."""
    rows = source.results.rows
    section = Section("failures", "Failed, skipped, missing", folded=True, link="Failures")
    left = rows[rows["state"] != DONE]
    if left.empty:
        section.blocks.append(Prose("<p>Nothing: every requested cell is done.</p>"))
        return section
    section.blocks.append(_table(left))
    wanted = left[left["state"].isin((FAILED, MISSING))]
    if not wanted.empty:
        retry = bool((wanted["state"] == FAILED).any())
        folder = last_out(source.results.run, source.results.folder.name)
        section.blocks.append(Prose(
            f"<p>To rerun what {'failed or is missing' if retry else 'is missing'}, give the path of this folder:</p>"
            f"{code([['--out', folder, *(['--retry-failed'] if retry else [])]])}"
        ))  # fmt: skip
    return section


def last_out(run: Mapping[str, Any], name: str) -> str:
    """Return the path that the last command gave for the output folder called `name`; the name itself if none did."""
    given = [after for line in commands(run) for word, after in pairwise(line) if word == "--out"]
    return next((path for path in reversed(given) if PurePath(path).name == name), name)


def code(lines: Sequence[Sequence[str]]) -> str:
    """Render command lines so that they can be pasted into a shell."""
    spelled = "\n".join(shlex.join(["python", "run_bench.py", *map(str, line)]) for line in lines)
    return f"<pre><code>{escape(spelled)}</code></pre>"


def _table(left: pd.DataFrame) -> Table:
    """Tabulate failed and missing cells by selector, since each has its own cause, and skipped ones by their reason."""
    frame = left.assign(reason=left["reason"].fillna(""))
    if "where" in frame:
        frame["reason"] += frame["where"].map(" ({})".format, na_action="ignore").fillna("")
    by_reason = frame["state"] == SKIPPED
    frame["cause"] = frame["method"].mask(by_reason, "")
    repeated = bool((frame["selector_seed"] != 0).any())
    rows = []
    for key, group in frame.groupby(["state", "dataset", "cause", "reason"], sort=True):
        state, dataset, _, reason = map(str, key)
        pairs = dict.fromkeys(zip(group["supernet_seed"], group["selector_seed"], strict=True))
        seeds = ", ".join(f"{seed} / {repeat}" if repeated else str(seed) for seed, repeat in pairs)
        rows.append(
            Row([
                Field(state, "bad" if state in (FAILED, MISSING) else ""), Field(dataset),
                Field(", ".join(dict.fromkeys(group["setting"])), "wrap"),
                Field(", ".join(dict.fromkeys(group["method"])), "wrap"),
                Field(f"{reason}{_one_failure(group)}", "wrap"),
                Field(seeds, "wrap"), Field(str(len(group))),
            ])
        )  # fmt: skip
    columns = [
        Column("state", numeric=False), Column("data set", numeric=False), Column("recipes", numeric=False),
        Column("selectors", numeric=False), Column("reason", numeric=False),
        Column("supernet seed / selector seed" if repeated else "supernet seeds", numeric=False), Column("cells"),
    ]  # fmt: skip
    return Table("left", "Cells without a result, by reason.", columns, rows)


def _one_failure(group: pd.DataFrame) -> str:
    """Count the failures behind a group of cells that fail together because they share a draw; else empty."""
    shared = group["shared"].dropna() if "shared" in group else pd.Series(dtype=str)
    draws = shared.nunique()
    if (group["state"] != FAILED).any() or len(shared) < len(group) or draws == len(group):
        return ""
    return f" ({counted(draws, 'failure')}: the {len(group)} cells share {counted(draws, 'draw')})"
