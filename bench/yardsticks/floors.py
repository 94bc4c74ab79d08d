"""Floors and ceilings: what a table alone says about how good or bad a selection can be.

They stand in every table of results. A criterion that does not beat the mean of the space, a constant order of the
operations or the parameter count has learned nothing from the supernet. How well two trainings of every architecture
agree stands beside them as a measure of the table's noise; it is no ceiling (see `retraining_agreement`).
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from bench.problem.space import (
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
from bench.problem.table import GroundTruth
from bench.seeds import derive
from bench.yardsticks.measures import architecture_scores, edge_agreement, edge_tau, oracle, outcome, tau_b

RETRAINING = "two trainings"
"""What tables and figures call the agreement of one training of every architecture with another."""

CONSTANT_ORDER = (NONE, AVG_POOL, SKIP, CONV_1X1, CONV_3X3)
"""The operations from worst to best, whatever the data and the edge."""

_WEIGHTS_PER_OPERATION = {NONE: 0, SKIP: 0, CONV_1X1: 1, CONV_3X3: 9, AVG_POOL: 0}
"""Weights of an operation in units of C * C, C being the number of channels."""


EDGE_TAUS = ("tau_best", "tau_mean", "tau_best_no_none", "tau_mean_no_none")


@dataclass(frozen=True)
class Yardstick:
    """One floor or ceiling on one data set. What does not apply is None."""

    name: str
    architecture: Architecture | None
    """None where the yardstick is an average over the space."""
    test: float
    """Test accuracy, %."""
    valid: float | None
    regret: float
    percentile: float
    """Share of architectures with strictly lower test accuracy, %."""
    gain: float | None
    tau_best: float | None
    tau_mean: float | None
    tau_best_no_none: float | None
    tau_mean_no_none: float | None
    tau_space: float | None
    note: str


def floors_and_ceilings(table: GroundTruth, dataset: str) -> list[Yardstick]:
    """Every yardstick of a data set, from the floor upwards: exact numbers, no sampling.

    The scores of `params` and `flops` follow the rule for criteria that rank whole architectures: an operation on
    an edge scores the mean over the architectures that have it there.
    """
    test = table.accuracy(dataset)
    order = np.tile(np.argsort(CONSTANT_ORDER).astype(float), (len(EDGES), 1))
    sticks = [
        _random(table, dataset),
        _fixed(table, dataset, "all-skip", SKIP),
        _scored(table, dataset, "constant-order", order, None, "none < avg_pool < skip < 1x1 < 3x3 on every edge"),
        _ranked(table, dataset, "params", table.parameters(dataset)),
    ]
    flops = table.flops(dataset)
    if flops is not None:
        sticks.append(_ranked(table, dataset, "flops", flops))
    sticks.append(_fixed(table, dataset, "all-3x3", CONV_3X3))
    ties = int((test == test.max()).sum()) - 1
    note = "highest mean test accuracy; its scores are the oracle's best accuracies"
    if ties:
        note += f"; {ties} more reach the same, the first in the table's order is shown"
    sticks.append(_of(table, dataset, "optimum", table.best(dataset), oracle(test, "best"), None, note))
    return sticks


def retraining_agreement(table: GroundTruth, dataset: str, draws: int = 20) -> dict[str, float | int | str | None]:
    """How well the oracle of one trial per architecture agrees with the oracle of another trial: test-retest.

    No ceiling for a criterion: that is held against the mean over trials, which is less noisy than a single one, so
    whatever orders operations by what they are worth on average can agree with it better than two trials do.

    Only architectures with two or more trials can be compared, so both oracles are over those. Each draw takes two
    different trials of every architecture at random (seeded); architectures that share one training share the draw.
    Keys: `tau_best`, `tau_mean`, both without `none`, `tau_space` (over the architectures themselves), each the mean
    over the draws; `n` architectures, `draws`, and `how` in words. The taus are None where the table holds no two
    trials of any architecture, which says nothing of how often it was trained: a file may keep the means only.
    """
    names = (*EDGE_TAUS, "tau_space")
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
        return {**dict.fromkeys(names), "n": 0, "draws": 0, "how": how}
    rng = np.random.default_rng(derive(0, purpose="retraining-agreement", dataset=dataset))
    trainings, training_of = np.unique(trials[repeated], axis=0, return_inverse=True)
    found = []
    for _ in range(draws):
        keys = np.where(np.isnan(trainings), np.inf, rng.random(trainings.shape))
        first, second = np.argsort(keys, axis=1)[:, :2].T
        rows = np.arange(len(trainings))
        pair = [np.full(len(trials), np.nan) for _ in range(2)]
        for values, drawn in zip(pair, (first, second), strict=True):
            values[repeated] = trainings[rows, drawn][training_of.ravel()]
        found.append(
            [
                edge_tau(oracle(pair[0], kind), oracle(pair[1], kind), without_none=without_none)
                for without_none in (False, True)
                for kind in ("best", "mean")
            ]
            + [tau_b(pair[0][repeated], pair[1][repeated])]
        )
    taus = {name: float(value) for name, value in zip(names, np.mean(found, axis=0), strict=True)}
    how = f"two trials drawn at random of each of the {repeated.size} architectures with two or more, {draws} times"
    return {**taus, "n": int(repeated.size), "draws": draws, "how": how}


def _random(table: GroundTruth, dataset: str) -> Yardstick:
    """A uniformly random architecture: exact expectations, not a sample."""
    test = table.accuracy(dataset)
    mean = float(test.mean())
    rank = np.searchsorted(np.sort(test), test, side="left")
    return Yardstick(
        name="random", architecture=None, test=mean, valid=_valid_mean(table, dataset),
        regret=float(test.max()) - mean, percentile=100 * float(rank.mean()) / len(test), gain=outcome(test, mean).gain,
        tau_best=0.0, tau_mean=0.0, tau_best_no_none=0.0, tau_mean_no_none=0.0, tau_space=0.0,
        note="expectation over a uniformly random architecture and over random scores; exact",
    )  # fmt: skip


def _fixed(table: GroundTruth, dataset: str, name: str, operation: int) -> Yardstick:
    architecture: Architecture = (operation,) * 6
    return _of(table, dataset, name, architecture, None, None, f"{OPERATIONS[operation]} on every edge")


def convolution_weights() -> np.ndarray:
    """[15625], space order: weights in the convolutions of each cell, in units of C * C; for tables without counts."""
    return np.array([_WEIGHTS_PER_OPERATION[op] for op in range(len(OPERATIONS))])[all_architectures()].sum(axis=1)


def _ranked(table: GroundTruth, dataset: str, name: str, sizes: np.ndarray | None) -> Yardstick:
    """The largest architecture, and the agreement of size with accuracy."""
    note = f"the architecture with the most {name}, as the table counts them"
    if sizes is None:
        sizes = convolution_weights()
        note = "the architecture with the most weights in its convolutions (the table holds no counts)"
    # The mean of equal counts may differ in the last digits from edge to edge; that is no preference.
    scores = np.round(oracle(sizes, "mean"), 6)
    return _scored(table, dataset, name, scores, sizes, note)


def _scored(
    table: GroundTruth, dataset: str, name: str, scores: np.ndarray, ranking: np.ndarray | None, note: str
) -> Yardstick:
    return _of(table, dataset, name, as_architecture(scores.argmax(axis=1).tolist()), scores, ranking, note)


def _of(
    table: GroundTruth,
    dataset: str,
    name: str,
    architecture: Architecture,
    scores: np.ndarray | None,
    ranking: np.ndarray | None,
    note: str,
) -> Yardstick:
    test = table.accuracy(dataset)
    position = code(architecture)
    agreement = None if scores is None else edge_agreement(scores, test)
    taus: dict[str, Any] = {tau: None if agreement is None else getattr(agreement, tau) for tau in EDGE_TAUS}
    tau_space = None if scores is None else tau_b(architecture_scores(scores) if ranking is None else ranking, test)
    return Yardstick(
        name=name,
        architecture=architecture,
        test=float(test[position]),
        valid=float(table.accuracy(dataset, "valid")[position]) if table.has(dataset, "valid") else None,
        **asdict(outcome(test, float(test[position]))),
        **taus,
        tau_space=tau_space,
        note=note,
    )


def _valid_mean(table: GroundTruth, dataset: str) -> float | None:
    return float(table.accuracy(dataset, "valid").mean()) if table.has(dataset, "valid") else None
