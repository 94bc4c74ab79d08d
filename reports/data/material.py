"""The material of a report, computed once: results, table, summaries, contests; and the folder of the figures."""

import math
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.bench.yardsticks.comparisons import Comparison
from nas_selection_bench.bench.yardsticks.floors import (
    RetrainingAgreement,
    Yardstick,
    floors_and_ceilings,
    retraining_agreement,
)
from nas_selection_bench.bench.yardsticks.truth import Truth
from nas_selection_bench.bench.yardsticks.worth import trainings
from nas_selection_bench.reports.data.contests import Contest
from nas_selection_bench.reports.data.edge_knowledge import edge_knowledge
from nas_selection_bench.reports.data.founders import Level
from nas_selection_bench.reports.data.in_figures import focus, left_out_sentence
from nas_selection_bench.reports.data.judging import contest
from nas_selection_bench.reports.data.rankings import ArchitectureScores, rankings
from nas_selection_bench.reports.data.results import Results
from nas_selection_bench.reports.data.summary import Summary, order_of_methods, summaries
from nas_selection_bench.reports.data.supernet_quality import SupernetQuality, supernet_quality
from nas_selection_bench.reports.data.two_criteria import TwoCriteria, two_criteria


@dataclass
class Material:
    """The results and everything computed from them for one report."""

    results: Results
    table: GroundTruth
    figures: Path
    """Folder to which every figure is also written as a stand-alone SVG."""
    drawn: list[str] = field(default_factory=list)
    """Names of the files written to `figures` so far, without `.svg`."""
    _summaries: dict[str, list[Summary]] = field(default_factory=dict, init=False, repr=False)
    _summaries_of: dict[str, dict[tuple[str, str], list[Summary]]] = field(default_factory=dict, init=False, repr=False)
    _shown: dict[str, list[str]] = field(default_factory=dict, init=False, repr=False)
    _rankings: dict[str, dict[str, list[ArchitectureScores]]] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def datasets(self) -> list[str]:
        """Data sets that have both results and ground truth."""
        done = set(self.results.final["dataset"])
        return [name for name in self.results.datasets if name in done and name in self.table.datasets]

    @cached_property
    def truths(self) -> dict[str, Truth]:
        """The ground truth of every data set of the table, ready for measuring."""
        return {name: Truth(self.table, name, self.results.store.agreements) for name in self.table.datasets}

    @cached_property
    def all_yardsticks(self) -> dict[str, list[Yardstick]]:
        """Floors and ceilings of each data set of the table, with or without results."""
        return {name: floors_and_ceilings(truth) for name, truth in self.truths.items()}

    @cached_property
    def yardsticks(self) -> dict[str, list[Yardstick]]:
        """Floors and ceilings of each data set with results."""
        return {name: self.all_yardsticks[name] for name in self.datasets}

    @cached_property
    def retrainings(self) -> dict[str, RetrainingAgreement]:
        """Agreement of two trainings of every architecture, per data set."""
        return {name: retraining_agreement(self.table, name) for name in self.datasets}

    @cached_property
    def contests(self) -> list[Contest]:
        """The contest of each data set, judged by its own accuracies."""
        return [contest(self.results, self.truths[name], name, self.yardsticks[name]) for name in self.datasets]

    @cached_property
    def transfers(self) -> list[Contest]:
        """The contests that judge the choices on one data set by the accuracies on another data set of the table."""
        return [
            contest(self.results, self.truths[other], name, self.all_yardsticks[other])
            for name in self.datasets
            for other in self.table.datasets
            if other != name
        ]

    def summaries(self, measure: str) -> list[Summary]:
        """Summaries of the column `measure` of records.csv at the last checkpoints."""
        if measure not in self._summaries:
            bounds = {name: bounds_of(measure, self.truths[name]) for name in self.datasets}
            self._summaries[measure] = summaries(self.results, measure, bounds)
        return self._summaries[measure]

    def summaries_of(self, measure: str, dataset: str, method: str) -> list[Summary]:
        """The `summaries` of one method on one data set."""
        if measure not in self._summaries_of:
            found = self._summaries_of[measure] = {}
            for summary in self.summaries(measure):
                found.setdefault((summary.dataset, summary.method), []).append(summary)
        return self._summaries_of[measure].get((dataset, method), [])

    @property
    def test(self) -> list[Summary]:
        """Summaries of test accuracy."""
        return self.summaries("test")

    @property
    def tau_best(self) -> list[Summary]:
        """Summaries of tau-b with the oracle of best accuracies."""
        return self.summaries("tau_best")

    @property
    def tau_mean(self) -> list[Summary]:
        """Summaries of tau-b with the oracle of mean accuracies."""
        return self.summaries("tau_mean")

    def order(self, dataset: str) -> list[str]:
        """The methods of a data set, best mean accuracy first."""
        return self._orders[dataset]

    @cached_property
    def _orders(self) -> dict[str, list[str]]:
        return {
            name: order_of_methods([summary for summary in self.test if summary.dataset == name])
            for name in self.datasets
        }

    def rankings(self, dataset: str) -> dict[str, list[ArchitectureScores]]:
        """Method -> scores of its selections that rank whole architectures, at the last checkpoint of a data set."""
        if dataset not in self._rankings:
            self._rankings[dataset] = rankings(self.results, dataset)
        return self._rankings[dataset]

    def focus(self, dataset: str) -> list[str]:
        """The methods of a data set that the figures show, best mean accuracy first."""
        if dataset not in self._shown:
            order = self.order(dataset)
            self._shown[dataset] = focus(order, self.results.duplicates(dataset, order))
        return self._shown[dataset]

    def left_out(self, dataset: str) -> str:
        """The sentence of captions on the methods that the figures do not show; empty if they show all."""
        return left_out_sentence(len(self.focus(dataset)), len(self.order(dataset)))

    def in_focus(self, found: list[Summary]) -> list[Summary]:
        """The summaries of `found` whose method the figures show."""
        shown = {dataset: set(self.focus(dataset)) for dataset in self.datasets}
        return [summary for summary in found if summary.method in shown.get(summary.dataset, ())]

    def optimum(self, dataset: str) -> float:
        """The best test accuracy of the space."""
        return self.truths[dataset].best

    @cached_property
    def edge_knowledge(self) -> dict[str, dict[Level, list[Comparison]]]:
        """Per data set and family, the `tau_edge` of every method against the 0 of all constant orders."""
        return {contest.dataset: edge_knowledge(self.results, contest) for contest in self.contests}

    @cached_property
    def supernet_quality(self) -> list[SupernetQuality]:
        """The correlation of supernet accuracy with the accuracy of choices, per data set and recipe."""
        return [row for name in self.datasets for row in supernet_quality(self.results, name)]

    @cached_property
    def two_criteria(self) -> list[TwoCriteria]:
        """Per data set, the agreement of every two main forms, and the accuracy of what their mean chooses."""
        return [
            row
            for contest in self.contests
            for row in two_criteria(self.results, self.truths[contest.dataset], contest.ranked)
        ]

    def worth(self, dataset: str, accuracy: float) -> float | None:
        """Number of random architectures to train to expect this test accuracy (bench.yardsticks.worth).

        None if the table has no validation accuracy.
        """
        reached = self.truths[dataset].random_search
        return None if reached is None else trainings(reached, accuracy)


def bounds_of(measure: str, truth: Truth) -> tuple[float, float]:
    """The values that a mean of `measure` cannot leave on a data set."""
    if measure in ("test", "regret"):
        return (truth.worst, truth.best) if measure == "test" else (0.0, truth.best - truth.worst)
    if measure == "percentile":
        return 0.0, 100.0
    return (-1.0, 1.0) if measure.startswith("tau_") else (-math.inf, math.inf)
