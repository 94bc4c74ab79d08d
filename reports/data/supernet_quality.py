"""Supernet quality: the rank correlation, over the seeds of a recipe, of supernet accuracy and accuracy of choices."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from nas_selection_bench.reports.data.results import Results

FEWEST_SEEDS = 5
"""With 4, even the most extreme order has p = 2/24 = .08, so that nothing could be shown."""
MOST_ORDERS = 5_040
"""Up to this many orders of the seeds are enumerated; beyond it, this many are drawn at random."""


@dataclass(frozen=True)
class SupernetQuality:
    """The correlation for one recipe on one data set."""

    dataset: str
    setting: str
    supernets: int
    """Number of supernets, one per seed."""
    lowest: float
    """Accuracy of the worst supernet on the selection images, %."""
    highest: float
    selectors: int
    """Number of selectors whose accuracy differs between the supernets."""
    tau: float
    """Mean over selectors of tau-b between the accuracy of the supernet and that of the choice made on it."""
    p: float
    """Permutation p value: share of the orders of the supernets, the observed one included, with a mean tau at least
    as far from 0. All selectors see the same supernets, so the supernets are what is permuted."""


def supernet_quality(results: Results, dataset: str) -> Iterator[SupernetQuality]:
    """One row per recipe with enough supernets of known accuracy."""
    frame = results.final_of(dataset)
    frame = frame[frame["supernet_accuracy"].notna() & ~frame["method"].isin(results.checkpoint_free)]
    for setting, rows in frame.groupby("setting", sort=False):
        accuracy = rows.groupby("supernet_seed")["supernet_accuracy"].mean()
        if len(accuracy) < FEWEST_SEEDS or accuracy.nunique() < 2:
            continue
        chosen = rows.groupby(["method", "supernet_seed"])["test"].mean().unstack().reindex(columns=accuracy.index)
        # Only seeds that all selectors have, so that the mean over selectors is over the same supernets.
        enough = chosen[chosen.notna().sum(axis=1) >= FEWEST_SEEDS].dropna(axis=1)
        values = enough.to_numpy()
        values = values[np.ptp(values, axis=1) > 0] if values.size else values
        order = accuracy[enough.columns].to_numpy()
        if not len(values) or len(order) < FEWEST_SEEDS or np.ptp(order) == 0:
            continue
        mean = np.mean(_directions(values), axis=0)
        tau = float(np.clip((_directions(order) * mean).sum(), -1, 1))
        others = (_directions(order[np.array(list(_orders(len(order))))]) * mean).sum(axis=1)
        yield SupernetQuality(
            dataset, str(setting), len(order), float(order.min()), float(order.max()), len(values), tau,
            float(np.mean(np.abs(others) >= abs(tau) - 1e-9)),
        )  # fmt: skip


def _directions(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """[..., pairs] the sign of each pair, scaled so that the inner product of two such vectors is their tau-b."""
    first, second = np.triu_indices(values.shape[-1], k=1)
    signs = np.ascontiguousarray(np.sign(values[..., second] - values[..., first]))
    return np.asarray(signs / np.sqrt(np.count_nonzero(signs, axis=-1, keepdims=True)))


def _orders(n: int) -> Iterator[tuple[int, ...]]:
    """All orders of n supernets; if they exceed MOST_ORDERS, the observed one and MOST_ORDERS random ones."""
    if math.factorial(n) <= MOST_ORDERS:
        yield from permutations(range(n))
    else:
        yield tuple(range(n))
        generator = np.random.default_rng(0)
        for _ in range(MOST_ORDERS):
            yield tuple(generator.permutation(n).tolist())
