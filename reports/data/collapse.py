"""Collapsed choices, for the finding: mostly skip connections, mostly `none`, or a network that learns nothing.

Collapse to skip connections is the known failure of DARTS (Zela et al., "Understanding and Robustifying Differentiable
Architecture Search", ICLR 2020). If `none` is a candidate, a cell without a path is the other failure.
"""

from collections.abc import Iterator

import pandas as pd

from nas_selection_bench.bench.problem.space import NONE, SKIP
from nas_selection_bench.reports.data.contests import Contest
from nas_selection_bench.reports.data.material import Material
from nas_selection_bench.reports.data.results import shares_of
from nas_selection_bench.reports.data.text import number

MOSTLY = 0.5
"""An operation is reported if its mean share of the edges is at least this."""
CALLED = {SKIP: "skip connections", NONE: "none"}


MOSTLY_OF, LOWEST = "mostly {}", "the least accurate architecture of the space"
"""The two kinds of collapse: one operation on most edges (its mean share follows), or the worst network (its count
follows)."""


def collapses(source: Material, contest: Contest) -> Iterator[tuple[str, dict[str, tuple[str, ...]]]]:
    """Each kind of collapse that occurs, with `methods`, `settings` and `shares` (as text) in one order, worst first.

    Covers the founding criteria if the contest has them among others, else all criteria.
    """
    frame = source.results.final_of(contest.dataset)
    if contest.founders:  # among a hundred other criteria, some always collapse
        frame = frame[frame["method"].isin(contest.founders)]
    worst = float(source.table.accuracy(contest.dataset).min())
    chosen = frame.assign(
        lowest=frame["test"] == worst,
        **{said: shares_of(o, frame["architecture"]) for o, said in CALLED.items()},
    ).groupby(["method", "setting"])
    for said in CALLED.values():
        shares = chosen[said].mean()
        shares = shares[shares >= MOSTLY].sort_values(ascending=False, kind="stable")
        if len(shares):
            yield MOSTLY_OF.format(said), _named(shares.map(_percent))
    counts = chosen["lowest"].agg(["sum", "size"])
    counts = counts[counts["sum"] > 0].sort_values("sum", ascending=False, kind="stable")
    if len(counts):
        yield LOWEST, _named(counts["sum"].astype(str) + " of " + counts["size"].astype(str))


def _percent(share: float) -> str:
    return f"{number(100 * share, 0)} %"


def _named(told: pd.Series) -> dict[str, tuple[str, ...]]:
    methods, settings = zip(*told.index, strict=True)
    return {"methods": methods, "settings": settings, "shares": tuple(told)}
