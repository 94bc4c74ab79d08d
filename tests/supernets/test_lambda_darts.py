"""The agreement between cells and its gradient, against double backward."""

import itertools
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from nas_selection_bench.supernets.lambda_darts import RECIPE, agreement_slope
from tests.supernets.tiny import Exact, batch, tiny_search


def agreement(gradients: Tensor) -> Tensor:
    """The mean cosine over pairs of cells, as in the paper."""
    pairs = list(itertools.combinations(gradients.flatten(1), 2))
    return sum(F.cosine_similarity(a, b, dim=0) for a, b in pairs) / len(pairs)


def test_the_slope_of_the_agreement() -> None:
    gradients = torch.randn(5, 6, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    (expected,) = torch.autograd.grad(agreement(gradients), gradients)
    torch.testing.assert_close(agreement_slope(gradients.detach()), expected)


def test_the_weights_follow_loss_minus_agreement() -> None:
    search = tiny_search(RECIPE)
    search.numbers = {"lambda": torch.tensor(0.7, dtype=torch.float64)}
    exact = Exact(search)
    per_cell = search.alphas.detach().softmax(-1).repeat(3, 1, 1).requires_grad_()
    loss = exact.loss(batch(1), per_cell)
    (by_cell,) = torch.autograd.grad(loss, per_cell, create_graph=True)
    plain = torch.autograd.grad(loss, exact.weights, retain_graph=True)
    pull = torch.autograd.grad(agreement(by_cell), exact.weights, allow_unused=True)

    replace(RECIPE, epsilon=1e-7).weight_step(search, batch(1))
    gradients = [p.grad for p in search.network.parameters()]
    norm = torch.stack([g.norm() for g in gradients]).norm()
    expected = [g if a is None else g - 0.7 * a for g, a in zip(plain, pull, strict=True)]
    scale = min(1.0, 5 / torch.stack([g.norm() for g in expected]).norm().item())
    assert norm <= 5 * (1 + 1e-6)
    for found, wanted in zip(gradients, expected, strict=True):
        torch.testing.assert_close(found, scale * wanted, rtol=1e-3, atol=1e-6)
    assert max(a.norm() for a in pull if a is not None) > 1e-3
    assert search.loss_sum == pytest.approx(8 * loss.item()), "the passes of the difference are not recorded"


def test_lambda_rises_linearly_to_its_value() -> None:
    assert [RECIPE.schedule(epoch, 5)["lambda"] for epoch in range(5)] == [0, 0.0625, 0.125, 0.1875, 0.25]
    assert RECIPE.schedule(0, 1)["lambda"] == 0
