"""The ground truth of one data set, prepared for measuring: whatever many selections share is computed once."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.bench.yardsticks.agreements import Agreements, fingerprint
from nas_selection_bench.bench.yardsticks.kendall import Ranked, ranked
from nas_selection_bench.bench.yardsticks.oracle import oracle
from nas_selection_bench.bench.yardsticks.statistics import TrialNoise, gaps_of_trials, noise_of_gaps
from nas_selection_bench.bench.yardsticks.worth import random_search

Values = NDArray[np.float64]

FEWEST_IN_REGION = 100
"""Fewest architectures that a margin is taken over: if fewer lie above a level, the best ones are taken."""


class Truth:
    """Accuracies of the whole space on one data set, in space order, and values computed from the table alone."""

    def __init__(self, table: GroundTruth, dataset: str, agreements: Agreements | None = None):
        """`agreements` holds numbers computed before. Raises DataError if the table does not hold the data set."""
        self.table = table
        self.dataset = dataset
        self.test: Values = table.accuracy(dataset)
        self.valid: Values | None = table.accuracy(dataset, "valid") if table.has(dataset, "valid") else None
        self.agreements = Agreements() if agreements is None else agreements
        self._noise: dict[int, TrialNoise | None] = {}

    @cached_property
    def best(self) -> float:
        """The highest test accuracy."""
        return float(self.test.max())

    @cached_property
    def worst(self) -> float:
        """The lowest test accuracy."""
        return float(self.test.min())

    @cached_property
    def mean(self) -> float:
        """The mean test accuracy, which is the expectation of a random choice."""
        return float(self.test.mean())

    @cached_property
    def ranked(self) -> Ranked:
        """`test`, prepared for `tau_b`."""
        return ranked(self.test)

    @cached_property
    def fingerprint(self) -> bytes:
        """Digest that stands for `test` in the content of an agreement."""
        return fingerprint(self.test)

    @cached_property
    def oracles(self) -> tuple[Values, Values]:
        """[6, 5] each: the best and the mean accuracy of the architectures with an operation on an edge."""
        return oracle(self.test, "best"), oracle(self.test, "mean")

    @cached_property
    def random_search(self) -> Values | None:
        """[15625] expected test accuracy of random search with 1, 2, ... trainings; None without `valid`."""
        return None if self.valid is None else random_search(self.test, self.valid)

    @cached_property
    def _repeated(self) -> tuple[Values, Values]:
        """Accuracies, ascending, of the architectures trained more than once, and the gaps between their trials."""
        trials = self.table.trials(self.dataset)
        gaps = np.full(len(self.test), np.nan) if trials is None else gaps_of_trials(trials)
        order = np.argsort(self.test, kind="stable")
        order = order[np.isfinite(gaps[order])]
        return self.test[order], gaps[order]

    def noise(self, least: float = -np.inf) -> TrialNoise | None:
        """How far two trainings of one architecture lie apart, among architectures at least as accurate as `least`.

        If fewer than FEWEST_IN_REGION of these were trained twice, the best FEWEST_IN_REGION are used. None if the
        table holds no two trainings of any architecture. Networks that do not learn repeat badly, so the noise of the
        whole space would be too wide a margin near the top.
        """
        accuracies, gaps = self._repeated
        first = min(int(np.searchsorted(accuracies, least)), max(0, len(gaps) - FEWEST_IN_REGION))
        if first not in self._noise:
            self._noise[first] = noise_of_gaps(gaps[first:])
        return self._noise[first]
