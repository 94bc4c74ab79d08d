"""Invented results, written, gathered and drawn as in a run, for the tests of the check."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from nas_selection_bench.bench.check import exact as check
from nas_selection_bench.bench.problem.accuracies import Accuracies
from nas_selection_bench.bench.problem.selection import Decision, Selection
from nas_selection_bench.bench.problem.space import N_ARCHITECTURES
from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.bench.work.gather import gather
from nas_selection_bench.bench.work.record import Record, choice_of, write_record
from nas_selection_bench.bench.work.run_file import ARITHMETIC
from nas_selection_bench.bench.work.store import Store

RECIPES = ("blank", "darts")
SELECTORS = ("magnitude", "ostr")
PINNED = dict.fromkeys(ARITHMETIC, "old")


def truth(changed: int | None = None) -> GroundTruth:
    generator = np.random.default_rng(0)
    trials = generator.uniform(10, 90, (N_ARCHITECTURES, 1)) + generator.normal(0, 0.1, (N_ARCHITECTURES, 2))
    if changed is not None:
        trials[changed] += 1.0
    return GroundTruth("t", {"digits": Accuracies(trials=trials)})


def draw(records: Store, table: GroundTruth) -> Path:
    """Write a one-line report: the real one takes seconds and is tested elsewhere."""
    page = records.folder / "report.html"
    page.write_text(f'<meta name="generator" content="v1">{(records.folder / "records.csv").stat().st_size}')
    return page


def selection(scores: np.ndarray) -> Selection:
    chosen = tuple(int(o) for o in scores.argmax(axis=1))
    return Selection(chosen, scores, [Decision(e, o) for e, o in enumerate(chosen)])  # type: ignore[arg-type]


def store(
    out: Path,
    table: GroundTruth,
    *,
    seeds: int = 3,
    root: int = 0,
    device: str = "cpu",
    changed: Callable[[str, np.ndarray], np.ndarray] = lambda selector, scores: scores,
    done: bool = True,
) -> Path:
    """Write the records of an invented run, gather and draw it; `changed` edits the scores of a selector."""
    (out / "records").mkdir(parents=True)
    for r, recipe in enumerate(RECIPES):
        for seed in range(seeds):
            for s, selector in enumerate(SELECTORS):
                cell = {
                    "dataset": "digits", "recipe": recipe, "supernet_seed": seed, "epoch": 2, "selector": selector,
                    "selector_seed": 0, "bn": "batch", "preset": "digits", "device": device, "threads": 1,
                }  # fmt: skip
                scores = np.random.default_rng([root, r, seed, s]).normal(size=(6, 5))
                record = Record(
                    cell=cell, key="k", state="failed", reason="broken", log="", checkpoint="abc", version=1,
                    recipe_version=1, supernet_accuracy=50.0,
                )  # fmt: skip
                if done:
                    chosen = choice_of(selection(changed(selector, scores)))
                    record = replace(record, state="done", reason=None, choice=chosen)
                write_record(out / "records" / f"{record.stem}.json", record)
    run = {"table": {"sha256": table.sha256}, "device": device, "threads": 1, "seed": root, "datasets": ["digits"]}
    (out / "run.json").write_text(json.dumps(run))
    gather(Store(out), table, print)
    draw(Store(out), table)
    return out


def only(outcomes: list[check.Checked], level: str) -> check.Checked:
    (found,) = (outcome for outcome in outcomes if outcome.level == level)
    return found
