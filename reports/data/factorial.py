"""Rule x order x tuning as one factorial experiment: main effects and interactions, each with its interval.

DARTS-PT changed three things at once: what an operation is scored by, in which order the edges are decided, and whether
the supernet is fine-tuned between decisions. Here every combination is applied to the same checkpoints, so a checkpoint
is a block: each effect is computed within blocks, and its interval is Student's t over blocks. The tests are those of a
repeated-measures analysis of variance, in which the error of an effect is its variation from block to block. A rule
that sometimes collapses varies more than the others, so the degrees of freedom are scaled by Greenhouse and Geisser's
epsilon ("On methods in the analysis of profile data", Psychometrika 1959).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import chain, combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import fdtrc, stdtrit

from nas_selection_bench.bench.names import parse
from nas_selection_bench.bench.problem.rounding import EQUAL
from nas_selection_bench.bench.yardsticks.intervals import LEVEL
from nas_selection_bench.bench.yardsticks.statistics import holm

FACTORS = ("rule", "order", "tuning")

RULES: Mapping[str, tuple[str, str, str]] = {
    "magnitude": ("magnitude", "once", "0"),
    "pt-magnitude": ("magnitude", "random", "preset"),
    "darts-pt": ("accuracy without it", "random", "preset"),
    "darts-pt-loss": ("loss without it", "random", "preset"),
    "ostr": ("Taylor", "once", "0"),
    "ostr-exact": ("loss without it", "once", "0"),
    "disc-acc": ("accuracy of it alone", "once", "0"),
}
"""Selector -> its rule, and the order and tuning that it has by default."""

TUNINGS = {"0": "none", "preset": "between decisions"}


def levels(selector: str) -> tuple[str, str, str] | None:
    """(rule, order, tuning) of a selector; None if it is not in RULES, has other options or another tuning."""
    if selector.partition("[")[0] not in RULES:
        return None
    name, options = parse(selector)
    if set(options) - {"order", "tune"}:
        return None
    rule, order, tune = RULES[name]
    order, tune = options.get("order", order), options.get("tune", tune)
    return (rule, order, TUNINGS[tune]) if tune in TUNINGS else None


@dataclass(frozen=True)
class Design:
    """A full factorial: every combination of the levels on every block."""

    levels: tuple[tuple[str, ...], ...]
    """The levels of each of FACTORS."""
    blocks: tuple[tuple[str, int], ...]
    """(setting, supernet seed)."""
    values: NDArray[np.float64]
    """[blocks, rules, orders, tunings], each a mean over selector seeds."""


def design(frame: pd.DataFrame) -> Design | None:
    """The largest full factorial in the rows of one data set and one batch-norm mode.

    None if a factor has fewer than two levels or if there are fewer than two blocks.
    """
    cells: dict[tuple[str, str, str], dict[tuple[str, int], float]] = {}
    found = frame.assign(levels=frame["selector"].map(levels)).dropna(subset=["levels", "test"])
    means = found.groupby(["levels", "setting", "supernet_seed"], sort=True)["test"].mean()
    for (combination, setting, seed), value in zip(means.index, means, strict=True):
        cells.setdefault(combination, {})[str(setting), int(seed)] = float(value)
    tunings = [tuning for tuning in TUNINGS.values() if any(t == tuning for _, _, t in cells)]
    every_rule = {rule for rule, _, _ in cells}
    orders = [
        order for order in sorted({order for _, order, _ in cells})
        if all((rule, order, tuning) in cells for rule in every_rule for tuning in tunings)
    ]  # fmt: skip
    # A rule is skipped on some supernets (magnitude without learnt alphas), so fewer rules can have more blocks.
    complete: dict[tuple[str, int], frozenset[str]] = {
        block: frozenset(
            rule for rule in every_rule
            if all(block in cells[rule, order, tuning] for order in orders for tuning in tunings)
        )
        for block in sorted(set[tuple[str, int]]().union(*cells.values()))
    }  # fmt: skip

    def blocks_of(chosen: frozenset[str]) -> list[tuple[str, int]]:
        return [block for block, there in complete.items() if chosen <= there]

    choices = sorted(set(complete.values()), key=sorted)
    largest = max(choices, key=lambda chosen: (len(chosen) * len(blocks_of(chosen)), len(chosen)), default=frozenset())
    rules, blocks = sorted(largest), blocks_of(largest)
    if min(len(rules), len(orders), len(tunings), len(blocks)) < 2:
        return None
    every = [(rule, order, tuning) for rule in rules for order in orders for tuning in tunings]
    values = np.array([[cells[combination][block] for combination in every] for block in blocks])
    shape = (len(blocks), len(rules), len(orders), len(tunings))
    return Design((tuple(rules), tuple(orders), tuple(tunings)), tuple(blocks), values.reshape(shape))


@dataclass(frozen=True)
class Effect:
    """Effect of a combination of levels beyond all lower-order effects; for a single level, beyond the block mean."""

    levels: tuple[str, ...]
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Term:
    """One factor, or the interaction of several."""

    factors: tuple[str, ...]
    share: float
    """Share of the within-block sum of squares that the term explains."""
    p: float
    """The p value of the repeated-measures F test."""
    effects: tuple[Effect, ...]
    """One per combination of levels, in order; intervals at LEVEL, not corrected for their number."""
    p_corrected: float = 1.0
    """`p` after Holm's correction over all terms."""


