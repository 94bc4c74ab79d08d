"""The course of each supernet along its training, and what criteria reach at the epochs where stopping rules stop.

A course holds, per stored checkpoint, the weights of the operations (the scores of `magnitude`), the accuracy on the
selection images, and the largest eigenvalue of the Hessian if `python -m nas_selection_bench curvature` measured it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nas_selection_bench.bench.work.curvature_file import eigenvalues
from nas_selection_bench.reports.data.results import Results

WEIGHTS_OF = "magnitude"
"""The selector whose scores are the weights of the operations."""

Values = NDArray[np.float64]


class NotStored(Exception):
    """A stopping rule needs a value that is not stored for this supernet; the message names it."""


@dataclass(frozen=True)
class Course:
    """One supernet along its training: one value per stored checkpoint (T of them); None if not stored."""

    epochs: tuple[int, ...]
    accuracy: Values | None = None
    """[T], accuracy of the supernet on the selection images, %."""
    weights: Values | None = None
    """[T, 6, 5], weights of the operations on each edge."""
    eigenvalues: Values | None = None
    """[T], largest eigenvalue of the Hessian of the validation loss with respect to the alphas."""

    def needed(self, what: str) -> Values:
        """The field called `what`; raises NotStored unless it is stored and finite at every checkpoint."""
        values: Values | None = getattr(self, what)
        if values is None or not np.isfinite(values).all():
            raise NotStored(f"{what} are not stored for every checkpoint")
        return values


def courses(results: Results, dataset: str) -> dict[tuple[str, int], Course]:
    """(setting, seed) -> course, for each supernet of a data set with two or more stored checkpoints."""
    frame = results.done[results.done["dataset"] == dataset]
    frame = frame[frame["checkpoint"].notna()] if "checkpoint" in frame else frame.iloc[:0]
    measured = eigenvalues(results.folder)
    by = ["setting", "supernet_seed", "epoch"]
    read = frame[frame["selector"] == WEIGHTS_OF].drop_duplicates(by).sort_values(by)
    with_weights: dict[tuple[str, int], list[int]] = {}
    for place, setting, seed in zip(read.index.tolist(), read["setting"], read["supernet_seed"], strict=True):
        with_weights.setdefault((setting, seed), []).append(place)
    found = {}
    first = frame.drop_duplicates(by).sort_values(by)
    supernets = dict.fromkeys(zip(first["setting"].tolist(), first["supernet_seed"].tolist(), strict=True))
    of_supernet = first.groupby(by[:2])
    for setting, seed in supernets:
        stored = of_supernet.get_group((setting, seed))
        epochs = tuple(stored["epoch"].tolist())
        if len(epochs) < 2:
            continue
        places = with_weights.get((setting, seed), [])
        curvature = np.array([measured.get(str(sha), np.nan) for sha in stored["checkpoint"]])
        found[setting, seed] = Course(
            epochs,
            accuracy=stored["supernet_accuracy"].to_numpy(dtype=float),
            weights=results.scores[places] if len(places) == len(epochs) else None,
            eigenvalues=curvature if np.isfinite(curvature).all() else None,
        )
    return found


Stops = dict[tuple[str, int], int]
"""(setting, seed) -> the epoch to select from."""


def outcomes(
    results: Results, dataset: str, known: Mapping[tuple[str, int], Course], said: Mapping[str, Stops]
) -> pd.DataFrame:
    """One row per (setting, method, rule): mean test accuracy, mean epoch and n at the epochs where the rule stops.

    `known` are the `courses` of the data set, `said` the `stops` of each rule. Covers methods that were applied to
    every stored checkpoint of a supernet. Means are over the supernets for which every rule in the table gives an
    epoch, so that rules are compared on the same supernets; n counts them.
    """
    frame = results.done[results.done["dataset"] == dataset]
    means = frame.groupby(["setting", "method", "supernet_seed", "epoch"])["test"].mean()
    reached: dict[tuple[str, str], dict[tuple[int, int], float]] = {}
    for (setting, method, seed, epoch), mean in zip(means.index, means.tolist(), strict=True):
        reached.setdefault((setting, method), {})[seed, epoch] = mean
    rows = []
    for (setting, method), by_place in reached.items():
        seeds = [
            seed for (of, seed), course in known.items()
            if of == setting and all((seed, epoch) in by_place for epoch in course.epochs)
        ]  # fmt: skip
        able = {rule: epochs for rule, epochs in said.items() if any((setting, seed) in epochs for seed in seeds)}
        seeds = [seed for seed in seeds if all((setting, seed) in epochs for epochs in able.values())]
        for rule, epochs in able.items():
            chosen = [by_place[seed, epochs[setting, seed]] for seed in seeds]
            if chosen:
                rows.append({
                    "setting": setting, "method": method, "rule": rule, "mean": float(np.mean(chosen)),
                    "epoch": float(np.mean([epochs[setting, seed] for seed in seeds])), "n": len(chosen),
                })  # fmt: skip
    return pd.DataFrame(rows, columns=["setting", "method", "rule", "mean", "epoch", "n"])
