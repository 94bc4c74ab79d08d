"""Reader for ground-truth tables in CSV.

The file has one row per architecture. The column `arch` holds the architecture (see `bench.problem.spellings`), and for
each data set D the column `D_test` holds the mean test accuracy (%). Optional columns are `index`, `D_valid`,
`D_params`, `D_flops` and, for single trials, `D_test_SEED`; with trials, `D_test` may be left out. Counts are plain, or
in millions, as the packages of NAS-Bench-201 give them, in `D_params_millions` and `D_flops_millions`. Columns ending
in `_12` hold NAS-Bench-201's short schedule and replace the other accuracies when that schedule is asked for.

The reader accepts commas, semicolons and tabs as separators (the last two also with decimal commas); UTF-8 with or
without a byte-order mark, UTF-16 and UTF-32; gzip or plain text, whatever the file is called; blank lines, a comment or
a spreadsheet's `sep=;` before the header; and blanks around names and values. Unused columns are listed in
`GroundTruth.notes`, except those of the short schedule.
"""

import codecs
import csv
import gzip
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nas_selection_bench.bench.errors import DAMAGE, DataError, in_brief
from nas_selection_bench.bench.files import unreadable
from nas_selection_bench.bench.problem.accuracies import Accuracies
from nas_selection_bench.bench.problem.equivalence import function_classes, published_classes
from nas_selection_bench.bench.problem.space import N_ARCHITECTURES, code
from nas_selection_bench.bench.problem.spellings import from_string
from nas_selection_bench.bench.problem.table import GroundTruth, refuse_missing

MOST_BYTES = 2**28
"""Size of the largest table that is read, unpacked; a complete table with every trial takes about 5 MB."""
_PACKED = {
    b"\x1f\x8b": "gzip twice",
    b"BZh": "bz2",
    b"\xfd7zXZ": "xz",
    b"PK\x03\x04": "zip",
    b"\x28\xb5\x2f\xfd": "zstd",
}
"""First bytes of other archive formats, looked for after gzip is removed."""
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32", codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16", codecs.BOM_UTF8: "utf-8-sig",
}  # fmt: skip
"""Byte-order marks and their encodings, the longer marks first."""
_REMARK = re.compile(r"\s*(#|sep=.?\s*$|$)", re.IGNORECASE)
"""Matches lines to skip before the header: empty ones, comments, and a spreadsheet's declaration of its separator."""
_SHORT = "_12"
_COLUMN = re.compile(r"(?P<dataset>.+)_(?P<field>test|valid|params|flops)(?P<unit>_millions)?", re.IGNORECASE)
_TRIAL = re.compile(r"(?P<dataset>.+)_test_(?P<seed>\d+)", re.IGNORECASE)
_ARCH = ("arch", "arch_str", "architecture")

OFFICIAL_NAMES = {"imagenet16-120": "imagenet16", "cifar10-valid": "cifar10"}
"""Names of data sets in the packages of NAS-Bench-201, in lower case, and ours. Networks trained on cifar10-valid, one
half of CIFAR-10, give the validation accuracy; networks trained on all of CIFAR-10 give the test accuracy."""


@dataclass(frozen=True)
class Sheet:
    """The cells of a CSV file, without the blanks around them."""

    path: Path
    header: list[str]
    rows: list[tuple[int, list[str]]]
    """Line number and cells of each row below the header."""
    decimal_comma: bool


