"""BaLeNAS-TF: draw architectures from the learnt distribution and choose among them by a training-free proxy.

Zhang et al., "BaLeNAS: Differentiable Architecture Search via the Bayesian Learning Rule",
CVPR 2022: instead of the most likely architecture, sample a group from the distribution over alphas and take the
one that a training-free measure prefers. OUR READING as a selector, from the abstract: no code is public. Edges
are drawn independently with the recipe's probabilities (in the paper: from a Gaussian over alphas that its own
training learns), and the proxy scores untrained stand-alone networks. The default proxy is nwot; `proxy=` sets another.
"""

from dataclasses import dataclass

import torch

from nas_selection_bench.bench.problem.selection import Selection
from nas_selection_bench.bench.problem.space import Architecture
from nas_selection_bench.bench.work.options import one_of, option, positive
from nas_selection_bench.selectors import proxies
from nas_selection_bench.selectors.parts.criterion import Selector
from nas_selection_bench.selectors.parts.needs import Needs
from nas_selection_bench.selectors.parts.view import Search
from nas_selection_bench.selectors.parts.zero_cost import needs_of
from nas_selection_bench.selectors.zero_cost_rank import best_by_proxy


@dataclass(frozen=True, kw_only=True)
class SampleAndScore(Selector):
    """Selects, by a proxy, among architectures drawn from the alphas."""

    proxy: str = option("nwot", one_of(*proxies.names()), "the training-free measure")
    samples: int = option(100, positive, "architectures drawn; duplicates are scored once")

    @property
    def needs(self) -> Needs:
        """The alphas and the inputs of the proxy."""
        return needs_of(proxies.find(self.proxy), trained=False) | Needs(alphas=True)

    stochastic = True

    def select(self, search: Search) -> Selection:
        """Draw architectures, score them and take the best."""
        generator = search.generator("samples")
        probabilities = torch.from_numpy(search.probabilities())
        draws = torch.multinomial(probabilities, self.samples, replacement=True, generator=generator)
        drawn: list[Architecture] = [tuple(column) for column in draws.T.tolist()]
        return best_by_proxy(search, proxies.find(self.proxy), list(dict.fromkeys(drawn)))


SELECTOR = SampleAndScore(
    paper="Zhang et al., BaLeNAS, CVPR 2022 (our reading of the abstract)",
    formula="nwot(stand-alone network, untrained) of architectures drawn from p; (e, o): mean over those",
    direction="largest",
    passes="one score for each of at most 100 architectures",
    differs="no code is public; edges are drawn from the recipe's probabilities, not from a Gaussian over alphas",
)
