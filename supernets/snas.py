"""SNAS: every operation runs, mixed by a relaxed random draw."""

from dataclasses import dataclass

import torch
from torch import Tensor

from supernets.contract import Mixing, Recipe, Search
from supernets.network import Supernet
from supernets.sampling import gumbel, pass_of, relaxed


@dataclass(frozen=True)
class Snas(Recipe):
    """Xie et al., "SNAS: Stochastic Neural Architecture Search", ICLR 2019, section 2.2.

    The weights of an edge are a sample of the concrete distribution over its operations, whose
    temperature falls; the gradient of the expected loss comes through the sample.
    """

    tau_max: float = 10.0
    """Temperature of the first epoch."""
    tau_min: float = 1.0
    """Temperature of the last epoch."""

    name = "snas"
    paper = 'Xie et al., "SNAS: Stochastic Neural Architecture Search", ICLR 2019, section 2.2, equation 4'
    equation = (
        "edge output = sum_o z_o o(x), z = softmax((log softmax(alpha) + g) / tau), g ~ Gumbel(0, 1); "
        "tau linear from tau_max to tau_min; alphas and weights each on their half"
    )
    differs = (
        "the paper trains alphas and weights on one loss and batch; this is the bilevel form and the temperature "
        "of the NAS-Bench-201 code in the DrNAS repository; no resource penalty"
    )

    def schedule(self, epoch: int, epochs: int) -> dict[str, float]:
        """The temperature, linear over the epochs."""
        return {"tau": self.tau_max - (self.tau_max - self.tau_min) * epoch / max(epochs - 1, 1)}

    def noise(self, generator: torch.Generator, steps: int, network: Supernet) -> Tensor:
        """Gumbel noise of both passes of each step."""
        return gumbel(generator, steps)

    def mixing(self, search: Search, alphas: Tensor) -> Mixing:
        """A relaxed sample."""
        assert search.noise is not None
        return Mixing(relaxed(alphas, search.noise[pass_of(alphas)], search.numbers["tau"]))


RECIPE = Snas()
