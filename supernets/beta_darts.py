"""Beta-DARTS: the alphas of an edge are regularised by a penalty on their smooth maximum."""

from dataclasses import dataclass

from torch import Tensor

from nas_selection_bench.bench.work.options import at_least, option
from nas_selection_bench.supernets.parts.rated import Rated
from nas_selection_bench.supernets.parts.recipe import SupernetState


@dataclass(frozen=True)
class BetaDarts(Rated):
    """Ye et al., "beta-DARTS: Beta-Decay Regularization for Differentiable Architecture Search", CVPR 2022.

    The gradient of the penalty with respect to alpha_o is softmax(alpha)_o / 6, so the strongest operation
    of each edge is pulled down hardest. The weight of the penalty grows linearly from zero.
    """

    decay: float = option(50.0, at_least(0), "value that the penalty's weight approaches: decay t/T")

    name = "beta-darts"
    paper = 'Ye et al., "beta-DARTS: Beta-Decay Regularization for Differentiable Architecture Search", CVPR 2022'
    equation = "L_val + lambda(t) mean_e logsumexp_o(alpha_eo), lambda(t) = decay t/T; else as darts"
    differs = (
        "the batches; as in the released code, Adam's weight decay of 1e-3 on the alphas stays on (there the alphas' "
        "gradient also counts in the norm that is clipped, and the cosine runs one epoch ahead)"
    )

    def schedule(self, epoch: int, epochs: int) -> dict[str, float]:
        """The penalty's weight: linear over the epochs, zero in the first."""
        return {"lambda": self.decay * epoch / epochs}

    def penalty(self, search: SupernetState) -> Tensor:
        """The weighted mean over edges of the alphas' smooth maximum."""
        return search.numbers["lambda"] * search.alphas.logsumexp(-1).mean()


RECIPE = BetaDarts()
