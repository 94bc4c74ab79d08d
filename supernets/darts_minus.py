"""DARTS-: an auxiliary skip connection on every edge, which fades out during the search."""

from dataclasses import dataclass

from torch import Tensor

from nas_selection_bench.bench.work.options import at_least, option
from nas_selection_bench.supernets.parts.rated import Rated
from nas_selection_bench.supernets.parts.recipe import Mixing, SupernetState


@dataclass(frozen=True)
class DartsMinus(Rated):
    """Chu et al., "DARTS-: Robustly Stepping out of Performance Collapse Without Indicators", ICLR 2021.

    beta(t) x is added to the mixed output of every edge, outside the softmax; beta decays linearly from
    `beta` to near zero. All edges of NAS-Bench-201 have stride 1, so the auxiliary path is the identity.
    At selection beta is 0: selectors see the mixture without the auxiliary skip.
    """

    beta: float = option(1.0, at_least(0), "the auxiliary skip's weight in the first epoch")

    name = "darts-minus"
    paper = 'Chu et al., "DARTS-: Robustly Stepping out of Performance Collapse Without Indicators", ICLR 2021'
    equation = "edge output = beta(t) x + sum_o softmax(alpha)_o o(x), beta(t) = beta (1 - t/T); else as darts"
    offers = "probabilities, without the auxiliary skip"
    differs = (
        "nothing in the decay (linear, beta/T in the last epoch); the authors released no NAS-Bench-201 code; the "
        "network of a checkpoint was last trained with beta > 0 (0.1 in the last of ten epochs; the authors' last of "
        "fifty has 0.02) but selectors see it with beta = 0, so supernet accuracy and curves over epochs describe a "
        "mixture that was never trained"
    )

    def schedule(self, epoch: int, epochs: int) -> dict[str, float]:
        """The auxiliary skip's weight: it decays linearly to beta/T in the last epoch."""
        return {"skip": self.beta * (1 - epoch / epochs)}

    def mixing(self, search: SupernetState, alphas: Tensor) -> Mixing:
        """The softmax, with the auxiliary skip added."""
        return Mixing(self.edge_weights(alphas), skip=search.numbers["skip"])


RECIPE = DartsMinus()
