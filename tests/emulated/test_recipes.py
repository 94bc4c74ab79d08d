"""Every recipe on the emulated device: captured as eager, and as on the CPU."""

from typing import Any

import pytest
import torch

from nas_selection_bench.supernets.network import cuda_graph as capture
from nas_selection_bench.supernets.network.accelerator import has_bfloat16
from nas_selection_bench.supernets.parts.registry import find, names
from tests.emulated.conftest import CPU, GPU, trained
from tests.emulated.device import Backend, State, facts_of, watched, without_values
from tests.emulated.kernels import batch, search_of

END_OF_EPOCH = 2
"""Host reads of an epoch that has no others: its loss and its accuracy."""
ALLOWED = {
    "drnas": END_OF_EPOCH + 9,  # each pass draws on the host from what the alphas are then, and hands a gradient back
    "is-darts": END_OF_EPOCH,
    "racl": END_OF_EPOCH + 36,  # norms of the kernels, once an epoch
    "sgas": END_OF_EPOCH + 60,  # decisions between epochs
}
EAGER = ("oles",)
"""Recipes that look at the device in the middle of a step; the user is told."""
CHAOTIC = {"lambda-darts": 1e-2, "oles": 1e-2}
"""Differences of gradients over a move of 1e-4, or cosines near a threshold, make much of rounding."""


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("recipe", [name for name in names() if name not in EAGER])
def test_a_captured_step_is_the_eager_one_to_the_last_bit(
    recipe: str, device: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    captured = trained(recipe, GPU, 2)
    assert device.captures >= 1 and device.replays >= 3
    assert captured.host_reads <= ALLOWED.get(recipe, END_OF_EPOCH)
    assert device.draws == 0, "the device draws no numbers of its own"
    monkeypatch.setattr(capture, "EAGER_CALLS", 10**9)
    assert captured.worst(trained(recipe, GPU, 2)) == (0.0, "")


@pytest.mark.parametrize("recipe", names())
def test_float32_on_the_device_is_float32_on_the_cpu(
    recipe: str, full_precision: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Running statistics and decisions included: sgas decides its first edge, is-darts prunes after the first epoch."""
    monkeypatch.setattr(capture, "EAGER_CALLS", 10**9)
    epochs = 2 if recipe in ("sgas", "is-darts") else 1
    gap, where = trained(recipe, GPU, epochs).worst(trained(recipe, CPU, epochs))
    assert gap < CHAOTIC.get(recipe, 2e-5), where


@pytest.mark.parametrize("recipe", EAGER)
def test_a_recipe_that_cannot_be_captured_says_so(recipe: str) -> None:
    with pytest.warns(RuntimeWarning, match="no CUDA graph"):
        trained(recipe, GPU, 1)


def test_the_second_device_computes_what_the_first_does() -> None:
    assert trained("sdarts-rs", GPU, 1).worst(trained("sdarts-rs", "emu:1", 1)) == (0.0, "")


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
