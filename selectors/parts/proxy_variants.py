"""The Zero-Cost-PT family of selectors: for each proxy, a search on untrained supernets and one on the trained one."""

from typing import Protocol

from nas_selection_bench.selectors import proxies
from nas_selection_bench.selectors.parts.criterion import Selector
from nas_selection_bench.selectors.parts.schedule import Greedy
from nas_selection_bench.selectors.parts.zero_cost import ProxyRule

MAIN = "nwot"
"""The paper's proxy, whose criteria have no suffix."""

AS_SCORED = {
    "nwot": "nwot[reached=no]",
    "params": "params[reached=yes]",
    "flops": "flops[reached=yes]",
    "l2_norm": "l2_norm[reached=yes]",
}
"""Proxies used with options that are not their defaults. The paper's code counts every ReLU that runs, and those of
masked operations are fed zeros. Plain counts do not depend on what is masked, so only layers that reach the logits
are counted."""

LOOKS_INSIDE = ("linear_regions", "meco", "nwot", "swap", "zen")
"""Proxies that read the activations inside the network."""

PAPER = "Xiang et al., Zero-Cost Operation Scoring in Differentiable Architecture Search, AAAI 2023"

COMMON = (
    "Masked operations, and operations that a decision removed, are fed zeros, as in the code (in the paper they are"
    " absent: masked=absent). "
    "An operation for which the proxy has no value is not chosen, as in the code (nanargmin); it scores just below the"
    " others. Un-augmented images of the selection half (the code: training transform, first half); batch norm {bn};"
    " the orders global-*-once sort by the scores (the code's popitem() takes the last edge, which makes them reverse)"
)
FOLLOWS = "as --bn says (the code: running statistics, --bn running, which do nothing in a fresh network)"
PRESCRIBES = "as the proxy prescribes, whatever --bn says: {proxy}"

POST = "One mini-batch for all edges; the mixture is the recipe's and is not renormalised after masking. "
SEARCH = (
    "Each proposal has new weights (the released code draws only new alphas, so that with a fixed edge order all N"
    " proposals are one cell: reinitialise=no), one mini-batch (the code: one per edge) and an exactly uniform mixture;"
    " stage 2 reads at most the mini-batches of the selection half (98 of CIFAR, where the published V is 100), the"
    " same for all proposals (the code: the same images in other batches, augmented anew, for each), and draws the"
    " proxy's own random numbers once for all V mini-batches, so that V has no effect on a proxy that reads no images. "
)


class SearchWith(Protocol):
    """The constructor of a search on untrained supernets, from a rule and its descriptions."""

    def __call__(
        self, *, paper: str, formula: str, direction: str, passes: str, differs: str, version: int, rule: ProxyRule
    ) -> Selector:
        """The selector for `rule`."""


def variants(
    search: SearchWith, rule: type[ProxyRule], *, formula: str, direction: str, remark: str = ""
) -> dict[str, Selector]:
    """The selectors of all proxies, by suffix.

    For each proxy a search on untrained supernets (suffix `PROXY`, empty for MAIN) and a greedy selector on the trained
    supernet (`PROXY-post`, `post`). `formula` has a placeholder `{proxy}`; `remark` is put before the differences from
    the released code.
    """
    selectors: dict[str, Selector] = {}
    for proxy in proxies.names():
        about = proxies.find(AS_SCORED.get(proxy, proxy))
        suffix = "" if proxy == MAIN else proxy.replace("_", "-")
        text = formula.format(proxy=proxies.spelled(about))
        version = about.version + (proxy in AS_SCORED)  # one more since these options are set
        version += proxy in LOOKS_INSIDE  # one more since masked operations are fed zeros
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
