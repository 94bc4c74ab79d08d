"""DARTS-PT: perturbation-based architecture selection.

Wang, Cheng, Chen, Tang & Hsieh, "Rethinking Architecture Selection in Differentiable NAS", ICLR 2021,
algorithm 1. Pick an undecided edge at random; mask each of its operations in turn, without renormalising
the others, and measure the supernet's validation accuracy; keep the operation without which it is lowest;
fine-tune the supernet for a few epochs (5 at the paper's size); continue with the next edge.

`darts-pt-loss` keeps the operation without which the loss is highest, an option of the released code.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from nas_selection_bench.bench.work.options import one_of, option, yes_or_no
from nas_selection_bench.selectors.parts.criterion import Rule
from nas_selection_bench.selectors.parts.needs import Needs
from nas_selection_bench.selectors.parts.perturbation import evaluate_without
from nas_selection_bench.selectors.parts.schedule import Greedy
from nas_selection_bench.selectors.parts.view import Search

PAPER = "Wang et al., Rethinking Architecture Selection in Differentiable NAS, ICLR 2021, alg. 1"
SCORING = (
    "Scores are measured on fixed, un-augmented images (the code applies the training transform, which gives the"
    " accuracy without `none` a standard deviation of 0.2 points although masking `none` changes nothing); `none` has"
    " the score of the whole supernet; scoring batches hold up to 256 images (the code: 64), which changes the"
    " statistics of batch norm; scoring works on a copy of the supernet, whereas in the code it updates the running"
    " statistics. "
)
TUNING = (
    "Between decisions every supernet is tuned by plain first-order steps, whatever its recipe (in the paper, each"
    " method's own training goes on). The code fine-tunes for 4 epochs, not 5, in the last gap; an epoch of"
    " fine-tuning visits each selection image once (the code draws a random mini-batch for every step of the alphas, so"
    " that some images recur and others are missed), and an incomplete last mini-batch is dropped."
)


@dataclass(frozen=True, kw_only=True)
class Perturbation(Rule):
    """How much worse the supernet performs without an operation."""

    measure: str = option("accuracy", one_of("accuracy", "loss"), "quantity measured without the operation")
    renormalise: bool = option(False, yes_or_no, "rescale the remaining weights of the edge to their old sum")

    needs = Needs(trained=True, alphas=True, images=True, labels=True)

    def score(self, search: Search, edges: Sequence[int]) -> np.ndarray:
        """[k, 5]: minus the accuracy without the operation, or the loss without it (`measure=loss`)."""
        result = evaluate_without(search, edges, self.renormalise)
        return -result.accuracy if self.measure == "accuracy" else result.loss


SELECTOR = Greedy(
    paper=PAPER,
    formula="-accuracy(supernet without o on e)",
    direction="lowest accuracy without it",
    passes="30 B and 5 gaps of fine-tuning",
    differs=SCORING + TUNING,
    rule=Perturbation(measure="accuracy"),
    order="random",
    tune=None,
)

VARIANTS = {
    "loss": replace(
        SELECTOR,
        formula="loss(supernet without o on e)",
        direction="highest loss without it",
        rule=Perturbation(measure="loss"),
    )
}
