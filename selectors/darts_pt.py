"""DARTS-PT: perturbation-based architecture selection.

Wang, Cheng, Chen, Tang & Hsieh, "Rethinking Architecture Selection in Differentiable NAS", ICLR 2021,
algorithm 1. Pick an undecided edge at random; mask each of its operations in turn, without renormalising
the others, and measure the supernet's validation accuracy; keep the operation without which it is lowest;
fine-tune the supernet for a few epochs (5 on the paper's scale); go on with the next edge.

`darts-pt-loss` keeps the operation without which the loss is highest, an option of the released code.
"""

from dataclasses import replace

from nas_selection_bench.selectors.parts.perturbation import Mask
from nas_selection_bench.selectors.parts.schedule import Greedy

PAPER = "Wang et al., Rethinking Architecture Selection in Differentiable NAS, ICLR 2021, alg. 1"
SCORING = (
    "Scores come from fixed, un-augmented images (the code reads the training transform, so that the accuracy"
    " without `none`, which cannot differ, has a standard deviation of 0.2 points); `none` scores as the whole"
    " supernet; scoring batches have up to 256 images (the code: 64), on whose statistics batch norm depends; the"
    " supernet is copied, while the code's scoring moves running statistics. "
)
TUNING = (
    "The code's last gap has 4 epochs, not 5; in an epoch of tuning each selection image comes once (the code draws a"
    " random mini-batch for every step of the alphas, so that some come again and others do not), and a last,"
    " incomplete mini-batch is left out."
)

SELECTOR = Greedy(
    paper=PAPER,
    formula="-accuracy(supernet without o on e)",
    direction="lowest accuracy without it",
    passes="30 B and 5 gaps of tuning",
    differs=SCORING + TUNING,
    rule=Mask(measure="accuracy"),
    order="random",
    tune=None,
)

VARIANTS = {
    "loss": replace(
        SELECTOR,
        formula="loss(supernet without o on e)",
        direction="highest loss without it",
        rule=Mask(measure="loss"),
    )
}
