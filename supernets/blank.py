"""The blank supernet: DARTS whose alphas are never updated, so that all operations weigh the same.

`blank[skip=0.6]` imposes a share on one operation of every edge, from the first step to the last: a collapse of known
depth, so that criteria can be tested on it without waiting for one. The other operations share the rest.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.problem.space import AVG_POOL, CONV_1X1, CONV_3X3, OPERATIONS, SKIP
from nas_selection_bench.bench.work.options import option, share
from nas_selection_bench.supernets.parts.recipe import Recipe

IMPOSED = {"skip": SKIP, "conv_1x1": CONV_1X1, "conv_3x3": CONV_3X3, "avg_pool": AVG_POOL}
"""The options that impose a share, and the operation that each applies to."""


@dataclass(frozen=True)
class Blank(Recipe):
    """Wang et al., "Rethinking Architecture Selection in Differentiable NAS", ICLR 2021, section 7.

    As in the released code the alphas stay at their initial 1e-3 noise, not at exactly zero; an imposed share is
    exact. An option at 0 imposes nothing.
    """

    skip: float = option(0.0, share, "share of skip connections on every edge; 0: as initialised")
    conv_1x1: float = option(0.0, share, "share of 1x1 convolutions on every edge; 0: as initialised")
    conv_3x3: float = option(0.0, share, "share of 3x3 convolutions on every edge; 0: as initialised")
    avg_pool: float = option(0.0, share, "share of average pooling on every edge; 0: as initialised")

    name = "blank"
    paper = 'Wang et al., "Rethinking Architecture Selection in Differentiable NAS", ICLR 2021, section 7 (fixed alpha)'
    equation = "alpha fixed at 1e-3 N(0, 1); w <- w - xi grad_w L_train(w, softmax(alpha))"
    tunes_alphas = False
    offers = "near-uniform probabilities, or one imposed share and nearly equal others"
    differs = (
        "nothing but the batches; the paper writes alpha = 0, the released code leaves it at its initial noise, and so "
        "do we; imposed shares are ours"
    )

    def __post_init__(self) -> None:
        asked = self._asked()
        if len(asked) > 1:
            raise UsageError(f"blank imposes a share on one operation only, not on {' and '.join(asked)}; choose one.")

    def _asked(self) -> dict[str, float]:
        return {name: asked for name in IMPOSED if (asked := getattr(self, name))}

    @property
    def learns_alphas(self) -> bool:
        """Whether an imposed share is the largest; otherwise the largest probability is a matter of noise."""
        return any(asked > 1 / len(OPERATIONS) for asked in self._asked().values())

    def initial_alphas(self, generator: torch.Generator) -> Tensor:
        """Noise, except that the softmax gives an operation with an imposed share exactly that share."""
        alphas = super().initial_alphas(generator)
        for asked, imposed_share in self._asked().items():
            imposed = IMPOSED[asked]
            others = [operation for operation in range(len(OPERATIONS)) if operation != imposed]
            alphas[:, imposed] = alphas[:, others].logsumexp(1) + math.log(imposed_share / (1 - imposed_share))
        return alphas


RECIPE = Blank()
