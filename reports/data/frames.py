"""Reading of the CSV files of an output folder as frames, and of the scores and rankings that belong to their rows."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nas_selection_bench.bench.errors import DAMAGE, DataError, in_brief
from nas_selection_bench.bench.files import unreadable
from nas_selection_bench.bench.problem.space import EDGE_NAMES, OPERATIONS
from nas_selection_bench.bench.work.record import DONE, KEY_COLUMNS, Record, file_stem
from nas_selection_bench.bench.work.store import Store

TEXTS = {"commit": str, "checkpoint": str, "shared": str}
"""Columns of hexadecimal digits, which pandas might otherwise parse as numbers."""

PART = 100_000
"""Number of rows of scores.csv read at a time; a hundred thousand records have three million rows."""

GATHER = "run with --report-only to gather it again"


def read_frame(path: Path, columns: tuple[str, ...] = ()) -> pd.DataFrame:
    """A CSV file of an output folder; raises DataError if it is missing, damaged, or lacks one of `columns`."""
    (frame,) = _parts(path, columns, None)
    return frame


def _parts(path: Path, columns: tuple[str, ...], size: int | None) -> Iterator[pd.DataFrame]:
    """The frame of `read_frame` in parts of `size` rows; in one part if `size` is None."""
    try:
        with path.open(encoding="utf-8", newline="") as stream:  # pandas would take some paths for a URL or an archive
            read = pd.read_csv(stream, keep_default_na=False, na_values=[""], dtype=TEXTS, chunksize=size)
            for frame in [read] if isinstance(read, pd.DataFrame) else read:
                absent = [name for name in columns if name not in frame.columns]
                if absent:
                    raise DataError(f"{path} lacks the columns {', '.join(absent)}; {GATHER}.")
                # Row by row, plain objects are read far faster than pandas's strings.
                texts = [name for name, kind in frame.dtypes.items() if isinstance(kind, pd.StringDtype)]
                yield frame.astype(dict.fromkeys(texts, object))
    except FileNotFoundError:
        raise DataError(f"{path} is missing; run the benchmark with --out {path.parent} first.") from None
    except OSError as error:
        raise unreadable(path, error) from error
    except DAMAGE as error:
        raise DataError(f"{path} is not a CSV file ({in_brief(error)}); {GATHER}.") from error


def label(frame: pd.DataFrame, base: str, extras: tuple[str, ...]) -> pd.Series:
    """The column `base`, each value followed by those columns of `extras` that vary within the frame."""
    said = frame[base].astype(str).astype(object)
    for name in extras:
        if frame[name].nunique() > 1:
            said = said + f" · {name} " + frame[name].astype(str)
    return said


def scores_of(rows: pd.DataFrame, store: Store) -> NDArray[np.float64]:
    """[rows, 6, 5] the scores of each row, from its record; nan if a row has none.

    If the records were gathered before, the scores are read from scores.csv, which holds the same and is faster.
    """
    array = np.full((len(rows), len(EDGE_NAMES), len(OPERATIONS)), np.nan)
    if store.gathered_before:
        lines = store.scores.split(b"\n")[1:-1]
        scores = np.array([float(line[line.rfind(b",") + 1 :]) for line in lines])
        array[(rows["state"] == DONE).to_numpy()] = scores.reshape(-1, *array.shape[1:])
        return array
    whole, _ = store.read_all()
    for i, record in _by_row(rows, whole.values()).items():
        if record.state == DONE and record.choice is not None:
            array[i] = record.choice["scores"]
    return array


def rankings_of(rows: pd.DataFrame, store: Store) -> dict[int, Mapping[str, Any]]:
    """Index of a row -> its architecture codes and scores, for rows whose selection ranks architectures."""
    columns = (rows[name].tolist() for name in KEY_COLUMNS)
    stems = [file_stem(dict(zip(KEY_COLUMNS, values, strict=True))) for values in zip(*columns, strict=True)]
    records = store.mentioning(b'"codes"', stems)
    asked = ((i, records.get(stem)) for i, stem in zip(rows.index.tolist(), stems, strict=True))
    return {i: record.ranking for i, record in asked if record and record.ranking}


def _by_row(rows: pd.DataFrame, records: Iterable[Record]) -> dict[int, Record]:
    """Position of a row -> its record, for rows that have one."""
    by_cell = {tuple(record.cell[name] for name in KEY_COLUMNS): record for record in records}
    keys = zip(*(rows[name].tolist() for name in KEY_COLUMNS), strict=True)
    return {i: by_cell[key] for i, key in enumerate(keys) if key in by_cell}


def stored_scores(rows: pd.DataFrame, path: Path) -> NDArray[np.float64]:
    """[rows, 6, 5] the scores of each row, read from scores.csv at `path`; nan if a row has none.

    Raises DataError if the file is missing or damaged, or does not fit `rows`.
    """
    array = np.full((len(rows), len(EDGE_NAMES), len(OPERATIONS)), np.nan)
    edges, operations = pd.Index(EDGE_NAMES), pd.Index(OPERATIONS)
    cells: pd.MultiIndex | None = None
    for scores in _parts(path, ("dataset", "recipe", "selector", "edge", "operation", "score"), PART):
        keys = [name for name in KEY_COLUMNS if name in scores.columns]
        other = [name for name in keys if scores[name].dtype != rows[name].dtype]
        if other and len(scores) and len(rows):
            raise DataError(f"{path} does not fit records.csv: its {', '.join(other)} are of another kind; {GATHER}.")
        if cells is None:
            cells = pd.MultiIndex.from_frame(rows[keys])
            if cells.has_duplicates and len(scores):
                raise DataError(
                    f"records.csv holds several rows per ({', '.join(keys)}), so scores.csv cannot be matched to it."
                )
        row = cells.get_indexer(pd.MultiIndex.from_frame(scores[keys]))
        edge = edges.get_indexer(pd.Index(scores["edge"]))
        operation = operations.get_indexer(pd.Index(scores["operation"]))
        known = row >= 0
        if (edge[known] < 0).any() or (operation[known] < 0).any():
            raise DataError("scores.csv names an edge or an operation that does not exist.")
        array[row[known], edge[known], operation[known]] = scores["score"].to_numpy()[known]
    return array
