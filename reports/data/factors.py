"""Ablations: pairs of selectors that differ in one part only, to separate what the papers changed together.

DARTS-PT has another criterion than DARTS, and it also decides edge by edge, with fine-tuning in between; its gain can
come from any of these. The parts are the criterion, what it measures, the candidate operations, and the schedule, that
is the order of the edges together with the fine-tuning between them.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from nas_selection_bench.bench.yardsticks.comparisons import Comparison, corrected


@dataclass(frozen=True)
class Factor:
    """Two selectors that differ in one part."""

    first: str
    second: str
    changed: str
    """What `first` has and `second` does not; everything else is the same."""

    @property
    def pair(self) -> frozenset[str]:
        """The two names, unordered."""
        return frozenset((self.first, self.second))


FACTORS = (
    Factor("darts-pt", "pt-random", "perturbation instead of a random pick, same order and fine-tuning"),
    Factor("darts-pt", "pt-magnitude", "perturbation instead of alphas, same order and fine-tuning"),
    Factor("pt-magnitude", "magnitude", "the schedule: edge by edge with fine-tuning, not all at once, by alphas"),
    Factor(
        "darts-pt-loss", "ostr-exact",
        "the schedule: edge by edge with fine-tuning, not all at once, by the loss without the operation",
    ),
    Factor("darts-pt-loss", "darts-pt", "loss instead of accuracy of the perturbed supernet"),
    Factor("magnitude-no-none", "magnitude", "candidates without the operation none"),
)  # fmt: skip
"""Every pair of founding criteria that differs in one part. Pairs that differ in more are excluded, such as
`zero-cost-pt-post` and `zero-cost-pt` (trained weights, but also no proposals and no second stage), or `ostr` and
`ostr-exact` (a gradient, but also its absolute value)."""


def contrasts(comparisons: Iterable[Comparison]) -> list[tuple[Factor, Comparison]]:
    """The FACTORS whose selectors were compared, each with its comparison; Holm's correction over these alone."""
    known = {frozenset((c.first, c.second)): c for c in comparisons}
    run = [factor for factor in FACTORS if factor.pair in known]
    return list(zip(run, corrected([known[factor.pair].seen_from(factor.first) for factor in run]), strict=True))
