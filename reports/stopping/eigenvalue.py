"""DARTS-ES: stop before the largest eigenvalue of the validation loss's Hessian in the alphas grows by 30 %.

Zela, Elsken, Saikia, Marrakchi, Brox & Hutter, "Understanding and Robustifying Differentiable Architecture Search",
ICLR 2020, section 4.3. The eigenvalue is averaged over a window of measurements; once the average has grown by FACTOR
over DELTA measurements, the search goes back to the beginning of that growth. The numbers are those of the code.
"""

import numpy as np

from nas_selection_bench.reports.data.courses import Course
from nas_selection_bench.reports.stopping._rule import StoppingRule

WINDOW, DELTA, FACTOR = 5, 4, 1.3
START = 0.2
"""Share of the search during which it never stops: in the code, whose epochs count from 0, the first ten of 50."""


def stop(course: Course) -> int:
    """The last checkpoint before the growth; the last of all if there is no growth."""
    values = course.needed("eigenvalues")
    enough = len(values) >= WINDOW + DELTA
    window, delta = (WINDOW, DELTA) if enough else (1, 1)
    averages = np.lib.stride_tricks.sliding_window_view(values, window).mean(axis=1)
    for newest in range(delta, len(averages) - 1):  # the code does not ask after the last epoch either
        back = newest - delta + window // 2
        old, new = averages[newest - delta], averages[newest]
        grown = new > max(old, FACTOR * old)  # for a negative old average, FACTOR times it would be lower
        if grown and course.epochs[back] > START * course.epochs[-1]:
            return back
    return len(values) - 1


RULE = StoppingRule(
    paper=(
        'Zela et al., "Understanding and Robustifying Differentiable Architecture Search", ICLR 2020, section 4.3 '
        "(DARTS-ES)"
    ),
    formula="the first t with 1.3 mean_5 eigenvalue(t) < mean_5 eigenvalue(t + 4), in measurements",
    stop=stop,
    differs=(
        "measured at the stored checkpoints, not every second epoch; with fewer than 9 of them neighbours are "
        "compared, without averages; a negative average has grown by 30 % if it has risen at all (the code: by its "
        "ratio, whatever the sign); the averages of the first measurements are over a whole window; the length of the "
        "search is that up to the last checkpoint selected from"
    ),
)
