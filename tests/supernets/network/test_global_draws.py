"""Draws from the generators of the whole process are refused, also those of a GPU."""

import pytest
import torch

from nas_selection_bench.supernets.network.global_draws import refusing_global_draws


@pytest.fixture
def offset(monkeypatch: pytest.MonkeyPatch) -> torch.Tensor:
    """The state of a GPU's generator, which a draw on the GPU changes."""
    state = torch.zeros(16, dtype=torch.uint8)
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda: state.clone())
    return state


def test_a_draw_on_the_gpu_is_refused(offset: torch.Tensor) -> None:
    with (
        pytest.raises(ValueError, match="global generator of torch on the GPU,"),
        refusing_global_draws("a recipe", "its own"),
    ):
        offset[8] += 4


def test_a_gpu_may_be_taken_into_use(offset: torch.Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: False)
    with refusing_global_draws("a recipe", "its own"):
        monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
