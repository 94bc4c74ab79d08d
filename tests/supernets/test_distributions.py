"""Recipes that learn a distribution over mixing weights, and those that regularise the alphas."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from nas_selection_bench.bench.problem.space import NONE
from nas_selection_bench.supernets.drnas import dirichlet
from nas_selection_bench.supernets.parts.registry import find
from tests.supernets.by_hand import tiny

CLOSE = {"rtol": 1e-7, "atol": 1e-9}


def test_dirichlet_gradient_in_expectation() -> None:
    """E theta_i^2 = a_i (a_i + 1) / (A (A + 1)): its derivative against the mean gradient through draws."""
    alphas = torch.tensor([0.5, -0.4, 0.0, 1.2, -0.1]).double().requires_grad_()
    value = torch.tensor([1.0, -2.0, 0.5, 0.3, 1.5]).double()
    a = F.elu(alphas) + 1
    (exact,) = torch.autograd.grad((value * a * (a + 1)).sum() / (a.sum() * (a.sum() + 1)), alphas)
    draws = dirichlet((F.elu(alphas) + 1).expand(40_000, 5), torch.Generator().manual_seed(0))
    (mean,) = torch.autograd.grad((draws.square() @ value).mean(), alphas)
    torch.testing.assert_close(mean, exact, rtol=0.05, atol=0.006)
    torch.testing.assert_close(draws.mean(0), find("drnas").edge_weights(alphas), rtol=0, atol=0.006)


def test_drnas_draws_around_the_mean_of_its_distribution_and_as_far_from_it_as_that_does() -> None:
    """Concentrations a = alpha + 1 above zero and e^alpha below: mean a / A, variance a (A - a) / (A^2 (A + 1))."""
    t = tiny("drnas")
    alphas = torch.tensor([1.5, 0.5, 0.0, -0.5, -1.5]).double().expand(6, 5)
    a = np.array([2.5, 1.5, 1.0, np.exp(-0.5), np.exp(-1.5)])
    draws = []
    for noise in t.draw(1500):
        t.search.noise = noise
        draws.append(t.recipe.mixing(t.search, alphas).weights)
    drawn = torch.cat(draws).numpy()
    np.testing.assert_allclose(drawn.mean(0), a / a.sum(), atol=0.01)
    np.testing.assert_allclose(drawn.var(0), a * (a.sum() - a) / (a.sum() ** 2 * (a.sum() + 1)), rtol=0.08)


def test_drnas_draws_once_per_pass_on_the_simplex() -> None:
    t = tiny("drnas")
    t.draw()
    first = t.recipe.mixing(t.search, t.search.alphas).weights
    again = t.recipe.mixing(t.search, t.search.alphas).weights
    other = t.recipe.mixing(t.search, t.search.alphas.detach()).weights
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)
    torch.testing.assert_close(first.sum(-1), torch.ones(6).double())
    assert (first > 0).all()
    vanishing = torch.full((6, 5), 1e-6)
    assert dirichlet(vanishing, torch.Generator().manual_seed(0)).isfinite().all()


def test_balenas_is_the_natural_gradient_step_by_hand() -> None:
    """Two steps of Vadam (Khan et al. 2018, figure 1) in numpy, with gradients from the literal network."""
    t = tiny("balenas[examples=50,prior=2]")
    noise = t.draw(2)
    mu = t.search.alphas.detach().numpy().copy()
    m, s = np.zeros((6, 5)), np.zeros((6, 5))
    for step in (1, 2):
        alpha = mu + noise[step - 1, 0].numpy() / np.sqrt(50 * s + 2)
        p = torch.from_numpy(alpha).softmax(-1)
        slope = t.slope(p)
        g = (p * (slope - (p * slope).sum(-1, keepdim=True))).numpy()
        m = 0.5 * m + 0.5 * (g + 2 * mu / 50)
        s = 0.999 * s + 0.001 * g * g
        mu = mu - 3e-4 * (m / (1 - 0.5**step)) / (np.sqrt(s / (1 - 0.999**step)) + 2 / 50)
        t.search.noise = noise[step - 1]
        t.recipe.alpha_step(t.search, t.selection, t.weights)
        np.testing.assert_allclose(t.search.alphas.detach(), mu, rtol=1e-9)
    np.testing.assert_allclose(t.search.memory["s"], s, rtol=1e-6)
    torch.testing.assert_close(t.recipe.edge_weights(t.search.alphas), torch.from_numpy(mu).softmax(-1))


def test_the_weights_of_balenas_learn_at_a_draw_of_their_own() -> None:
    t = tiny("balenas[examples=50,prior=2]")
    noise = t.draw()[0, 1]
    t.search.memory["s"] += 0.02
    alphas = t.search.alphas.detach()
    expected = t.weights_after((alphas + noise / np.sqrt(50 * 0.02 + 2)).softmax(-1))
    t.recipe.weight_step(t.search, t.weights)
    for name, weight in expected.items():
        torch.testing.assert_close(t.search.network.get_parameter(name).detach(), weight, **CLOSE)


def alpha_gradient(name: str, epoch: int = 1) -> tuple[Tensor, Tensor, Tensor]:
    """The alphas, their gradient in one step, and that of the selection loss with respect to the edge weights."""
    t = tiny(name, epoch)
    alphas = t.search.alphas.detach().clone()
    slope = t.slope(t.recipe.edge_weights(alphas))
    t.recipe.alpha_step(t.search, t.selection, t.weights)
    assert t.search.alphas.grad is not None
    return alphas, t.search.alphas.grad, slope


@pytest.mark.parametrize(("name", "decay"), [("beta-darts", 50), ("beta-darts[decay=20]", 20)])
def test_beta_darts_pulls_each_alpha_by_its_probability(name: str, decay: float) -> None:
    alphas, gradient, slope = alpha_gradient(name, epoch=1)
    p = alphas.softmax(-1)
    through_softmax = p * (slope - (p * slope).sum(-1, keepdim=True))
    torch.testing.assert_close(gradient, through_softmax + decay / 4 * p / 6, **CLOSE)
    _, unpenalised, _ = alpha_gradient(name, epoch=0)
    torch.testing.assert_close(unpenalised, through_softmax, **CLOSE)
    grown = [find(name).schedule(epoch, 100)["lambda"] for epoch in (0, 50, 99)]
    assert grown == pytest.approx([0, decay / 2, 0.99 * decay])


@pytest.mark.parametrize(("name", "zero_one"), [("fair-darts", 10), ("fair-darts[zero_one=4]", 4)])
def test_fair_darts_pushes_gates_away_from_one_half(name: str, zero_one: float) -> None:
    alphas, gradient, slope = alpha_gradient(name)
    gate = 1 / (1 + (-alphas).exp())
    expected = gate * (1 - gate) * (slope - zero_one * 2 * (gate - 0.5) / 30)
    torch.testing.assert_close(gradient, expected, **CLOSE)
    torch.testing.assert_close(find(name).edge_weights(alphas), gate)


def test_the_gate_of_none_in_fair_darts_stays_at_one_half() -> None:
    """Its output is zero, so the loss has no gradient for it, and the penalty has none at one half."""
    t = tiny("fair-darts")
    with torch.no_grad():
        t.search.alphas.copy_(t.recipe.initial_alphas(torch.Generator()))
    for _ in range(3):
        t.recipe.alpha_step(t.search, t.selection, t.weights)
    gates = t.recipe.edge_weights(t.search.alphas.detach())
    assert (gates[:, NONE] == 0.5).all() and (gates[:, NONE + 1 :] != 0.5).all()
