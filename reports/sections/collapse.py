"""What the finding says of choices that gave up: mostly skip connections, mostly `none`, a network that learns nothing.

Collapse to skip connections is the known failure of DARTS (Zela et al., "Understanding and Robustifying Differentiable
Architecture Search", ICLR 2020); where `none` is a candidate, cells without a path are the other one.
"""

import pandas as pd

from bench.problem.space import NONE, SKIP
from reports.data.contests import Contest
from reports.data.material import Material
from reports.data.results import shares_of
from reports.data.text import listed, number

MOSTLY = 0.5
"""Share of the edges from which on an operation is told."""
NAMED = 4
CALLED = {SKIP: "skip connections", NONE: "none"}


def collapsed(source: Material, contest: Contest) -> list[str]:
    """A sentence on the selections of the PRIMARY criteria, where there are some among others; else on all."""
    frame = source.results.final_of(contest.dataset)
    if contest.primary:  # of a hundred others some always do
        frame = frame[frame["method"].isin(contest.primary)]
    worst = float(source.table.accuracy(contest.dataset).min())
    chosen = frame.assign(
        lowest=frame["test"] == worst,
        **{said: shares_of(o, frame["architecture"]) for o, said in CALLED.items()},
    ).groupby(["method", "setting"])
    parts = []
    for said in CALLED.values():
        shares = chosen[said].mean()
        shares = shares[shares >= MOSTLY].sort_values(ascending=False, kind="stable")
        if len(shares):
            parts.append(f"half or more of the edges are {said} in the choices of {_where(shares.map(_percent))}")
    counts = chosen["lowest"].agg(["sum", "size"])
    counts = counts[counts["sum"] > 0].sort_values("sum", ascending=False, kind="stable")
    if len(counts):
        told = counts["sum"].astype(str) + " of " + counts["size"].astype(str)
        parts.append(f"a network of the lowest accuracy of the space, {number(worst)} %, was chosen by {_where(told)}")
    if not parts:
        return []
    text = "; ".join(parts)
    return [f"Among the founding papers' criteria, {text}." if contest.primary else f"{text[0].upper()}{text[1:]}."]


def _percent(share: float) -> str:
    return f"{number(100 * share, 0)} %"


def _where(told: pd.Series) -> str:
    """`a on darts (67 %), ...`"""
    pairs = zip(told.index, told, strict=True)
    return listed([f"{method} on {setting} ({words})" for (method, setting), words in pairs], NAMED)
