"""The emulated device, and the supernets that the tests train on it."""

import os
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

import nas_selection_bench.supernets.parts.recipe
from nas_selection_bench.bench.problem.image_set import ImageSet
from nas_selection_bench.bench.work.cells import SupernetJob
from nas_selection_bench.bench.work.presets import PRESETS, Settings
from nas_selection_bench.supernets.network import cuda_graph as capture
from nas_selection_bench.supernets.network.supernet import MixedCell
from nas_selection_bench.supernets.training.loop import Training
from tests.emulated import device as emulated
from tests.emulated.backend import install

SETTINGS = replace(
    PRESETS["digits"], channels=4, cells=1, batch_size=24, epochs=3, checkpoint_epochs=(1, 2, 3), selection_images=24,
    selection_batch=16,
)  # fmt: skip
"""Two steps per epoch; the selection images fill one and a half batches."""

# Triton's kernels run in its interpreter, which must be enabled before anything, such as torch, imports Triton.
os.environ.setdefault("TRITON_INTERPRET", "1")

CPU, GPU = "cpu", f"{emulated.NAME}:0"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests of this folder as thorough: they train whole supernets, three times over."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.thorough)


@pytest.fixture(autouse=True)
def device(monkeypatch: pytest.MonkeyPatch) -> Iterator[emulated.State]:
    """The counters of the emulation during one test; the first call of a step is eager, the second is captured."""
    install()
    monkeypatch.setattr(capture, "EAGER_CALLS", 1)
    monkeypatch.setattr(capture, "_failed", [])
    state = emulated.STATE
    state.host_reads = state.uploads = state.draws = state.captures = state.replays = 0
    # If torch replaced the data of a parameter in place, the tensor inside an emulated parameter would not follow.
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    # Autograd's own threads know only the first emulated device.
    with torch.autograd.set_multithreading_enabled(False):
        yield state
    torch.__future__.set_overwrite_module_params_on_conversion(False)


@pytest.fixture
def full_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use float32 throughout and one formula for the cells, so that devices can be compared closely."""
    monkeypatch.setattr(nas_selection_bench.supernets.parts.recipe, "autocast", lambda device: nullcontext())
    monkeypatch.setattr(MixedCell, "_fused_forward", MixedCell._composed_forward)


def patterns(count: int = 96) -> ImageSet:
    """An image set for both halves: four patterns with noise, 8x8."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(4, (count,), generator=generator)
    pattern = torch.randint(255, (4, 3, 8, 8), generator=generator)
    noise = torch.randint(200, (count, 3, 8, 8), generator=generator)
    pixels = ((pattern[labels] + noise) // 2).to(torch.uint8)
    return ImageSet("patterns", pixels, labels, 4, (0.5,) * 3, (0.25,) * 3, crop_padding=1, flip=True)


@dataclass
class Trained:
    """A supernet after some epochs, moved to the CPU, and the host reads of its training."""

    state: dict[str, Tensor]
    host_reads: int
    """Those of the last epoch."""

    def worst(self, other: "Trained") -> tuple[float, str]:
        """The largest difference from `other`, relative if the numbers are large, and the name of its tensor."""
        found = 0.0, ""
        for name, mine in self.state.items():
            theirs = other.state[name]
            assert torch.equal(mine.isnan(), theirs.isnan()), name
            gap = ((mine - theirs).abs() / (1 + theirs.abs())).nan_to_num(0).max().item() if mine.numel() else 0.0
            found = (gap, name) if gap > found[0] else found
        return found


def trained(recipe: str, device: str, epochs: int, settings: Settings = SETTINGS) -> Trained:
    """The supernet of `recipe` after `epochs` epochs of two steps on `device`."""
    run = Training(SupernetJob("patterns", recipe, 0, 0, settings), patterns(), torch.device(device))
    reads = 0
    with capture.own_stream(torch.device(device)):
        for _ in range(epochs):
            reads = emulated.STATE.host_reads
            run.run_epoch()
            reads = emulated.STATE.host_reads - reads
    search = run.search
    state = {**search.network.state_dict(), "alphas": search.alphas.detach()}
    state |= {f"memory.{name}": tensor for name, tensor in search.memory.items()}
    state |= {"losses": torch.tensor([line["train_loss"] for line in run.history])}
    return Trained({name: tensor.detach().cpu().double() for name, tensor in state.items()}, reads)
