"""curvature.csv: the curvature of the validation loss at those checkpoints where it was measured.

The numbers are the largest eigenvalues computed by `supernets.training.curvature`. A stopping rule depends on them, and
nothing else could reveal a changed number, so every row has a digest.
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
    """Write `rows`, which hold all columns but the digest; raises DataError if the file cannot be written."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        texts = {name: str(row[name]) for name in COLUMNS[:-1]}
        writer.writerow({**texts, DIGEST: digest_of(texts)})
    write_whole(folder / CURVATURE_FILE, text.getvalue())


def read_curvature(folder: Path) -> list[dict[str, str]]:
    """The rows as texts; empty if nothing was measured. Raises DataError if a row has changed since it was written."""
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
            raise ValueError(f"line {changed[0]} has changed since it was written")
    except DAMAGE as error:
        raise _damaged(path, in_brief(error)) from error
    return read


def eigenvalues(folder: Path) -> dict[str, float]:
    """Eigenvalues by the first 12 hex digits of the checkpoint's SHA-256; empty if nothing was measured.

    Raises DataError for a damaged file.
    """
    try:
        return {row["checkpoint"]: float(row["eigenvalue"]) for row in read_curvature(folder)}
    except ValueError as error:
        raise _damaged(folder / CURVATURE_FILE, in_brief(error)) from error


def _damaged(path: Path, why: str) -> DataError:
    return DataError(f"{path} is damaged ({why}); measure again: python -m nas_selection_bench curvature.")
