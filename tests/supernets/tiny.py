"""A search so small that its exact second derivatives can be computed, in float64."""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.func import functional_call

from nas_selection_bench.supernets.network.skeleton import initialise
from nas_selection_bench.supernets.network.supernet import Supernet
from nas_selection_bench.supernets.parts.recipe import Batch, Mixing, Recipe, SupernetState
from nas_selection_bench.supernets.training.loop import make_search


def tiny_search(recipe: Recipe, channels: int = 2, cells: int = 1) -> SupernetState:
    """A supernet of `recipe` with fresh weights, alphas that are not near uniform, and batch statistics."""
    generator = torch.Generator().manual_seed(3)
    network = recipe.build(channels, cells, 3)
    initialise(network, generator)
    network.double().normalise("batch")
    alphas = recipe.initial_alphas(generator).double()
    alphas = alphas + 0.5 * torch.randn(alphas.shape, generator=generator, dtype=torch.float64)
    search = make_search(network, alphas, recipe, 0.025, torch.device("cpu"))
    search.memory = recipe.memory()
    return search


def batch(seed: int, n: int = 8, size: int = 8) -> Batch:
    """A batch of noise with labels."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(n, 3, size, size, generator=generator, dtype=torch.float64)
    return images, torch.randint(3, (n,), generator=generator)


class Exact:
    """The loss of a search as a function of its weights and edge weights, differentiable to any order."""

    def __init__(self, search: SupernetState) -> None:
        self.network: Supernet = search.network
        self.names = [name for name, _ in search.network.named_parameters()]
        self.weights = [p.detach().clone().requires_grad_() for p in search.network.parameters()]

    def loss(self, data: Batch, mixing: Mixing | Tensor, weights: list[Tensor] | None = None) -> Tensor:
        images, labels = data
        edges = mixing.weights if isinstance(mixing, Mixing) else mixing
        parameters = dict(zip(self.names, self.weights if weights is None else weights, strict=True))
        self.network.twice_differentiable = True
        try:
            return F.cross_entropy(functional_call(self.network, parameters, (images, edges)), labels)
        finally:
            self.network.twice_differentiable = False


def flat(tensors: list[Tensor]) -> Tensor:
    return torch.cat([t.detach().flatten() for t in tensors])
