"""What `run_bench.py` does: reads the command line, hands the methods to the harness, prints where the report is.

Only this module sees all rooms. What takes long to import is imported where it is needed, so that --help is quick.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from nas_selection_bench.bench.errors import BenchError, ExitCode
from nas_selection_bench.bench.interruption import ended_at_once

if TYPE_CHECKING:
    from nas_selection_bench.bench.problem.image_set import ImageSet
    from nas_selection_bench.bench.problem.selection import Selection
    from nas_selection_bench.bench.problem.table import GroundTruth
    from nas_selection_bench.bench.work.cells import Cell, SupernetJob
    from nas_selection_bench.bench.work.methods import (
        CheckpointFacts,
        Methods,
        RecipeFacts,
        SelectorFacts,
        Source,
        TrainProgress,
    )

CODE = Path(__file__).resolve().parents[1]
"""The checkout, or where the package is installed."""


def recipe_names() -> Sequence[str]:
    """The names of all training recipes."""
    from nas_selection_bench.supernets.parts import registry

    return registry.names()


def selector_names() -> Sequence[str]:
    """The names of all selectors."""
    from nas_selection_bench.selectors.parts import registry

    return registry.names()


def recipe_facts(name: str) -> RecipeFacts:
    """What the plan needs to know of a recipe."""
    from nas_selection_bench.bench.work.methods import RecipeFacts
    from nas_selection_bench.supernets.parts import registry

    recipe = registry.find(name)
    declared = {"update": recipe.equation, "offers": recipe.offers, "differs": recipe.differs}
    return RecipeFacts(registry.spelled(name), recipe.version, recipe.paper, recipe.learns_alphas, declared)


def selector_facts(name: str) -> SelectorFacts:
    """What the plan needs to know of a selector."""
    from nas_selection_bench.bench.work.methods import SelectorFacts
    from nas_selection_bench.selectors.parts import registry

    selector = registry.find(name)
    return SelectorFacts(
        selector.name, selector.version, selector.paper, selector.stochastic, selector.reads_only_alphas,
        selector.reads_checkpoint, selector.decides_by_alphas, selector.declared(),
    )  # fmt: skip


def recipe_source(name: str) -> Source:
    """The file that a recipe came from."""
    from nas_selection_bench.supernets.parts import registry

    return registry.source(name)


def selector_source(name: str) -> Source:
    """The file that a selector came from."""
    from nas_selection_bench.selectors.parts import registry

    return registry.source(name)


def outside() -> Mapping[str, str]:
    """The digests of what came from outside."""
    from nas_selection_bench.bench.work.plugins import in_use

    if not in_use():
        return {}
    from nas_selection_bench.selectors.parts.registry import SELECTORS
    from nas_selection_bench.supernets.parts.registry import RECIPES

    return SELECTORS.outside() | RECIPES.outside()


@lru_cache(maxsize=2)
def images_of(dataset: str, root: Path, limit: int | None) -> ImageSet:
    """Training images, kept for the next cell of this process."""
    from nas_selection_bench.bench.problem.datasets import load_images

    return load_images(dataset, root, limit)


def train(job: SupernetJob, images: ImageSet, device: str, folder: Path, progress: TrainProgress | None) -> None:
    """Train a supernet, or go on with it."""
    from nas_selection_bench.supernets.training import loop as training

    training.train(job, images, device, folder, progress)


def epochs_present(folder: Path) -> Sequence[int]:
    """The checkpoints in a folder."""
    from nas_selection_bench.supernets.training import checkpoint

    return checkpoint.epochs_present(folder)


def checkpoint_facts(folder: Path, epoch: int) -> CheckpointFacts:
    """Hash and accuracy of a checkpoint."""
    from nas_selection_bench.supernets.training import checkpoint

    return checkpoint.facts(folder, epoch)


def training_seconds(folder: Path) -> float | None:
    """Wall clock of a training, all its epochs."""
    from nas_selection_bench.supernets.training import loop as training

    seconds = training.training_seconds(folder)
    return sum(seconds) if seconds else None


def select(cell: Cell, folder: Path, images: ImageSet, device: str) -> Selection:
    """Apply the cell's selector to its checkpoint."""
    from nas_selection_bench.selectors.parts import apply

    return apply.select(cell, folder, images, device)


def set_threads(threads: int) -> None:
    """Limit every numerical library of this process to so many threads: sums depend on how they are split."""
    import torch
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    torch.set_num_threads(threads)
    threadpool_limits(threads)


def methods() -> Methods:
    """Everything above, for the harness, with the plug-ins that are in use here."""
    from nas_selection_bench.bench.work.methods import Methods
    from nas_selection_bench.bench.work.plugins import in_use, within
    from nas_selection_bench.reports.data.founders import PRIMARY

    plugins = in_use()
    return Methods(
        recipe_names=recipe_names, selector_names=selector_names, recipe=recipe_facts, selector=selector_facts,
        load_images=images_of, train=partial(within, plugins, train), epochs_present=epochs_present,
        checkpoint=checkpoint_facts, training_seconds=training_seconds, select=partial(within, plugins, select),
        set_threads=set_threads, quick_selectors=",".join(PRIMARY),
        recipe_source=recipe_source, selector_source=selector_source, outside=outside,
    )  # fmt: skip


def draw_report(out: Path, table: GroundTruth) -> Path:
    """Draw tables, figures and the page of an output folder."""
    from nas_selection_bench.reports.page.page import write_report

    return write_report(out, table)


def main(argv: Sequence[str] | None = None) -> ExitCode:
    """Do what the command line asks; returns the exit code."""
    argv = sys.argv[1:] if argv is None else list(argv)
    with ended_at_once():  # until `answer` knows what to keep
        from nas_selection_bench.bench.commands.options import parse_options
        from nas_selection_bench.bench.commands.stdout import stdout_may_close

        try:
            with stdout_may_close():
                options = parse_options(argv)
        except BenchError as error:
            print(f"run_bench.py: {error}", file=sys.stderr)
            return error.exit_code
        from nas_selection_bench.bench.commands.run import answer

        return answer(options, argv, methods, draw_report, code=CODE)
