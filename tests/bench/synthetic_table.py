"""Small tables with the interface of the real one."""

import csv
import gzip
from pathlib import Path

import numpy as np

from nas_selection_bench.bench.problem.accuracies import Accuracies
from nas_selection_bench.bench.problem.equivalence import function_classes
from nas_selection_bench.bench.problem.space import N_ARCHITECTURES, all_architectures, architecture_of, to_string
from nas_selection_bench.bench.problem.table import GroundTruth

STRENGTH = np.array([0.0, 4.0, 6.0, 8.0, 2.0])
"""Points that an operation adds on any edge: none, skip, 1x1, 3x3, pool."""


def accuracies(seed: int = 0, noise: float = 3.0) -> np.ndarray:
    """[15625] invented accuracies in %: better operations raise them, and the rest is noise."""
    rng = np.random.default_rng(seed)
    return 20 + STRENGTH[all_architectures()].sum(axis=1) + rng.normal(0, noise, N_ARCHITECTURES).clip(-9, 9)


def class_table(trials: int = 3, seed: int = 0, noise: float = 2.0) -> GroundTruth:
    """A table like that of digits: trained per function class, every class once and some more often."""
    classes = function_classes()
    count = int(classes.max()) + 1
    rng = np.random.default_rng(seed)
    truth = accuracies(seed)[np.unique(classes, return_index=True)[1]]
    runs = (truth[:, None] + rng.normal(0, noise, (count, trials))).clip(0, 100)
    runs[rng.random((count, trials)) < 0.4] = np.nan
    runs[:, 0] = truth
    return GroundTruth("made-up", {"digits": Accuracies(trials=runs[classes])})


def write_csv(path: Path, columns: dict[str, object], order: np.ndarray | None = None) -> None:
    """Write a CSV of the whole space, with rows in `order` (positions in space order) and `columns` in space order."""
    order = np.arange(N_ARCHITECTURES) if order is None else order
    with gzip.open(path, "wt", newline="") if path.suffix == ".gz" else open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["arch", *columns])
        for position in order:
            row = [values[position] for values in columns.values()]  # type: ignore[index]
            writer.writerow([to_string(architecture_of(int(position))), *row])
