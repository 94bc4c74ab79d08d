"""SNIP on operation gates: how much the loss of a fresh supernet depends on each operation.

Lee, Ajanthan & Torr, "SNIP: Single-shot Network Pruning based on Connection Sensitivity", ICLR 2019,
with a gate per operation instead of one per weight: |dL/dc| at c = 1, which is |p dL/dp|. SNIP prunes at
initialisation, so the supernet is untrained and the mixture uniform; `op-snip-post` scores the trained supernet,
where it equals `ostr`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from nas_selection_bench.selectors.parts.gates import GateRule, gate_gradients
from nas_selection_bench.selectors.parts.schedule import Greedy
from nas_selection_bench.selectors.parts.view import Search


@dataclass(frozen=True, kw_only=True)
class GateSensitivity(GateRule):
    """The connection sensitivity of an operation's gate."""

    def score(self, search: Search, edges: Sequence[int]) -> np.ndarray:
        """[k, 5]: |dL/dc|, 0 for `none`."""
        return gate_gradients(search).abs().numpy()[list(edges)]


PAPER = "Lee, Ajanthan & Torr, SNIP, ICLR 2019, on operation gates"

SELECTOR = Greedy(
    paper=PAPER,
    formula="|dL/dc(e, o)|, c a gate on the operation, untrained",
    direction="largest",
    passes="B forward and B backward",
    differs="the authors' code prunes weights, not gates",
    rule=GateSensitivity(),
)

VARIANTS = {
    "post": replace(
        SELECTOR, formula="|dL/dc(e, o)|, c a gate on the operation, trained", rule=GateSensitivity(trained=True)
    )
}
