"""Cheaper options of selectors, and the selectors that differ from another only in their proxy."""

from functools import cache

from nas_selection_bench.selectors.parts import registry

CHEAPER = {
    "te-nas": "te-nas[images=2,repeats=1,samples=16]",
    "shapley": "shapley[samples=2]",
    "disc-zc": "disc-zc[proposals=1]",
    "zero-cost-rank": "zero-cost-rank[architectures=10]",
    "az-nas": "az-nas[architectures=10,images=8]",
    "balenas-tf": "balenas-tf[samples=10]",
}
"""Options that run every step of a selector in a fraction of the time."""


@cache
def relatives() -> frozenset[str]:
    """The selectors that differ from an earlier one only in their proxy."""
    families = set()
    found = []
    for name in registry.names():
        selector = registry.find(name)
        holder = getattr(selector, "rule", selector)
        family = (type(selector), type(holder), getattr(holder, "trained", None))
        if hasattr(holder, "proxy") and name != "balenas-tf" and family in families:
            found.append(name)
        families.add(family)
    return frozenset(found)
