"""GraSP on operation gates: keep the operations whose removal would reduce the gradient flow most.

Wang, Zhang & Grosse, "Picking Winning Tickets Before Training by Preserving Gradient Flow", ICLR 2020:
to first order, removing what a gate c multiplies changes the squared norm of the gradient by
-2 c (H g), with g and H the gradient and the Hessian of the loss. GraSP removes what has the largest -c (H g)
and keeps what has the smallest, so the score is c (H g). Here c are the gates of the operations, at 1.

`sign=proxy` reverses the sign: THE OPPOSITE CONVENTION, that of the zero-cost-proxy literature (Abdelfattah et al.,
ICLR 2021, and its code zero-cost-nas), where a larger sum of -w (H g) over a network is better. GraSP prunes at
initialisation, so the supernet is untrained; `op-grasp-post` scores the trained one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from nas_selection_bench.bench.work.options import one_of, option
from nas_selection_bench.selectors.parts.gates import GateRule
from nas_selection_bench.selectors.parts.schedule import Greedy
from nas_selection_bench.selectors.parts.view import Search


@dataclass(frozen=True, kw_only=True)
class GradientPreservation(GateRule):
    """How much gradient flow is lost by removing the operation."""

    sign: str = option("paper", one_of("paper", "proxy"), "keep what GraSP keeps, or what the proxy literature prefers")

    def score(self, search: Search, edges: Sequence[int]) -> np.ndarray:
        """[k, 5]: c (H g) at c = 1, or minus that (`sign=proxy`); 0 for `none`."""
        # The literal network, because the fused one has no second derivatives.
        mixture = search.mixture(search.weights())
        weights = search.weights()
        gates = torch.ones_like(weights, requires_grad=True)

        def gradient(batch: tuple[Tensor, Tensor], keep: bool) -> Tensor:
            x, y = batch
            loss = F.cross_entropy(mixture.network(x, weights * gates), y) * (len(y) / images)
            search.meter.count(forward=1, backward=1)
            return torch.autograd.grad(loss, [gates], create_graph=keep)[0]

        batches = search.batches
        images = sum(len(y) for _, y in batches)
        whole = torch.stack([gradient(batch, keep=False) for batch in batches]).sum(0)
        flow = torch.zeros_like(whole)
        for batch in batches:
            flow += torch.autograd.grad((gradient(batch, keep=True) * whole).sum(), [gates])[0]
            search.meter.count(backward=1)
        scores = flow.double().cpu().numpy()[list(edges)]
        return scores if self.sign == "paper" else -scores


PAPER = "Wang, Zhang & Grosse, GraSP, ICLR 2020, on operation gates"

SELECTOR = Greedy(
    paper=PAPER,
    formula="c (H g), c the gates of the operations at 1, untrained",
    direction="smallest -c (H g), which is what GraSP keeps",
    passes="2 B forward and 3 B backward",
    differs=(
        "The authors' code prunes weights, not gates, with the logits divided by a temperature of 200 (here 1, as in"
        " zero-cost-nas). The sign is the opposite of that of zero-cost-nas,"
        " which scores a whole network by the sum of -w (H g), larger = better, and of the -c (H g) of gates scored in"
        " the same way: GraSP itself removes what has the largest -c (H g), and what it would remove last is kept here;"
        " sign=proxy follows zero-cost-nas"
    ),
    rule=GradientPreservation(),
)

VARIANTS = {
    "post": replace(
        SELECTOR,
        formula="c (H g), c the gates of the operations at 1, trained",
        rule=GradientPreservation(trained=True),
    )
}
