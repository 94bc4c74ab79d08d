"""The Hessian with respect to the alphas against gradient differences of the literal network, entry by entry."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from nas_selection_bench.bench.errors import ExitCode
from nas_selection_bench.bench.files import only_writer
from nas_selection_bench.bench.problem.batches import Half
from nas_selection_bench.bench.problem.datasets import load_images
from nas_selection_bench.bench.work.cells import SupernetJob
from nas_selection_bench.bench.work.curvature_file import COLUMNS, CURVATURE_FILE, read_curvature
from nas_selection_bench.bench.work.presets import Settings
from nas_selection_bench.bench.work.record import KEY_COLUMNS, Record
from nas_selection_bench.bench.work.store import Store
from nas_selection_bench.supernets.network.literal import LiteralSupernet
from nas_selection_bench.supernets.parts.registry import find
from nas_selection_bench.supernets.training.checkpoint import load
from nas_selection_bench.supernets.training.curvature import hessian
from nas_selection_bench.supernets.training.curvature import main as curvature
from nas_selection_bench.supernets.training.loop import train
from tests.as_command import as_command
from tests.supernets.tiny import batch, tiny_search

main = as_command("curvature", curvature)


def test_the_hessian_is_that_of_the_literal_network() -> None:
    recipe = find("darts")
    search = tiny_search(recipe)
    images, labels = batch(1)
    literal = LiteralSupernet.like(search.network)

    def slope(alphas: torch.Tensor) -> torch.Tensor:
        alphas = alphas.detach().clone().requires_grad_()
        loss = F.cross_entropy(literal(images, alphas.softmax(-1)), labels)
        return torch.autograd.grad(loss, alphas)[0].flatten()

    alphas = search.alphas.detach()
    by_differences = torch.zeros(30, 30, dtype=torch.float64)
    for k in range(30):
        step = torch.zeros(30, dtype=torch.float64)
        step[k] = 1e-5
        by_differences[k] = (slope(alphas + step.view(6, 5)) - slope(alphas - step.view(6, 5))) / 2e-5
    found = hessian(search.network, recipe, alphas, (images, labels))
    torch.testing.assert_close(found, by_differences + 1e-3 * torch.eye(30).double(), rtol=1e-4, atol=1e-7)
    assert torch.linalg.eigvalsh(found)[-1] > 2e-3, "it is not the decay alone"
    assert not search.network.twice_differentiable and all(p.requires_grad for p in search.network.parameters())


def stored(out: Path, checkpoint: str) -> None:
    """Store a record whose selector read `checkpoint`."""
    cell = dict(zip(KEY_COLUMNS, ("digits", "darts", 0, 1, "ostr", 0, "batch", "digits", "cpu", 1), strict=True))
    store = Store(out)
    store.records.mkdir(parents=True)
    record = Record(cell, key="k", state="done", checkpoint=checkpoint, version=1, recipe_version=1)
    store.write(record.stem, record)


def test_a_folder_that_another_run_is_writing_is_left_alone(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = replace(settings, epochs=1, checkpoint_epochs=(1,), images=256)
    job = SupernetJob("digits", "darts", 0, 0, small)
    train(job, load_images("digits", tmp_path, 256), "cpu", tmp_path / "cache" / "darts")
    out = tmp_path / "out"
    stored(out, load(tmp_path / "cache" / "darts", 1).sha256)
    with only_writer(out / ".lock", wait=False):
        assert main([str(out), "--cache", str(tmp_path / "cache")]) == ExitCode.USAGE
    assert str(out) in capsys.readouterr().err and not (out / CURVATURE_FILE).exists()
    assert main([str(out), "--cache", str(tmp_path / "cache")]) == ExitCode.OK


@pytest.mark.thorough
def test_it_measures_the_checkpoints_that_the_records_saw(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = replace(settings, epochs=2, checkpoint_epochs=(1, 2), images=256)
    for recipe in ("darts", "blank"):
        job = SupernetJob("digits", recipe, 0, 0, small)
        train(job, load_images("digits", tmp_path, 256), "cpu", tmp_path / "cache" / recipe)
    checkpoint = load(tmp_path / "cache" / "darts", 1)
    stored(tmp_path / "out", checkpoint.sha256)
    assert main([str(tmp_path / "out"), "--cache", str(tmp_path / "cache"), "--data-root", str(tmp_path)]) == 0
    (row,) = read_curvature(tmp_path / "out")
    assert {name: row[name] for name in COLUMNS[:-2]} == {
        "dataset": "digits", "recipe": "darts", "supernet_seed": "0", "epoch": "1",
        "checkpoint": checkpoint.sha256[:12],
    }  # fmt: skip
    size = small.batch_size
    (batch_, *_) = Half(load_images("digits", tmp_path, 256), "selection", torch.device("cpu")).fixed(size, size)
    network = checkpoint.network()
    network.normalise("batch")
    expected = torch.linalg.eigvalsh(hessian(network, find("darts"), checkpoint.alphas, batch_))[-1]
    assert float(row["eigenvalue"]) == pytest.approx(float(expected), rel=1e-6)

    (tmp_path / "cache" / "blank" / "epoch_0001.json").write_text("{}")
    whole = (tmp_path / "out" / CURVATURE_FILE).read_bytes()
    assert main([str(tmp_path / "out"), "--cache", str(tmp_path / "cache")]) == 1
    assert (tmp_path / "out" / CURVATURE_FILE).read_bytes() == whole
    assert capsys.readouterr().err.startswith("left out: Checkpoint ")

    stored(tmp_path / "other", "0" * 64)
    assert main([str(tmp_path / "other"), "--cache", str(tmp_path / "cache"), "--data-root", str(tmp_path)]) == 2
    assert main([str(tmp_path / "out"), "--cache", str(tmp_path / "nowhere")]) == 2
    assert capsys.readouterr().err.count("curvature: ") == 2
