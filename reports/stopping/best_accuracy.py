"""Best accuracy: select from the checkpoint whose supernet is the most accurate on the selection images.

The code of several papers does this (Jiang et al., "Operation-Level Early Stopping for Robustifying Differentiable
NAS", NeurIPS 2023, among them) by storing the genotype of the best validation accuracy so far.
"""

import numpy as np

from nas_selection_bench.reports.data.courses import Course
from nas_selection_bench.reports.stopping._rule import StoppingRule


def stop(course: Course) -> int:
    """The checkpoint with the highest accuracy; the earliest if several have it."""
    return int(np.argmax(course.needed("accuracy")))


RULE = StoppingRule(
    paper='Jiang et al., "Operation-Level Early Stopping for Robustifying Differentiable NAS", NeurIPS 2023 (code)',
    formula="argmax_t accuracy of the supernet on the selection images",
    stop=stop,
    differs=(
        "the accuracy is that on the images that scoring reads, with batch statistics, and at the checkpoint itself "
        "(the code stores the genotype of an epoch's start with the accuracy at its end)"
    ),
)
