"""OStr: operation strength by a first-order Taylor expansion of the loss.

Yang, Zheng, Han, Song, Huang & Li, "OStr-DARTS: Differentiable Neural Architecture Search based on Operation
Strength", arXiv 2409.14433. The abstract says that the importance of an operation is estimated "by its effect
on the final loss"; no code is public and the formula was not available to us. THIS FILE IS OUR READING OF THE
ABSTRACT: the change of the loss if the operation is removed, to first order, as in filter pruning (Molchanov
et al., ICLR 2017). With z = p o(x) an operation's contribution, this is <dL/dz, z> summed over all cells that
share p, which equals p dL/dp: one backward pass per mini-batch gives all 30 scores.

`ostr[absolute=batch]` takes the absolute value per mini-batch and `ostr[absolute=image]` per image, so that
contributions of different batches, or images, do not cancel. `ostr-exact` removes the operation instead of using the
first-order expansion.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nas_selection_bench.bench.work.options import one_of, option
from nas_selection_bench.selectors.parts.criterion import Rule
from nas_selection_bench.selectors.parts.gates import empty_scores, gate_gradients, gradients_of_images
from nas_selection_bench.selectors.parts.needs import Needs
from nas_selection_bench.selectors.parts.schedule import Greedy
from nas_selection_bench.selectors.parts.view import Search


@dataclass(frozen=True, kw_only=True)
class Taylor(Rule):
    """The first-order change of the loss if the operation is removed."""

    absolute: str = option(
        "sum", one_of("sum", "batch", "image"), "absolute value of the whole sum, per mini-batch or per image"
    )

    needs = Needs(trained=True, alphas=True, images=True, labels=True)

    def score(self, search: Search, edges: Sequence[int]) -> np.ndarray:
        """[k, 5]: |p dL/dp|, L the mean loss over the selection images (see `absolute`); 0 for `none`."""
        if self.absolute == "image":
            return self._of_images(search)[list(edges)]
        gradients = gate_gradients(search, absolute_per_batch=self.absolute == "batch")
        return gradients.abs().numpy()[list(edges)]

    def _of_images(self, search: Search) -> np.ndarray:
        """[6, 5]: the mean over images of |the image's part of p dL/dp|, L the summed loss of its mini-batch."""
        total = empty_scores(search)
        for batch in search.batches:
            total += gradients_of_images(search, batch).abs().sum(0)
        images = sum(len(y) for _, y in search.batches)
        return (total / images).cpu().numpy()


SELECTOR = Greedy(
    paper="Yang et al., OStr-DARTS, arXiv 2409.14433 (our reading of the abstract)",
    formula="|p(e, o) dL/dp(e, o)|",
    direction="largest",
    passes="B forward and B backward",
    differs="no code is public; the formula is our reading of the abstract",
    rule=Taylor(),
)
