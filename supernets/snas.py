"""SNAS: every operation runs, mixed by a relaxed random draw."""

from dataclasses import dataclass

from torch import Tensor

from nas_selection_bench.supernets.parts.concrete import Concrete
from nas_selection_bench.supernets.parts.recipe import Mixing, SupernetState


@dataclass(frozen=True)
class Snas(Concrete):
    """Xie et al., "SNAS: Stochastic Neural Architecture Search", ICLR 2019.

    The weights of an edge are a sample of the concrete distribution over its operations, whose
    temperature falls; the gradient of the expected loss flows through the sample.
    """

    name = "snas"
    paper = 'Xie et al., "SNAS: Stochastic Neural Architecture Search", ICLR 2019'
    equation = (
        "edge output = sum_o z_o o(x), z = softmax((log softmax(alpha) + g) / tau), g ~ Gumbel(0, 1); "
        "tau linear from tau_max to tau_min; alphas and weights each on their half"
    )
    differs = (
        "the paper trains alphas and weights on one loss and one batch; this is the bilevel form and the temperature "
        "of the NAS-Bench-201 code in the DrNAS repository, except that ours reaches tau_min in the last epoch and "
        "theirs ends one step short of it; no resource penalty"
    )

    def mixing(self, search: SupernetState, alphas: Tensor) -> Mixing:
        """A relaxed sample."""
        return Mixing(self.sample(search, alphas))


RECIPE = Snas()
