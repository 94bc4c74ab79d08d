"""What a selection is worth: pure functions of accuracies, scores, decisions and rankings.

`accuracies` is always [15625] in space order, each architecture counted once. Scores are [6, 5], larger = keep.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from bench.problem.equivalence import function_classes
from bench.problem.selection import Decision, Ranking, Selection
from bench.problem.space import EDGES, N_ARCHITECTURES, NONE, OPERATIONS, SKIP, all_architectures, code
from bench.problem.table import GroundTruth

Measure = float | int | list[float] | None

MEASURES = (
    "test", "valid", "regret", "percentile", "gain", "tau_best", "tau_mean", "tau_best_no_none", "tau_mean_no_none",
    "tied_edges", "tau_space", "tau_space_n", "decision_regret", "skips", "parameters",
)  # fmt: skip
"""The names of what `measure` returns beside `index`, in the order of the columns."""

_GRID = (len(OPERATIONS),) * len(EDGES)


@dataclass(frozen=True)
class Reached:
    """Where the accuracy of one architecture stands among those of the whole space."""

    regret: float
    """Best accuracy of the space minus this one, points."""
    percentile: float
    """Share of architectures with strictly lower accuracy, %."""
    gain: float | None
    """0 is the mean of the space, 1 its best; None where all architectures are equally good."""


@dataclass(frozen=True)
class EdgeAgreement:
    """How [6, 5] scores agree with the oracles: tau-b per edge, averaged over the edges; a tied edge counts 0."""

    tau_best: float
    tau_mean: float
    tau_best_no_none: float
    """Over the four operations without `none`."""
    tau_mean_no_none: float
    tied_edges: int
    """Edges on which all five scores are equal."""


def oracle(accuracies: np.ndarray, kind: str = "best") -> np.ndarray:
    """[6, 5]: what an operation on an edge is worth: the `best` or the `mean` accuracy of all architectures with it.

    Works on any subset of the space as well: architectures whose accuracy is nan are left out. An operation
    that no architecture of the subset has on that edge is nan.
    """
    if kind not in ("best", "mean"):
        raise ValueError(f"oracle kind {kind!r} is neither 'best' nor 'mean'")
    reduce = np.fmax.reduce if kind == "best" else _nan_mean
    table = np.asarray(accuracies, dtype=np.float64).reshape(_GRID)
    return np.array([reduce(np.moveaxis(table, edge, 0).reshape(len(OPERATIONS), -1), axis=1) for edge in range(6)])


def tau_b(first: np.ndarray, second: np.ndarray) -> float:
    """Kendall's tau-b of two [n] arrays; 0 where one of them is fully tied, since it then orders nothing."""
    first, second = np.asarray(first), np.asarray(second)
    if np.isnan(first).any() or np.isnan(second).any():
        raise ValueError("tau-b of values that are nan")
    if _tied(first) or _tied(second):
        return 0.0
    from scipy.stats import kendalltau  # imported here: it takes longer than everything else in this package

    return float(kendalltau(first, second).statistic)


def edge_tau(scores: np.ndarray, strengths: np.ndarray, *, without_none: bool = False) -> float:
    """Tau-b per edge of `scores` [6, 5] with an oracle's `strengths` [6, 5], averaged over the six edges.

    A fully tied edge counts 0. `without_none` compares the other four operations only.
    """
    kept = [operation for operation in range(len(OPERATIONS)) if not (without_none and operation == NONE)]
    first, second = _pair_signs(np.asarray(scores)[:, kept]), _pair_signs(np.asarray(strengths)[:, kept])
    untied = np.sqrt((first**2).sum(axis=(1, 2)) * (second**2).sum(axis=(1, 2)))
    agreement = (first * second).sum(axis=(1, 2))
    return float(np.divide(agreement, untied, out=np.zeros(len(EDGES)), where=untied > 0).mean())


def standardised(scores: np.ndarray) -> np.ndarray:
    """[6, 5] scores with mean 0 and standard deviation 1 on each edge; a fully tied edge is 0."""
    # Times a power of two, which changes no digit, so that squares of the largest and smallest doubles stay in range.
    scores = np.ldexp(scores, -np.frexp(np.abs(scores).max(axis=1, keepdims=True))[1])
    centred = scores - scores.mean(axis=1, keepdims=True)
    spread = scores.std(axis=1, keepdims=True)
    tied = np.ptp(scores, axis=1, keepdims=True) == 0
    return np.divide(centred, spread, out=np.zeros_like(centred), where=~tied)


def architecture_scores(scores: np.ndarray) -> np.ndarray:
    """[15625], space order: the sum over edges of the standardised score of the operation on it.

    Rounded to 1e-9, so that architectures with the same scores on other edges tie whatever the order of summation.
    """
    return standardised(scores)[np.arange(len(EDGES)), all_architectures()].sum(axis=1).round(9)


