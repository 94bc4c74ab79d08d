"""SDARTS-RS: the weights learn under randomly perturbed edge weights."""

from dataclasses import dataclass

import torch
from torch import Tensor

from nas_selection_bench.bench.problem.space import EDGES, OPERATIONS
from nas_selection_bench.bench.work.options import at_least, option
from nas_selection_bench.supernets.network.supernet import Supernet
from nas_selection_bench.supernets.parts.rated import Rated
from nas_selection_bench.supernets.parts.recipe import Batch, Mixing, SupernetState


@dataclass(frozen=True)
class SdartsRs(Rated):
    """Chen & Hsieh, "Stabilizing DARTS via Perturbation-based Regularization", ICML 2020.

    Random smoothing: a step of the weights sees softmax(alpha) plus uniform noise from a cube whose half side
    epsilon grows linearly, clipped and rescaled to the simplex. A step of the alphas sees softmax(alpha) itself.
    """

    first: float = option(0.03, at_least(0), "epsilon in the first epoch")
    last: float = option(0.3, at_least(0), "value that epsilon approaches")

    name = "sdarts-rs"
    paper = (
        'Chen & Hsieh, "Stabilizing Differentiable Architecture Search via Perturbation-based Regularization", '
        "ICML 2020 (random smoothing)"
    )
    equation = (
        "w <- w - xi grad_w L_train(w, simplex(softmax(alpha) + u)), u ~ U(-epsilon(t), epsilon(t)); else as darts"
    )
    offers = "probabilities, unperturbed"
    differs = (
        "the batches; epsilon grows from 0.03 to 0.3 over the whole search, as in the authors' NAS-Bench-201 script "
        "(there the alphas' gradient also counts in the norm that is clipped, and the cosine runs one epoch ahead)"
    )

    def schedule(self, epoch: int, epochs: int) -> dict[str, float]:
        """epsilon: linear, `first` in the first epoch."""
        return {"epsilon": self.first + (self.last - self.first) * epoch / epochs}

    def noise(self, generator: torch.Generator, steps: int, network: Supernet) -> Tensor:
        """Uniform noise in [-1, 1], [steps, 6, 5]."""
        return 2 * torch.rand(steps, len(EDGES), len(OPERATIONS), generator=generator) - 1

    def perturbed(self, search: SupernetState, weight_batch: Batch) -> Tensor:
        """The edge weights [6, 5] of a step of the weights."""
        assert search.noise is not None
        return on_simplex(self.edge_weights(search.alphas.detach()) + search.numbers["epsilon"] * search.noise)

    def weight_step(self, search: SupernetState, weight_batch: Batch) -> None:
        """A step of the weights under perturbed edge weights."""
        search.descend_weights(search.loss(weight_batch, Mixing(self.perturbed(search, weight_batch)), record=True))


def on_simplex(weights: Tensor) -> Tensor:
    """`weights` [6, 5] clipped to [0, 1], each row divided by its sum; a row without a positive entry is one-hot.

    The 1 of a one-hot row stands at its largest entry.
    """
    clipped = weights.clamp(0, 1)
    largest = torch.nn.functional.one_hot(weights.argmax(-1), weights.shape[-1]).to(weights)
    total = clipped.sum(-1, keepdim=True)
    return torch.where(total > 0, clipped / total.clamp_min(torch.finfo(weights.dtype).tiny), largest)


RECIPE = SdartsRs()
