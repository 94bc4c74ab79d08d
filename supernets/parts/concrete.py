"""What GDAS and SNAS share: samples of the concrete distribution, whose temperature falls over the epochs."""

from dataclasses import dataclass

import torch
from torch import Tensor

from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.work.options import above, option
from nas_selection_bench.supernets.network.supernet import Supernet
from nas_selection_bench.supernets.parts.recipe import Recipe, SupernetState
from nas_selection_bench.supernets.parts.sampling import gumbel, pass_of, relaxed


@dataclass(frozen=True)
class Concrete(Recipe):
    """A recipe whose passes draw their edge weights from softmax((log softmax(alpha) + g) / tau), g ~ Gumbel(0, 1)."""

    tau_max: float = option(10.0, above(0), "temperature of the first epoch")
    tau_min: float = option(1.0, above(0), "temperature of the last epoch")

    def __post_init__(self) -> None:
        if self.tau_min > self.tau_max:
            raise UsageError(
                f"{self.name}[tau_max={self.tau_max:g},tau_min={self.tau_min:g}]: need 0 < tau_min <= tau_max."
            )

    def schedule(self, epoch: int, epochs: int) -> dict[str, float]:
        """The temperature, linear over the epochs."""
        return {"tau": self.tau_max - (self.tau_max - self.tau_min) * epoch / max(epochs - 1, 1)}

    def noise(self, generator: torch.Generator, steps: int, network: Supernet) -> Tensor:
        """Gumbel noise for both passes of each step."""
        return gumbel(generator, steps)

    def sample(self, search: SupernetState, alphas: Tensor) -> Tensor:
        """The relaxed draw [6, 5] of this pass, differentiable in `alphas`."""
        assert search.noise is not None
        return relaxed(alphas, search.noise[pass_of(alphas)], search.numbers["tau"])
