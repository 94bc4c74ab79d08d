"""Zero-Cost-PT: perturb an untrained supernet and score it by a zero-cost proxy.

Xiang, Dudziak, Abdelfattah, Chau, Lane & Wen, "Zero-Cost Operation Scoring in Differentiable Architecture
Search", AAAI 2023. Stage 1 makes N proposals: on an untrained supernet, edge by edge, mask each
operation and keep the one without which the proxy is lowest. Stage 2 builds each distinct proposal as a
stand-alone network, sums the proxy over V mini-batches, and takes the best.

The paper's proxy is nwot (`jacob` in its code); `zero-cost-pt-PROXY` uses another. `zero-cost-pt-post` and
`zero-cost-pt-PROXY-post` score the trained supernet, once and without stage 2, as the paper's comparisons do.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from nas_selection_bench.bench.problem.selection import Decision, Selection, architecture_made_by
from nas_selection_bench.bench.problem.space import Architecture
from nas_selection_bench.bench.work.options import one_of, option, or_preset, positive, yes_or_no
from nas_selection_bench.selectors import proxies
from nas_selection_bench.selectors.parts.criterion import Selector
from nas_selection_bench.selectors.parts.evaluation import require_enough
from nas_selection_bench.selectors.parts.needs import Needs
from nas_selection_bench.selectors.parts.orders import ORDERS
from nas_selection_bench.selectors.parts.proxy_variants import variants
from nas_selection_bench.selectors.parts.schedule import decide_greedily
from nas_selection_bench.selectors.parts.view import Search
from nas_selection_bench.selectors.parts.zero_cost import MaskByProxy, ProxyRule, proxy_score


@dataclass(frozen=True, kw_only=True)
class ZeroCostSearch(Selector):
    """Makes N proposals on untrained supernets and selects the best one over V mini-batches."""

    rule: ProxyRule
    order: str = option("random", one_of(*ORDERS), "order in which edges are decided")
    proposals: int | None = option(None, or_preset(positive), "number of proposals N in stage 1")
    validation: int | None = option(None, or_preset(positive), "number of mini-batches V in stage 2")
    reinitialise: bool = option(True, yes_or_no, "draw new weights for each proposal; the released code does not")

    @property
    def needs(self) -> Needs:
        """The inputs of the proxy, and the alphas if the edge order reads them."""
        return self.rule.needs | ORDERS[self.order].needs

    stochastic = True

    def select(self, search: Search) -> Selection:
        """Make and validate proposals, and take the best.

        The scores returned are those of the first proposal, before any decision. Raises ProxyFailure if the proxy has
        no value for any proposal, SkipCell if more validation mini-batches are asked for than there are.
        """
        if self.validation is not None:
            require_enough("validation", self.validation, search.proxy_batch_count)
        scores, proposed = zip(*self._proposals(search), strict=True)
        architectures = [architecture_made_by(decisions) for decisions in proposed]
        values = {architecture: self._validate(search, architecture) for architecture in dict.fromkeys(architectures)}
        best = max(values, key=values.__getitem__)
        if values[best] == -math.inf:
            raise proxies.ProxyFailure(f"{self.rule.proxy.name} has no value for any of the proposed architectures")
        return Selection(
            best, scores[0], proposed[architectures.index(best)],
            facts={"proposals": len(proposed), "distinct_proposals": len(values)},
        )  # fmt: skip

    def _proposals(self, search: Search) -> list[tuple[np.ndarray, list[Decision]]]:
        """Stage 1: the scores before any decision, and the decisions, of each proposal.

        Only the first proposal has all 30 scores. Proposals on whose networks the proxy fails are left out and
        counted; if all fail, the last failure is raised.
        """
        made: list[tuple[np.ndarray, list[Decision]]] = []
        number = self.proposals or search.budget.proposals
        for i in range(number):
            proposal = search.branch(search.shared_generator("proposal", index=i if self.reinitialise else 0))
            proposal.axes = {"proposal": i}
            rule = replace(self.rule, place=i)
            try:
                made.append(decide_greedily(rule, self.order, 0, proposal, all_scores=not made))
            except proxies.ProxyFailure:
                if i + 1 == number and not made:
                    raise
                search.facts["failed_proposals"] += 1
        return made

    def _validate(self, search: Search, architecture: Architecture) -> float:
        """Stage 2: the sum of the proxy over V mini-batches on the untrained stand-alone network."""
        network = search.standalone(architecture, search.shared_generator("stand-alone"))
        batches = search.proxy_batches(self.validation or search.budget.validation_batches)
        seed = search.shared_seed("validation")
        try:
            return sum(proxy_score(search, self.rule.proxy, network, batch, seed) for batch in batches)
        except proxies.ProxyFailure:  # an architecture without a proxy value is never chosen
            return -math.inf


VARIANTS = variants(
    ZeroCostSearch, MaskByProxy, formula="-{proxy}(supernet without o on e)", direction="lowest proxy without it"
)
SELECTOR = VARIANTS.pop("")
