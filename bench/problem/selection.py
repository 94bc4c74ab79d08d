"""The answer of a selector for one cell of the experiment, before anything is looked up or measured."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from nas_selection_bench.bench.problem.space import Architecture, as_architecture


@dataclass(frozen=True)
class Decision:
    """One edge fixed to one operation."""

    edge: int
    """Index into `bench.problem.space.EDGES`."""
    operation: int
    """Index into `bench.problem.space.OPERATIONS`."""


def architecture_made_by(decisions: Iterable[Decision]) -> Architecture:
    """The architecture that six decisions, in any order, lead to."""
    return as_architecture(decision.operation for decision in sorted(decisions, key=lambda d: d.edge))


@dataclass
class Cost:
    """The cost of a selection, with separate times for scoring and tuning."""

    scoring_seconds: float = 0.0
    tuning_seconds: float = 0.0
    forward_passes: int = 0
    """Number of forward passes, each of one mini-batch."""
    backward_passes: int = 0
    peak_memory_bytes: int | None = 0
    """Peak memory use: of the CUDA allocator on a GPU, of the process on a CPU; None if jobs share a GPU."""


@dataclass
class Ranking:
    """Scores that a criterion gave to whole architectures; larger = better."""

    codes: np.ndarray
    """[n] positions in space order (`bench.problem.space.code`)."""
    scores: np.ndarray
    """[n] float64, finite."""


@dataclass
class Selection:
    """The architecture that a selector chose, and how it was chosen."""

    architecture: Architecture
    scores: np.ndarray
    """[6, 5] float64, finite, larger = keep: the scores at the checkpoint before any decision."""
    decisions: list[Decision]
    """The six decisions in the order they were made."""
    ranking: Ranking | None = None
    """Scores of whole architectures, if the criterion ranks them; else None."""
    facts: dict[str, float | int | str | list[float]] = field(default_factory=dict)
    """Further plain values worth keeping (for example the number of failed proposals)."""
    cost: Cost = field(default_factory=Cost)
