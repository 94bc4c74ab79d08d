"""Stored supernets: tensors as safetensors, facts as JSON, each written whole or not at all.

`epoch_0010.safetensors` holds the network (`network.*`), the `alphas`, the state of their optimiser
(`alpha_optimiser.*`) and the recipe's memory (`memory.*`); `epoch_0010.json` beside it holds the job,
the facts, the tensors' SHA-256 and a digest of all that. The JSON is written last: a checkpoint exists once its JSON
does.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as tensors_to_bytes
from torch import Tensor

from nas_selection_bench.bench.errors import DAMAGE, DataError
from nas_selection_bench.bench.files import write_whole
from nas_selection_bench.bench.seeds import canonical_json
from nas_selection_bench.bench.work.cells import SupernetJob, key
from nas_selection_bench.bench.work.presets import SupernetSize
from nas_selection_bench.supernets.network.supernet import Supernet
from nas_selection_bench.supernets.parts.registry import find
from nas_selection_bench.supernets.training.notes import SCHEMA, TENSORS, damaged, notes_path, read_file, read_notes


@dataclass
class Checkpoint:
    """A supernet after `epoch` epochs of training."""

    job: SupernetJob
    epoch: int
    state: dict[str, Tensor]
    """The network's tensors, on the CPU."""
    alphas: Tensor
    """The recipe's architecture parameters; [6, 5] unless the recipe defines another shape."""
    facts: dict[str, float] = field(default_factory=dict)
    """`train_accuracy` and `train_loss` of the last epoch, `supernet_accuracy` and `supernet_loss` on the selection
    images; accuracies in %."""
    alpha_optimiser: dict[str, Tensor] = field(default_factory=dict)
    """The state of the alphas' optimiser, for selectors that continue training."""
    memory: dict[str, Tensor] = field(default_factory=dict)
    """The recipe's memory."""
    sha256: str = ""
    """SHA-256 of the file of tensors; set by `save` and `load`."""

    def network(self) -> Supernet:
        """A new network with a copy of the stored weights and statistics, on the CPU."""
        settings = self.job.settings
        classes = self.state["classifier.weight"].shape[0]
        network = find(self.job.recipe).build(settings.channels, settings.cells, classes)
        network.load_state_dict(self.state)
        return network

    def save(self, folder: Path) -> None:
        """Write the checkpoint to `folder`, tensors first, and set `sha256`."""
        data = tensors_to_bytes(plain({
            "alphas": self.alphas,
            **prefixed("network.", self.state),
            **prefixed("alpha_optimiser.", self.alpha_optimiser),
            **prefixed("memory.", self.memory),
        }))  # fmt: skip
        self.sha256 = hashlib.sha256(data).hexdigest()
        description: dict[str, Any] = {
            "schema": SCHEMA, "job": asdict(self.job), "epoch": self.epoch, "facts": self.facts, "sha256": self.sha256,
        }  # fmt: skip
        description["digest"] = key(description)
        folder.mkdir(parents=True, exist_ok=True)
        path = notes_path(folder, self.epoch)
        write_whole(path.with_suffix(TENSORS), data)
        write_whole(path, (canonical_json(description) + "\n").encode())


def load(folder: Path, epoch: int) -> Checkpoint:
    """The checkpoint in `folder` after `epoch` epochs; raises DataError if it is missing or damaged."""
    path = notes_path(folder, epoch)
    description = read_notes(path)
    data = read_file(path.with_suffix(TENSORS))
    if description["sha256"] != hashlib.sha256(data).hexdigest():
        raise DataError(f"Checkpoint {path} does not match its tensors; delete its folder and train again.")
    try:
        tensors = load_tensors(data)
        return Checkpoint(
            job=job_from(description["job"]), epoch=int(description["epoch"]), facts=description["facts"],
            alphas=tensors["alphas"], state=with_prefix("network.", tensors),
            alpha_optimiser=with_prefix("alpha_optimiser.", tensors), memory=with_prefix("memory.", tensors),
            sha256=description["sha256"],
        )  # fmt: skip
    except (SafetensorError, *DAMAGE) as error:
        raise damaged(path) from error


def job_from(plain_job: Mapping[str, Any]) -> SupernetJob:
    """The job from the plain containers of `asdict`; ignores the selection budget that earlier versions also stored."""
    settings = {field.name: plain_job["settings"][field.name] for field in fields(SupernetSize)}
    settings["checkpoint_epochs"] = tuple(settings["checkpoint_epochs"])
    return SupernetJob(**{**plain_job, "settings": SupernetSize(**settings)})


def save_progress(path: Path, job: SupernetJob, facts: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Write everything that training needs to resume as one file, with its digest."""
    note, kept = canonical_json({"job": asdict(job), **facts}), plain(tensors)
    write_whole(path, tensors_to_bytes(kept, metadata={"note": note, "sha256": _digest(note, kept)}))


def load_progress(path: Path, job: SupernetJob) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
    """The facts and tensors that `save_progress` wrote; None if they are missing, damaged or of another job."""
    try:
        data = path.read_bytes()
        tensors = load_tensors(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]
        if header["sha256"] != _digest(header["note"], tensors):
            return None
        facts: dict[str, Any] = json.loads(header["note"])
        same = job_from(facts.pop("job")) == job
    except (OSError, SafetensorError, *DAMAGE):
        return None
    return (facts, tensors) if same else None


def _digest(note: str, tensors: Mapping[str, Tensor]) -> str:
    """The SHA-256 of a note and of tensors: their names, shapes, types and bytes."""
    return hashlib.sha256(note.encode() + b"\n" + tensors_to_bytes(dict(tensors))).hexdigest()


def plain(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors, detached, on the CPU and in row-major order, so that equal values give equal bytes."""
    return {name: tensor.detach().to("cpu").contiguous() for name, tensor in tensors.items()}


def prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """`tensors` with `prefix` before every name."""
    return {prefix + name: tensor for name, tensor in tensors.items()}


def with_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose name starts with `prefix`, with the prefix removed from their names."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The tensors of an optimiser's state, named `parameter.entry`; entries that are None are left out."""
    state = optimiser.state_dict()["state"]
    return {
        f"{index}.{entry}": value
        for index, entries in state.items()
        for entry, value in entries.items()
        if isinstance(value, Tensor)
    }


def restore_optimiser(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Restore the state of `optimiser` from what `optimiser_tensors` returned."""
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        index, entry = name.split(".")
        parameter = parameters[int(index)]
        if value.shape == parameter.shape:
            # In the parameter's memory layout: fused optimisers walk both in one order.
            value = torch.empty_like(parameter.detach()).copy_(value)
        state.setdefault(int(index), {})[entry] = value
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
