"""DARTS-: the auxiliary skip connection against the literal network, and its decay."""

import pytest
import torch

from nas_selection_bench.supernets.parts.registry import find
from tests.supernets.by_hand import tiny

CLOSE = {"rtol": 1e-7, "atol": 1e-9}


@pytest.mark.parametrize(("name", "beta"), [("darts-minus", 1.0), ("darts-minus[beta=2]", 2.0)])
def test_the_auxiliary_skip_fades_linearly_and_is_small_in_the_last_epoch(name: str, beta: float) -> None:
    factors = [find(name).schedule(epoch, 4)["skip"] for epoch in range(4)]
    assert factors == pytest.approx([beta, 0.75 * beta, 0.5 * beta, 0.25 * beta])


def test_alphas_and_weights_learn_beside_the_auxiliary_skip() -> None:
    """In the second of four epochs, every edge adds 3/4 of its input; gradients are those of the literal network."""
    t = tiny("darts-minus", epoch=1, epochs=4)
    p = t.search.alphas.detach().softmax(-1)
    slope, expected = t.slope(p, skip=0.75), t.weights_after(p, skip=0.75)
    t.recipe.weight_step(t.search, t.weights)
    for name, weight in expected.items():
        torch.testing.assert_close(t.search.network.get_parameter(name).detach(), weight, **CLOSE)
    t = tiny("darts-minus", epoch=1, epochs=4)
    t.recipe.alpha_step(t.search, t.selection, t.weights)
    torch.testing.assert_close(t.search.alphas.grad, p * (slope - (p * slope).sum(-1, keepdim=True)), **CLOSE)
