"""Readers of the files that training leaves in the cache: checkpoints, progress, timings, and an unfinished table."""

import hashlib
import io
import json
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from nas_selection_bench.bench.work.cells import SupernetJob
from nas_selection_bench.bench.work.edited_files import kept_source
from nas_selection_bench.bench.work.presets import PRESETS
from tests.fuzz.structures import arrays
from tests.fuzz.target import Target, contents, signed


def _job() -> SupernetJob:
    return SupernetJob("digits", "darts", 0, 0, PRESETS["digits"])


def _tensors() -> dict[str, Any]:
    import torch

    return {"alphas": torch.zeros(6, 5), "network.classifier.weight": torch.ones(10, 4)}


@cache
def trained() -> Path:
    """A folder with one checkpoint and the progress of a training."""
    import torch

    from nas_selection_bench.supernets.training import checkpoint

    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    facts = {"supernet_accuracy": 50.0, "train_loss": 1.0}
    checkpoint.Checkpoint(_job(), 2, {"classifier.weight": torch.ones(10, 4)}, torch.zeros(6, 5), facts).save(folder)
    checkpoint.save_progress(folder / "progress.safetensors", _job(), {"epoch": 2, "history": [facts]}, _tensors())
    (folder / "timing.json").write_text("[1.5, 2.5]")
    (folder / "source.json").write_text('"0123456789abcdef"')
    return folder


def _checkpoint(folder: Path) -> object:
    from nas_selection_bench.supernets.training import checkpoint, notes

    return [(notes.facts(folder, epoch), checkpoint.load(folder, epoch))
            for epoch in notes.epochs_present(folder)]  # fmt: skip


def _tensors_of_right_hash(folder: Path) -> object:
    """Read a checkpoint whose JSON holds the hash of its damaged tensors."""
    path = folder / "epoch_0002.json"
    told = json.loads(path.read_bytes())
    told["sha256"] = hashlib.sha256((folder / "epoch_0002.safetensors").read_bytes()).hexdigest()
    path.write_text(json.dumps(signed(told)))
    return _checkpoint(folder)


def _progress(folder: Path) -> object:
    from nas_selection_bench.supernets.training import checkpoint

    return checkpoint.load_progress(folder / "progress.safetensors", _job())


def _seconds(folder: Path) -> object:
    from nas_selection_bench.supernets.training import notes

    return sum(notes.training_seconds(folder))


def _progress_arrays() -> dict[str, np.ndarray]:
    accuracies = np.full((4, 2), np.nan)
    return {"settings": np.array(json.dumps({"epochs": 1})), "test": accuracies, "valid": accuracies}


@cache
def _table_progress() -> list[bytes]:
    content = io.BytesIO()
    np.savez_compressed(content, **_progress_arrays())  # type: ignore[arg-type]
    return [content.getvalue()]


def _take_up(folder: Path) -> object:
    from nas_selection_bench.supernets.table.progress_file import TableProgress

    return TableProgress(folder / "table.npz", {"epochs": 1}, 4, 2)


def targets() -> tuple[Target, ...]:
    """A target for every kind of file."""

    def of_training(name: str, file: str, read: Callable[[Path], object], sign: Any = None) -> Target:
        return Target(name, file, contents(trained, file), read, trained, sign is not None, sign)

    return (
        of_training("checkpoint", "epoch_0002.json", _checkpoint, signed),
        of_training("checkpoint's tensors", "epoch_0002.safetensors", _checkpoint),
        of_training("tensors behind a right hash", "epoch_0002.safetensors", _tensors_of_right_hash),
        of_training("progress", "progress.safetensors", _progress),
        of_training("timing", "timing.json", _seconds),
        of_training("source", "source.json", kept_source),
        Target("table in the making", "table.npz", _table_progress, _take_up,
               whole_files=lambda: arrays([_progress_arrays()], packed=True)),
    )  # fmt: skip
