"""The second-order gradient against differentiation through the step itself."""

from dataclasses import replace

import torch

from nas_selection_bench.supernets.darts_second_order import RECIPE, next_step
from tests.supernets.tiny import Exact, batch, flat, tiny_search


def test_the_gradient_is_that_through_one_step_of_the_weights() -> None:
    recipe = replace(RECIPE, epsilon=1e-4)
    search = tiny_search(recipe)
    # A first step, so that the momentum is not zero.
    recipe.weight_step(search, batch(0))
    before = flat(list(search.network.parameters()))
    found = recipe.alpha_gradient(search, batch(1), batch(2))
    assert torch.equal(flat(list(search.network.parameters())), before), "the weights are back where they were"

    exact = Exact(search)
    alphas = search.alphas.detach().clone().requires_grad_()
    slope = torch.autograd.grad(exact.loss(batch(2), alphas.softmax(-1)), exact.weights, create_graph=True)
    momentum = [search.weight_optimiser.state[p]["momentum_buffer"] for p in search.network.parameters()]
    ahead = [w - 0.025 * (g + 3e-4 * w + 0.9 * m) for w, g, m in zip(exact.weights, slope, momentum, strict=True)]
    (expected,) = torch.autograd.grad(exact.loss(batch(1), alphas.softmax(-1), ahead), alphas)
    (first_order,) = torch.autograd.grad(exact.loss(batch(1), alphas.softmax(-1)), alphas)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-7)
    assert (expected - first_order).norm() > 100 * (found - expected).norm()


def test_it_looks_ahead_by_the_step_that_sgd_makes() -> None:
    search = tiny_search(RECIPE)
    parameters = list(search.network.parameters())
    for seed in range(2):
        gradients = [
            torch.randn(p.shape, dtype=p.dtype, generator=torch.Generator().manual_seed(seed)) for p in parameters
        ]
        expected = flat(parameters) - 0.025 * flat(next_step(search.weight_optimiser, gradients))
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        search.weight_optimiser.step()
        torch.testing.assert_close(flat(parameters), expected)
