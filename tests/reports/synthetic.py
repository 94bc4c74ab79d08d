"""An output folder of invented numbers, on which the reports are tested.

`python -m tests.reports.synthetic OUT [--large]` writes one for inspection.
"""

import argparse
import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from nas_selection_bench.bench.problem.accuracies import Accuracies
from nas_selection_bench.bench.problem.selection import Decision, Selection
from nas_selection_bench.bench.problem.space import (
    EDGE_NAMES,
    OPERATIONS,
    all_architectures,
    as_architecture,
    to_string,
)
from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.bench.work.record import KEY_COLUMNS, SCHEMA, Record, write_record
from nas_selection_bench.bench.yardsticks.measures import MEASURES, measure
from nas_selection_bench.bench.yardsticks.truth import Truth
from nas_selection_bench.reports.data.material import Material
from nas_selection_bench.reports.data.results import Results

COLUMNS = (
    *KEY_COLUMNS, "state", "reason", "architecture", "index", *MEASURES,
    "forward_passes", "backward_passes", "supernet_accuracy", "checkpoint", "shared", "version", "schema",
)  # fmt: skip
LITE = ["--datasets", "cifar10,cifar100", "--preset", "lite"]
COMMANDS = [[*LITE, "--selectors", "all,!darts-pt*"], LITE]
PRIOR = np.array([0.0, 2.0, 3.0, 4.0, 1.0])

SELECTORS = {
    # name: (weights of the truth, of the prior and of skip connections, noise, selector seeds, seconds)
    "magnitude": (0.1, 0.2, 2.5, 1.0, 1, 0.01),
    "magnitude-no-none": (0.1, 0.2, 2.2, 1.0, 1, 0.01),
    "darts-pt": (0.9, 0.6, 0.3, 1.4, 2, 380.0),
    "darts-pt-loss": (1.2, 0.6, 0.2, 1.0, 2, 350.0),
    "ostr": (0.8, 0.5, 0.0, 0.9, 1, 4.0),
    "zero-cost-pt-nwot": (1.5, 0.8, 0.0, 0.7, 2, 12.0),
    "disc-acc": (-0.4, 0.0, 0.5, 1.0, 1, 31.0),
    "pt-random": (0.0, 0.0, 0.0, 1.0, 2, 300.0),
}

FEW = {
    # The first has by far the best scores; tests may give it one result per supernet seed.
    "one-draw": (9.0, 0.8, 0.0, 0.1, 1, 1.0),
    "good": (1.0, 0.8, 0.0, 0.9, 1, 1.0),
    "bad": (-3.0, 0.0, 0.0, 0.5, 1, 1.0),
}


def invented_table(datasets: Sequence[str] = ("cifar10", "cifar100"), seed: int = 0) -> GroundTruth:
    """A table whose accuracies follow a simple rule with noise; three trials, the third for half of the table."""
    generator = np.random.default_rng(seed)
    operations = all_architectures().astype(int)
    weights = np.array([1.0, 0.7, 0.6, 1.6, 0.9, 1.0])
    quality = (PRIOR[operations] * weights).sum(axis=1) / (4 * weights.sum())
    dead = (operations[:, 3] == 0) & (operations[:, 5] == 0) & (operations[:, 4] == 0)
    held = {}
    for number, dataset in enumerate(datasets):
        best = 94.5 - 21 * number
        mean = np.where(dead, 10.0, best - 34 * (1 - quality) ** 2) + 0.1 * generator.normal(size=len(quality))
        trials = mean[:, None] + 0.25 * generator.normal(size=(len(mean), 3))
        trials[generator.random(len(mean)) < 0.5, 2] = np.nan
        convolutions = ((operations == 2) * 1.0 + (operations == 3) * 9.0).sum(axis=1)
        held[dataset] = Accuracies(
            valid=mean - 2.5, trials=np.clip(trials, 0, 100), parameters=70_000 + 30_000 * convolutions,
            flops=1e7 + 1e7 * convolutions,
        )  # fmt: skip
    return GroundTruth("invented", held)


def _measures(scores: NDArray[np.float64], truth: Truth) -> dict[str, object]:
    architecture = as_architecture(scores.argmax(axis=1).tolist())
    decisions = [Decision(edge, operation) for edge, operation in enumerate(architecture)]
    found = measure(Selection(architecture, scores, decisions), truth)
    return {**found, "decision_regret": json.dumps(found["decision_regret"]), "architecture": to_string(architecture)}


