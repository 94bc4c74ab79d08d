"""Methods as the harness sees them, without depending on any of them: declarations, and functions that compute."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from nas_selection_bench.bench.work.cells import Cell, SupernetJob
from nas_selection_bench.bench.work.options import Converter

if TYPE_CHECKING:
    from nas_selection_bench.bench.problem.image_set import ImageSet
    from nas_selection_bench.bench.problem.selection import Selection


@dataclass(frozen=True)
class MethodDeclaration:
    """The declarations of a recipe, a selector or another kind of method, as plain data: all that a plan needs."""

    name: str
    """Canonical name, options included."""
    version: int
    """Raised by hand when the method's results change; part of the keys."""
    paper: str
    """Authors, title, venue."""
    learns_alphas: bool = True
    """Whether a recipe trains the alphas of its supernets."""
    untrained_share: float = 0.0
    """Share of the search during which the alphas carry no information yet (`bench.work.untrained_alphas`)."""
    informative_at_its_end: bool = False
    """Whether the checkpoint at the end of that share carries information already."""
    stochastic: bool = False
    """Whether another selector seed can change a selector's choice."""
    reads_only_alphas: bool = False
    """Whether a selector reads only the alphas; it is then applied at every stored epoch, since that is cheap."""
    reads_checkpoint: bool = True
    """Whether a selector depends on the checkpoint; if not, all recipes of a supernet seed share its result."""
    decides_by_alphas: bool = False
    """Whether the alphas alone decide a selector's choice; it is then skipped if they are not trained, or not yet."""
    declared: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Further descriptions from the method's file, shown in reports."""


TRAITS = tuple(f.name for f in fields(MethodDeclaration) if f.name not in ("name", "version", "paper", "declared"))
"""The declarations that a plan reads; a method object has those of its kind."""


@dataclass(frozen=True)
class CheckpointFacts:
    """Facts about a stored checkpoint that can be read without a network."""

    sha256: str
    accuracy: float | None
    """Accuracy of the supernet on the selection half, in %; measured at every checkpoint, None if a file lacks it."""


@dataclass(frozen=True)
class Source:
    """The file that defines a method, in its present state."""

    file: str
    """Short name of the file: `selectors/magnitude.py`."""
    digest: str
    """Names the code, without its comments, docstrings and imports (`code_digest`); of a plug-in that is a package, the
    code of all its modules."""
    origin: str = ""
    """The plug-in that it comes from: `--plugin mine.py`, `my-package 1.0`; empty for the project's own methods."""
    title: str = ""
    """First line of the module's docstring: what the method is."""


@dataclass(frozen=True)
class Setting:
    """An option of a method."""

    name: str
    default: str
    """The default value, as typed."""
    help: str
    convert: Converter | None
    """Reads the value; None if only the method itself can."""


@dataclass(frozen=True)
class MethodEntry:
    """A method with its default options."""

    described: MethodDeclaration
    source: Source
    settings: Mapping[str, Setting]


class MethodCatalogue(Protocol):
    """All methods of one kind, as declarations."""

    def names(self) -> Sequence[str]:
        """Names of all methods, without their options, sorted."""

    def find(self, text: str) -> MethodDeclaration:
        """The method called `name` or `name[option=value,...]`.

        Raises UsageError, with the nearest names, for a method or an option that does not exist.
        """

    def source(self, text: str) -> Source | None:
        """The file that defines the method; None if it is not known."""

    def entry(self, name: str) -> MethodEntry:
        """All that is known of the method `name` (without options), for lists; raises UsageError as `find` does."""


TrainProgress = Callable[[int, int], None]
"""Called with (epochs trained, epochs to train) after each epoch."""


@dataclass(frozen=True)
class Work:
    """The functions that compute. They import torch, so they are imported only in the process that runs a task."""

    load_images: Callable[[str, Path, int | None], ImageSet]
    """(data set, data root, limit) -> images; raises DataError naming what is missing."""
    train: Callable[[SupernetJob, Any, str, Path, TrainProgress | None, int], None]
    """(job, images, device, folder, progress, until): trains, or resumes, until `until` epochs are done."""
    select: Callable[[Cell, Path, Any, str], Selection]
    """(cell, checkpoint folder, images, device) -> selection; raises SkipCell if the selector does not apply."""
    set_threads: Callable[[int], None]
    """Limits the numerical libraries of this process to the given number of threads."""


@dataclass(frozen=True)
class Supernets:
    """Functions that read facts about trained supernets from their cache folders, without loading tensors."""

    epochs_present: Callable[[Path], Sequence[int]]
    """(folder) -> epochs whose checkpoints are complete."""
    facts: Callable[[Path, int], CheckpointFacts]
    """(folder, epoch) -> facts about the checkpoint; raises DataError if it is damaged."""
    seconds: Callable[[Path], Sequence[float]]
    """(folder) -> wall-clock seconds of each epoch trained into it, as far as they were noted."""
    files: Callable[[Path, int], Sequence[Path]]
    """(folder, epoch) -> files of the checkpoint."""


@dataclass(frozen=True)
class Methods:
    """All methods, as they are handed to the harness."""

    recipes: MethodCatalogue
    selectors: MethodCatalogue
    supernets: Supernets
    work: Callable[[], Work]
    """A module-level function, so that it can be sent to worker processes."""
    further: Mapping[str, MethodCatalogue] = field(default_factory=dict)
    """Other kinds of method, shown in lists: zero-cost proxies, stopping rules."""
    groups: Mapping[str, str] = field(default_factory=dict)
    """Names that `--selectors` accepts for several selectors -> the names and globs that each stands for."""
    quick_selectors: str = "all"
    """The selectors that run if none are given, at a preset that must be quick."""
    outside: Callable[[], Mapping[str, str]] = dict
    """`selector NAME` or `recipe NAME` -> digest of its file, for methods from plug-ins."""
