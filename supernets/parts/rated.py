"""Recipes whose alphas are stepped by Adam at a rate that the command line may change."""

import math
from dataclasses import dataclass

from bench.errors import UsageError
from supernets.parts.recipe import Recipe


@dataclass(frozen=True)
class Rated(Recipe):
    """How fast the alphas move, which decides how soon a supernet collapses: two options more."""

    alpha_rate: float = Recipe.alpha_rate
    alpha_decay: float = Recipe.alpha_decay

    def __post_init__(self) -> None:
        if not (self.alpha_rate > 0 and math.isfinite(self.alpha_rate)):
            raise UsageError(f"{self.name}[alpha_rate={self.alpha_rate:g}]: the alphas learn at a rate above 0.")
        if not (self.alpha_decay >= 0 and math.isfinite(self.alpha_decay)):
            raise UsageError(f"{self.name}[alpha_decay={self.alpha_decay:g}]: weight decay is 0 or more.")
