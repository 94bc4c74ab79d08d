"""Captured, eager and CPU steps agree. Needs a GPU."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

import nas_selection_bench.supernets.parts.recipe
from nas_selection_bench.bench.problem.image_set import ImageSet
from nas_selection_bench.bench.work.cells import SupernetJob
from nas_selection_bench.bench.work.presets import Settings
from nas_selection_bench.supernets.network import cuda_graph as capture
from nas_selection_bench.supernets.network.literal import LiteralSupernet
from nas_selection_bench.supernets.network.precision import prepare
from nas_selection_bench.supernets.network.supernet import MixedCell, Supernet
from nas_selection_bench.supernets.parts.registry import find, names
from nas_selection_bench.supernets.training.checkpoint import load
from nas_selection_bench.supernets.training.evaluation import Evaluator
from nas_selection_bench.supernets.training.loop import Training, train
from nas_selection_bench.supernets.training.tuning import Tuner

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
    pytest.mark.filterwarnings("error::RuntimeWarning"),  # falling back to eager is a failure here
]

EAGER = ("oles",)
"""Recipes whose steps read numbers on the host, and are not captured."""


@pytest.fixture
def sizes(settings: Settings) -> Settings:
    return replace(settings, channels=8, epochs=2, checkpoint_epochs=(1, 2))


@pytest.fixture
def full_precision(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Use float32 throughout, so that devices can be compared closely."""
    monkeypatch.setattr(nas_selection_bench.supernets.parts.recipe, "autocast", lambda device: nullcontext())
    # Not by monkeypatch, which would delete these attributes at the end, and torch does not allow that.
    switches = torch.backends.cuda.matmul, torch.backends.cudnn
    before = [switch.allow_tf32 for switch in switches]
    for switch in switches:
        switch.allow_tf32 = False
    yield
    for switch, allowed in zip(switches, before, strict=True):
        switch.allow_tf32 = allowed


def trained(job: SupernetJob, images: ImageSet, device: str, epochs: int = 1) -> dict[str, Tensor]:
    training = Training(job, images, torch.device(device))
    with capture.own_stream(torch.device(device)):
        for _ in range(epochs):
            training.run_epoch()
        state = {name: tensor.cpu() for name, tensor in training.search.network.state_dict().items()}
    return {**state, "alphas": training.search.alphas.detach().cpu()}


