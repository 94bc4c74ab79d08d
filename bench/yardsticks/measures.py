"""Measures of a selection: pure functions of accuracies, scores, decisions and rankings.

`accuracies` is always [15625] in space order, each architecture counted once. Scores are [6, 5], larger = keep.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from nas_selection_bench.bench.problem.equivalence import function_classes
from nas_selection_bench.bench.problem.selection import Decision, Ranking, Selection
from nas_selection_bench.bench.problem.space import (
    ALL_OPERATIONS,
    CONV_1X1,
    CONV_3X3,
    EDGES,
    N_ARCHITECTURES,
    NONE,
    OPERATIONS,
    SKIP,
    code,
)
from nas_selection_bench.bench.yardsticks.kendall import Ranked, ranked, reuse_memory, tau_b
from nas_selection_bench.bench.yardsticks.oracle import GRID
from nas_selection_bench.bench.yardsticks.truth import Truth
from nas_selection_bench.bench.yardsticks.worth import trainings

Measure = float | int | list[float] | None

EDGE_TAUS = ("tau_mean", "tau_mean_no_none", "tau_mean_ops", "tau_edge", "tau_best", "tau_best_no_none")
"""Names of the agreements of scores with the table's worth of operations, from the steadiest to the noisiest."""

MEASURES = (
    "test", "valid", "regret", "percentile", "gain", "worth", *EDGE_TAUS, "tied_edges", "tau_space", "tau_space_n",
    "decision_regret", "skips", "parameters",
)  # fmt: skip
"""Names of the values that `measure` returns besides `index`, in the order of the columns."""

SUMS = "sums of scores"
"""Name under which agreements of `architecture_scores` are kept in the cache."""
WITHOUT_NONE = tuple(operation for operation in ALL_OPERATIONS if operation != NONE)
STEPS = 1e9
"""Sums of scores are rounded to multiples of 1 / STEPS."""
GOOD_OPERATIONS = (SKIP, CONV_1X1, CONV_3X3)
"""The operations that good architectures are made of."""


@dataclass(frozen=True)
class Reached:
    """How the accuracy of one architecture compares with those of the whole space."""

    regret: float
    """Best accuracy of the space minus this one, points."""
    percentile: float
    """Share of architectures with strictly lower accuracy, %."""
    gain: float | None
    """0 for the mean of the space, 1 for its best; None if all architectures are equally good."""
    worth: float | None
    """Number of random architectures to train, keeping the best by validation, to expect to do as well (see
    bench.yardsticks.worth); infinite if no number suffices, None if the table has no validation accuracies."""


@dataclass(frozen=True)
class EdgeAgreement:
    """Agreement of [6, 5] scores with the oracles: tau-b per edge, averaged over the edges; a tied edge counts 0."""

    tau_mean: float
    tau_mean_no_none: float
    """Over the four operations other than `none`."""
    tau_mean_ops: float
    """Over skip, 1x1 and 3x3 alone: seven of an edge's ten pairs only say that `none` and the pool are worst."""
    tau_edge: float
    """Agreement on what is specific to each edge (`edge_specific_taus`)."""
    tau_best: float
    """Agreement with the best accuracies, which lie within tenths of a point of each other: mostly training noise."""
    tau_best_no_none: float
    tied_edges: int
    """Edges on which all five scores are equal."""


def edge_tau(scores: np.ndarray, strengths: np.ndarray, operations: Sequence[int] = ALL_OPERATIONS) -> float:
    """Tau-b per edge of `scores` [6, 5] with an oracle's `strengths` [6, 5], averaged over the six edges.

    A fully tied edge counts 0. Only `operations` are compared.
    """
    return float(edge_taus(np.asarray(scores), np.asarray(strengths), operations))


