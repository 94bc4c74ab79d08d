"""The blank supernet: DARTS whose alphas are never updated, so that all operations weigh the same.

`blank[skip=0.6]` gives one operation a share of its own on every edge, from the first step to the last: a collapse of
known depth, which a criterion meets without having to wait for it. The other operations share the rest.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.errors import UsageError
from bench.problem.space import AVG_POOL, CONV_1X1, CONV_3X3, OPERATIONS, SKIP
from supernets.parts.recipe import Recipe

IMPOSED = {"skip": SKIP, "conv_1x1": CONV_1X1, "conv_3x3": CONV_3X3, "avg_pool": AVG_POOL}
"""The options that give an operation a share, and which operation it is."""


@dataclass(frozen=True)
class Blank(Recipe):
    """Wang et al., "Rethinking Architecture Selection in Differentiable NAS", ICLR 2021, section 7.

    As in the released code the alphas stay at their initial 1e-3 noise, not at exactly zero; a share that is imposed
    is exact. An option at 0 imposes nothing.
    """

    skip: float = 0.0
    """The share of skip connections on every edge."""
    conv_1x1: float = 0.0
    """The share of 1x1 convolutions."""
    conv_3x3: float = 0.0
    """The share of 3x3 convolutions."""
    avg_pool: float = 0.0
    """The share of average pooling."""

    name = "blank"
    paper = 'Wang et al., "Rethinking Architecture Selection in Differentiable NAS", ICLR 2021, section 7 (fixed alpha)'
    equation = "alpha fixed at 1e-3 N(0, 1); w <- w - xi grad_w L_train(w, softmax(alpha))"
    tunes_alphas = False
    offers = "near-uniform probabilities, or one share as imposed and the others alike"
    differs = (
        "nothing but the batches; the paper writes alpha = 0, the released code leaves it at its initial noise, and so "
        "do we; imposed shares are ours"
    )

    def __post_init__(self) -> None:
        asked = self._asked()
        for option, share in asked.items():
            if not 0 < share < 1:
                raise UsageError(f"blank[{option}={share:g}]: the share of an operation lies between 0 and 1.")
        if len(asked) > 1:
            raise UsageError(f"blank gives one operation a share of its own, not {' and '.join(asked)}; choose one.")

    def _asked(self) -> dict[str, float]:
        return {option: share for option in IMPOSED if (share := getattr(self, option))}

    @property
    def learns_alphas(self) -> bool:
        """Only a share that is the largest says which operation to take; the others differ by noise."""
        return any(share > 1 / len(OPERATIONS) for share in self._asked().values())

    def initial_alphas(self, generator: torch.Generator) -> Tensor:
        """Noise; that of an operation with a share is set so that the softmax gives it exactly that."""
        alphas = super().initial_alphas(generator)
        for option, share in self._asked().items():
            imposed = IMPOSED[option]
            others = [operation for operation in range(len(OPERATIONS)) if operation != imposed]
            alphas[:, imposed] = alphas[:, others].logsumexp(1) + math.log(share / (1 - share))
        return alphas


RECIPE = Blank()