def write_results(
    out: Path,
    table: GroundTruth,
    *,
    datasets: Sequence[str] | None = None,
    recipes: Sequence[str] = ("blank", "darts"),
    seeds: int = 3,
    epochs: Sequence[int] = (5, 10),
    selectors: dict[str, tuple[float, float, float, float, int, float]] | None = None,
    failures: bool = True,
    ranking: bool = True,
    checkpoint_free: Sequence[str] = (),
) -> Path:
    """Write records/, records.csv, scores.csv, costs.csv and run.json of an invented run to `out`.

    Selectors in `checkpoint_free` have one result per supernet seed, the same beside every recipe.
    """
    chosen = SELECTORS if selectors is None else selectors
    out.mkdir(parents=True, exist_ok=True)
    (out / "records").mkdir(exist_ok=True)
    datasets = table.datasets if datasets is None else datasets
    rows: list[dict[str, object]] = []
    scores_rows: list[dict[str, object]] = []
    costs: list[dict[str, object]] = []
    for d, dataset in enumerate(datasets):
        judge = Truth(table, dataset)
        truth = stats.zscore(judge.oracles[1], axis=1)
        for r, recipe in enumerate(recipes):
            for seed in range(seeds):
                shared = np.random.default_rng([d, r, seed]).normal(size=(6, 5))
                place = {"dataset": dataset, "recipe": recipe, "supernet_seed": seed}
                circumstances = {"preset": "lite", "device": "cpu", "threads": 1}
                costs.append({**place, **circumstances, "training_seconds": 240.0 + 9 * seed + 30 * r})
                for s, (name, (signal, prior, skip, noise, repeats, seconds)) in enumerate(chosen.items()):
                    for epoch in epochs if name.startswith("magnitude") else epochs[-1:]:
                        for repeat in range(repeats):
                            cell = {
                                **place, "epoch": epoch, "selector": name, "selector_seed": repeat, "bn": "batch",
                                **circumstances,
                            }  # fmt: skip
                            generator = np.random.default_rng(
                                [d, 0 if name in checkpoint_free else r, seed, s, epoch, repeat]
                            )
                            scores = signal * truth + prior * stats.zscore(PRIOR)
                            scores = scores + 0.5 * noise * shared * (name not in checkpoint_free)
                            scores = scores + noise * generator.normal(size=(6, 5))
                            scores[:, 1] += skip * epoch / epochs[-1] * (recipe != "blank")
                            rows.append(row := {**cell, "version": 1, "schema": SCHEMA, "state": "done"})
                            if name.startswith("magnitude") and recipe == "blank":
                                row |= {"state": "skipped", "reason": "the recipe does not train alphas"}
                            elif failures and name == "darts-pt" and seed == seeds - 1 and repeat == 1 and d == 0:
                                row |= {"state": "failed", "reason": "RuntimeError: out of memory"}
                            elif failures and name == "disc-acc" and seed == 0 and r == 0:
                                row |= {"state": "missing"}
                            else:
                                row |= _measures(scores, judge)
                                row |= {"forward_passes": 480, "backward_passes": 0, "supernet_accuracy": 61.5,
                                        "checkpoint": "0123456789ab",
                                        "shared": "work" if name in checkpoint_free else None}  # fmt: skip
                                costs.append({**cell, "scoring_seconds": seconds * (1 + 0.1 * generator.random()),
                                              "tuning_seconds": 200.0 * name.startswith(("darts-pt", "pt-")),
                                              "peak_memory_bytes": 900_000_000 + 1_000_000 * s,
                                              "commit": None if name == "ostr" else f"{seed % 2:040x}"})  # fmt: skip
                                scores_rows += [
                                    {**cell, "edge": edge, "operation": operation, "score": float(scores[e, o])}
                                    for e, edge in enumerate(EDGE_NAMES)
                                    for o, operation in enumerate(OPERATIONS)
                                ]
                                if ranking and name.startswith("zero-cost") and repeat == 0:
                                    _write_ranking(out, cell, table.accuracy(dataset), generator)
    _write_csv(out / "records.csv", COLUMNS, rows)
    _write_csv(out / "scores.csv", (*KEY_COLUMNS, "edge", "operation", "score"), scores_rows)
    _write_csv(
        out / "costs.csv",
        (*KEY_COLUMNS, "scoring_seconds", "tuning_seconds", "peak_memory_bytes", "training_seconds", "commit"),
        costs,
    )
    run = {
        "argv": COMMANDS[-1], "commands": COMMANDS, "first_started": "2026-11-22T03:00:00Z",
        "git_commit": "0123456789abcdef", "device": "cpu", "versions": {"torch": "2.13.0", "numpy": "2.4.6"},
        "settings": {
            dataset: {"preset": "lite", "channels": 8, "cells": 1, "epochs": max(epochs), "images": 10_000}
            for dataset in datasets
        },
        "datasets": list(datasets), "seed": 0, "table": {"name": table.name, "sha256": table.sha256},
    }  # fmt: skip
    (out / "run.json").write_text(json.dumps(run, indent=1, sort_keys=True))
    return out


def source_of(out: Path, table: GroundTruth, **options: object) -> Material:
    """An invented run of one data set without failures, read back; `options` are those of `write_results`."""
    given: dict[str, object] = {"datasets": ("cifar10",), "failures": False, "ranking": False, **options}
    return Material(Results.read(write_results(out, table, **given)), table, out / "figures")  # type: ignore[arg-type]


def _write_ranking(
    out: Path, cell: dict[str, object], accuracy: NDArray[np.float64], generator: np.random.Generator
) -> None:
    codes = np.sort(generator.choice(len(accuracy), 1000, replace=False))
    scores = stats.zscore(accuracy[codes]) + generator.normal(size=len(codes))
    ranking = {"codes": codes.tolist(), "scores": scores.tolist()}
    record = Record(cell, key="0", version=1, recipe_version=1, state="done", choice={"ranking": ranking})  # type: ignore[arg-type]
    write_record(out / "records" / f"{record.stem}.json", record)


def _write_csv(path: Path, columns: Sequence[str], rows: list[dict[str, object]]) -> None:
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--large", action="store_true")
    arguments = parser.parse_args()
    large = {f"proxy-{i:02}": (0.05 * i, 0.3, 0.1, 1.0, 2, 2.0 + i) for i in range(32)}
    if arguments.large:
        write_results(
            arguments.out, invented_table(("cifar10", "cifar100", "imagenet16")), seeds=5,
            recipes=("blank", "darts", "darts-minus"), epochs=(20, 40, 60, 80, 100), selectors={**SELECTORS, **large},
        )  # fmt: skip
    else:
        write_results(arguments.out, invented_table())