def edge_taus(
    scores: np.ndarray, strengths: np.ndarray, operations: Sequence[int] = ALL_OPERATIONS
) -> NDArray[np.float64]:
    """[...] `edge_tau` of each of the scores [..., 6, 5]."""
    return taus_of_signs(pair_signs(scores), pair_signs(strengths), operations)


def taus_of_signs(scores: np.ndarray, strengths: np.ndarray, operations: Sequence[int]) -> NDArray[np.float64]:
    """[...] `edge_tau` from `pair_signs` [..., 6, k, k], which are the same whichever operations are compared."""
    first, second = (signs[..., operations, :][..., operations] for signs in (scores, strengths))
    pairs = (first != 0).sum(axis=(-2, -1)) * (second != 0).sum(axis=(-2, -1))
    agreement = (first * second).sum(axis=(-2, -1))
    return np.divide(agreement, np.sqrt(pairs), out=np.zeros(agreement.shape), where=pairs > 0).mean(axis=-1)


def edge_specific_taus(signs: np.ndarray, strengths: np.ndarray) -> NDArray[np.float64]:
    """[...] agreement on which operation suits which edge: tau-b after the mean of each operation is subtracted.

    `signs` [..., 6, 5, 5] are the `pair_signs` of scores, which enter as ranks within their edge. An oracle's
    `strengths` [6, 5] are standardised within each edge, since scales differ from edge to edge. The mean of each
    operation over the edges is subtracted from both, and the 30 residuals are compared. Scores with the same order on
    every edge leave only zeros and get exactly 0.
    """
    # Number of operations below minus number above, times six: integers, so that equal orders cancel exactly.
    ranks = len(EDGES) * signs.sum(axis=-1, dtype=np.int64)
    left = ranks - ranks.sum(axis=-2, keepdims=True) // len(EDGES)
    wanted = standardised(np.asarray(strengths, dtype=np.float64))
    wanted = (wanted - wanted.sum(axis=0) / len(EDGES)).round(9)
    pairs = np.triu_indices(wanted.size, k=1)
    first = _signs_of_pairs(left.reshape(*left.shape[:-2], -1), pairs)
    second = _signs_of_pairs(wanted.ravel(), pairs)
    untied, of_second = np.count_nonzero(first, axis=-1), int(np.count_nonzero(second))
    agreement = (first * second).sum(axis=-1, dtype=np.int64)
    there = (untied > 0) & (of_second > 0)
    taus = np.divide(agreement, np.sqrt(untied), out=np.zeros(agreement.shape), where=there)
    return np.clip(taus / np.sqrt(max(1, of_second)), -1.0, 1.0)


