"""SGAS: decide edges by their alphas, the most certain edge first.

Li, Qian, Delgadillo, Mueller, Thabet & Ghanem, "SGAS: Sequential Greedy Architecture Search", CVPR 2020.
Decide the edge that is most important (little weight on `none`) and most certain (low entropy among the other
operations), keep its operation with the largest weight that is not `none`, and continue training. `sgas` is
the paper's criterion 1; `sgas-2` is criterion 2, which also favours edges whose alphas are close to those of up to four
earlier checkpoints. Other rules can use it as an edge order: `darts-pt[order=sgas]`.
"""

from dataclasses import replace

from nas_selection_bench.selectors.magnitude_no_none import MagnitudeWithoutNone
from nas_selection_bench.selectors.parts.schedule import Greedy

PAPER = "Li et al., SGAS: Sequential Greedy Architecture Search, CVPR 2020"
DIFFERS = (
    "The paper decides while the supernet trains, every 5 epochs after the first 9; here the stored supernet is"
    " fine-tuned between decisions as in DARTS-PT, and stability compares with the stored checkpoints before the one"
    " selected from, not with the epochs of fine-tuning. Importance,"
    " certainty and stability are scaled to [0, 1] over the open edges (the code: over all), so that with two edges"
    " left each factor is 1 for one and 0 for the other; ties go to the edge nearer to the input. The code is"
    " for DARTS's space."
)

SELECTOR = Greedy(
    paper=PAPER,
    formula="p(e, o), and 0 for none, on the edge with the largest importance times certainty",
    direction="largest",
    passes="5 gaps of fine-tuning",
    differs=DIFFERS,
    version=2,  # since an edge's importance is the sum of its gates, even if they do not add up to 1
    rule=MagnitudeWithoutNone(),
    order="sgas",
    tune=None,
)

VARIANTS = {
    "2": replace(
        SELECTOR,
        formula="p(e, o), and 0 for none, on the edge with the largest importance times certainty times stability",
        order="sgas-2",
    )
}
