"""The Hessian by the alphas against one of the literal network, entry by entry by differences of its gradients."""

import torch
import torch.nn.functional as F

from supernets.network.literal import LiteralSupernet
from supernets.parts.registry import find
from supernets.training.curvature import hessian
from tests.supernets.tiny import batch, tiny_search


def test_the_hessian_is_that_of_the_literal_network() -> None:
    recipe = find("darts")
    search = tiny_search(recipe)
    images, labels = batch(1)
    literal = LiteralSupernet.like(search.network)

    def slope(alphas: torch.Tensor) -> torch.Tensor:
        alphas = alphas.detach().clone().requires_grad_()
        loss = F.cross_entropy(literal(images, alphas.softmax(-1)), labels)
        return torch.autograd.grad(loss, alphas)[0].flatten()

    alphas = search.alphas.detach()
    by_differences = torch.zeros(30, 30, dtype=torch.float64)
    for k in range(30):
        step = torch.zeros(30, dtype=torch.float64)
        step[k] = 1e-5
        by_differences[k] = (slope(alphas + step.view(6, 5)) - slope(alphas - step.view(6, 5))) / 2e-5
    found = hessian(search.network, recipe, alphas, (images, labels))
    torch.testing.assert_close(found, by_differences + 1e-3 * torch.eye(30).double(), rtol=1e-4, atol=1e-7)
    assert torch.linalg.eigvalsh(found)[-1] > 2e-3, "it is not the decay alone"
    assert not search.network.twice_differentiable and all(p.requires_grad for p in search.network.parameters())
