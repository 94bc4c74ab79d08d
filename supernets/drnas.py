"""DrNAS: the mixing weights of an edge are drawn from a learnt Dirichlet distribution."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from nas_selection_bench.supernets.network.accelerator import on_gpu
from nas_selection_bench.supernets.network.cuda_graph import Repeated
from nas_selection_bench.supernets.network.supernet import Supernet
from nas_selection_bench.supernets.parts.recipe import Batch, Mixing, Recipe, Step, SupernetState
from nas_selection_bench.supernets.parts.sampling import pass_of


@dataclass(frozen=True)
class Drnas(Recipe):
    """Chen et al., "DrNAS: Dirichlet Neural Architecture Search", ICLR 2021.

    Every pass makes a new draw, and the gradient flows through it. The paper's penalty on the distance to
    the uniform Dirichlet (alpha = 0) is Adam's weight decay on the alphas. Selectors see the mean of the
    distribution.
    """

    name = "drnas"
    paper = 'Chen et al., "DrNAS: Dirichlet Neural Architecture Search", ICLR 2021'
    equation = (
        "theta_e ~ Dirichlet(elu(alpha_e) + 1); alpha <- alpha - eta grad_alpha E L_val(w, theta), pathwise; "
        "w <- w - xi grad_w L_train(w, theta)"
    )
    noise_on_host = True
    offers = "the mean of the Dirichlet distribution: (elu(alpha) + 1) / sum"
    differs = (
        "the released code draws for validation too; ours follows its train_search.py (k = 1), "
        "without the progressive widening"
    )

    def edge_weights(self, alphas: Tensor) -> Tensor:
        """The mean of each edge's distribution."""
        concentration = F.elu(alphas) + 1
        return concentration / concentration.sum(-1, keepdim=True)

    def noise(self, generator: torch.Generator, steps: int, network: Supernet) -> Tensor:
        """A seed for each pass of each step [steps, 2], since how many numbers a draw takes depends on the alphas."""
        return torch.randint(2**62, (steps, 2), generator=generator)

    def mixing(self, search: SupernetState, alphas: Tensor) -> Mixing:
        """A draw from each edge's distribution, differentiable in `alphas`."""
        assert search.noise is not None
        generator = torch.Generator().manual_seed(int(search.noise[pass_of(alphas)]))
        return Mixing(dirichlet(F.elu(alphas) + 1, generator))

    def repeated(self, search: SupernetState, device: torch.device) -> Step:
        """The steps of `search`; on a GPU both passes are captured, and the host makes the draw before each."""
        if not on_gpu(device):
            return super().repeated(search, device)

        def slope(x: Tensor, y: Tensor, weights: Tensor) -> Tensor:
            weights = weights.detach().requires_grad_()
            with search.frozen_weights():
                loss = search.loss((x, y), Mixing(weights))
                return torch.autograd.grad(loss, [weights])[0]

        def descend(x: Tensor, y: Tensor, weights: Tensor) -> None:
            search.descend_weights(search.loss((x, y), Mixing(weights), record=True))

        alphas_pass, weights_pass = Repeated(slope, device), Repeated(descend, device)

        def step(selection_batch: Batch | None, weight_batch: Batch, noise: Tensor | None) -> None:
            search.noise = noise
            if selection_batch is not None:
                draw = self.mixing(search, search.alphas).weights
                search.follow_alphas(
                    torch.autograd.grad(draw, [search.alphas], alphas_pass(*selection_batch, draw.detach()))[0]
                )
            weights_pass(*weight_batch, self.mixing(search, search.alphas.detach()).weights)

        return step


def dirichlet(concentration: Tensor, generator: torch.Generator) -> Tensor:
    """A draw over the last axis, with pathwise gradient: gamma variables divided by their sum.

    Drawn on the CPU in float64, so that all devices get the same numbers and no concentration underflows.
    """
    gamma = torch._standard_gamma(concentration.double().cpu(), generator).clamp_min(1e-300)
    return (gamma / gamma.sum(-1, keepdim=True)).to(concentration)


RECIPE = Drnas()
