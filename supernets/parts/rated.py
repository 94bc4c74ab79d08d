"""Base class of recipes whose alphas step by Adam with a rate and weight decay that are options."""

from dataclasses import dataclass

from nas_selection_bench.bench.work.options import above, at_least, option
from nas_selection_bench.supernets.parts.recipe import Recipe


@dataclass(frozen=True)
class Rated(Recipe):
    """A recipe with options for how fast its alphas move, which decides how soon a supernet collapses."""

    alpha_rate: float = option(Recipe.alpha_rate, above(0), "learning rate of the alphas (Adam)")
    alpha_decay: float = option(Recipe.alpha_decay, at_least(0), "weight decay of the alphas")