def read_csv(path: Path, hp: str = "200") -> GroundTruth:
    """Read a table from CSV, as described in the module; raises DataError that names the line or columns at fault."""
    sheet = _sheet(path, _text(path))
    header = sheet.header
    found = f"columns found: {listing(header)}"
    arch = [column for column, name in enumerate(header) if name.lower() in _ARCH]
    if len(arch) != 1:
        many = "no column" if not arch else "several columns"
        raise DataError(f"{path} is not a table: its first line has {many} `arch`; {found}.")
    doubled = {name for name in header if name and [n.lower() for n in header].count(name.lower()) > 1}
    if doubled:
        raise DataError(f"{path}: a column appears twice in the first line: {listing(sorted(doubled))}.")
    order, fill, filled = _order(sheet, arch[0])
    numbers = {name.lower(): column for column, name in enumerate(header)}
    index = np.arange(N_ARCHITECTURES)
    if "index" in numbers:
        index = _index(sheet, numbers["index"], order, filled)
    elif not filled:
        index[order] = np.arange(N_ARCHITECTURES)
    fields: dict[str, dict[str, np.ndarray]] = {}
    trials: dict[str, list[np.ndarray]] = {}
    unread: list[str] = []
    for column, name in enumerate(header):
        if column == arch[0] or name.lower() == "index":
            continue
        meant = _meaning(name, hp)
        if meant is None:
            if not name.endswith(_SHORT):  # columns of the short schedule are not listed
                unread.append(name)
            continue
        dataset, field, million = meant
        values = np.full(N_ARCHITECTURES, np.nan)
        values[order] = _numbers(sheet, column, empty=field == "trial") * million
        values = values[fill]
        if field == "trial":
            trials.setdefault(dataset, []).append(values)
        elif field in fields.setdefault(dataset, {}):
            raise DataError(f"{path}: two columns give {field} of {dataset}; {found}.")
        else:
            fields[dataset][field] = np.round(values) if million > 1 else values
    held = {
        dataset: Accuracies(
            trials=np.stack(trials[dataset], axis=1) if dataset in trials else None, **fields.get(dataset, {})
        )
        for dataset in (*fields, *(d for d in trials if d not in fields))
    }
    if not held:
        raise DataError(f"{path} holds no accuracies: no column is called DATASET_test; {found}.")
    notes = [f"{filled} architectures were filled in from equivalent ones"] * bool(filled)
    notes += [f"columns not read: {listing(unread)}"] * bool(unread)
    name = re.sub(r"(\.csv)?(\.gz)?$", "", path.name, flags=re.IGNORECASE) + ("" if hp == "200" else f"-{hp}")
    return GroundTruth(name, held, index, notes=tuple(notes))


def listing(names: list[str]) -> str:
    """Column names joined for an error message: at most 40, each shortened."""
    shown = [in_brief(name, 40) if name else "(no name)" for name in names[:40]]
    return ", ".join(shown) + (", ..." if len(names) > 40 else "")


def _text(path: Path) -> str:
    """The text of the file: gzip is unpacked, and a byte-order mark tells the encoding."""
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            with gzip.open(raw, "rb") if packed else raw as file:
                content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise ValueError(f"more than {MOST_BYTES:,} bytes")
        wrapped = next((name for start, name in _PACKED.items() if content.startswith(start)), None)
        if wrapped is not None:
            raise DataError(f"{path} is packed with {wrapped}: unpack it, or pack it once with gzip.")
        encoding = next((name for mark, name in _MARKS.items() if content.startswith(mark)), "utf-8")
        if b"\0" in content and encoding.startswith("utf-8"):
            raise ValueError("it contains zero bytes")
        text = content.decode(encoding)
    except DAMAGE as error:
        raise DataError(f"{path} is truncated or damaged ({in_brief(error)}); get it again.") from error
    except OSError as error:
        raise unreadable(path, error) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _sheet(path: Path, text: str) -> Sheet:
    """The cells, split at whichever separator gives the first line the most columns."""
    lines = text.split("\n")
    first = next((n for n, line in enumerate(lines) if not _REMARK.match(line)), None)
    if first is None:
        raise DataError(f"{path} is not a table: it is empty.")

    def parted(separator: str) -> list[str]:
        return next(csv.reader([lines[first]], delimiter=separator, skipinitialspace=True), [])

    try:
        separator = max(",;\t", key=lambda sign: len(parted(sign)))
        reader = csv.reader(io.StringIO("\n".join(lines[first:])), delimiter=separator, skipinitialspace=True)
        rows = [
            (first + reader.line_num, [cell.strip() for cell in row])
            for row in reader
            if any(cell.strip() for cell in row)
        ]
    except csv.Error as error:
        raise DataError(f"{path} is truncated or damaged ({in_brief(error)}); get it again.") from error
    if not rows:
        raise DataError(f"{path} is not a table: its first line is empty; put the names of the columns there.")
    header = rows[0][1]
    for line, row in rows[1:]:
        if len(row) != len(header):
            raise DataError(
                f"{path}, line {line}: {len(row)} values for {len(header)} columns; the file is truncated or damaged."
            )
    return Sheet(path, header, rows[1:], decimal_comma=separator != ",")


