"""RSPS: random sampling with parameter sharing. The weights see one uniformly drawn architecture per step."""

from dataclasses import dataclass

import torch
from torch import Tensor

from nas_selection_bench.bench.work.options import option, yes_or_no
from nas_selection_bench.supernets.network.supernet import Supernet
from nas_selection_bench.supernets.parts.recipe import Mixing, Recipe, SupernetState
from nas_selection_bench.supernets.parts.sampling import drawn, one_hot, uniform_choices


@dataclass(frozen=True)
class Rsps(Recipe):
    """Li & Talwalkar, "Random Search and Reproducibility for Neural Architecture Search", UAI 2019, section 3.

    No architecture parameters are learnt; the alphas stay at their initial noise as in `blank`.
    """

    per_cell: bool = option(False, yes_or_no, "draw for every cell separately, as NATS-Bench's code does")

    name = "rsps"
    paper = (
        'Li & Talwalkar, "Random Search and Reproducibility for Neural Architecture Search", UAI 2019, section 3; '
        'Dong & Yang, "NAS-Bench-201", ICLR 2020'
    )
    equation = "w <- w - xi grad_w L_train(w, a), a ~ Uniform(architectures in which every node is reached by an edge)"
    tunes_alphas = False
    offers = "near-uniform probabilities: the alphas stay at their initial noise"
    differs = (
        "NAS-Bench-201's code does not ask that every node be reached and trains 250 epochs; NATS-Bench's does ask, "
        "draws anew in each cell of a pass (per_cell=yes), clips no gradients and trains 100 epochs; both with "
        "Nesterov momentum and weight decay 5e-4 (ours: 3e-4, no Nesterov)"
    )

    @property
    def learns_alphas(self) -> bool:
        """False: the alphas stay at their initial noise."""
        return False

    def noise(self, generator: torch.Generator, steps: int, network: Supernet) -> Tensor:
        """The architecture of each step [steps, 6], or those of its cells [steps, n_cells, 6]."""
        return uniform_choices(generator, steps, *((network.n_cells,) if self.per_cell else ()))

    def mixing(self, search: SupernetState, alphas: Tensor) -> Mixing:
        """One operation per edge."""
        assert search.noise is not None
        weights = one_hot(search.noise, alphas)
        if self.per_cell:
            return Mixing(weights, active=[drawn(cell) for cell in weights])
        return Mixing(weights, active=drawn(weights))


RECIPE = Rsps()
