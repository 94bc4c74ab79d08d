"""Implicit gradients against exact ones: the series on a supernet, its limit on a quadratic problem."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from nas_selection_bench.supernets.idarts import RECIPE
from nas_selection_bench.supernets.parts.recipe import Batch, Mixing, SupernetState
from tests.supernets.tiny import Exact, batch, flat, tiny_search


def test_the_series_equals_exact_hessian_products() -> None:
    recipe = replace(RECIPE, epsilon=1e-4)
    search = tiny_search(recipe)
    before = flat(list(search.network.parameters()))
    found = recipe.alpha_gradient(search, batch(1), batch(2))
    assert torch.equal(flat(list(search.network.parameters())), before), "the weights are back where they were"

    exact = Exact(search)
    alphas = search.alphas.detach().clone().requires_grad_()
    direct, *term = torch.autograd.grad(exact.loss(batch(1), alphas.softmax(-1)), [alphas, *exact.weights])
    slope = torch.autograd.grad(exact.loss(batch(2), alphas.softmax(-1)), exact.weights, create_graph=True)
    series = list(term)
    for _ in range(2):
        product = torch.autograd.grad(slope, exact.weights, grad_outputs=term, retain_graph=True)
        term = [t - 0.025 * p for t, p in zip(term, product, strict=True)]
        series = [s + t for s, t in zip(series, term, strict=True)]
    (mixed,) = torch.autograd.grad(slope, alphas, grad_outputs=series)
    torch.testing.assert_close(found, direct - 0.025 * mixed, rtol=1e-4, atol=1e-7)
    assert (0.025 * mixed).norm() > 100 * (found - direct + 0.025 * mixed).norm()


class Quadratic(SupernetState):
    """Training loss w'Aw/2 - w'B alpha and selection loss |w - c|^2/2, which have closed-form solutions."""

    def loss(self, data: Batch, mixing: Mixing, *, record: bool = False, full_precision: bool = False) -> Tensor:
        matrix, vector = data
        w = self.network.w
        if vector.dim() == 1:
            return 0.5 * (w - vector).square().sum() + 0 * mixing.weights.sum()
        return 0.5 * w @ matrix @ w - w @ vector @ mixing.weights


class Identity(type(RECIPE)):  # type: ignore[misc]
    def edge_weights(self, alphas: Tensor) -> Tensor:
        return alphas


def test_the_limit_of_the_series_is_the_implicit_gradient() -> None:
    generator = torch.Generator().manual_seed(0)
    root = torch.randn(4, 4, dtype=torch.float64, generator=generator)
    matrix = root @ root.T + torch.eye(4, dtype=torch.float64)
    vector = torch.randn(4, 3, dtype=torch.float64, generator=generator)
    target = torch.randn(4, dtype=torch.float64, generator=generator)
    alphas = torch.randn(3, dtype=torch.float64, generator=generator, requires_grad=True)
    network = nn.Module()
    network.w = nn.Parameter(torch.linalg.solve(matrix, vector @ alphas.detach()))
    search = Quadratic(
        network,  # type: ignore[arg-type]
        alphas,
        torch.optim.SGD(network.parameters(), lr=1 / torch.linalg.eigvalsh(matrix)[-1].item()),
        torch.optim.Adam([alphas]),
    )
    fitted = torch.linalg.solve(matrix, vector @ alphas)
    (expected,) = torch.autograd.grad(0.5 * (fitted - target).square().sum(), alphas)
    found = Identity(terms=500).alpha_gradient(search, (matrix, target), (matrix, vector))
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)
    short = Identity(terms=2).alpha_gradient(search, (matrix, target), (matrix, vector))
    assert (short - expected).norm() > 1e-3


def test_alphas_step_after_every_fourth_step_of_the_weights() -> None:
    search = tiny_search(RECIPE)
    moved = []
    for search.number in range(9):
        before = search.alphas.detach().clone()
        RECIPE.step(search, batch(1), batch(2))
        moved.append(not torch.equal(search.alphas.detach(), before))
    assert moved == [False, False, False, True, False, False, False, True, False]
