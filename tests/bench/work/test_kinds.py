"""Fields of records and costs that have another type or size than the program writes, behind a right digest."""

import json
from pathlib import Path
from typing import Any

import pytest

from nas_selection_bench.bench.work.gather import cost_rows
from nas_selection_bench.bench.work.json_files import digest_of
from nas_selection_bench.bench.work.record import KEY_COLUMNS, Record, file_stem, read_record
from nas_selection_bench.bench.work.store import Store

COLUMNS: dict[str, Any] = dict(
    zip(KEY_COLUMNS, ("digits", "darts", 0, 8, "a[b=1,c=2]", 0, "batch", "digits", "cpu", 1), strict=True)
)
RECORD = Record(COLUMNS, key="k", state="done", version=1, recipe_version=1, choice={"forward_passes": 3})


def test_a_record_of_the_right_kinds_is_read(tmp_path: Path) -> None:
    content = RECORD.to_json()
    content["digest"] = digest_of(content)
    assert read_record(json.dumps(content).encode(), tmp_path / "r.json") == RECORD


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("supernet_accuracy", "x"), ("supernet_accuracy", True), ("supernet_accuracy", 10**400), ("checkpoint", 5),
        ("log", 5), ("where", []), ("reason", {}), ("shared", 5), ("key", None), ("root", "0"), ("version", 1.5),
        ("version", 2**63), ("recipe_version", "1"), ("forward_passes", "x"), ("state", "failed"),
    ],
)  # fmt: skip
def test_a_field_of_another_kind_is_no_record(field: str, value: object, tmp_path: Path) -> None:
    content = RECORD.to_json() | {field: value}
    content["digest"] = digest_of(content)
    assert read_record(json.dumps(content).encode(), tmp_path / "r.json") is None


@pytest.mark.parametrize(
    "changes",
    [{"epoch": "x"}, {"epoch": -1}, {"epoch": True}, {"selector": ""}, {"selector": ["a"]}, {"recipe": None},
     {"bn": "a\nb"}, {"dataset": 1}, {"test": 99.0}],
)  # fmt: skip
def test_a_cell_of_another_kind_is_no_record(changes: dict[str, Any], tmp_path: Path) -> None:
    content = RECORD.to_json()
    content["cell"] = {**content["cell"], **changes}
    content["digest"] = digest_of(content)
    assert read_record(json.dumps(content).encode(), tmp_path / "r.json") is None


@pytest.mark.parametrize(
    ("cell", "changes"),
    [
        ({}, {"scoring_seconds": float("inf")}), ({}, {"scoring_seconds": float("nan")}), ({}, {"wall_seconds": -1.0}),
        ({}, {"wall_seconds": True}), ({}, {"peak_memory_bytes": 10**400}), ({}, {"commit": ["x"]}),
        ({"epoch": "x"}, {}), ({"recipe": ""}, {}), ({"dataset": None}, {}),
    ],
)  # fmt: skip
def test_a_cost_that_no_run_can_have_is_none(cell: dict[str, Any], changes: dict[str, object], tmp_path: Path) -> None:
    store, whole = Store(tmp_path), {"scoring_seconds": 1.5, "peak_memory_bytes": None, "cell": COLUMNS}
    store.costs.mkdir()
    (store.costs / f"{file_stem(COLUMNS)}.json").write_text(json.dumps(whole))
    assert store.cost(file_stem(COLUMNS)) == whole
    other = {**COLUMNS, **cell}
    stem = file_stem(other)
    (store.costs / f"{stem}.json").write_text(json.dumps({**whole, "cell": other, **changes}))
    assert store.cost(stem) == {}


def test_a_cost_cannot_replace_the_columns_of_its_cell(tmp_path: Path) -> None:
    store, stem = Store(tmp_path), file_stem(COLUMNS)
    store.costs.mkdir()
    (store.costs / f"{stem}.json").write_text(json.dumps({"wall_seconds": 1.0, "selector": [1], "cell": COLUMNS}))
    (row,) = cost_rows(store, {stem})
    assert {name: row[name] for name in KEY_COLUMNS} == COLUMNS
