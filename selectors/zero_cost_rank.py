"""Zero-cost ranking: draw architectures, score each untrained network by a proxy, take the best.

Mellor, Turner, Storkey & Crowley, "Neural Architecture Search without Training" (NASWOT), ICML 2021,
whose proxy is nwot; `zero-cost-rank-PROXY` uses another proxy. The networks are those that NAS-Bench-201 trains, with
fresh weights; all see the same images. Only the size of the supernet is used, not its weights or alphas.
"""

from dataclasses import dataclass

import numpy as np

from nas_selection_bench.bench.problem.selection import Selection
from nas_selection_bench.bench.problem.space import Architecture
from nas_selection_bench.bench.work.options import option
from nas_selection_bench.selectors import proxies
from nas_selection_bench.selectors.parts.criterion import Selector
from nas_selection_bench.selectors.parts.needs import Needs
from nas_selection_bench.selectors.parts.ranking import sample_uniformly, some_or_all, take_best
from nas_selection_bench.selectors.parts.view import Search
from nas_selection_bench.selectors.parts.zero_cost import needs_of, score_architectures
from nas_selection_bench.selectors.proxies import Proxy


@dataclass(frozen=True, kw_only=True)
class ZeroCostRank(Selector):
    """Selects the random architecture with the best zero-cost proxy."""

    proxy: Proxy
    architectures: int = option(100, some_or_all, "number of random architectures to score")

    @property
    def needs(self) -> Needs:
        """The inputs of the proxy."""
        return needs_of(self.proxy, trained=False)

    stochastic = True

    def select(self, search: Search) -> Selection:
        """Draw architectures, score them and take the best; those without a proxy value are left out and counted."""
        drawn = sample_uniformly(self.architectures, search.shared_generator("architectures"))
        return best_by_proxy(search, self.proxy, drawn)


def best_by_proxy(search: Search, proxy: Proxy, architectures: list[Architecture]) -> Selection:
    """The architecture whose untrained network the proxy scores best; raises ProxyFailure if none has a value."""
    values, failure = score_architectures(search, proxy, architectures)
    if not values:
        raise proxies.ProxyFailure(f"no architecture drawn has a value; the last failure: {failure}")
    selection = take_best(search, list(values), np.array(list(values.values())))
    selection.facts["without_value"] = len(set(architectures)) - len(values)
    return selection


def _of(proxy: str) -> Selector:
    about = proxies.find(proxy)
    return ZeroCostRank(
        paper=f"Mellor et al., NASWOT, ICML 2021; the proxy: {about.paper}",
        formula=f"{proxy}(stand-alone network, untrained); (e, o): mean over architectures",
        direction="largest",
        passes="one score for each of 100 architectures",
        differs=(
            "one un-augmented mini-batch of the selection half (64 to 256 images by preset), and one seed for the"
            " weights of all architectures (the code: 128 augmented images, and new weights for each); 100"
            " architectures (the paper: 10, 100, ...)"
        ),
        version=about.version,
        proxy=about,
    )


SELECTOR = _of("nwot")
VARIANTS = {proxy.replace("_", "-"): _of(proxy) for proxy in proxies.names() if proxy != "nwot"}
