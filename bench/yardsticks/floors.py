"""Floors and ceilings: how good or bad a selection can be, according to the ground-truth table alone.

Every table of results contains them. The gain of a criterion over a floor is what it adds to a simple rule: a random
choice, a random choice of convolutions, one order of the operations for every edge, or counting parameters. If a floor
lies close to the optimum, hardly any improvement over it can be shown; each floor is therefore listed with the number
of architectures above it. The agreement between two trainings of every architecture measures the table's noise; it is
not a ceiling (see `retraining_agreement`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import permutations

import numpy as np

from nas_selection_bench.bench.problem.rounding import EQUAL
from nas_selection_bench.bench.problem.space import (
    ALL_OPERATIONS,
    AVG_POOL,
    CONV_1X1,
    CONV_3X3,
    EDGES,
    NONE,
    OPERATIONS,
    SKIP,
    Architecture,
    all_architectures,
    as_architecture,
    code,
)
from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.bench.seeds import derive
from nas_selection_bench.bench.yardsticks.kendall import tau_b
from nas_selection_bench.bench.yardsticks.measures import (
    EDGE_TAUS,
    WITHOUT_NONE,
    edge_agreement,
    edge_tau,
    edge_taus,
    outcome,
    ranked_by_sums,
)
from nas_selection_bench.bench.yardsticks.oracle import oracle
from nas_selection_bench.bench.yardsticks.truth import Truth

RETRAINING = "two trainings"
"""Name, in tables and figures, of the agreement of one training of every architecture with another."""

CONSTANT_ORDER = (NONE, AVG_POOL, SKIP, CONV_1X1, CONV_3X3)
"""The operations from worst to best, in the same order for all data sets and edges."""

_WEIGHTS_PER_OPERATION = {NONE: 0, SKIP: 0, CONV_1X1: 1, CONV_3X3: 9, AVG_POOL: 0}
"""Number of weights of an operation in units of C * C, where C is the number of channels."""

RANDOM, ONE_ORDER, ALL_3X3 = "random", "constant-order", "all-3x3"
RANDOM_CHOICES: dict[str, tuple[Sequence[int], str]] = {
    RANDOM: (range(len(OPERATIONS)), "a random architecture; exact expectation"),
    "random-no-none-pool": (
        (SKIP, CONV_1X1, CONV_3X3),
        "a random architecture of skip, 1x1 and 3x3; exact expectation",
    ),
    "random-conv": ((CONV_1X1, CONV_3X3), "a random architecture of 1x1 and 3x3; exact expectation"),
}
"""Floors that draw an operation at random on every edge: the operations to draw from, and a note."""


@dataclass(frozen=True)
class Yardstick:
    """One floor or ceiling on one data set. Fields that do not apply are None."""

    name: str
    architecture: Architecture | None
    """None if the yardstick is an average over architectures."""
    test: float
    """Test accuracy, %."""
    valid: float | None
    regret: float
    percentile: float
    """Share of architectures with strictly lower test accuracy, %."""
    gain: float | None
    worth: float | None
    """Number of random architectures that one would have to train to expect as much (bench.yardsticks.worth)."""
    above: int
    """Number of architectures with a higher test accuracy: the room left for showing an improvement."""
    above_margin: int | None
    """How many of them are higher by more than two trainings of one architecture differ at that level."""
    tau_mean: float | None = None
    tau_mean_no_none: float | None = None
    tau_mean_ops: float | None = None
    tau_edge: float | None = None
    tau_best: float | None = None
    tau_best_no_none: float | None = None
    tau_space: float | None = None
    note: str = ""


@dataclass(frozen=True)
class RetrainingAgreement:
    """How well two trainings of the architectures agree, as a mean over random draws of the two."""

    taus: Mapping[str, float]
    """`tau_best` and `tau_mean`, both also without `none` (`_no_none`), and `tau_space`, over the architectures
    themselves. Empty if the table holds no two trials of any architecture, which does not mean that each was trained
    only once: a file may keep the means alone."""
    how: str
    """A phrase on what was compared, or why nothing could be."""
    n: int = 0
    """Number of architectures with two or more trials."""
    draws: int = 0


def floors_and_ceilings(truth: Truth) -> list[Yardstick]:
    """Every yardstick of a data set, from the random choice to the optimum: exact numbers, no sampling.

    The scores of `params` and `flops` follow the rule for criteria that rank whole architectures: the score of an
    operation on an edge is the mean over the architectures that have it there.
    """
    table, dataset = truth.table, truth.dataset
    order = _constant_order()
    mean_place, best_place = places_of_constant_order(truth)
    note = (
        f"none < pool < skip < 1x1 < 3x3 on every edge; of all 120 orders, number {mean_place} by τ mean and"
        f" {best_place} by τ best"
    )
    yardsticks = [
        *(_drawn(truth, name) for name in RANDOM_CHOICES),
        _fixed(truth, "all-skip", SKIP),
        _scored(truth, ONE_ORDER, order, None, note),
        _ranked(truth, "params", table.parameters(dataset)),
    ]
    flops = table.flops(dataset)
    if flops is not None:
        yardsticks.append(_ranked(truth, "flops", flops))
    yardsticks.append(_fixed(truth, ALL_3X3, CONV_3X3))
    ties = int((truth.test == truth.best).sum()) - 1
    note = "the best architecture; its scores are the best accuracies of the oracle"
    if ties:
        note += f"; {ties} more as good"
    yardsticks.append(_yardstick(truth, "optimum", table.best(dataset), truth.oracles[0], None, note))
    return yardsticks


def retraining_agreement(table: GroundTruth, dataset: str, draws: int = 20) -> RetrainingAgreement:
    """Test-retest agreement: how well the oracle of one trial per architecture agrees with that of another trial.

    This is no ceiling for a criterion. A criterion is compared with the mean over trials, which is less noisy than a
    single trial, so one that orders operations by their average worth can agree with it better than two trials do.

    Only architectures with two or more trials can be compared, so both oracles use those alone. Each draw takes two
    different trials of every architecture at random (seeded); architectures with the same trials share the draw.
    """
    names = ("tau_best", "tau_mean", "tau_best_no_none", "tau_mean_no_none", "tau_space")
    trials = table.trials(dataset)
    repeated = np.zeros(0, dtype=int)
    if trials is not None:
        repeated = np.flatnonzero((~np.isnan(trials)).sum(axis=1) >= 2)
    if trials is None or not repeated.size:
        how = (
            "the table file stores no separate trainings"
            if trials is None
            else "the table file stores no more than one training of each architecture"
        )
        return RetrainingAgreement({}, how)
    if np.isnan(oracle(np.where(np.isin(np.arange(len(trials)), repeated), 0.0, np.nan))).any():
        return RetrainingAgreement({}, "too few architectures have two trainings in the table file")
    rng = np.random.default_rng(derive(0, purpose="retraining-agreement", dataset=dataset))
    # `unique` never takes two rows with nan for the same.
    trainings, training_of = np.unique(np.nan_to_num(trials[repeated], nan=np.inf), axis=0, return_inverse=True)
    found = []
    for _ in range(draws):
        keys = np.where(np.isinf(trainings), np.inf, rng.random(trainings.shape))
        first, second = np.argsort(keys, axis=1)[:, :2].T
        rows = np.arange(len(trainings))
        pair = [np.full(len(trials), np.nan) for _ in range(2)]
        for values, drawn in zip(pair, (first, second), strict=True):
            values[repeated] = trainings[rows, drawn][training_of.ravel()]
        found.append(
            [
                edge_tau(oracle(pair[0], kind), oracle(pair[1], kind), operations)
                for operations in (ALL_OPERATIONS, WITHOUT_NONE)
                for kind in ("best", "mean")
            ]
            + [tau_b(pair[0][repeated], pair[1][repeated])]
        )
    taus = {name: float(value) for name, value in zip(names, np.mean(found, axis=0), strict=True)}
    how = f"two random trials of each of the {repeated.size:,} architectures with two or more, drawn {draws} times"
    return RetrainingAgreement(taus, how, int(repeated.size), draws)


def _constant_order() -> np.ndarray:
    """[6, 5]: the place of each operation in CONSTANT_ORDER, the same on every edge."""
    return np.tile(np.argsort(CONSTANT_ORDER).astype(float), (len(EDGES), 1))


def places_of_constant_order(truth: Truth) -> tuple[int, int]:
    """Places of CONSTANT_ORDER among all 120 orders, by `tau_mean` and by `tau_best`; 1 is the highest."""
    order = _constant_order()
    best, mean = truth.oracles
    every = np.array([np.tile(ranks, (len(EDGES), 1)) for ranks in permutations(ALL_OPERATIONS)])
    mean_place, best_place = (
        1 + int((edge_taus(every, strengths) > edge_tau(order, strengths) + EQUAL).sum()) for strengths in (mean, best)
    )
    return mean_place, best_place


def headroom(truth: Truth, accuracy: float) -> tuple[int, int | None]:
    """Number of architectures with a higher test accuracy, and number of those that exceed it by more than the noise.

    The noise is that of architectures at least as accurate (`Truth.noise`). The second number is None if the table
    holds no two trainings of any architecture.
    """
    noise = truth.noise(accuracy)
    beyond = None if noise is None else int((truth.test > accuracy + noise.margin).sum())
    return int((truth.test > accuracy).sum()), beyond


def _drawn(truth: Truth, name: str) -> Yardstick:
    """A floor that draws among some operations on every edge: exact expectations, not a sample."""
    operations, note = RANDOM_CHOICES[name]
    among = np.isin(all_architectures(), list(operations)).all(axis=1)
    mean = float(truth.test[among].mean())
    rank = np.searchsorted(np.sort(truth.test), truth.test[among], side="left")
    percentile = 100 * float(rank.mean()) / len(truth.test)
    valid = None if truth.valid is None else float(truth.valid[among].mean())
    expected = dict.fromkeys((*EDGE_TAUS, "tau_space"), 0.0) if name == RANDOM else {}
    above, beyond = headroom(truth, mean)
    reached = asdict(outcome(mean, truth)) | {"percentile": percentile}
    return Yardstick(
        name=name, architecture=None, test=mean, valid=valid, **reached, above=above, above_margin=beyond, **expected,
        note=note,
    )  # fmt: skip


def _fixed(truth: Truth, name: str, operation: int) -> Yardstick:
    architecture: Architecture = (operation,) * 6
    return _yardstick(truth, name, architecture, None, None, f"{OPERATIONS[operation]} on every edge")


def convolution_weights() -> np.ndarray:
    """[15625], space order: convolution weights of each cell, in units of C * C; used if the table holds no counts."""
    return np.array([_WEIGHTS_PER_OPERATION[op] for op in range(len(OPERATIONS))])[all_architectures()].sum(axis=1)


def _ranked(truth: Truth, name: str, sizes: np.ndarray | None) -> Yardstick:
    """The yardstick of the largest architecture, with the agreement of size with accuracy."""
    note = f"the architecture with the most {name}"
    if sizes is None:
        sizes = convolution_weights()
        note = "the architecture with the most weights in its convolutions (the table holds no counts)"
    # Means of equal counts may differ in the last digits from edge to edge; that is no preference.
    scores = np.round(oracle(sizes, "mean"), 6)
    return _scored(truth, name, scores, sizes, note)


def _scored(truth: Truth, name: str, scores: np.ndarray, ranking: np.ndarray | None, note: str) -> Yardstick:
    return _yardstick(truth, name, as_architecture(scores.argmax(axis=1).tolist()), scores, ranking, note)


def _yardstick(
    truth: Truth,
    name: str,
    architecture: Architecture,
    scores: np.ndarray | None,
    ranking: np.ndarray | None,
    note: str,
) -> Yardstick:
    position = code(architecture)
    test = float(truth.test[position])
    taus: dict[str, float] = {}
    if scores is not None:
        agreement = edge_agreement(scores, truth)
        taus = {tau: getattr(agreement, tau) for tau in EDGE_TAUS}
        taus["tau_space"] = tau_b(ranked_by_sums(scores) if ranking is None else ranking, truth.ranked)
    above, beyond = headroom(truth, test)
    return Yardstick(
        name=name,
        architecture=architecture,
        test=test,
        valid=None if truth.valid is None else float(truth.valid[position]),
        **asdict(outcome(test, truth)),
        above=above,
        above_margin=beyond,
        **taus,
        note=note,
    )
