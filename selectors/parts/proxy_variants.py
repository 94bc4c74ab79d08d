"""The family of Zero-Cost-PT: for each proxy a search on untrained supernets, and its scores on a trained one."""

from typing import Protocol

from nas_selection_bench.selectors import proxies
from nas_selection_bench.selectors.parts.criterion import Selector
from nas_selection_bench.selectors.parts.schedule import Greedy
from nas_selection_bench.selectors.parts.zero_cost import ProxyRule

MAIN = "nwot"
"""The proxy whose criteria have no suffix: the paper's."""

AS_SCORED = {
    "nwot": "nwot[reached=no]",
    "params": "params[reached=yes]",
    "flops": "flops[reached=yes]",
    "l2_norm": "l2_norm[reached=yes]",
}
"""Proxies with other options than their own defaults. The paper's code counts every ReLU that runs; those of masked
operations are fed zeros. The plain counts are the same whatever is masked, so only what the logits depend on counts."""

LOOKS_INSIDE = ("linear_regions", "meco", "nwot", "swap", "zen")
"""Proxies that read activations."""

PAPER = "Xiang et al., Zero-Cost Operation Scoring in Differentiable Architecture Search, AAAI 2023"

COMMON = (
    "A masked operation, and every one that a decision took out, is fed zeros, as in the code (in the paper's words it"
    " is not there: masked=absent). "
    "An operation for which the proxy has no value is not chosen, as in the code (nanargmin); it scores just below the"
    " others. Un-augmented images of the selection half (the code: training transform, first half); batch norm {bn};"
    " the orders global-*-once sort by the scores (the code's popitem() takes the last edge, so that they are reverse)"
)
FOLLOWS = "as --bn says (the code: running statistics, --bn running; of a fresh network they do nothing)"
PRESCRIBES = "as the proxy prescribes, whatever --bn says: {proxy}"

POST = "One mini-batch for all edges; the mixture is the recipe's, and without the masked operation not renormalised. "
SEARCH = (
    "Each proposal has new weights (the released code draws only new alphas, so that with a fixed edge order all N"
    " proposals are one cell: reinitialise=no), one mini-batch per proposal (the code: one per edge), an exactly"
    " uniform mixture, and in stage 2 one draw of the proxy's own random numbers for all V mini-batches, so that V is"
    " without effect for a proxy that reads no images. "
)


class SearchWith(Protocol):
    """A search on untrained supernets, made for a rule and its descriptions."""

    def __call__(
        self, *, paper: str, formula: str, direction: str, passes: str, differs: str, version: int, rule: ProxyRule
    ) -> Selector:
        """The selector of that name."""


def variants(
    search: SearchWith, rule: type[ProxyRule], *, formula: str, direction: str, remark: str = ""
) -> dict[str, Selector]:
    """By suffix: one search per proxy (`PROXY`; MAIN has none), and its scores on the trained supernet (`-post`).

    `remark` stands before what differs from the released code.
    """
    selectors: dict[str, Selector] = {}
    for proxy in proxies.names():
        about = proxies.find(AS_SCORED.get(proxy, proxy))
        suffix = "" if proxy == MAIN else proxy.replace("_", "-")
        text = formula.format(proxy=proxies.spelled(about))
        version = about.version + (proxy in AS_SCORED)  # since these options are set
        version += proxy in LOOKS_INSIDE  # since masked operations are fed zeros
        source = f"{PAPER}; the proxy: {about.paper}"
        common = COMMON.format(bn=FOLLOWS if about.follows_batch_norm else PRESCRIBES.format(proxy=about.batch_norm))
        common += f". {about.caution}" if about.caution else ""
        selectors[suffix] = search(
            paper=source, formula=text, direction=direction, differs=remark + SEARCH + common, version=version,
            passes="N times 30 scores, and V per distinct proposal", rule=rule(proxy=about),
        )  # fmt: skip
        selectors[f"{suffix}-post".lstrip("-")] = Greedy(
            paper=source, formula=f"{text}, trained supernet", direction=direction,
            differs=remark + POST + common, version=version, passes="30 scores", rule=rule(proxy=about, trained=True),
            order="random",
        )  # fmt: skip
    return selectors
