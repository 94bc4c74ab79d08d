"""plan.json: cells are read as they were written, and invalid ones are refused with the column."""

from pathlib import Path
from typing import Any

import pytest

from nas_selection_bench.bench.errors import DataError
from nas_selection_bench.bench.work.json_files import write_json
from nas_selection_bench.bench.work.plan_file import PLAN_FILE, planned_cells, write_plan
from nas_selection_bench.bench.work.record import KEY_COLUMNS
from nas_selection_bench.bench.work.store import Store

CELL: dict[str, Any] = dict(
    zip(KEY_COLUMNS, ("digits", "darts[a=1]", 0, 4, "ostr", 1, "batch", "digits", "cpu", 2), strict=True)
)


def test_cells_come_back_in_order_and_once(tmp_path: Path) -> None:
    cells = [{**CELL, "epoch": epoch} for epoch in (10, 4, 10)]
    write_plan(Store(tmp_path), cells)
    assert planned_cells(Store(tmp_path)) == [CELL, {**CELL, "epoch": 10}]


@pytest.mark.parametrize("column", KEY_COLUMNS)
@pytest.mark.parametrize("value", ["", None, True, -1, 1.5, 2**63, [], {}, ["a"], "a\nb", "x" * 5000, "\ud800"])
def test_a_column_of_another_kind_is_refused(tmp_path: Path, column: str, value: Any) -> None:
    write_json(tmp_path / PLAN_FILE, {"cells": [{**CELL, column: value}]}, indent=0)
    with pytest.raises(DataError, match=f"{column} of a cell is"):
        planned_cells(Store(tmp_path))
