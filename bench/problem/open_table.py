"""Where a ground-truth table comes from: a compact file, a CSV, or the official NAS-Bench-201 file.

A CSV has one row per architecture and the columns `arch` (the architecture string), for each data set D `D_test`
(mean test accuracy, %), and where known `index`, `D_valid`, `D_params`, `D_flops` and single trials as `D_test_SEED`.
`D_test` may be left out where there are trials. Columns ending in `_12` hold NAS-Bench-201's short schedule: not read.
"""

import csv
import gzip
import re
import zlib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import numpy as np

from bench.errors import DataError
from bench.problem.space import N_ARCHITECTURES, code, parse
from bench.problem.table import Accuracies, GroundTruth, refuse_missing

_COLUMN = re.compile(r"(?P<dataset>.+)_(?P<field>test|valid|params|flops)")
_TRIAL = re.compile(r"(?P<dataset>.+)_test_(?P<seed>\d+)")


def open_table(path: Path | str) -> GroundTruth:
    """The ground truth in `path`, whatever of the three formats it has; raises DataError that names what is wrong."""
    path = Path(path)
    if not path.is_file():
        raise DataError(f"The table {path} does not exist.")
    if path.name.endswith((".csv", ".csv.gz")):
        return read_csv(path)
    if path.suffix == ".pth":
        from bench.problem.official_table import read_official

        return read_official(path)
    if path.suffix == ".npz":
        return GroundTruth.load(path)
    raise DataError(f"{path} is no table: it must end in .npz (compact), .csv, .csv.gz or .pth (NAS-Bench-201's own).")


def embedded_table(dataset: str) -> GroundTruth:
    """The table of a data set that comes with the program (`digits`)."""
    return GroundTruth.load(Path(str(files("bench.problem").joinpath(f"{dataset}_table.npz"))))


def read_csv(path: Path) -> GroundTruth:
    """A table from CSV, see the module; raises DataError naming the line of what is wrong."""
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
    except (EOFError, gzip.BadGzipFile, zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is truncated or damaged ({error}); get it anew.") from error
    except OSError as error:
        raise DataError(f"The table {path} cannot be read ({error.strerror or error}).") from error
    if not rows or "arch" not in rows[0]:
        raise DataError(f"{path} is not a table: its first line has no column `arch`.")
    header = rows[0]
    if len(set(header)) != len(header):
        raise DataError(f"{path}: a column appears twice in the first line.")
    order = _order(path, rows, header.index("arch"))
    index = np.empty(N_ARCHITECTURES, dtype=np.int64)
    index[order] = (
        _numbers(path, rows, header.index("index"), empty=False) if "index" in header else np.arange(N_ARCHITECTURES)
    )
    fields: dict[str, dict[str, np.ndarray]] = {}
    trials: dict[str, list[np.ndarray]] = {}
    for column, name in enumerate(header):
        if name.endswith("_12"):
            continue
        trial, field = _TRIAL.fullmatch(name), _COLUMN.fullmatch(name)
        match = trial or field
        if match is None:
            continue
        values = np.empty(N_ARCHITECTURES)
        values[order] = _numbers(path, rows, column, empty=trial is not None)
        if trial:
            trials.setdefault(match["dataset"], []).append(values)
        else:
            kind = "parameters" if match["field"] == "params" else match["field"]
            fields.setdefault(match["dataset"], {})[kind] = values
    held = {
        dataset: Accuracies(
            trials=np.stack(trials[dataset], axis=1) if dataset in trials else None, **fields.get(dataset, {})
        )
        for dataset in (*fields, *(d for d in trials if d not in fields))
    }
    if not held:
        raise DataError(f"{path} holds no accuracies: no column is called DATASET_test.")
    return GroundTruth(path.name.removesuffix(".gz").removesuffix(".csv"), held, index)


def _order(path: Path, rows: list[list[str]], column: int) -> np.ndarray:
    """[15625] position in space order of each row; refuses malformed, duplicated and missing architectures."""
    line_of: dict[int, int] = {}
    for line, row in enumerate(rows[1:], start=2):
        if len(row) != len(rows[0]):
            raise DataError(
                f"{path}, line {line}: {len(row)} values for {len(rows[0])} columns; the file is truncated or damaged."
            )
        try:
            position = code(parse(row[column]))
        except ValueError as error:
            raise DataError(f"{path}, line {line}: {error}.") from error
        if position in line_of:
            raise DataError(
                f"{path}, line {line}: architecture {row[column]} stands already in line {line_of[position]}."
            )
        line_of[position] = line
    refuse_missing(path, line_of)
    return np.fromiter(line_of, dtype=np.int64)


def _numbers(path: Path, rows: list[list[str]], column: int, *, empty: bool) -> np.ndarray:
    """[rows] one column as float64; an empty entry is nan where `empty` entries are allowed."""
    return np.fromiter(_parsed(path, rows, column, empty), dtype=np.float64, count=len(rows) - 1)


def _parsed(path: Path, rows: list[list[str]], column: int, empty: bool) -> Iterator[float]:
    for line, row in enumerate(rows[1:], start=2):
        text = row[column]
        if empty and not text.strip():
            yield np.nan
            continue
        try:
            yield float(text)
        except ValueError:
            raise DataError(f"{path}, line {line}, column {rows[0][column]}: {text!r} is not a number.") from None