def _signs_of_pairs(values: np.ndarray, pairs: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    first, second = values[..., pairs[0]], values[..., pairs[1]]
    return (first > second).astype(np.int8) - (first < second).astype(np.int8)


def standardised(scores: np.ndarray) -> np.ndarray:
    """[..., 6, 5] scores with mean 0 and standard deviation 1 on each edge; a fully tied edge is 0."""
    # Scaling by a power of two changes no digit and keeps the squares of the largest and smallest doubles in range.
    scores = np.ldexp(scores, -np.frexp(np.abs(scores).max(axis=-1, keepdims=True))[1])
    centred = scores - scores.mean(axis=-1, keepdims=True)
    spread = scores.std(axis=-1, keepdims=True)
    tied = np.ptp(scores, axis=-1, keepdims=True) == 0
    return np.divide(centred, spread, out=np.zeros_like(centred), where=~tied)


def architecture_scores(scores: np.ndarray) -> np.ndarray:
    """[15625], space order: the sum over edges of the standardised score of the operation on each, times STEPS.

    Sums are rounded, so that architectures with the same scores on different edges tie whatever the order of summation.

    >>> from nas_selection_bench.bench.problem.space import code
    >>> scores = np.zeros((6, 5))
    >>> scores[0, 3] = 1  # only on the first edge is one operation better than the others
    >>> (architecture_scores(scores)[[code((3, 0, 0, 0, 0, 0)), code((0, 0, 0, 0, 0, 0))]] / STEPS).tolist()
    [2.0, -0.5]
    """
    sums = np.zeros(1)
    for edge_scores in standardised(scores):  # space order: the first edge varies slowest
        sums = np.add.outer(sums, edge_scores).ravel()
    return np.rint(sums * STEPS)


def ranked_by_sums(scores: np.ndarray) -> Ranked:
    """`architecture_scores` prepared for `tau_b`, as integers, which sort faster."""
    return ranked(architecture_scores(scores).astype(np.int64))


def expand(ranking: Ranking) -> np.ndarray:
    """[15625], space order: the scores of a ranking, nan where it has none.

    An architecture that was not scored gets the mean score of the scored ones that compute the same function.

    >>> from nas_selection_bench.bench.problem.space import code
    >>> nothing = code((0, 0, 0, 0, 0, 0))  # `none` everywhere
    >>> scores = expand(Ranking(np.array([nothing]), np.array([1.5])))
    >>> int(np.isfinite(scores).sum())  # so many architectures have no path from input to output
    341
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


def space_agreement(scores: np.ndarray, ranking: Ranking | None, truth: Truth) -> tuple[float, int]:
    """`tau_space` and the number of architectures compared.

    If there is a ranking, its own scores are compared: over the whole space if it scored every architecture or one of
    each function class, else over the architectures that it scored. Without a ranking, the sums over edges of the
    standardised scores are compared over the whole space.
    """
    known, with_ = truth.agreements, truth.fingerprint
    if ranking is None:
        own = np.asarray(scores, dtype=np.float64)
        return known.number(lambda: tau_b(ranked_by_sums(own), truth.ranked), SUMS, own, with_), N_ARCHITECTURES
    codes = np.asarray(ranking.codes, dtype=np.int64)
    own = np.asarray(ranking.scores, dtype=np.float64)
    n = int(known.number(lambda: _compared(ranking), "architectures compared", codes))
    if n < N_ARCHITECTURES:
        return known.number(lambda: tau_b(own, truth.test[codes]), "partial ranking", codes, own, with_), n
    return known.number(lambda: tau_b(expand(ranking), truth.ranked), "ranking", codes, own, with_), n


def _compared(ranking: Ranking) -> int:
    """Number of architectures to compare: the whole space if `expand` scores all of it, else those in the ranking."""
    return N_ARCHITECTURES if np.isfinite(expand(ranking)).all() else len(ranking.codes)


def decision_regret(decisions: Sequence[Decision], accuracies: np.ndarray) -> list[float]:
    """[6] points lost by each decision: the best accuracy reachable before it minus the best reachable after it.

    The sum is the regret of the architecture. Raises ValueError unless each edge is decided once.
    """
    if sorted(decision.edge for decision in decisions) != list(range(len(EDGES))):
        raise ValueError(f"the decisions do not fix each edge once: {[decision.edge for decision in decisions]}")
    table = accuracies.reshape(GRID)
    reachable: list[slice | int] = [slice(None)] * len(EDGES)
    best = float(table.max())
    lost = []
    for decision in decisions:
        reachable[decision.edge] = decision.operation
        left = float(np.max(table[tuple(reachable)]))
        lost.append(best - left)
        best = left
    return lost


def outcome(test: float, truth: Truth) -> Reached:
    """How a test accuracy compares with those of the whole space."""
    return Reached(
        regret=truth.best - test,
        percentile=100 * float(np.mean(truth.test < test)),
        gain=(test - truth.mean) / (truth.best - truth.mean) if truth.best > truth.test.min() else None,
        worth=None if truth.random_search is None else trainings(truth.random_search, test),
    )


def measure(selection: Selection, truth: Truth) -> dict[str, Measure]:
    """The measures of one selection: the columns of records.csv from `index` on (docs/columns.md).

    Keys: `index` (the table's own) and MEASURES. `valid`, `worth` and `parameters` are None if the table lacks them.
    """
    return measures([selection], truth)[0]


def measures(selections: Sequence[Selection], truth: Truth) -> list[dict[str, Measure]]:
    """`measure` of each selection; whatever equal scores or equal accuracies share is computed once."""
    reuse_memory()
    contents = [np.asarray(chosen.scores, dtype=np.float64).tobytes() for chosen in selections]
    places = {content: chosen.scores for content, chosen in zip(contents, selections, strict=True)}
    agreements: dict[bytes, dict[str, Measure]] = {}
    if places:
        found = edge_agreements(np.array(list(places.values()), dtype=np.float64), truth)
        agreements = {place: asdict(agreement) for place, agreement in zip(places, found, strict=True)}
    reached: dict[float, dict[str, Measure]] = {}
    lost: dict[tuple[Decision, ...], list[float]] = {}
    parameters = truth.table.parameters(truth.dataset)
    rows: list[dict[str, Measure]] = []
    for content, chosen in zip(contents, selections, strict=True):
        position = code(chosen.architecture)
        test = float(truth.test[position])
        if test not in reached:
            reached[test] = asdict(outcome(test, truth))
        made = tuple(chosen.decisions)
        if made not in lost:
            lost[made] = decision_regret(chosen.decisions, truth.test)
        tau_space, tau_space_n = space_agreement(chosen.scores, chosen.ranking, truth)
        rows.append({
            "index": int(truth.table.index[position]),
            "test": test,
            "valid": None if truth.valid is None else float(truth.valid[position]),
            **reached[test],
            **agreements[content],
            "tau_space": tau_space,
            "tau_space_n": tau_space_n,
            "decision_regret": lost[made],
            "skips": chosen.architecture.count(SKIP),
            "parameters": None if parameters is None else float(parameters[position]),
        })  # fmt: skip
    return rows


def edge_agreement(scores: np.ndarray, truth: Truth) -> EdgeAgreement:
    """The agreement of [6, 5] scores with the oracles of `truth`; raises ValueError unless they are finite."""
    return edge_agreements(np.asarray(scores, dtype=np.float64)[None], truth)[0]


def edge_agreements(scores: np.ndarray, truth: Truth) -> list[EdgeAgreement]:
    """`edge_agreement` of each of the scores [n, 6, 5]; raises ValueError unless they are finite."""
    if scores.shape[1:] != (len(EDGES), len(OPERATIONS)) or not np.isfinite(scores).all():
        raise ValueError(f"scores must be finite and of shape (6, 5), not {scores.shape[1:]}")
    best, mean = truth.oracles
    signs, of_best, of_mean = pair_signs(scores), pair_signs(best), pair_signs(mean)
    columns = {
        "tau_mean": taus_of_signs(signs, of_mean, ALL_OPERATIONS),
        "tau_mean_no_none": taus_of_signs(signs, of_mean, WITHOUT_NONE),
        "tau_mean_ops": taus_of_signs(signs, of_mean, GOOD_OPERATIONS),
        "tau_edge": edge_specific_taus(signs, mean),
        "tau_best": taus_of_signs(signs, of_best, ALL_OPERATIONS),
        "tau_best_no_none": taus_of_signs(signs, of_best, WITHOUT_NONE),
        "tied_edges": (scores == scores[..., :1]).all(axis=-1).sum(axis=-1),
    }
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    return [EdgeAgreement(**dict(zip(columns, row, strict=True))) for row in rows]


def pair_signs(values: np.ndarray) -> np.ndarray:
    """[..., 6, k, k]: for each edge, which of two operations scores higher (1, -1, or 0 for a tie)."""
    if np.isnan(values).any():
        raise ValueError("tau-b is not defined for nan")
    first, second = values[..., :, None], values[..., None, :]
    return (first > second).astype(np.int8) - (first < second).astype(np.int8)  # a difference could overflow