def analysed(found: Design) -> list[Term]:
    """All main effects and interactions, main effects first."""
    inside = found.values - found.values.mean((1, 2, 3), keepdims=True)
    inside[np.abs(inside) < EQUAL] = 0
    total = float((inside**2).sum())
    axes = range(len(FACTORS))
    terms = [_term(found, which, total) for which in chain(*(combinations(axes, k) for k in (1, 2, 3)))]
    corrected = holm([term.p for term in terms]).tolist()
    return [replace(term, p_corrected=p) for term, p in zip(terms, corrected, strict=True)]


def _term(found: Design, which: tuple[int, ...], total: float) -> Term:
    parts = component(found.values, which)
    n = len(parts)
    per_block = parts.reshape(n, -1)
    mean = per_block.mean(0)
    half = stdtrit(n - 1, (1 + LEVEL) / 2) * per_block.std(0, ddof=1) / math.sqrt(n)
    freedom = math.prod(len(found.levels[axis]) - 1 for axis in which)
    repeats = found.values[0].size / per_block.shape[1]
    explained = n * repeats * float((mean**2).sum())
    error = repeats * float(((per_block - mean) ** 2).sum())
    if error > 0:
        scaled = freedom * sphericity(per_block, freedom)
        p = float(fdtrc(scaled, scaled * (n - 1), explained * (n - 1) / error))
    else:
        p = 0.0 if explained > 0 else 1.0
    names: list[tuple[str, ...]] = [()]
    for axis in which:
        names = [(*name, level) for name in names for level in found.levels[axis]]
    effects = tuple(
        Effect(name, float(m), float(m - h), float(m + h)) for name, m, h in zip(names, mean, half, strict=True)
    )
    share = explained / total if total > 0 else 0.0
    return Term(tuple(FACTORS[axis] for axis in which), share, p, effects)


def sphericity(per_block: NDArray[np.float64], freedom: int) -> float:
    """Greenhouse and Geisser's epsilon of [blocks, parts] that vary in `freedom` directions.

    1 if they vary equally in all directions, 1 / `freedom` if in only one.
    """
    centred = per_block - per_block.mean(0)
    # Sums instead of a matrix product: the order in which BLAS adds depends on the kind of CPU.
    products = (centred[:, None] * centred[None]).sum(axis=2)
    return float(np.trace(products) ** 2 / (freedom * (products**2).sum()))


def component(values: NDArray[np.float64], which: tuple[int, ...]) -> NDArray[np.float64]:
    """[blocks, levels of the axes `which`]: per block, the means over the other axes minus all lower-order terms."""
    axes = tuple(axis for axis in range(values.ndim - 1) if axis not in which)
    means = values.mean(tuple(axis + 1 for axis in axes)) if axes else values.copy()
    for axis in range(1, means.ndim):
        means = means - means.mean(axis, keepdims=True)
    return np.where(np.abs(means) < EQUAL, 0.0, means)  # equal accuracies differ in their last bit after averaging
