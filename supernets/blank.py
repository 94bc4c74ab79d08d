"""The blank supernet: DARTS whose alphas are never updated, so that all operations weigh the same."""

from dataclasses import dataclass

from supernets.parts.recipe import Recipe


@dataclass(frozen=True)
class Blank(Recipe):
    """Wang et al., "Rethinking Architecture Selection in Differentiable NAS", ICLR 2021, section 7.

    As in the released code the alphas stay at their initial 1e-3 noise, not at exactly zero.
    """

    name = "blank"
    paper = 'Wang et al., "Rethinking Architecture Selection in Differentiable NAS", ICLR 2021, section 7 (fixed alpha)'
    equation = "alpha fixed at 1e-3 N(0, 1); w <- w - xi grad_w L_train(w, softmax(alpha))"
    tunes_alphas = False
    learns_alphas = False
    offers = "near-uniform probabilities"
    differs = (
        "nothing but the batches; the paper writes alpha = 0, the released code leaves it at its initial noise, and so "
        "do we"
    )


RECIPE = Blank()
