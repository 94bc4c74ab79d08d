"""Tests of edge-specific agreement: whether the `tau_edge` of a criterion is shown to differ from 0.

A criterion that orders the operations alike on every edge has a `tau_edge` of exactly 0, however good the order. A
criterion above 0 tells edges apart; one at 0 may still choose well.
"""

from nas_selection_bench.bench.yardsticks.comparisons import Comparison, corrected, paired
from nas_selection_bench.reports.data.contests import Contest
from nas_selection_bench.reports.data.founders import Level
from nas_selection_bench.reports.data.results import Checkpoint, Results, per_checkpoint

ANY_ORDER = "any constant order"
"""The baseline that `tau_edge` is compared with: each of the 120 constant orders has 0."""
MEASURE = "tau_edge"


def edge_knowledge(results: Results, contest: Contest) -> dict[Level, list[Comparison]]:
    """Every method of a contest against ANY_ORDER in `tau_edge`, highest mean first, by the families of the contest.

    Each family is corrected on its own, as in every other comparison with a baseline.
    """
    values = per_checkpoint(results.final_of(contest.dataset), MEASURE)
    checkpoints: set[Checkpoint] = {checkpoint for of_method in values.values() for checkpoint in of_method}
    compared = paired(
        {**values, ANY_ORDER: dict.fromkeys(checkpoints, 0.0)},
        stratum=lambda checkpoint: checkpoint[0],
        draws=dict.fromkeys(results.checkpoint_free, lambda checkpoint: checkpoint[1]),
        pairs=[(method, ANY_ORDER) for method in values],
        known=results.store.agreements,
    )
    return {
        level: corrected([c for c in compared if c.first in members]) for level, members in contest.families.items()
    }
