"""DARTS+: stop as soon as two or more edges of the cell would be skip connections.

Liang, Zhang, Sun, He, Huang, Zhuang & Li, "DARTS+: Improved Differentiable Architecture Search with Early Stopping",
2019, criterion 1.
"""

from nas_selection_bench.bench.problem.space import NONE, SKIP
from nas_selection_bench.reports.data.courses import Course
from nas_selection_bench.reports.stopping._rule import StoppingRule

ALLOWED = 1


def stop(course: Course) -> int:
    """The first checkpoint with skip as largest weight, `none` excluded, on more than ALLOWED edges; else the last."""
    chosen = course.needed("weights")[:, :, NONE + 1 :].argmax(2) + NONE + 1
    collapsed = ((chosen == SKIP).sum(1) > ALLOWED).nonzero()[0]
    return int(collapsed[0]) if len(collapsed) else len(course.epochs) - 1


RULE = StoppingRule(
    paper='Liang et al., "DARTS+: Improved Differentiable Architecture Search with Early Stopping", 2019, criterion 1',
    formula="the first t at which two edges or more have skip as their largest weight, none left out",
    stop=stop,
    differs="of 6 edges, all of which are kept; DARTS's cell keeps 8 of 14",
)
