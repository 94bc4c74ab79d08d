"""plan.json: the cells that the runs of an output folder asked for."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from nas_selection_bench.bench.errors import in_brief
from nas_selection_bench.bench.work.json_files import read_json, write_json
from nas_selection_bench.bench.work.record import KEY_COLUMNS, file_stem
from nas_selection_bench.bench.work.store import Store

PLAN_FILE = "plan.json"


_NUMBERS = frozenset({"supernet_seed", "epoch", "selector_seed", "threads"})
"""The key columns that hold whole numbers."""


def write_plan(store: Store, cells: Iterable[Mapping[str, str | int]]) -> None:
    """Add `cells` to those that runs of the folder asked for; cells without a record are then reported as missing."""
    asked = {file_stem(cell): dict(cell) for cell in (*planned_cells(store), *cells)}
    content = {"cells": sorted(asked.values(), key=sort_key)}
    write_json(store.folder / PLAN_FILE, content, indent=0)


def planned_cells(store: Store) -> list[dict[str, Any]]:
    """The cells that the runs of the folder asked for, sorted; empty if it has no plan."""

    def understood(content: Any) -> list[dict[str, Any]]:
        return sorted(({name: _column(name, cell) for name in KEY_COLUMNS} for cell in content["cells"]), key=sort_key)

    return read_json(store.folder / PLAN_FILE, understood, [])


def _column(name: str, cell: Mapping[str, Any]) -> str | int:
    value: str | int = cell[name]
    good = isinstance(value, str) and value.isprintable() and len(value) < 1000
    if name in _NUMBERS:
        good = type(value) is int and 0 <= value < 2**63
    if not good:
        raise ValueError(f"{name} of a cell is {in_brief(repr(value), 60)}")
    return value


def sort_key(columns: Mapping[str, Any]) -> tuple[tuple[bool, float, str], ...]:
    """The sort key of a row: the key columns in turn, numbers compared as numbers."""
    return tuple([_place(columns[name]) for name in KEY_COLUMNS])


@lru_cache(maxsize=10_000, typed=True)
def _place(value: Any) -> tuple[bool, float, str]:
    return (True, 0.0, value) if isinstance(value, str) else (False, float(value), str(value))
