"""JSON notes beside the tensors of a supernet in the cache, which planning reads without importing torch."""

import json
import math
import os
import re
from pathlib import Path
from typing import Any

from nas_selection_bench.bench.errors import DAMAGE, DataError
from nas_selection_bench.bench.files import unreadable
from nas_selection_bench.bench.work.cells import key
from nas_selection_bench.bench.work.methods import CheckpointFacts

SCHEMA = 2
"""Schema version of the JSON; schema 1, which had no digest, can still be read."""

TIMING = "timing.json"
"""Name of the file with the wall-clock seconds of each epoch trained into its folder."""

TENSORS = ".safetensors"
"""Suffix of the file with the tensors of a checkpoint."""

_FIELDS = {"schema", "job", "epoch", "facts", "sha256"}
_NAME = re.compile(r"(epoch_(\d+))\.json")


def epochs_present(folder: Path) -> list[int]:
    """The epochs that have notes and tensors in `folder`, ascending; empty if it does not exist."""
    if not folder.is_dir():
        return []
    names = set(os.listdir(folder))
    noted = (match for name in names if (match := _NAME.fullmatch(name)))
    return sorted(int(match[2]) for match in noted if f"{match[1]}{TENSORS}" in names)


def facts(folder: Path, epoch: int) -> CheckpointFacts:
    """The facts of the checkpoint after `epoch` epochs, from its JSON; raises DataError if that is missing or damaged.

    The hash is that of the tensors when they were written; only `load`, which reads them, compares it.
    """
    description = read_notes(notes_path(folder, epoch))
    return CheckpointFacts(description["sha256"], description["facts"].get("supernet_accuracy"))


def training_seconds(folder: Path) -> list[float]:
    """Wall-clock seconds of each epoch trained into `folder`; empty if the file is missing or damaged."""
    try:
        seconds = [float(second) for second in json.loads((folder / TIMING).read_bytes())]
    except (OSError, *DAMAGE):
        return []
    return seconds if all(0 <= second < math.inf for second in seconds) else []


def notes_path(folder: Path, epoch: int) -> Path:
    """Path of the JSON notes of the checkpoint after `epoch` epochs."""
    return folder / f"epoch_{epoch:04d}.json"


def files_of(folder: Path, epoch: int) -> list[Path]:
    """Paths of the files of the checkpoint after `epoch` epochs: tensors and notes."""
    notes = notes_path(folder, epoch)
    return [notes.with_suffix(TENSORS), notes]


def read_file(path: Path) -> bytes:
    """The content of a checkpoint's file; raises DataError if it cannot be read."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, IsADirectoryError):
        raise DataError(f"Checkpoint {path} is not a file; delete its folder and train again.") from None
    except OSError as error:
        raise unreadable(path, error) from error


def read_notes(path: Path) -> dict[str, Any]:
    """The JSON of a checkpoint without its digest, checked against it; raises DataError if missing or damaged."""
    try:
        description = json.loads(read_file(path))
        stored = {name: value for name, value in description.items() if name != "digest"}
        whole = stored.keys() == _FIELDS and isinstance(stored["facts"], dict) and isinstance(stored["sha256"], str)
        signed = (SCHEMA, key(stored)) if "digest" in description else (1, None)
        whole = whole and (description["schema"], description.get("digest")) == signed
    except DAMAGE as error:
        raise damaged(path) from error
    if not whole:
        raise damaged(path)
    return stored


def damaged(path: Path) -> DataError:
    """The error for a checkpoint whose content is invalid."""
    return DataError(f"Checkpoint {path} is damaged; delete its folder and train again.")
