"""A supernet small enough for checking a recipe's step by hand, in float64."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from nas_selection_bench.supernets.network.literal import LiteralSupernet
from nas_selection_bench.supernets.parts.recipe import Batch, Recipe, SupernetState
from nas_selection_bench.supernets.parts.registry import find
from nas_selection_bench.supernets.training.loop import make_search


@dataclass
class Tiny:
    """The state of a search with one recipe before its first step, and batches of both halves."""

    recipe: Recipe
    search: SupernetState
    selection: Batch
    weights: Batch

    def literal(self) -> LiteralSupernet:
        """A copy of the network, implemented literally as in the papers."""
        return LiteralSupernet.like(self.search.network)

    def slope(self, mixed: Tensor, skip: float = 0.0) -> Tensor:
        """Gradient of the selection loss with respect to the edge weights at `mixed`, by the literal network."""
        mixed = mixed.detach().clone().requires_grad_()
        x, y = self.selection
        (gradient,) = torch.autograd.grad(F.cross_entropy(self.literal()(x, mixed, skip=skip), y), mixed)
        return gradient

    def weights_after(self, mixed: Tensor, skip: float = 0.0) -> dict[str, Tensor]:
        """Some weights after the first step at the edge weights `mixed`, by the literal network and SGD."""
        literal = self.literal()
        x, y = self.weights
        F.cross_entropy(literal(x, mixed, skip=skip), y).backward()
        norm = torch.stack([p.grad.norm() for p in literal.parameters() if p.grad is not None]).norm().item()
        after = {}
        for name in ("classifier.weight", "stem.0.weight", "reductions.1.second.1.weight"):
            weight = literal.get_parameter(name)
            assert weight.grad is not None
            after[name] = (weight - 0.025 * (weight.grad * min(1.0, 5 / norm) + 3e-4 * weight)).detach()
        return after

    def draw(self, steps: int = 1, seed: int = 3) -> Tensor:
        """Set the noise of the first of `steps` steps, and return the noise of all steps."""
        noise = self.recipe.noise(torch.Generator().manual_seed(seed), steps, self.search.network)
        assert noise is not None
        noise = noise.double() if noise.is_floating_point() else noise
        self.search.noise = noise[0]
        return noise


def tiny(name: str, epoch: int = 1, epochs: int = 4) -> Tiny:
    """The recipe called `name` at `epoch`, with alphas that differ from one another."""
    recipe = find(name)
    torch.manual_seed(0)
    network = recipe.build(2, 1, 3).double()
    alphas = recipe.initial_alphas(torch.Generator().manual_seed(1)).double() * 500
    search = make_search(network, alphas, recipe, 0.025, torch.device("cpu"))
    search.memory = {k: t.double() if t.is_floating_point() else t for k, t in recipe.memory().items()}
    search.numbers = {k: torch.tensor(v).double() for k, v in recipe.schedule(epoch, epochs).items()}

    def batch() -> Batch:
        return torch.randn(6, 3, 8, 8).double(), torch.randint(3, (6,))

    return Tiny(recipe, search, batch(), batch())
