"""From the record files of an output folder to its CSV files: measured against the table, sorted by key columns.

A pure function of what lies in the folder and the table: the order in which cells ended, the number of
workers and interruptions leave no trace in it.
"""

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from functools import cache, partial
from typing import Any

from nas_selection_bench.bench.errors import DAMAGE, in_brief
from nas_selection_bench.bench.files import write_whole
from nas_selection_bench.bench.problem.selection import Selection
from nas_selection_bench.bench.problem.space import EDGE_NAMES, OPERATIONS
from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.bench.work.plan_file import planned_cells, sort_key
from nas_selection_bench.bench.work.record import DONE, KEY_COLUMNS, MISSING, Record, file_stem
from nas_selection_bench.bench.work.store import Store
from nas_selection_bench.bench.yardsticks.measures import MEASURES, measure
from nas_selection_bench.bench.yardsticks.truth import Truth

RECORD_COLUMNS = (*KEY_COLUMNS, "state", "reason", "log", "architecture", "index", *MEASURES, "forward_passes",
                  "backward_passes", "supernet_accuracy", "checkpoint", "shared", "version", "recipe_version",
                  "schema", "where")  # fmt: skip
SCORE_COLUMNS = (*KEY_COLUMNS, "edge", "operation", "score")
COST_COLUMNS = (*KEY_COLUMNS, "scoring_seconds", "tuning_seconds", "wall_seconds", "peak_memory_bytes",
                "training_seconds", "commit")  # fmt: skip

_FORMULAS = ("=", "+", "-", "@", "\t", "\r")

CURVATURE_FILE = "curvature.csv"
"""How curved the validation loss is at the checkpoints, where it was measured (`supernets/training/curvature.py`)."""


def record_row(record: Record, selection: Selection | None, truth: Callable[[str], Truth]) -> dict[str, Any]:
    """The row of one record in records.csv; a done one holds `selection`, measured by the `truth` of its data set."""
    content = record.to_json()
    row = {name: content.get(name) for name in RECORD_COLUMNS} | dict(record.cell)
    if selection is not None:
        row |= measure(selection, truth(str(record.cell["dataset"])))
    row["checkpoint"] = (record.checkpoint or "")[:12]
    if record.shared:  # earlier versions named a checkpoint here too, of which the result does not depend
        row |= {"checkpoint": "", "supernet_accuracy": None}
    return row


def score_rows(cell: Mapping[str, Any], selection: Selection) -> list[dict[str, Any]]:
    """The 30 rows of one done record in scores.csv."""
    return [
        {**cell, "edge": edge, "operation": operation, "score": score}
        for edge, of_edge in zip(EDGE_NAMES, selection.scores.tolist(), strict=True)
        for operation, score in zip(OPERATIONS, of_edge, strict=True)
    ]


def cost_rows(store: Store, done: Set[str]) -> list[dict[str, Any]]:
    """The stored costs of supernets and of the cells whose file stems are `done`, sorted.

    A damaged file is left out: it only held timings.
    """
    stored = {path.stem: store.cost(path.stem) for path in sorted(store.costs.glob("*.json"))}
    rows = [(stem, {**content["cell"], **content}) for stem, content in stored.items() if content]
    return sorted((row for stem, row in rows if stem in done or not row["selector"]), key=sort_key)


def as_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """CSV text; floats in their shortest exact spelling, lists as JSON, None as nothing, no formulas."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_spelled(row.get(name)) for name in columns] for row in rows)
    return text.getvalue()


def _spelled(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return repr(float(value))
    if isinstance(value, list):
        return json.dumps(value)
    # A spreadsheet would compute a text that begins like a formula.
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULAS) else str(value)


def gather(store: Store, table: GroundTruth, warn: Callable[[str], None]) -> Counter[str]:
    """Write records.csv, scores.csv and costs.csv of a folder; returns how many cells are in which state.

    Records that are damaged, or do not hold a valid selection, are reported through `warn` and left out: their cells
    are missing.
    """
    records, damaged = store.read_all()
    for path in damaged:
        warn(f"The record {path} is damaged and left out; run the command that made it again.")
    rows: list[dict[str, Any]] = []
    scores: list[dict[str, Any]] = []
    left_out: set[str] = set()
    truth = cache(partial(Truth, table))
    for stem, record in sorted(records.items(), key=lambda item: sort_key(item[1].cell)):
        try:
            selection = record.selection() if record.state == DONE else None
        except DAMAGE as error:
            left_out.add(stem)
            path = store.records / f"{stem}.json"
            what = in_brief(error)
            warn(f"The record {path} is no result ({what}); delete it and run the command that made it again.")
            continue
        rows.append(record_row(record, selection, truth))
        scores += [] if selection is None else score_rows(record.cell, selection)
    for columns in planned_cells(store):
        if file_stem(columns) not in records.keys() - left_out:
            rows.append({**columns, "state": MISSING})
    rows.sort(key=sort_key)
    header = [name for name in RECORD_COLUMNS if name != "where" or any(row.get(name) for row in rows)]
    write_whole(store.folder / "records.csv", as_csv(header, rows))
    write_whole(store.folder / "scores.csv", as_csv(SCORE_COLUMNS, scores))
    done = {stem for stem, record in records.items() if record.state == DONE} - left_out
    write_whole(store.folder / "costs.csv", as_csv(COST_COLUMNS, cost_rows(store, done)))
    return Counter(row["state"] for row in rows)
