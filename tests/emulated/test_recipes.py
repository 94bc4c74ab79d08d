"""Every recipe on the emulated device: captured steps agree with eager ones, and with the CPU."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from nas_selection_bench.bench.work.cells import SupernetJob
from nas_selection_bench.supernets.network import cuda_graph as capture
from nas_selection_bench.supernets.network.accelerator import has_bfloat16
from nas_selection_bench.supernets.parts.registry import find, names
from nas_selection_bench.supernets.training.checkpoint import load
from nas_selection_bench.supernets.training.loop import Training, train
from nas_selection_bench.supernets.training.tuning import Tuner
from tests.emulated.backend import Backend
from tests.emulated.conftest import CPU, GPU, SETTINGS, patterns, trained
from tests.emulated.device import OWN, State, facts_of, watched, without_values
from tests.emulated.kernels import batch, search_of

END_OF_EPOCH = 2
"""Host reads of an epoch without any others: its loss and its accuracy."""
ALLOWED = {
    "drnas": END_OF_EPOCH + 9,  # each pass draws on the host from the current alphas, and hands a gradient back
    "is-darts": END_OF_EPOCH,
    "racl": END_OF_EPOCH + 36,  # norms of the kernels, once an epoch
    "sgas": END_OF_EPOCH + 60,  # decisions between epochs
}
EAGER = ("oles",)
"""Recipes that read from the device in the middle of a step; the user is told."""
CHAOTIC = {"darts-second-order": 1e-4, "lambda-darts": 1e-2, "oles": 1e-2}
"""Recipe -> tolerance: gradient differences over a move of 1e-4, or cosines near a threshold, amplify rounding."""
ASKED = {"idarts": "idarts[inner=2]", "sdarts-adv": "sdarts-adv[steps=2]"}
"""Recipe -> options, if the defaults take long or need more steps than are made here."""
EPOCHS = {"idarts": 3}


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("recipe", [name for name in names() if name not in EAGER])
def test_a_captured_step_is_the_eager_one_to_the_last_bit_and_in_float32_the_cpus(
    recipe: str, device: State, full_precision: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Includes running statistics and decisions: sgas decides its first edge, is-darts prunes after the first epoch."""
    asked, epochs = ASKED.get(recipe, recipe), EPOCHS.get(recipe, 2)
    captured = trained(asked, GPU, epochs)
    phases = {find(asked).phase(step) for step in range(2 * epochs)}
    assert device.captures >= len(phases) and device.replays >= 3
    assert captured.host_reads <= ALLOWED.get(recipe, END_OF_EPOCH)
    assert device.draws == 0, "the device draws no numbers of its own"
    monkeypatch.setattr(capture, "EAGER_CALLS", 10**9)
    assert captured.worst(trained(asked, GPU, epochs)) == (0.0, "")
    gap, where = captured.worst(trained(asked, CPU, epochs))
    assert gap < CHAOTIC.get(recipe, 2e-5), where


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("recipe", ["darts", "drnas", "pc-darts"])
def test_in_bfloat16_too_a_captured_step_is_the_eager_one(recipe: str, monkeypatch: pytest.MonkeyPatch) -> None:
    captured = trained(recipe, GPU, 2)
    monkeypatch.setattr(capture, "EAGER_CALLS", 10**9)
    assert captured.worst(trained(recipe, GPU, 2)) == (0.0, "")


@pytest.mark.parametrize("recipe", EAGER)
def test_a_recipe_that_cannot_be_captured_says_so_and_is_the_cpus(recipe: str, full_precision: None) -> None:
    with pytest.warns(RuntimeWarning, match="no CUDA graph"):
        gpu = trained(recipe, GPU, 1)
    gap, where = gpu.worst(trained(recipe, CPU, 1))
    assert gap < CHAOTIC[recipe], where


def test_the_second_device_computes_what_the_first_does() -> None:
    assert trained("sdarts-rs", GPU, 1).worst(trained("sdarts-rs", "emu:1", 1)) == (0.0, "")


def test_a_run_that_is_broken_off_on_the_second_device_ends_in_the_same_bytes(tmp_path: Path) -> None:
    """The run is stopped after its first epoch; pc-darts begins to search in the second."""
    job = SupernetJob("patterns", "pc-darts[warm_up=0.5]", 0, 0, replace(SETTINGS, epochs=2, checkpoint_epochs=(2,)))

    class Stop(Exception):
        pass

    def stop(_done: int, _of: int) -> None:
        raise Stop

    train(job, patterns(), "emu:1", tmp_path / "whole")
    with pytest.raises(Stop):
        train(job, patterns(), "emu:1", tmp_path / "broken", stop)
    train(job, patterns(), "emu:1", tmp_path / "broken")
    assert load(tmp_path / "broken", 2).sha256 == load(tmp_path / "whole", 2).sha256


@pytest.mark.filterwarnings("error")
def test_torch_does_not_warn_of_optimisers_that_run_before_they_are_captured(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch's check of CUDA before a step of Adam is enabled here, also for a copy, as in the branches of a search."""

    class Capturing:
        def is_capturing(self) -> bool:
            return OWN.tape is not None

    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda check_available=False: torch.device("cuda"))
    monkeypatch.setattr(torch.accelerator, "current_stream", Capturing)
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", Capturing().is_capturing)
    run = Training(SupernetJob("patterns", "darts", 0, 0, SETTINGS), patterns(), torch.device(GPU))
    run.run_epoch()
    search = run.search
    tuner = Tuner(search.network, search.alphas, run.recipe, patterns(), SETTINGS, lambda epoch: epoch, GPU)
    tuner.branch().tune(1, run.recipe.edge_weights)


@pytest.mark.parametrize(("capability", "dtype"), [((7, 5), torch.float32), ((8, 0), torch.bfloat16)])
def test_cards_that_only_emulate_bfloat16_train_in_float32(
    capability: tuple[int, int], dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Backend, "get_device_capability", lambda self, device=None: capability)
    seen: set[torch.dtype] = set()

    def look(func: Any, args: Any, kwargs: Any, out: Any) -> None:
        if facts_of(func).name == "convolution":
            seen.add(args[0].dtype)

    has_bfloat16.cache_clear()
    try:
        with without_values(), watched(look):
            search = search_of("darts", 4, 1)
            find("darts").step(search, batch(4, 8), batch(4, 8))
    finally:
        has_bfloat16.cache_clear()
    assert seen == {dtype}
