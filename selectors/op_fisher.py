"""Fisher on operation gates: how much the loss would rise if an operation were removed, by its Fisher information.

Theis, Korshunova, Tejani & Huszar, "Faster gaze prediction with dense networks and Fisher pruning",
arXiv 1801.05787, 2018: removing what a gate c multiplies raises the loss by half the Fisher information
of the gate, which is the mean over images of (d loss of the image / dc)^2 / 2. Here each operation has one gate, shared
by all cells like the alphas. `level=channel` gives every channel of every cell its own gate and adds up the scores,
as the zero-cost proxy does.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from nas_selection_bench.bench.work.options import one_of, option
from nas_selection_bench.selectors.parts.criterion import Rule
from nas_selection_bench.selectors.parts.gates import empty_scores, gradients_of_images, visit_contributions
from nas_selection_bench.selectors.parts.needs import Needs
from nas_selection_bench.selectors.parts.schedule import Greedy
from nas_selection_bench.selectors.parts.view import Search


@dataclass(frozen=True, kw_only=True)
class GateFisher(Rule):
    """Half the Fisher information of an operation's gate."""

    level: str = option("gate", one_of("gate", "channel"), "one gate per operation, or one per channel and cell")

    needs = Needs(trained=True, alphas=True, images=True, labels=True)

    def score(self, search: Search, edges: Sequence[int]) -> np.ndarray:
        """[k, 5]: 1/(2n) times the sum over the n images of the squared gradient by the gate; 0 for `none`."""
        total = empty_scores(search)
        for batch in search.batches:
            total += self._of_batch(search, batch)
        images = sum(len(y) for _, y in search.batches)
        return (total / (2 * images)).cpu().numpy()[list(edges)]

    def _of_batch(self, search: Search, batch: tuple[Tensor, Tensor]) -> Tensor:
        """[6, 5]: the squared gradient by the gate, summed over the images of a mini-batch."""
        if self.level == "gate":
            return (gradients_of_images(search, batch) ** 2).sum(0)
        squares = empty_scores(search)

        def add(_cell: int, edge: int, operation: int, product: Tensor) -> None:
            squares[edge, operation] += (product.double().sum((2, 3)) ** 2).sum()

        visit_contributions(search, batch, add)
        return squares


SELECTOR = Greedy(
    paper="Theis et al., Faster gaze prediction with dense networks and Fisher pruning, arXiv 1801.05787, 2018",
    formula="mean over images of (d loss of the image / dc(e, o))^2 / 2, c a gate on the operation",
    direction="largest",
    passes="B forward and B backward",
    differs=(
        "the paper prunes channels; with batch statistics, an image's part in the gradient of the batch loss replaces"
        " the gradient of its own loss"
    ),
    rule=GateFisher(),
)
