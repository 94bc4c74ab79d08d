"""What the harness is given: recipes and selectors as plain callables, so that it knows no method."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nas_selection_bench.bench.problem.selection import Selection
from nas_selection_bench.bench.work.cells import Cell, SupernetJob


@dataclass(frozen=True)
class RecipeFacts:
    """What the plan needs to know of a training recipe."""

    name: str
    """Canonical, options included."""
    version: int
    paper: str
    learns_alphas: bool = True
    """Whether the alphas of its supernets say anything."""
    declared: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Further descriptions from the method's file, shown in reports."""


@dataclass(frozen=True)
class SelectorFacts:
    """What the plan needs to know of a selector."""

    name: str
    """Canonical, options included."""
    version: int
    paper: str
    stochastic: bool
    """Whether further selector seeds can change its choice."""
    every_checkpoint: bool
    """Whether it only reads alphas, so that it runs at every stored epoch for nothing."""
    reads_checkpoint: bool = True
    """Whether anything of the checkpoint matters to it; if not, all recipes of a supernet seed share its result."""
    decides_by_alphas: bool = False
    """Whether alphas alone decide its operations, so that it is skipped where they learn nothing."""
    declared: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Further descriptions from the method's file, shown in reports."""


@dataclass(frozen=True)
class CheckpointFacts:
    """What is known of a stored checkpoint without rebuilding its network."""

    sha256: str
    accuracy: float | None
    """The supernet's own accuracy on the selection half, %, where the recipe measured it."""


@dataclass(frozen=True)
class Source:
    """The file that a method is in, as it is now."""

    file: str
    """As people call it: `selectors/magnitude.py`."""
    digest: str
    """Names the content: the first 16 hex digits of its SHA-256."""
    origin: str = ""
    """Who brought it from outside: `--plugin mine.py`, `my-package 1.0`; empty for the project's own."""


def no_source(name: str) -> None:
    """For methods that are not defined in a file."""


TrainProgress = Callable[[int, int], None]
"""Told (epochs trained, epochs to train) after each epoch."""


@dataclass(frozen=True)
class Methods:
    """The callables that run_bench.py hands to the runner; each a module-level function, so that workers get it too.

    `recipe` and `selector` raise UsageError, with the nearest names, for a name that does not exist.
    """

    recipe_names: Callable[[], Sequence[str]]
    selector_names: Callable[[], Sequence[str]]
    recipe: Callable[[str], RecipeFacts]
    selector: Callable[[str], SelectorFacts]
    load_images: Callable[[str, Path, int | None], Any]
    """(data set, data root, limit) -> images; DataError names what is missing."""
    train: Callable[[SupernetJob, Any, str, Path, TrainProgress | None], None]
    """(job, images, device, folder, progress): trains, or goes on after a kill, until all checkpoints are there."""
    epochs_present: Callable[[Path], Sequence[int]]
    """The epochs whose checkpoints in a folder are whole."""
    checkpoint: Callable[[Path, int], CheckpointFacts]
    training_seconds: Callable[[Path], float | None]
    """Wall clock of the training in a folder, None where it was not noted."""
    select: Callable[[Cell, Path, Any, str], Selection]
    """(cell, checkpoint folder, images, device); raises SkipCell where the selector does not apply."""
    set_threads: Callable[[int], None]
    """Limits the numerical library of this process to so many threads."""
    quick_selectors: str = "all"
    """What `--selectors` means in a preset that must be quick and where it is not given."""
    recipe_source: Callable[[str], Source | None] = no_source
    """The file that a recipe, options included, came from; None where that is not known."""
    selector_source: Callable[[str], Source | None] = no_source
    """The same of a selector."""
    outside: Callable[[], Mapping[str, str]] = dict
    """`selector NAME` or `recipe NAME` -> the digest of its file, for methods from outside."""
