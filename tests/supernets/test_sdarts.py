"""Perturbed edge weights: on the simplex, near the unperturbed ones, and worse for the adversary than at random."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from nas_selection_bench.supernets.network.literal import LiteralSupernet
from nas_selection_bench.supernets.parts.recipe import Mixing, SupernetState
from nas_selection_bench.supernets.sdarts_adv import RECIPE as ADV
from nas_selection_bench.supernets.sdarts_rs import RECIPE as RS
from nas_selection_bench.supernets.sdarts_rs import SdartsRs, on_simplex
from tests.supernets.tiny import batch, tiny_search


def perturbable(recipe: SdartsRs, epsilon: float) -> SupernetState:
    search = tiny_search(recipe, channels=2)
    search.numbers = {"epsilon": torch.tensor(epsilon, dtype=torch.float64)}
    search.noise = recipe.noise(torch.Generator().manual_seed(5), 1, search.network)[0].double()
    return search


@settings(deadline=None, max_examples=60, derandomize=True)
@given(st.lists(st.floats(-1, 2, width=32), min_size=5, max_size=5))
def test_the_simplex(row: list[float]) -> None:
    found = on_simplex(torch.tensor([row], dtype=torch.float64))[0]
    assert (found >= 0).all()
    torch.testing.assert_close(found.sum(), torch.tensor(1.0, dtype=torch.float64))
    positive = [min(max(value, 0.0), 1.0) for value in row]
    if sum(positive) > 1e-6:
        torch.testing.assert_close(found, torch.tensor(positive, dtype=torch.float64) / sum(positive))
    elif sum(positive) == 0:
        assert found[row.index(max(row))] == 1


def test_uniform_noise_in_a_cube_around_the_probabilities() -> None:
    noise = RS.noise(torch.Generator().manual_seed(0), 400, perturbable(RS, 0.1).network)
    assert noise.shape == (400, 6, 5)
    assert -1 <= noise.min() < -0.99 and 0.99 < noise.max() <= 1
    assert abs(noise.mean()) < 0.02 and abs(noise.var() - 1 / 3) < 0.01
    search = perturbable(RS, 0.01)
    p = RS.edge_weights(search.alphas.detach())
    inside = p.min() > 0.01
    found = RS.perturbed(search, batch(1))
    assert (
        inside
        and (found - (p + 0.01 * search.noise) / (1 + 0.01 * search.noise.sum(-1, keepdim=True))).abs().max() < 1e-12
    )
    assert 0 < (found - p).abs().max() <= 0.01 * 2 / (1 - 0.05)


def test_the_adversary_stays_near_and_raises_the_loss() -> None:
    search, data = perturbable(ADV, 0.1), batch(1)
    p = ADV.edge_weights(search.alphas.detach())

    def loss(weights: Tensor) -> float:
        return search.loss(data, Mixing(weights)).item()

    found = ADV.perturbed(search, data)
    torch.testing.assert_close(found.sum(-1), torch.ones(6, dtype=torch.float64))
    assert found.min() >= 0
    # Before normalisation, a row is in the cube and its sum differs from one by at most 5 epsilon.
    sums = torch.linspace(0.5, 1.5, 1001, dtype=torch.float64)[:, None, None]
    assert ((found * sums - p).abs().amax(-1) <= 0.1 + 1e-3).any(0).all()
    assert loss(found) > loss(p)
    assert loss(found) > loss(RS.perturbed(search, data))


@pytest.mark.parametrize("steps", [1, 3])
def test_the_ascent_by_hand(steps: int) -> None:
    """Steps of 2 epsilon / steps uphill on the literal network, clipped to the cube and [0, 1]; rows sum to one."""
    search, (x, y) = perturbable(ADV, 0.05), batch(1)
    literal = LiteralSupernet.like(search.network)
    p = ADV.edge_weights(search.alphas.detach())
    expected = RS.perturbed(search, (x, y))
    for _ in range(steps):
        here = expected.clone().requires_grad_()
        (uphill,) = torch.autograd.grad(F.cross_entropy(literal(x, here), y), here)
        moved = (expected + 0.1 / steps * uphill.sign()).clamp(p - 0.05, p + 0.05).clamp(0, 1)
        expected = moved / moved.sum(-1, keepdim=True)
    torch.testing.assert_close(replace(ADV, steps=steps).perturbed(search, (x, y)), expected)


def test_the_weights_learn_there_and_the_alphas_do_not_see_it() -> None:
    search, other = perturbable(RS, 0.2), perturbable(RS, 0.2)
    RS.weight_step(search, batch(1))
    other.descend_weights(other.loss(batch(1), Mixing(RS.perturbed(other, batch(1)))))
    for found, expected in zip(search.network.parameters(), other.network.parameters(), strict=True):
        torch.testing.assert_close(found, expected)
    assert torch.equal(RS.mixing(search, search.alphas).weights, search.alphas.softmax(-1))


def test_epsilon_grows_linearly() -> None:
    grown = [RS.schedule(epoch, 100)["epsilon"] for epoch in (0, 50, 99)]
    torch.testing.assert_close(torch.tensor(grown), torch.tensor([0.03, 0.165, 0.2973]))
