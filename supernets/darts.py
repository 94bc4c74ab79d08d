"""DARTS, first order: alternate a step of the alphas and a step of the weights."""

from dataclasses import dataclass

from nas_selection_bench.supernets.parts.rated import Rated


@dataclass(frozen=True)
class Darts(Rated):
    """Liu, Simonyan & Yang, "DARTS: Differentiable Architecture Search", ICLR 2019, section 2.3 (xi = 0)."""

    name = "darts"
    paper = 'Liu, Simonyan & Yang, "DARTS: Differentiable Architecture Search", ICLR 2019, section 2.3, first order'
    equation = "alpha <- alpha - eta grad_alpha L_val(w, softmax(alpha)); w <- w - xi grad_w L_train(w, softmax(alpha))"
    differs = "nothing but the batches: order of updates, halves and hyper-parameters are the released DARTS-PT code's"


RECIPE = Darts()
