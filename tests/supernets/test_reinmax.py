"""ReinMax: its gradient is Heun's formula written out, exact in expectation if the loss is quadratic."""

import pytest
import torch
from torch import Tensor

from nas_selection_bench.supernets.parts.sampling import one_hot
from nas_selection_bench.supernets.reinmax import second_order
from tests.supernets.by_hand import tiny

CLOSE = {"rtol": 1e-7, "atol": 1e-9}


def jacobian(s: Tensor) -> Tensor:
    """The Jacobian of the softmax, diag(s) - s s^T: [..., 5, 5]."""
    return torch.diag_embed(s) - s[..., :, None] * s[..., None, :]


def by_formula(alphas: Tensor, hard: Tensor, tau: float, slope: Tensor) -> Tensor:
    q = ((alphas / tau).softmax(-1) + hard) / 2
    return 2 * (jacobian(q) @ slope[..., None])[..., 0] - (jacobian(alphas.softmax(-1)) @ slope[..., None])[..., 0] / 2


@pytest.mark.parametrize("tau", [1.0, 1.5])
def test_a_step_of_the_alphas_follows_the_formula_of_the_literal_network(tau: float) -> None:
    t = tiny(f"reinmax[tau={tau}]")
    t.draw()
    alphas = t.search.alphas.detach().clone()
    hard = one_hot((alphas.log_softmax(-1) + t.search.noise[0]).argmax(-1), alphas)
    expected = by_formula(alphas, hard, tau, t.slope(hard))
    t.recipe.alpha_step(t.search, t.selection, t.weights)
    torch.testing.assert_close(t.search.alphas.grad, expected, **CLOSE)
    assert expected.abs().max() > 1e-4


def test_in_expectation_it_is_exact_for_a_quadratic_loss_where_straight_through_is_not() -> None:
    """Gradient of E[f(h)] over the five choices of one edge, by enumeration; f(h) = h'Ah + b'h."""
    generator = torch.Generator().manual_seed(0)
    alphas = torch.randn(5, generator=generator, dtype=torch.float64, requires_grad=True)
    matrix = torch.randn(5, 5, generator=generator, dtype=torch.float64)
    linear = torch.randn(5, generator=generator, dtype=torch.float64)

    def loss(h: Tensor) -> Tensor:
        return h @ matrix @ h + linear @ h

    p = alphas.softmax(-1)
    choices = torch.eye(5, dtype=torch.float64)
    (exact,) = torch.autograd.grad(torch.stack([loss(h) for h in choices]) @ p, alphas, retain_graph=True)
    heun, euler = torch.zeros(5).double(), torch.zeros(5).double()
    for share, h in zip(p.detach(), choices, strict=True):
        heun += share * torch.autograd.grad(loss(second_order(alphas, h, 1.0)), alphas)[0]
        euler += share * torch.autograd.grad(loss(h + alphas.softmax(-1) - alphas.softmax(-1).detach()), alphas)[0]
    torch.testing.assert_close(heun, exact, **CLOSE)
    assert (euler - exact).norm() > 0.05 * exact.norm(), "Euler's method is only first order"


def test_a_step_of_the_weights_runs_what_was_drawn_and_one_of_the_alphas_runs_all() -> None:
    t = tiny("reinmax")
    t.draw()
    assert t.recipe.mixing(t.search, t.search.alphas).active is None
    mixing = t.recipe.mixing(t.search, t.search.alphas.detach())
    assert [sum(edge) for edge in mixing.active] == [1] * 6
    assert torch.equal(mixing.weights, torch.tensor(mixing.active).double())
