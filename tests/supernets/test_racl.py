"""RACL's moments against many draws, its constants against whole matrices, its penalty through its gradient."""

import math

import pytest
import torch
from torch import Tensor

from nas_selection_bench.bench.problem.space import AVG_POOL, CONV_1X1, CONV_3X3, NONE, SKIP
from nas_selection_bench.supernets.network.literal import LiteralSupernet
from nas_selection_bench.supernets.racl import RECIPE, Racl, cell_constant, log_normal, operation_constants
from tests.supernets.tiny import batch, tiny_search


def draws(alphas: Tensor, constants: Tensor, count: int) -> Tensor:
    mu, log_sigma = alphas
    noise = torch.randn(count, 6, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    e = ((mu + log_sigma.exp() * noise).exp() * constants).sum(-1).T
    node_1 = e[0]
    node_2 = e[1] + e[2] * node_1
    return e[3] + e[4] * node_1 + e[5] * node_2


def some(sigma: float) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    mu = 0.3 * torch.randn(6, 5, dtype=torch.float64, generator=generator) - math.log(5)
    constants = 2 * torch.rand(6, 5, dtype=torch.float64, generator=generator)
    constants[:, 0] = 0
    return torch.stack([mu, torch.full_like(mu, math.log(sigma))]), constants


def test_the_offered_weights_are_the_mean_of_the_draws() -> None:
    alphas, _ = some(0.5)
    noise = torch.randn(100_000, 2, 6, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    drawn = (alphas[0] + alphas[1].exp() * noise[:, 0]).exp().mean(0)
    torch.testing.assert_close(RECIPE.edge_weights(alphas), drawn, rtol=0.02, atol=0)
    search = tiny_search(RECIPE)
    search.noise = noise[0]
    expected = (search.alphas[0] + search.alphas[1].exp() * noise[0, 0]).exp()
    torch.testing.assert_close(RECIPE.mixing(search, search.alphas).weights, expected)
    assert not torch.equal(RECIPE.mixing(search, search.alphas.detach()).weights, expected), "a draw of its own"


@pytest.mark.parametrize("sigma", [0.1, 0.3])
def test_the_bound_holds_with_its_confidence(sigma: float) -> None:
    alphas, constants = some(sigma)
    sample = draws(alphas, constants, 100_000)
    mean, variance = cell_constant(alphas, constants)
    assert mean.item() == pytest.approx(sample.mean().item(), rel=0.01)
    # Paths that share an edge are correlated, so the true variance is larger than that of independent paths.
    assert 0.6 * sample.var() < variance < 1.02 * sample.var()
    m, s = log_normal((mean, variance))
    below = (sample < (m + 1.2816 * s).exp()).double().mean().item()
    assert below == pytest.approx(0.9, abs=0.04)


def test_moments_of_a_log_normal() -> None:
    mu, sigma = 0.4, 0.7
    mean = math.exp(mu + sigma**2 / 2)
    variance = (math.exp(sigma**2) - 1) * mean**2
    m, s = log_normal((torch.tensor(mean).double(), torch.tensor(variance).double()))
    assert (m.item(), s.item()) == pytest.approx((mu, sigma))


def test_the_penalty_pushes_down_only_what_exceeds() -> None:
    search = tiny_search(RECIPE)
    search.memory["lipschitz"] = operation_constants(search.network)
    mean, deviation = log_normal(cell_constant(search.alphas, search.memory["lipschitz"]))
    bound = (mean + 1.2815515655446004 * deviation).item()
    assert Racl(limit=math.exp(bound + 0.1)).penalty(search) == 0
    recipe = Racl(limit=math.exp(bound - 0.5))
    loss = recipe.penalty(search)
    assert loss.item() == pytest.approx(0.1 * 0.25)
    (slope,) = torch.autograd.grad(loss, search.alphas)
    assert (slope[0, :, 1:] > 0).all() and not slope[:, :, 0].any(), "smaller weights, but for none"
    assert (slope[1, :, 1:] > 0).all(), "and more certain ones"


def largest_stretch(literal: LiteralSupernet, cell: int, edge: int, operation: int, size: int = 4) -> float:
    """The spectral norm of a convolution with its batch norm, from their full matrix on images of size x size."""
    _, convolution, norm = literal.cells[cell].edges[edge].operations[operation]  # type: ignore[index, union-attr]
    channels = convolution.weight.shape[1]
    every_pixel = torch.eye(channels * size**2, dtype=torch.float64).view(-1, channels, size, size)
    black = torch.zeros_like(every_pixel[:1])
    with torch.no_grad():
        matrix = (norm(convolution(every_pixel)) - norm(convolution(black))).flatten(1)
    return float(torch.linalg.matrix_norm(matrix, ord=2))


def test_constants_are_those_of_the_operations() -> None:
    """Exact for a 1x1 convolution; for a 3x3, an upper bound that is less than three times too large."""
    network = tiny_search(RECIPE, channels=3).network
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for name, buffer in network.named_buffers():
            if "variance" in name:
                buffer.copy_(0.05 + 4 * torch.rand(buffer.shape, generator=generator))
    literal = LiteralSupernet.like(network)
    literal.normalise("running")
    constants = operation_constants(network)
    assert constants[:, NONE].eq(0).all() and constants[:, [SKIP, AVG_POOL]].eq(1).all()
    for edge in range(6):
        found = {o: constants[edge, o].item() for o in (CONV_1X1, CONV_3X3)}
        exact = {o: sum(largest_stretch(literal, cell, edge, o) for cell in range(3)) / 3 for o in found}
        assert found[CONV_1X1] == pytest.approx(exact[CONV_1X1], rel=1e-5)
        # A patch is an image too, so a kernel's matrix stretches no more than the convolution does.
        assert 1 < found[CONV_3X3] / exact[CONV_3X3] < 3


def test_the_constant_of_a_blur_is_almost_reached() -> None:
    """If all entries of a kernel are equal, neighbouring patches add up: no much smaller number is a bound."""
    network = tiny_search(RECIPE, channels=1).network
    with torch.no_grad():
        for cell in network.cells:
            cell.operation_state(5, CONV_3X3)[0].fill_(0.5)  # type: ignore[operator]
    literal = LiteralSupernet.like(network)
    literal.normalise("running")
    exact = sum(largest_stretch(literal, cell, 5, CONV_3X3, size=12) for cell in range(3)) / 3
    assert 1 < operation_constants(network)[5, CONV_3X3].item() / exact < 1.05


def test_constants_are_measured_after_each_epoch() -> None:
    search = tiny_search(RECIPE)
    assert search.memory["lipschitz"][:, 1:].eq(1).all()
    search.noise = RECIPE.noise(torch.Generator().manual_seed(0), 1, search.network)[0].double()
    RECIPE.step(search, batch(1), batch(2))
    RECIPE.after_epoch(search, 0, 3, lambda half: iter(()))
    assert (search.memory["lipschitz"][:, [2, 3]] != 1).all()