def expand(ranking: Ranking) -> np.ndarray:
    """[15625], space order: the scores of a ranking, nan where it says nothing.

    An architecture that was not scored takes the mean score of the scored ones that compute the same function.
    """
    codes, scores = np.asarray(ranking.codes), np.asarray(ranking.scores, dtype=np.float64)
    if np.unique(codes).size != codes.size:
        raise ValueError("a ranking scores an architecture twice")
    own = np.full(N_ARCHITECTURES, np.nan)
    own[codes] = scores
    if len(codes) == N_ARCHITECTURES:
        return own
    classes = function_classes()
    count = np.bincount(classes[codes], minlength=classes.max() + 1)
    total = np.bincount(classes[codes], weights=scores, minlength=classes.max() + 1)
    shared = np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)
    return np.where(np.isnan(own), shared[classes], own)


def space_agreement(scores: np.ndarray, ranking: Ranking | None, accuracies: np.ndarray) -> tuple[float, int]:
    """`tau_space` and the number of architectures it is over.

    With a ranking, its own scores are compared: over the whole space if it scored every architecture or one of
    each function class, else over the architectures that it scored. Without one, the sum over edges of the standardised
    scores is compared over the whole space.
    """
    if ranking is None:
        return tau_b(architecture_scores(scores), accuracies), N_ARCHITECTURES
    expanded = expand(ranking)
    if not np.isnan(expanded).any():
        return tau_b(expanded, accuracies), N_ARCHITECTURES
    codes = np.asarray(ranking.codes)
    return tau_b(np.asarray(ranking.scores), accuracies[codes]), len(codes)


def decision_regret(decisions: Sequence[Decision], accuracies: np.ndarray) -> list[float]:
    """[6] points lost by each decision: the best accuracy still reachable before it minus after it.

    The sum is the regret of the architecture. Raises ValueError unless each edge is decided once.
    """
    if sorted(decision.edge for decision in decisions) != list(range(len(EDGES))):
        raise ValueError(f"the decisions do not fix each edge once: {[decision.edge for decision in decisions]}")
    table = accuracies.reshape(_GRID)
    reachable: list[slice | int] = [slice(None)] * len(EDGES)
    best = float(table.max())
    lost = []
    for decision in decisions:
        reachable[decision.edge] = decision.operation
        left = float(np.max(table[tuple(reachable)]))
        lost.append(best - left)
        best = left
    return lost


def outcome(accuracies: np.ndarray, test: float) -> Reached:
    """Where a test accuracy stands among those of the whole space."""
    best, mean = float(accuracies.max()), float(accuracies.mean())
    return Reached(
        regret=best - test,
        percentile=100 * float(np.mean(accuracies < test)),
        gain=(test - mean) / (best - mean) if best > accuracies.min() else None,
    )


def measure(selection: Selection, table: GroundTruth, dataset: str) -> dict[str, Measure]:
    """The measures of one selection on one data set: the columns of records.csv from `index` on (docs/columns.md).

    Keys: `index` (the table's own) and MEASURES. `valid` and `parameters` are None where the table has none.
    """
    accuracies = table.accuracy(dataset)
    position = code(selection.architecture)
    test = float(accuracies[position])
    parameters = table.parameters(dataset)
    tau_space, tau_space_n = space_agreement(selection.scores, selection.ranking, accuracies)
    return {
        "index": int(table.index[position]),
        "test": test,
        "valid": float(table.accuracy(dataset, "valid")[position]) if table.has(dataset, "valid") else None,
        **asdict(outcome(accuracies, test)),
        **asdict(edge_agreement(selection.scores, accuracies)),
        "tau_space": tau_space,
        "tau_space_n": tau_space_n,
        "decision_regret": decision_regret(selection.decisions, accuracies),
        "skips": selection.architecture.count(SKIP),
        "parameters": None if parameters is None else float(parameters[position]),
    }


def edge_agreement(scores: np.ndarray, accuracies: np.ndarray) -> EdgeAgreement:
    """The agreement of [6, 5] scores with the oracles of `accuracies`; ValueError unless they are finite."""
    scores = np.asarray(scores, dtype=np.float64)
    if scores.shape != (len(EDGES), len(OPERATIONS)) or not np.isfinite(scores).all():
        raise ValueError(f"scores must be finite and of shape (6, 5), not {scores.shape}")
    best, mean = oracle(accuracies, "best"), oracle(accuracies, "mean")
    return EdgeAgreement(
        tau_best=edge_tau(scores, best),
        tau_mean=edge_tau(scores, mean),
        tau_best_no_none=edge_tau(scores, best, without_none=True),
        tau_mean_no_none=edge_tau(scores, mean, without_none=True),
        tied_edges=sum(_tied(edge_scores) for edge_scores in scores),
    )


def _pair_signs(values: np.ndarray) -> np.ndarray:
    """[6, k, k]: for each edge, which of two operations scores higher (1, -1, or 0 for a tie)."""
    if np.isnan(values).any():
        raise ValueError("tau-b of values that are nan")
    first, second = values[:, :, None], values[:, None, :]
    return (first > second).astype(np.float64) - (first < second)  # a difference could overflow


def _tied(values: np.ndarray) -> bool:
    return bool((values == values[0]).all())


def _nan_mean(values: np.ndarray, axis: int) -> np.ndarray:
    present = ~np.isnan(values)
    count = present.sum(axis=axis)
    total = np.where(present, values, 0.0).sum(axis=axis)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
