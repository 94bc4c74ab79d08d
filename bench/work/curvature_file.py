"""curvature.csv: how curved the validation loss is at the checkpoints, where it was measured.

A stopping rule depends on it and nothing else could reveal a change, so every row has a digest.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path

from nas_selection_bench.bench.errors import DAMAGE, DataError, in_brief
from nas_selection_bench.bench.files import unreadable, write_whole
from nas_selection_bench.bench.work.json_files import DIGEST, digest_of

CURVATURE_FILE = "curvature.csv"
COLUMNS = ("dataset", "recipe", "supernet_seed", "epoch", "checkpoint", "eigenvalue", DIGEST)


def write_curvature(folder: Path, rows: Iterable[Mapping[str, object]]) -> None:
    """Write rows of all columns but the digest; raises DataError where that cannot be."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        texts = {name: str(row[name]) for name in COLUMNS[:-1]}
        writer.writerow({**texts, DIGEST: digest_of(texts)})
    write_whole(folder / CURVATURE_FILE, text.getvalue())


def read_curvature(folder: Path) -> list[dict[str, str]]:
    """The rows, as texts; none where nothing was measured. Raises DataError for a row that is not as it was written."""
    path = folder / CURVATURE_FILE
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise unreadable(path, error) from error
    except DAMAGE as error:
        raise _damaged(path, in_brief(error)) from error
    try:
        head, *rows = csv.reader(lines, strict=True)
        if tuple(head) != COLUMNS:
            raise ValueError(f"its columns are {', '.join(head)}")
        read = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
        changed = [number for number, row in enumerate(read, 2) if row[DIGEST] != digest_of(row)]
        if changed:
            raise ValueError(f"line {changed[0]} is not as it was written")
    except DAMAGE as error:
        raise _damaged(path, in_brief(error)) from error
    return read


def eigenvalues(folder: Path) -> dict[str, float]:
    """By the first 12 letters of a checkpoint's hash; empty where nothing was measured. Raises DataError for damage."""
    try:
        return {row["checkpoint"]: float(row["eigenvalue"]) for row in read_curvature(folder)}
    except ValueError as error:
        raise _damaged(folder / CURVATURE_FILE, in_brief(error)) from error


def _damaged(path: Path, why: str) -> DataError:
    return DataError(f"{path} is damaged ({why}); measure again: python -m nas_selection_bench curvature.")