def _meaning(name: str, hp: str) -> tuple[str, str, float] | None:
    """Data set, field (`trial`, `test`, `valid`, `parameters`, `flops`) and unit of a column; None if it is unused."""
    short = name.endswith(_SHORT)
    if hp == "12":
        counts = re.fullmatch(r".+_(params|flops)(_millions)?", name, re.IGNORECASE)
        if not short and counts is None:
            return None
        name = name.removesuffix(_SHORT)
    elif short:
        return None
    match = _TRIAL.fullmatch(name) or _COLUMN.fullmatch(name)
    if match is None:
        return None
    words = match.groupdict()
    field = (words.get("field") or "trial").lower().replace("params", "parameters")
    if words.get("unit") and field in ("test", "valid"):
        return None
    dataset = match["dataset"]
    official = OFFICIAL_NAMES.get(dataset.lower())
    if official == "cifar10" and field != "valid":
        return None
    return official or dataset, field, 1e6 if words.get("unit") else 1.0


def _order(sheet: Sheet, column: int) -> tuple[np.ndarray, np.ndarray, int]:
    """The architecture of each row; for each of the space, the one whose numbers it takes; how many were filled in.

    A table with exactly one member of each class of a partition in `bench.problem.equivalence`, and nothing else, is a
    table of unique cells, and the other architectures are filled in. In any other table, a missing architecture is an
    error. Malformed and duplicate ones are refused.
    """
    line_of: dict[int, int] = {}
    for line, row in sheet.rows:
        try:
            position = code(from_string(row[column]))
        except ValueError as error:
            raise DataError(f"{sheet.path}, line {line}: {error}.") from error
        if position in line_of:
            raise DataError(
                f"{sheet.path}, line {line}: architecture {row[column]} is already in line {line_of[position]}."
            )
        line_of[position] = line
    order = np.fromiter(line_of, dtype=np.int64)
    if len(order) < N_ARCHITECTURES:
        for size, classes_of in ((6466, published_classes), (5044, function_classes)):
            if len(order) == size and len(set((classes := classes_of())[order].tolist())) == size:
                member = np.empty(len(order), dtype=np.int64)
                member[classes[order]] = order
                fill = member[classes]
                fill[order] = order
                return order, fill, N_ARCHITECTURES - len(order)
    refuse_missing(sheet.path, line_of)
    return order, np.arange(N_ARCHITECTURES), 0


def _index(sheet: Sheet, column: int, order: np.ndarray, filled: int) -> np.ndarray:
    """[15625] the table's own index, in space order; architectures that were filled in get unused numbers."""
    given = _numbers(sheet, column, empty=False)
    whole = np.isfinite(given) & (given >= 0) & (given < 2**31) & (given == np.round(given))
    if not whole.all() or np.unique(given).size != len(given):
        raise DataError(f"{sheet.path}: column index does not give each architecture its own whole number.")
    index = np.full(N_ARCHITECTURES, -1, dtype=np.int64)
    index[order] = given
    if filled:
        free = np.setdiff1d(np.arange(2 * N_ARCHITECTURES), index[order])
        index[index < 0] = free[:filled]
    return index


def _numbers(sheet: Sheet, column: int, *, empty: bool) -> np.ndarray:
    """[rows] one column as float64; empty entries become nan if `empty`, and are refused otherwise."""
    return np.fromiter(_parsed(sheet, column, empty), dtype=np.float64, count=len(sheet.rows))


def _parsed(sheet: Sheet, column: int, empty: bool) -> Iterator[float]:
    for line, row in sheet.rows:
        text = row[column]
        if empty and text.lower() in ("", "nan", "na"):
            yield np.nan
            continue
        try:
            if "_" in text:  # Python would read 9_4.3 as a number
                raise ValueError
            yield float(text.replace(",", ".") if sheet.decimal_comma else text)
        except ValueError:
            raise DataError(
                f"{sheet.path}, line {line}, column {sheet.header[column]}: {text!r} is not a number."
            ) from None
