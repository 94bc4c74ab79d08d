"""Checkpoints: stored content comes back, and damaged files are refused."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from nas_selection_bench.bench.errors import DataError
from nas_selection_bench.bench.problem.image_set import ImageSet
from nas_selection_bench.bench.work.cells import SupernetJob, key
from nas_selection_bench.bench.work.methods import CheckpointFacts
from nas_selection_bench.supernets.network.supernet import Supernet
from nas_selection_bench.supernets.parts.registry import find
from nas_selection_bench.supernets.training.checkpoint import (
    Checkpoint,
    load,
    optimiser_tensors,
    restore_optimiser,
)
from nas_selection_bench.supernets.training.evaluation import Evaluator
from nas_selection_bench.supernets.training.loop import Training
from nas_selection_bench.supernets.training.notes import epochs_present, facts


@pytest.fixture
def checkpoint(job: SupernetJob) -> Checkpoint:
    torch.manual_seed(0)
    return Checkpoint(
        job, 3, Supernet(4, 1, 4).state_dict(), torch.randn(6, 5), {"supernet_accuracy": 12.5},
        {"0.exp_avg": torch.ones(6, 5)}, {"decided": torch.tensor([1, 2])},
    )  # fmt: skip


def test_round_trip(checkpoint: Checkpoint, tmp_path: Path) -> None:
    checkpoint.save(tmp_path)
    again = load(tmp_path, 3)
    assert again.job == checkpoint.job
    assert (again.epoch, again.facts, again.sha256) == (3, checkpoint.facts, checkpoint.sha256)
    assert torch.equal(again.alphas, checkpoint.alphas)
    assert torch.equal(again.alpha_optimiser["0.exp_avg"], torch.ones(6, 5))
    assert torch.equal(again.memory["decided"], torch.tensor([1, 2]))
    network = again.network()
    for name, tensor in checkpoint.state.items():
        assert torch.equal(network.state_dict()[name], tensor)
    with torch.no_grad():
        network.get_parameter("classifier.weight").zero_()
    assert again.state["classifier.weight"].abs().sum() > 0, "each network is a copy"


def test_equal_tensors_make_equal_bytes(checkpoint: Checkpoint, tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "a")
    checkpoint.state = {n: t.clone(memory_format=torch.contiguous_format) for n, t in checkpoint.state.items()}
    checkpoint.save(tmp_path / "b")
    assert [p.read_bytes() for p in sorted((tmp_path / "a").iterdir())] == [
        p.read_bytes() for p in sorted((tmp_path / "b").iterdir())
    ]


def test_epochs_present(checkpoint: Checkpoint, tmp_path: Path) -> None:
    assert epochs_present(tmp_path / "nowhere") == []
    for epoch in (12, 3):
        checkpoint.epoch = epoch
        checkpoint.save(tmp_path)
    (tmp_path / "epoch_0020.safetensors").write_bytes(b"tensors whose description was never written")
    assert epochs_present(tmp_path) == [3, 12]
    (tmp_path / "epoch_0012.safetensors").unlink()
    assert epochs_present(tmp_path) == [3]


@pytest.mark.parametrize("damage", ["tensors", "cut", "json", "bytes", "empty", "gone"])
def test_damage_is_refused(checkpoint: Checkpoint, tmp_path: Path, damage: str) -> None:
    checkpoint.save(tmp_path)
    tensors, description = tmp_path / "epoch_0003.safetensors", tmp_path / "epoch_0003.json"
    if damage == "tensors":
        data = bytearray(tensors.read_bytes())
        data[-1] ^= 1
        tensors.write_bytes(bytes(data))
    elif damage == "cut":
        tensors.write_bytes(tensors.read_bytes()[:-10])
    elif damage == "json":
        description.write_text(description.read_text()[:50])
    elif damage == "bytes":
        description.write_bytes(b"\xff" + description.read_bytes())
    elif damage == "empty":
        description.write_text("{}")
    else:
        tensors.unlink()
    with pytest.raises(DataError, match="epoch_0003"):
        load(tmp_path, 3)
    if damage in ("json", "bytes", "empty"):
        with pytest.raises(DataError, match="epoch_0003"):
            facts(tmp_path, 3)


@pytest.mark.parametrize("name", ["epoch_0003.safetensors", "epoch_0003.json"])
@pytest.mark.parametrize("what", ["a folder", "a dangling link"])
def test_what_stands_in_place_of_a_file_can_be_deleted(
    checkpoint: Checkpoint, tmp_path: Path, name: str, what: str
) -> None:
    checkpoint.save(tmp_path)
    (tmp_path / name).unlink()
    if what == "a folder":
        (tmp_path / name).mkdir()
    else:
        (tmp_path / name).symlink_to("nowhere")
    with pytest.raises(DataError, match=f"{name}.*delete its folder"):
        load(tmp_path, 3)


def test_the_facts_are_known_without_the_tensors(checkpoint: Checkpoint, tmp_path: Path) -> None:
    checkpoint.save(tmp_path)
    (tmp_path / "epoch_0003.safetensors").unlink()
    assert facts(tmp_path, 3) == CheckpointFacts(checkpoint.sha256, 12.5)
    with pytest.raises(DataError, match="epoch_0004"):
        facts(tmp_path, 4)


def test_any_flipped_bit_of_the_description_is_refused(checkpoint: Checkpoint, tmp_path: Path) -> None:
    """The description holds accuracies, which are results that nothing else verifies."""
    checkpoint.save(tmp_path)
    path = tmp_path / "epoch_0003.json"
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for place in range(len(whole.rstrip())):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        with pytest.raises(DataError, match="epoch_0003"):
            facts(tmp_path, 3)


def test_descriptions_of_before_the_digest_are_read(checkpoint: Checkpoint, tmp_path: Path) -> None:
    checkpoint.save(tmp_path)
    path = tmp_path / "epoch_0003.json"
    description = json.loads(path.read_text())
    del description["digest"]
    path.write_text(json.dumps(description))
    with pytest.raises(DataError):
        facts(tmp_path, 3)
    path.write_text(json.dumps(description | {"schema": 1}))
    assert facts(tmp_path, 3).sha256 == checkpoint.sha256


@pytest.mark.parametrize("content", [b"", b"no tensors", b"\xff" * 16, b"{}"])
def test_what_is_no_checkpoint_behind_a_right_hash_is_refused(
    checkpoint: Checkpoint, tmp_path: Path, content: bytes
) -> None:
    checkpoint.save(tmp_path)
    (tmp_path / "epoch_0003.safetensors").write_bytes(content)
    path = tmp_path / "epoch_0003.json"
    stored = {n: v for n, v in json.loads(path.read_text()).items() if n != "digest"}
    stored["sha256"] = hashlib.sha256(content).hexdigest()
    path.write_text(json.dumps({**stored, "digest": key(stored)}))
    with pytest.raises(DataError, match="epoch_0003"):
        load(tmp_path, 3)


def test_optimiser_state_comes_back(job: SupernetJob, images: ImageSet) -> None:
    run = Training(job, images, torch.device("cpu"))
    run.run_epoch()
    fresh = torch.optim.Adam([torch.zeros(6, 5)], lr=3e-4, betas=(0.5, 0.999))
    restore_optimiser(fresh, optimiser_tensors(run.search.alpha_optimiser))
    expected = run.search.alpha_optimiser.state[run.search.alphas]
    restored = next(iter(fresh.state.values()))
    assert restored.keys() == expected.keys()
    for entry in expected:
        assert torch.equal(restored[entry], expected[entry])


def test_the_accuracy_in_the_facts_is_the_networks(job: SupernetJob, images: ImageSet, tmp_path: Path) -> None:
    run = Training(job, images, torch.device("cpu"))
    run.run_epoch()
    run.checkpoint().save(tmp_path)
    stored = load(tmp_path, 1)
    network = stored.network()
    network.normalise("batch")
    pixels, labels = images.images[320:448], images.labels[320:448]
    x = ((pixels.float() / 255) - 0.5) / 0.25
    with torch.no_grad():
        weights = find("darts").edge_weights(stored.alphas)
        right = sum(
            (network(x[i : i + 64], weights).argmax(1) == labels[i : i + 64]).sum().item() for i in range(0, 128, 64)
        )
    assert stored.facts["supernet_accuracy"] == pytest.approx(100 * right / 128)


def test_evaluate_many_masks(images: ImageSet) -> None:
    torch.manual_seed(0)
    network = Supernet(4, 1, 4)
    network.normalise("batch")
    batches = [(torch.randn(n, 3, 8, 8), torch.randint(4, (n,))) for n in (20, 12)]
    masks = torch.rand(4, 6, 5) * (torch.rand(4, 6, 5) > 0.3)
    accuracy, loss = Evaluator(network)(batches, masks)
    for m, mask in enumerate(masks):
        right, total = 0, 0.0
        for x, y in batches:
            logits = network(x, mask)
            right += (logits.argmax(1) == y).sum().item()
            total += torch.nn.functional.cross_entropy(logits, y, reduction="sum").item()
        assert accuracy[m] == pytest.approx(100 * right / 32)
        assert loss[m] == pytest.approx(total / 32, rel=1e-5)
