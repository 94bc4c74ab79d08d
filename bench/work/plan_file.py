"""plan.json: the cells that the runs of an output folder asked for."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from nas_selection_bench.bench.work.json_files import read_json, write_json
from nas_selection_bench.bench.work.record import KEY_COLUMNS, checked_cell, file_stem
from nas_selection_bench.bench.work.store import Store

PLAN_FILE = "plan.json"


def write_plan(store: Store, cells: Iterable[Mapping[str, str | int]]) -> None:
    """Add `cells` to those that runs of the folder asked for; cells without a record are then reported as missing."""
    asked = {file_stem(cell): dict(cell) for cell in (*planned_cells(store), *cells)}
    content = {"cells": sorted(asked.values(), key=sort_key)}
    write_json(store.folder / PLAN_FILE, content, indent=0)


def planned_cells(store: Store) -> list[dict[str, Any]]:
    """The cells that the runs of the folder asked for, sorted; empty if it has no plan."""

    def understood(content: Any) -> list[dict[str, Any]]:
        return sorted((checked_cell(cell) for cell in content["cells"]), key=sort_key)

    return read_json(store.folder / PLAN_FILE, understood, [])


def sort_key(columns: Mapping[str, Any]) -> tuple[tuple[bool, float, str], ...]:
    """The sort key of a row: the key columns in turn, numbers compared as numbers."""
    return tuple([_place(columns[name]) for name in KEY_COLUMNS])


@lru_cache(maxsize=10_000, typed=True)
def _place(value: Any) -> tuple[bool, float, str]:
    return (True, 0.0, value) if isinstance(value, str) else (False, float(value), str(value))
