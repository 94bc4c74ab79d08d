"""One criterion per proxy: the search on untrained supernets, and the same scores on the trained one (`-post`)."""

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


class SearchWith(Protocol):
    """A search on untrained supernets, made for a rule and its descriptions."""

    def __call__(
        self, *, paper: str, formula: str, direction: str, passes: str, differs: str, version: int, rule: ProxyRule
    ) -> Selector:
        """The selector of that name."""


def variants(
    search: SearchWith,
    rule: type[ProxyRule],
    paper: str,
    *,
    formula: str,
    direction: str,
    differs: str,
    differs_post: str,
) -> dict[str, Selector]:
    """By suffix: one search per proxy (`PROXY`; MAIN has none), and its scores on the trained supernet (`-post`)."""
    selectors: dict[str, Selector] = {}
    for proxy in proxies.names():
        about = proxies.find(AS_SCORED.get(proxy, proxy))
        suffix = "" if proxy == MAIN else proxy.replace("_", "-")
        text = formula.format(proxy=proxies.spelled(about))
        version = about.version + (proxy in AS_SCORED)  # since these options are set
        version += proxy in LOOKS_INSIDE  # since masked operations are fed zeros
        source = f"{paper}; the proxy: {about.paper}"
        selectors[suffix] = search(
            paper=source, formula=text, direction=direction, differs=differs, version=version,
            passes="N times 30 scores, and V per distinct proposal", rule=rule(proxy=about),
        )  # fmt: skip
        selectors[f"{suffix}-post".lstrip("-")] = Greedy(
            paper=source, formula=f"{text}, trained supernet", direction=direction, differs=differs_post,
            version=version, passes="30 scores", rule=rule(proxy=about, trained=True), order="random",
        )  # fmt: skip
    return selectors
