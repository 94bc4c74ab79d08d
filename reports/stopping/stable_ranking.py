"""DARTS+: stop when the order of the operations with learnable parameters has been stable for a fifth of the search.

Liang, Zhang, Sun, He, Huang, Zhuang & Li, "DARTS+: Improved Differentiable Architecture Search with Early Stopping",
2019, criterion 1*: the ranking of the architecture parameters of the learnable operations is stable for ten epochs.
"""

import numpy as np

from nas_selection_bench.bench.problem.space import CONV_1X1, CONV_3X3
from nas_selection_bench.reports.data.courses import Course
from nas_selection_bench.reports.stopping._rule import StoppingRule

STABLE = 0.2
"""Share of the search for which the order must stay the same (10 of the paper's 50 epochs)."""


def stop(course: Course) -> int:
    """The first checkpoint whose order has not changed for at least STABLE of the search; else the last."""
    order = np.argsort(course.needed("weights")[:, :, [CONV_1X1, CONV_3X3]], axis=2, kind="stable")
    since = 0
    for t in range(1, len(course.epochs)):
        if (order[t] != order[t - 1]).any():
            since = t
        elif course.epochs[t] - course.epochs[since] >= STABLE * course.epochs[-1]:
            return t
    return len(course.epochs) - 1


RULE = StoppingRule(
    paper='Liang et al., "DARTS+: Improved Differentiable Architecture Search with Early Stopping", 2019, criterion 1*',
    formula="the first t up to which, for a fifth of the search, 1x1 and 3x3 kept their order on every edge",
    stop=stop,
    differs=(
        "10 epochs are a fifth of the paper's search, whatever the length of ours up to the last checkpoint selected"
        " from; seen at stored checkpoints only"
    ),
)
