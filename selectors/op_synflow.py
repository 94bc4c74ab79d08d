"""Synaptic flow on operation gates: the share of a supernet's flow that passes through each operation.

Tanaka, Kunin, Yamins & Ganguli, "Pruning neural networks without any data by iteratively conserving synaptic flow",
NeurIPS 2020: the score of a parameter is |c dR/dc|, R the sum of the outputs for an image of ones, with the absolute
values of all weights and without batch norm (Abdelfattah et al., ICLR 2021), in double precision. OUR READING for
operations: the paper prunes weights; here c is the gate of an operation, at 1, so that c dR/dc is p dR/dp with p its
weight in the mixture. Scores are divided by R, which is common to all operations and reaches 1e50. No image is read.

SynFlow prunes at initialisation, so the supernet is untrained and the mixture uniform; `op-synflow-post` scores the
trained one. With positive weights and no batch norm, the score depends only on how much an operation lets through.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from nas_selection_bench.selectors.parts.gates import GateRule
from nas_selection_bench.selectors.parts.needs import Needs
from nas_selection_bench.selectors.parts.schedule import Greedy
from nas_selection_bench.selectors.parts.view import Search
from nas_selection_bench.selectors.proxies import ProxyFailure
from nas_selection_bench.selectors.proxies._network import use_batch_norm


@dataclass(frozen=True, kw_only=True)
class GateFlow(GateRule):
    """The share of the synaptic flow that passes through an operation, summed over cells."""

    @property
    def needs(self) -> Needs:
        """Nothing, or the trained mixture for `-post`."""
        return Needs(trained=self.trained, alphas=self.trained)

    def score(self, search: Search, edges: Sequence[int]) -> np.ndarray:
        """[k, 5]: |c dR/dc| / R at c = 1; 0 for `none`. Raises ProxyFailure if R is zero or not finite."""
        mixture = search.mixture(search.weights()).double()
        use_batch_norm(mixture, "bypassed")
        with torch.no_grad():
            for tensor in mixture.state_dict().values():
                tensor.abs_()
        gates = torch.ones_like(mixture.weights, requires_grad=True)
        image = search.proxy_batches(1)[0][0][:1]
        flow = mixture.network(torch.ones_like(image, dtype=torch.float64), mixture.weights * gates).sum()
        (gradient,) = torch.autograd.grad(flow, [gates])
        search.meter.count(forward=1, backward=1)
        total = float(flow.detach())
        if not 0 < total < math.inf:
            raise ProxyFailure(f"the synaptic flow is {total}; it must be positive and finite to be divided by.")
        return (gradient / total).abs().cpu().numpy()[list(edges)]


PAPER = "Tanaka, Kunin, Yamins & Ganguli, SynFlow, NeurIPS 2020, on operation gates (our reading)"

SELECTOR = Greedy(
    paper=PAPER,
    formula="|dR/dc(e, o)| / R, c a gate on the operation, R the flow of an image of ones with |w|, untrained",
    direction="largest",
    passes="one forward and one backward of a single image",
    differs=(
        "the authors' code prunes weights iteratively; here gates are scored, once; batch norm is bypassed whatever"
        " --bn says; scores are divided by R, which changes no ranking"
    ),
    rule=GateFlow(),
)

VARIANTS = {
    "post": replace(
        SELECTOR,
        formula="|dR/dc(e, o)| / R, c a gate on the operation, R the flow of an image of ones with |w|, trained",
        rule=GateFlow(trained=True),
    )
}
