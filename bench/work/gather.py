"""Turns the records of an output folder into its CSV files, with measures computed from the ground truth.

The CSV files depend only on the content of the folder and on the table, not on the order in which cells ended, the
number of workers or interruptions. Rows are sorted by the key columns.
"""

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from functools import lru_cache
from typing import Any

import numpy as np

from nas_selection_bench.bench.errors import DAMAGE, in_brief
from nas_selection_bench.bench.files import write_whole
from nas_selection_bench.bench.problem.selection import Selection
from nas_selection_bench.bench.problem.space import EDGE_NAMES, OPERATIONS
from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.bench.work.plan_file import planned_cells, sort_key
from nas_selection_bench.bench.work.record import DONE, KEY_COLUMNS, MISSING, Record, as_skipped
from nas_selection_bench.bench.work.store import SCORES_FILE, Store
from nas_selection_bench.bench.work.untrained_alphas import SkipReason, never_skipped
from nas_selection_bench.bench.yardsticks.agreements import Agreements
from nas_selection_bench.bench.yardsticks.measures import MEASURES, measures
from nas_selection_bench.bench.yardsticks.truth import Truth

RECORD_COLUMNS = (*KEY_COLUMNS, "state", "reason", "log", "architecture", "index", *MEASURES, "forward_passes",
                  "backward_passes", "supernet_accuracy", "checkpoint", "shared", "version", "recipe_version",
                  "schema", "where")  # fmt: skip
SCORE_COLUMNS = (*KEY_COLUMNS, "edge", "operation", "score")
COST_COLUMNS = (*KEY_COLUMNS, "scoring_seconds", "tuning_seconds", "wall_seconds", "peak_memory_bytes",
                "training_seconds", "commit")  # fmt: skip

RECORDS_FILE, COSTS_FILE = "records.csv", "costs.csv"

_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def record_row(record: Record, measured: Mapping[str, Any] | None) -> dict[str, Any]:
    """The row of one record in records.csv; `measured` holds its measures if it is done."""
    content = record.to_json()
    row = {name: content.get(name) for name in RECORD_COLUMNS} | dict(record.cell) | dict(measured or {})
    row["checkpoint"] = (record.checkpoint or "")[:12]
    if record.shared:  # earlier versions stored a checkpoint here too, though the result does not depend on it
        row |= {"checkpoint": "", "supernet_accuracy": None}
    return row


def scores_csv(selections: Iterable[tuple[Mapping[str, Any], Selection]]) -> str:
    """Text of scores.csv: 30 rows, one per edge and operation, for each done cell."""
    parts = [as_csv(SCORE_COLUMNS, [])]
    for cell, selection in selections:
        start = as_csv(KEY_COLUMNS, [cell], head=False).rstrip("\n")
        parts.append(start.join(_ends_of_rows(selection.scores.tobytes())))
    return "".join(parts)


@lru_cache(maxsize=5_000)
def _ends_of_rows(scores: bytes) -> tuple[str, ...]:
    """The part after the key columns of each row of [6, 5] scores; cached, since many cells share their scores.

    The first part is empty, so that joining the parts with the key columns puts these in front of every row.
    """
    spelled = map(repr, np.frombuffer(scores).tolist())
    return "", *(f"{place}{score}\n" for place, score in zip(_PLACES, spelled, strict=True))


_PLACES = [f",{edge},{operation}," for edge in EDGE_NAMES for operation in OPERATIONS]


def cost_rows(store: Store, done: Set[str]) -> list[dict[str, Any]]:
    """Stored costs of all supernets and of the cells whose file stems are in `done`, sorted.

    A damaged cost file is left out, since it holds only timings.
    """
    stored = {stem: store.cost(stem) for stem in store.stems(store.costs)}
    rows = [(stem, {**content, **content["cell"]}) for stem, content in stored.items() if content]
    return sorted((row for stem, row in rows if stem in done or not row["selector"]), key=sort_key)


def as_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]], head: bool = True) -> str:
    """CSV text: floats in their shortest exact spelling, lists as JSON, None as an empty field, no formulas.

    It begins with the column names unless `head` is false.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if head:
        writer.writerow(columns)
    writer.writerows(
        [value if type(value) in _NUMBERS else _spelled(value) for value in map(row.get, columns)] for row in rows
    )
    return text.getvalue()


_NUMBERS = {float, int, type(None)}
"""Types that `csv` itself writes as needed: numbers in their shortest exact spelling, None as an empty field."""


def _spelled(value: Any) -> Any:
    if isinstance(value, str):  # a spreadsheet would evaluate a text that begins like a formula
        return f"'{value}" if value.startswith(_FORMULAS) else value
    return json.dumps(value) if isinstance(value, list) else value


def gather(
    store: Store, table: GroundTruth, warn: Callable[[str], None], skip_reason: SkipReason = never_skipped
) -> Counter[str]:  # fmt: skip
    """Write records.csv, scores.csv and costs.csv of an output folder; returns the number of cells in each state.

    A result for which `skip_reason` gives a reason is gathered as skipped.

    Records that are damaged or hold no valid selection are reported through `warn` and left out, so that their cells
    are missing.
    """
    records, damaged = store.read_all()
    for path in damaged:
        warn(f"The record {path} is damaged and was left out; rerun the command that made it.")
    selections: dict[str, Selection] = {}
    for stem, record in list(records.items()):
        if record.state != DONE:
            continue
        if why := skip_reason(record.cell):
            records[stem] = as_skipped(record, why)
            continue
        try:
            selections[stem] = record.selection()
        except DAMAGE as error:
            del records[stem]
            path = store.records / f"{stem}.json"
            what = in_brief(error)
            warn(f"The record {path} holds no valid selection ({what}); delete it and rerun the command that made it.")
    measured = _measured(records, selections, table, store.agreements)
    rows = [record_row(record, measured.get(stem)) for stem, record in records.items()]
    known = {_columns_of(record.cell) for record in records.values()}
    rows += [{**cell, "state": MISSING} for cell in planned_cells(store) if _columns_of(cell) not in known]
    rows.sort(key=sort_key)
    header = [name for name in RECORD_COLUMNS if name != "where" or any(row.get(name) for row in rows)]
    write_whole(store.folder / RECORDS_FILE, as_csv(header, rows))
    done = sorted(((records[stem].cell, found) for stem, found in selections.items()), key=lambda one: sort_key(one[0]))
    write_whole(store.folder / SCORES_FILE, scores_csv(done))
    write_whole(store.folder / COSTS_FILE, as_csv(COST_COLUMNS, cost_rows(store, selections.keys())))
    return Counter(row["state"] for row in rows)


def _columns_of(cell: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(cell[name] for name in KEY_COLUMNS)


def _measured(
    records: Mapping[str, Record], selections: Mapping[str, Selection], table: GroundTruth, agreements: Agreements
) -> dict[str, dict[str, Any]]:
    """Measures of all selections, by file stem; selections of the same data set are measured together."""
    of_dataset: dict[str, list[str]] = {}
    for stem in selections:
        of_dataset.setdefault(str(records[stem].cell["dataset"]), []).append(stem)
    found: dict[str, dict[str, Any]] = {}
    for dataset, stems in of_dataset.items():
        truth = Truth(table, dataset, agreements)
        found |= zip(stems, measures([selections[stem] for stem in stems], truth), strict=True)
    return found
