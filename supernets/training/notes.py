"""Notes beside the tensors of a supernet in the cache, as JSON; read without torch, for the plan."""

import json
import math
import re
from pathlib import Path
from typing import Any

from nas_selection_bench.bench.errors import DAMAGE, DataError
from nas_selection_bench.bench.files import unreadable
from nas_selection_bench.bench.work.cells import key
from nas_selection_bench.bench.work.methods import CheckpointFacts

SCHEMA = 2
"""Of the JSON; schema 1 had no digest of its own, and is read still."""

TIMING = "timing.json"
"""Wall-clock seconds of each epoch trained into the folder."""

_FIELDS = {"schema", "job", "epoch", "facts", "sha256"}
_NAME = re.compile(r"epoch_(\d+)\.json")


def epochs_present(folder: Path) -> list[int]:
    """The epochs stored in `folder`, ascending; empty where it does not exist."""
    if not folder.is_dir():
        return []
    return sorted(int(match[1]) for path in folder.iterdir() if (match := _NAME.fullmatch(path.name)))


def facts(folder: Path, epoch: int) -> CheckpointFacts:
    """The facts of the checkpoint after `epoch` epochs, from its JSON alone; raises DataError as `load`.

    The hash is what the tensors had when they were written; `load`, which uses them, compares.
    """
    description = description_of(json_of(folder, epoch))
    return CheckpointFacts(description["sha256"], description["facts"].get("supernet_accuracy"))


def training_seconds(folder: Path) -> list[float]:
    """Wall-clock seconds of each epoch trained into `folder`, here; none where the file is lost or damaged."""
    try:
        seconds = [float(second) for second in json.loads((folder / TIMING).read_bytes())]
    except (OSError, *DAMAGE):
        return []
    return seconds if all(0 <= second < math.inf for second in seconds) else []


def json_of(folder: Path, epoch: int) -> Path:
    """The file of notes on a checkpoint."""
    return folder / f"epoch_{epoch:04d}.json"


def files_of(folder: Path, epoch: int) -> list[Path]:
    """The files of the checkpoint after `epoch` epochs: tensors and notes."""
    notes = json_of(folder, epoch)
    return [notes.with_suffix(".safetensors"), notes]


def content_of(path: Path) -> bytes:
    """The content of a file of a checkpoint; raises DataError."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"Checkpoint {path} does not exist; train the supernet again.") from None
    except OSError as error:
        raise unreadable(path, error) from error


def description_of(path: Path) -> dict[str, Any]:
    """The JSON of a checkpoint, with all its fields, checked against its digest."""
    try:
        description = json.loads(content_of(path))
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
    """The error for a checkpoint that does not hold what it should."""
    return DataError(f"Checkpoint {path} is damaged; delete its folder and train again.")
