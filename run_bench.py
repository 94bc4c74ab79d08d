"""The door of the benchmark: reads the command line, hands the methods to the harness, says where the report is.

Only this file sees all rooms. What takes long to import is imported where it is needed, so that --help is quick.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import ExitCode
from bench.interruption import ended_at_once

if TYPE_CHECKING:
    from bench.problem.image_set import ImageSet
    from bench.problem.selection import Selection
    from bench.problem.table import GroundTruth
    from bench.work.cells import Cell, SupernetJob
    from bench.work.methods import CheckpointFacts, Methods, RecipeFacts, SelectorFacts, Source, TrainProgress

HERE = Path(__file__).resolve().parent


def open_selectors() -> None:
    """Let `selectors.x` mean this project's folder also where Python's module of that name came first."""
    from bench.stdlib_selectors import open_folder

    open_folder(HERE / "selectors")


def recipe_names() -> Sequence[str]:
    """The names of all training recipes."""
    from supernets.parts import registry

    return registry.names()


def selector_names() -> Sequence[str]:
    """The names of all selectors."""
    open_selectors()
    from selectors.parts import registry

    return registry.names()


def recipe_facts(name: str) -> RecipeFacts:
    """What the plan needs to know of a recipe."""
    from bench.work.methods import RecipeFacts
    from supernets.parts import registry

    recipe = registry.find(name)
    declared = {"update": recipe.equation, "offers": recipe.offers, "differs": recipe.differs}
    return RecipeFacts(registry.spelled(name), recipe.version, recipe.paper, recipe.learns_alphas, declared)


def selector_facts(name: str) -> SelectorFacts:
    """What the plan needs to know of a selector."""
    from bench.work.methods import SelectorFacts

    open_selectors()
    from selectors.parts import registry

    selector = registry.find(name)
    return SelectorFacts(
        selector.name, selector.version, selector.paper, selector.stochastic, selector.reads_only_alphas,
        selector.reads_checkpoint, selector.decides_by_alphas, selector.declared(),
    )  # fmt: skip


def recipe_source(name: str) -> Source:
    """The file that a recipe came from."""
    from bench.work.edited_files import source_of
    from supernets.parts import registry

    return source_of(registry.file_of(name))


def selector_source(name: str) -> Source:
    """The file that a selector came from."""
    from bench.work.edited_files import source_of

    open_selectors()
    from selectors.parts import registry

    return source_of(registry.file_of(name))


@lru_cache(maxsize=2)
def images_of(dataset: str, root: Path, limit: int | None) -> ImageSet:
    """Training images, kept for the next cell of this process."""
    from bench.problem.datasets import load_images

    return load_images(dataset, root, limit)


def train(job: SupernetJob, images: ImageSet, device: str, folder: Path, progress: TrainProgress | None) -> None:
    """Train a supernet, or go on with it."""
    from supernets.training import loop as training

    training.train(job, images, device, folder, progress)


def epochs_present(folder: Path) -> Sequence[int]:
    """The checkpoints in a folder."""
    from supernets.training import checkpoint

    return checkpoint.epochs_present(folder)


def checkpoint_facts(folder: Path, epoch: int) -> CheckpointFacts:
    """Hash and accuracy of a checkpoint."""
    from supernets.training import checkpoint

    return checkpoint.facts(folder, epoch)


def training_seconds(folder: Path) -> float | None:
    """Wall clock of a training, all its epochs."""
    from supernets.training import loop as training

    seconds = training.training_seconds(folder)
    return sum(seconds) if seconds else None


def select(cell: Cell, folder: Path, images: ImageSet, device: str) -> Selection:
    """Apply the cell's selector to its checkpoint."""
    open_selectors()
    from selectors.parts import apply

    return apply.select(cell, folder, images, device)


def set_threads(threads: int) -> None:
    """Limit every numerical library of this process to so many threads: sums depend on how they are split."""
    import torch
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    torch.set_num_threads(threads)
    threadpool_limits(threads)


def methods() -> Methods:
    """Everything above, for the harness."""
    from bench.work.methods import Methods
    from reports.data.founders import PRIMARY

    return Methods(
        recipe_names=recipe_names, selector_names=selector_names, recipe=recipe_facts, selector=selector_facts,
        load_images=images_of, train=train, epochs_present=epochs_present, checkpoint=checkpoint_facts,
        training_seconds=training_seconds, select=select, set_threads=set_threads, quick_selectors=",".join(PRIMARY),
        recipe_source=recipe_source, selector_source=selector_source,
    )  # fmt: skip


def draw_report(out: Path, table: GroundTruth) -> Path:
    """Draw tables, figures and the page of an output folder."""
    from reports.page.page import write_report

    return write_report(out, table)


def main(argv: Sequence[str] | None = None) -> ExitCode:
    """Do what the command line asks; returns the exit code."""
    argv = sys.argv[1:] if argv is None else list(argv)
    with ended_at_once():  # until `answer` knows what to keep
        from bench.commands.options import parse_options

        options = parse_options(argv)
        from bench.commands.run import answer

        return answer(options, argv, methods(), draw_report, code=HERE)


if __name__ == "__main__":
    # Worker processes find functions by the name of their module, which must not be __main__.
    from run_bench import main as importable_main

    sys.exit(importable_main())
