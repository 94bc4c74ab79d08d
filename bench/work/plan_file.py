"""plan.json: the cells that the runs of an output folder asked for."""

from collections.abc import Iterable, Mapping
from typing import Any

from nas_selection_bench.bench.work.json_files import read_json, write_json
from nas_selection_bench.bench.work.record import KEY_COLUMNS, file_stem
from nas_selection_bench.bench.work.store import Store

PLAN_FILE = "plan.json"


def write_plan(store: Store, cells: Iterable[Mapping[str, str | int]]) -> None:
    """Add to the cells that runs of the folder asked for, so that those without a record can be told as missing."""
    asked = {file_stem(cell): dict(cell) for cell in (*planned_cells(store), *cells)}
    content = {"cells": sorted(asked.values(), key=sort_key)}
    write_json(store.folder / PLAN_FILE, content, indent=0)


def planned_cells(store: Store) -> list[dict[str, Any]]:
    """The cells that the runs of the folder asked for; none where it has no plan."""

    def understood(content: Any) -> list[dict[str, Any]]:
        return sorted(({name: cell[name] for name in KEY_COLUMNS} for cell in content["cells"]), key=sort_key)

    return read_json(store.folder / PLAN_FILE, understood, [])


def sort_key(columns: Mapping[str, Any]) -> tuple[tuple[bool, float, str], ...]:
    """Order of rows: the key columns in turn, numbers as numbers."""
    values = (columns[name] for name in KEY_COLUMNS)
    return tuple((isinstance(v, str), 0.0 if isinstance(v, str) else float(v), str(v)) for v in values)
