"""SGAS: decide the most certain edge first, by its alphas.

Li, Qian, Delgadillo, Mueller, Thabet & Ghanem, "SGAS: Sequential Greedy Architecture Search", CVPR 2020.
The edge that is important (little weight on `none`) and certain (low entropy among the others) is
decided, its operation is the one with the largest weight that is not `none`, and training goes on. `sgas` is
the paper's criterion 1; `sgas-2` is criterion 2, which also asks for alphas that were stable over the last four
checkpoints. As an edge order for other rules: `darts-pt[order=sgas]`.
"""

from dataclasses import replace

from nas_selection_bench.selectors.magnitude_no_none import MagnitudeWithoutNone
from nas_selection_bench.selectors.parts.schedule import Greedy

PAPER = "Li et al., SGAS: Sequential Greedy Architecture Search, CVPR 2020"
DIFFERS = (
    "The paper decides while the supernet trains, every 5 epochs after 9; here the stored supernet is fine-tuned"
    " between decisions as DARTS-PT does, and stability compares with the stored checkpoints before the one"
    " selected from, not with the epochs of tuning. Importance,"
    " certainty and stability are scaled to [0, 1] over the open edges (the code: over all), so that of two edges left"
    " each factor gives one 1 and the other 0; of equal products the edge nearer to the input is decided. The code is"
    " for DARTS's space."
)

SELECTOR = Greedy(
    paper=PAPER,
    formula="p(e, o), and 0 for none, on the edge with the largest importance times certainty",
    direction="largest",
    passes="5 gaps of tuning",
    differs=DIFFERS,
    version=2,  # since the importance of an edge is the sum of its gates, also where they do not add up to 1
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
