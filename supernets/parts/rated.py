"""Recipes whose alphas are stepped by Adam at a rate that the command line may change."""

from dataclasses import dataclass

from nas_selection_bench.bench.work.options import above, at_least, option
from nas_selection_bench.supernets.parts.recipe import Recipe


@dataclass(frozen=True)
class Rated(Recipe):
    """How fast the alphas move, which decides how soon a supernet collapses: two options more."""

    alpha_rate: float = option(Recipe.alpha_rate, above(0), "learning rate of the alphas (Adam)")
    alpha_decay: float = option(Recipe.alpha_decay, at_least(0), "weight decay of the alphas")
