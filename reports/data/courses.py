"""What is stored of each supernet along its training, and the rules that say from which checkpoint to select.

A rule is one file in reports/stopping/, found by its name. It reads what is stored and runs nothing: the weights of the
operations (which `magnitude` stores for every checkpoint), the supernet's accuracy on the selection images, and the
largest eigenvalue of the Hessian where `python -m nas_selection_bench curvature` has measured it. So every rule meets
every criterion that was applied to all checkpoints.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.work.curvature_file import eigenvalues
from nas_selection_bench.bench.work.discovery import kind, require_texts, shown
from nas_selection_bench.bench.work.finder import Finder
from nas_selection_bench.bench.work.options import Configurable
from nas_selection_bench.reports.data.results import Results

WEIGHTS_OF = "magnitude"
"""The selector whose scores are the weights of the operations."""

Values = NDArray[np.float64]


class NotStored(Exception):
    """A rule needs what is not stored of this supernet; the message says what."""


@dataclass(frozen=True)
class Course:
    """One supernet along its training: a value per stored checkpoint."""

    epochs: tuple[int, ...]
    accuracy: Values | None = None
    """[T], on the selection images, %."""
    weights: Values | None = None
    """[T, 6, 5], of the operations."""
    eigenvalues: Values | None = None
    """[T], the largest of the Hessian of the validation loss by the alphas."""

    def needed(self, what: str) -> Values:
        """The values called `what`; raises NotStored."""
        values: Values | None = getattr(self, what)
        if values is None or not np.isfinite(values).all():
            raise NotStored(f"{what} are not stored for every checkpoint")
        return values


@dataclass(frozen=True, kw_only=True)
class StoppingRule(Configurable):
    """When a search stops."""

    paper: str
    formula: str
    """In one line."""
    stop: Callable[[Course], int]
    """The place among the stored checkpoints of that to select from; raises NotStored."""
    differs: str = "nothing"
    """From the paper and its code."""
    version: int = 1

    def declared(self) -> dict[str, str]:
        """What it says of itself beside its paper, for people."""
        return {"stops at": self.formula, "differs": self.differs}


def offered(name: str, module: Any, file: Path) -> Mapping[str, StoppingRule]:
    """The rule of a module, by the name of its file; raises UsageError for what is none."""
    rule = module.RULE
    if not isinstance(rule, StoppingRule):
        raise UsageError(f"{shown(file)}: RULE must be a StoppingRule, not {kind(rule)}.")
    require_texts(rule, ("paper", "formula"), file)
    return {name: rule}


RULES = Finder("stopping rule", "nas_selection_bench.reports.stopping", ("RULE",), offered)

rules = RULES.methods


def courses(results: Results, dataset: str) -> dict[tuple[str, int], Course]:
    """The course of each supernet of a data set, by (setting, seed), that has two or more stored checkpoints."""
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


def stops(found: dict[tuple[str, int], Course]) -> dict[str, Stops]:
    """What each rule says; supernets of which it lacks something are left out."""
    told_by: dict[str, Stops] = {}
    for name, rule in rules().items():
        for supernet, course in found.items():
            try:
                told_by.setdefault(name, {})[supernet] = course.epochs[rule.stop(course)]
            except NotStored:
                continue
    return {name: epochs for name, epochs in told_by.items() if epochs}


def outcomes(
    results: Results, dataset: str, known: Mapping[tuple[str, int], Course], said: Mapping[str, Stops]
) -> pd.DataFrame:
    """One row per (setting, method, rule): mean test accuracy and n at the epochs at which the rule stops.

    `known` are the `courses` of the data set, and `said` their `stops`. Only methods that were applied to every stored
    checkpoint of a supernet; a mean is over the supernets that all rules of the table could judge, so that rules are
    compared on the same ones.
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
