"""gathered.json: notes what an output folder was gathered from, so that redrawing it need not gather again.

Gathering is a pure function of the records, the costs, the plan, the table and the program: if none of them has
changed since, and the gathered files are unchanged too, it would write the same files again. `--check` ignores the
note and gathers from the records.
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nas_selection_bench.bench.errors import DataError
from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.bench.sources import digest, program
from nas_selection_bench.bench.work.gather import COSTS_FILE, RECORDS_FILE
from nas_selection_bench.bench.work.json_files import read_json, write_json
from nas_selection_bench.bench.work.plan_file import PLAN_FILE, planned_cells
from nas_selection_bench.bench.work.store import GATHERED_FILE, SCORES_FILE, Store
from nas_selection_bench.bench.work.untrained_alphas import SkipReason
from nas_selection_bench.bench.yardsticks.agreements import AGREEMENTS_FILE

_ROOMS = ("bench", "reports")
"""The folders of the sources that gather and draw; drawing counts because it decides which agreements are kept."""


def basis(store: Store, table: GroundTruth, skip_reason: SkipReason) -> str:
    """Digest of everything that gathering depends on; `store` must have read no record of the folder yet."""
    files = [named for folder in (store.records, store.costs) for named in store.texts(folder)]
    parts = [
        *program(*_ROOMS),
        table.sha256.encode(),
        _content(store.folder / PLAN_FILE),
        repr(list(map(skip_reason, planned_cells(store)))).encode(),
        store.scores if store.packed is not None else b"",
        *(part for name, content in files for part in (name.encode(), content)),
    ]
    return digest(parts)


def counts_noted(folder: Path, basis: str) -> Counter[str] | None:
    """The number of cells in each state if the folder was gathered from this `basis`; None if it must be gathered."""

    def understood(content: Mapping[str, Any]) -> Counter[str] | None:
        unchanged = content["from"] == basis and content["wrote"] == _written(folder)
        return Counter({state: int(count) for state, count in content["cells"].items()}) if unchanged else None

    try:
        return read_json(folder / GATHERED_FILE, understood, None)
    except DataError:
        return None


def note(folder: Path, basis: str, counts: Mapping[str, int]) -> None:
    """Note that the folder was gathered from this `basis`, and drawn."""
    content = {"from": basis, "wrote": _written(folder), "cells": dict(sorted(counts.items()))}
    write_json(folder / GATHERED_FILE, content, indent=1)


def _written(folder: Path) -> str:
    """Digest of the files that gathering wrote; scores.csv is left out if it is in the archive of a packed folder."""
    return digest(_content(folder / name) for name in (RECORDS_FILE, SCORES_FILE, COSTS_FILE, AGREEMENTS_FILE))


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""
