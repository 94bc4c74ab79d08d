"""Last epoch: search to the end and select from the last checkpoint, as DARTS and papers without another rule do."""

from nas_selection_bench.reports.data.courses import Course
from nas_selection_bench.reports.stopping._rule import StoppingRule


def stop(course: Course) -> int:
    """The last checkpoint."""
    return len(course.epochs) - 1


RULE = StoppingRule(
    paper='Liu, Simonyan & Yang, "DARTS: Differentiable Architecture Search", ICLR 2019',
    formula="the last epoch",
    stop=stop,
)
