"""Everything the sections draw from, computed once: results, table, summaries, contests; and where figures go."""

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
from nas_selection_bench.reports.data.in_figures import focus, left_out_sentence
from nas_selection_bench.reports.data.judging import contest
from nas_selection_bench.reports.data.rankings import ArchitectureScores, rankings
from nas_selection_bench.reports.data.results import Results
from nas_selection_bench.reports.data.summary import Line, lines, order_of_methods
from nas_selection_bench.reports.data.supernet_quality import SupernetQuality, supernet_quality
from nas_selection_bench.reports.data.two_criteria import TwoCriteria, two_criteria


@dataclass
class Material:
    """One report in the making."""

    results: Results
    table: GroundTruth
    figures: Path
    """Folder that every figure is also written to, as a stand-alone SVG."""
    drawn: list[str] = field(default_factory=list)
    """Names of the files in `figures` that were written so far."""
    _lines: dict[str, list[Line]] = field(default_factory=dict, init=False, repr=False)
    _lines_of: dict[str, dict[tuple[str, str], list[Line]]] = field(default_factory=dict, init=False, repr=False)
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
    def every_stick(self) -> dict[str, list[Yardstick]]:
        """Floors and ceilings of each data set of the table, whether anything was selected on it or not."""
        return {name: floors_and_ceilings(truth) for name, truth in self.truths.items()}

    @cached_property
    def sticks(self) -> dict[str, list[Yardstick]]:
        """Floors and ceilings of each data set with results."""
        return {name: self.every_stick[name] for name in self.datasets}

    @cached_property
    def retrainings(self) -> dict[str, RetrainingAgreement]:
        """How well two trainings of every architecture agree, per data set."""
        return {name: retraining_agreement(self.table, name) for name in self.datasets}

    @cached_property
    def contests(self) -> list[Contest]:
        """Who beats whom, per data set."""
        return [contest(self.results, self.truths[name], name, self.sticks[name]) for name in self.datasets]

    @cached_property
    def transfers(self) -> list[Contest]:
        """The choices made on one data set judged by the accuracies on each other one of the table."""
        return [
            contest(self.results, self.truths[other], name, self.every_stick[other])
            for name in self.datasets
            for other in self.table.datasets
            if other != name
        ]

    def lines(self, measure: str) -> list[Line]:
        """Summaries of a column of records.csv at the last checkpoints."""
        if measure not in self._lines:
            self._lines[measure] = lines(self.results, measure)
        return self._lines[measure]

    def lines_of(self, measure: str, dataset: str, method: str) -> list[Line]:
        """Those of `lines` of one method on one data set."""
        if measure not in self._lines_of:
            found = self._lines_of[measure] = {}
            for line in self.lines(measure):
                found.setdefault((line.dataset, line.method), []).append(line)
        return self._lines_of[measure].get((dataset, method), [])

    @property
    def test(self) -> list[Line]:
        """Summaries of test accuracy."""
        return self.lines("test")

    @property
    def tau_best(self) -> list[Line]:
        """Summaries of tau-b with the oracle of best accuracies."""
        return self.lines("tau_best")

    @property
    def tau_mean(self) -> list[Line]:
        """Summaries of tau-b with the oracle of mean accuracies."""
        return self.lines("tau_mean")

    def order(self, dataset: str) -> list[str]:
        """The methods of a data set, best mean accuracy first."""
        return self._orders[dataset]

    @cached_property
    def _orders(self) -> dict[str, list[str]]:
        return {name: order_of_methods([line for line in self.test if line.dataset == name]) for name in self.datasets}

    def rankings(self, dataset: str) -> dict[str, list[ArchitectureScores]]:
        """What the ranking criteria scored on a data set at the last checkpoint."""
        if dataset not in self._rankings:
            self._rankings[dataset] = rankings(self.results, dataset)
        return self._rankings[dataset]

    def focus(self, dataset: str) -> list[str]:
        """Those methods of a data set that the figures show, best mean accuracy first."""
        if dataset not in self._shown:
            order = self.order(dataset)
            self._shown[dataset] = focus(order, self.results.clones(dataset, order))
        return self._shown[dataset]

    def left_out(self, dataset: str) -> str:
        """What captions say of the methods that the figures do not show."""
        return left_out_sentence(len(self.focus(dataset)), len(self.order(dataset)))

    def in_focus(self, found: list[Line]) -> list[Line]:
        """Those of the lines that the figures show."""
        shown = {dataset: set(self.focus(dataset)) for dataset in self.datasets}
        return [line for line in found if line.method in shown.get(line.dataset, ())]

    def optimum(self, dataset: str) -> float:
        """The best test accuracy of the space."""
        return self.truths[dataset].best

    @cached_property
    def edge_knowledge(self) -> dict[str, list[Comparison]]:
        """Per data set, every method's `tau_edge` against the 0 of all constant orders."""
        return {name: edge_knowledge(self.results, name) for name in self.datasets}

    @cached_property
    def supernet_quality(self) -> list[SupernetQuality]:
        """Whether a better supernet means a better selection, per data set and recipe."""
        return [row for name in self.datasets for row in supernet_quality(self.results, name)]

    @cached_property
    def two_criteria(self) -> list[TwoCriteria]:
        """Agreement of every two main forms, and what their mean chooses, per data set."""
        return [
            row
            for contest in self.contests
            for row in two_criteria(self.results, self.truths[contest.dataset], contest.ranked)
        ]

    def worth(self, dataset: str, accuracy: float) -> float | None:
        """Random architectures that one would have to train to expect that test accuracy (bench.yardsticks.worth)."""
        reached = self.truths[dataset].random_search
        return None if reached is None else trainings(reached, accuracy)