@pytest.mark.parametrize("recipe", ["darts", "blank", "darts-minus"])
def test_graph_eager_and_cpu_train_the_same(
    recipe: str, sizes: Settings, images: ImageSet, full_precision: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = SupernetJob("patterns", recipe, 0, 0, sizes)
    graph = trained(job, images, "cuda")
    monkeypatch.setattr(capture, "EAGER_CALLS", 10**9)
    eager = trained(job, images, "cuda")
    # Use the same formulas: the CPU's own cell sums in another order, which ten steps amplify beyond the tolerance.
    monkeypatch.setattr(MixedCell, "_fused_forward", MixedCell._composed_forward)
    cpu = trained(job, images, "cpu")
    for name in graph:
        torch.testing.assert_close(graph[name], eager[name], rtol=1e-4, atol=1e-5, msg=lambda m, n=name: f"{n}: {m}")
        # Ten steps amplify rounding (Adam moves by its rate, whatever the gradient's size); a wrong
        # gradient would be off by far more.
        torch.testing.assert_close(graph[name], cpu[name], rtol=3e-2, atol=6e-3, msg=lambda m, n=name: f"{n}: {m}")


def test_one_pass_in_float32_equals_the_literal_network(full_precision: None) -> None:
    torch.manual_seed(0)
    device = torch.device("cuda")
    network = Supernet(8, 1, 10)
    literal = LiteralSupernet.like(network).to(device)
    prepare(network, device)
    x, labels = torch.randn(16, 3, 16, 16, device=device), torch.randint(10, (16,), device=device)
    results = []
    for net in (network, literal):
        weights = torch.full((6, 5), 0.2, device=device, requires_grad=True)
        logits = net(x, weights)
        torch.nn.functional.cross_entropy(logits, labels).backward()
        results.append((logits.detach(), weights.grad))
    for fast, slow in zip(*results, strict=True):
        torch.testing.assert_close(fast, slow, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("recipe", names())
def test_every_recipe_learns_in_bfloat16_as_on_a_cpu(
    recipe: str, sizes: Settings, images: ImageSet, tmp_path: Path
) -> None:
    job = SupernetJob("patterns", recipe, 0, 0, sizes)
    train(job, images, "cpu", tmp_path / "cpu")
    with pytest.warns(RuntimeWarning, match="no CUDA graph") if recipe in EAGER else nullcontext():
        train(job, images, "cuda", tmp_path / "gpu")
    for epoch in sizes.checkpoint_epochs:
        gpu, cpu = load(tmp_path / "gpu", epoch), load(tmp_path / "cpu", epoch)
        # Rounding moves the loss by 0.05 at most. It falls from 1.4, in some recipes by less in so few steps.
        assert gpu.facts["train_loss"] == pytest.approx(cpu.facts["train_loss"], abs=0.15)
        assert gpu.alphas.isfinite().all()


def test_the_same_job_gives_the_same_bytes(sizes: Settings, images: ImageSet, tmp_path: Path) -> None:
    job = SupernetJob("patterns", "darts", 0, 0, sizes)
    for name in ("a", "b"):
        train(job, images, "cuda", tmp_path / name)
    assert load(tmp_path / "a", 2).sha256 == load(tmp_path / "b", 2).sha256


def test_a_broken_run_ends_in_the_same_bytes(sizes: Settings, images: ImageSet, tmp_path: Path) -> None:
    def stop(done: int, of: int) -> None:
        raise KeyboardInterrupt

    job = SupernetJob("patterns", "darts", 0, 0, sizes)
    train(job, images, "cuda", tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(job, images, "cuda", tmp_path / "broken", stop)
    train(job, images, "cuda", tmp_path / "broken")
    assert load(tmp_path / "whole", 2).sha256 == load(tmp_path / "broken", 2).sha256


def test_supernets_train_side_by_side_in_threads(sizes: Settings, images: ImageSet, tmp_path: Path) -> None:
    jobs = [SupernetJob("patterns", "darts", seed, 0, sizes) for seed in range(3)]
    for job in jobs:
        train(job, images, "cuda", tmp_path / f"alone_{job.seed}")
    failures: list[BaseException] = []

    def run(job: SupernetJob) -> None:
        try:
            train(job, images, "cuda", tmp_path / f"beside_{job.seed}")
        except BaseException as failure:
            failures.append(failure)
            raise

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    for job in jobs:
        alone, beside = load(tmp_path / f"alone_{job.seed}", 2), load(tmp_path / f"beside_{job.seed}", 2)
        torch.testing.assert_close(alone.alphas, beside.alphas, rtol=1e-3, atol=1e-4)


def test_evaluation_of_many_masks(full_precision: None) -> None:
    torch.manual_seed(0)
    network = Supernet(8, 1, 4)
    network.normalise("batch")
    batches = [(torch.randn(n, 3, 8, 8), torch.randint(4, (n,))) for n in (32, 32, 32, 32, 32, 12)]
    masks = torch.rand(5, 6, 5)
    on_cpu = Evaluator(network)(batches, masks)
    device = torch.device("cuda")
    prepare(network, device)
    on_gpu = Evaluator(network)([(x.to(device), y.to(device)) for x, y in batches], masks)
    for cpu, gpu in zip(on_cpu, on_gpu, strict=True):
        torch.testing.assert_close(gpu, cpu, rtol=1e-3, atol=1e-3)


def test_tuning_captures_each_decision(sizes: Settings, images: ImageSet) -> None:
    torch.manual_seed(0)
    tuner = Tuner(Supernet(8, 1, 4), 1e-3 * torch.randn(6, 5), find("darts"), images, sizes, lambda e: e, "cuda")
    one_hot = torch.eye(5, device="cuda")[3]

    def decided(alphas: Tensor) -> Tensor:
        return torch.cat([one_hot[None], alphas.softmax(-1)[1:]])

    before = tuner.alphas.clone()
    tuner.tune(1, lambda alphas: alphas.softmax(-1))
    tuner.tune(1, decided)
    tuner.tune(1, lambda alphas: one_hot.expand(6, 5))
    assert tuner.epochs == 3
    assert not torch.equal(before, tuner.alphas)


def test_a_step_that_cannot_be_captured_runs_eagerly_and_says_so() -> None:
    total = torch.zeros((), device="cuda")

    def step(x: Tensor) -> None:
        total.add_(x.sum().item())  # reads a number from the device

    device = torch.device("cuda")
    with warnings.catch_warnings(record=True) as caught, capture.own_stream(device):
        warnings.simplefilter("always")
        run = capture.Repeated(step, device)
        for _ in range(6):
            run(torch.ones(2, device=device))
    assert total.item() == 12
    assert sum("eagerly" in str(w.message) for w in caught) == 1
