"""The harness's view of methods, none of which it knows: their declarations, and the functions that do the work."""

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
class Described:
    """A method as plain data, which is all that a plan needs: a training recipe, a selector, or of a further kind."""

    name: str
    """Canonical, options included."""
    version: int
    """Raised by hand when its results change: part of the keys."""
    paper: str
    """Authors, title, venue."""
    learns_alphas: bool = True
    """Whether a recipe trains the alphas of its supernets."""
    alphas_rest: float = 0.0
    """Share of the search in which they say nothing yet (`bench.work.untrained_alphas`)."""
    alphas_rest_less: int = 0
    """How many epochs sooner than that they do."""
    stochastic: bool = False
    """Whether further selector seeds can change a selector's choice."""
    reads_only_alphas: bool = False
    """Whether a selector reads nothing but alphas; it is then applied to every stored epoch, since that is cheap."""
    reads_checkpoint: bool = True
    """Whether a selector depends on the checkpoint; if not, all recipes of a supernet seed share its result."""
    decides_by_alphas: bool = False
    """Whether alphas alone decide a selector's choice, so that it is skipped where they are not learnt, or not yet."""
    declared: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Further descriptions from the method's file, shown in reports."""


TRAITS = tuple(f.name for f in fields(Described) if f.name not in ("name", "version", "paper", "declared"))
"""The declarations of a method that a plan reads; an object has those of its kind."""


@dataclass(frozen=True)
class CheckpointFacts:
    """Facts of a stored checkpoint that need no network."""

    sha256: str
    accuracy: float | None
    """The supernet's accuracy on the selection half, %: measured at every checkpoint; None where a file lacks it."""


@dataclass(frozen=True)
class Source:
    """The file that a method is in, as it is now."""

    file: str
    """Its short name: `selectors/magnitude.py`."""
    digest: str
    """Names the code, without its comments, docstrings and imports (`code_digest`); of a plug-in that is a package, the
    code of all its modules."""
    origin: str = ""
    """Who brought it from outside: `--plugin mine.py`, `my-package 1.0`; empty for the project's own."""
    title: str = ""
    """Its first line: what the method is."""


@dataclass(frozen=True)
class Setting:
    """An option of a method."""

    name: str
    default: str
    """As it is typed."""
    help: str
    convert: Converter | None
    """How it is read; None where only the method itself knows."""


@dataclass(frozen=True)
class MethodEntry:
    """A method with its default options."""

    described: Described
    source: Source
    settings: Mapping[str, Setting]


class Offer(Protocol):
    """All methods of one kind."""

    def names(self) -> Sequence[str]:
        """Without options, sorted."""

    def find(self, text: str) -> Described:
        """The method that `name` or `name[option=value,...]` asks for.

        Raises UsageError, with the nearest names, for a method or an option that does not exist.
        """

    def source(self, text: str) -> Source | None:
        """The file that it came from; None where that is not known."""

    def entry(self, name: str) -> MethodEntry:
        """All that is known of a method, without options, for lists; raises UsageError as `find`."""


TrainProgress = Callable[[int, int], None]
"""Called with (epochs trained, epochs to train) after each epoch."""


@dataclass(frozen=True)
class Work:
    """The functions that compute: they import torch, so they are fetched where a task runs."""

    load_images: Callable[[str, Path, int | None], ImageSet]
    """(data set, data root, limit) -> images; DataError names what is missing."""
    train: Callable[[SupernetJob, Any, str, Path, TrainProgress | None], None]
    """(job, images, device, folder, progress): trains, or goes on after a kill, until all checkpoints are there."""
    select: Callable[[Cell, Path, Any, str], Selection]
    """(cell, checkpoint folder, images, device); raises SkipCell where the selector does not apply."""
    set_threads: Callable[[int], None]
    """Limits the numerical libraries of this process to so many threads."""


@dataclass(frozen=True)
class Supernets:
    """Facts of trained supernets by their folders in the cache, without their tensors."""

    epochs_present: Callable[[Path], Sequence[int]]
    """The epochs whose checkpoints in a folder are whole."""
    facts: Callable[[Path, int], CheckpointFacts]
    """Of the checkpoint of an epoch; raises DataError for one that is damaged."""
    seconds: Callable[[Path], Sequence[float]]
    """Wall clock of each epoch that was trained into a folder, as far as that was noted."""
    files: Callable[[Path, int], Sequence[Path]]
    """The files of the checkpoint of an epoch."""


@dataclass(frozen=True)
class Methods:
    """All methods, as the harness gets them."""

    recipes: Offer
    selectors: Offer
    supernets: Supernets
    work: Callable[[], Work]
    """A function of a module, so that worker processes get it too."""
    further: Mapping[str, Offer] = field(default_factory=dict)
    """Of other kinds, which lists name: zero-cost proxies, stopping rules."""
    groups: Mapping[str, str] = field(default_factory=dict)
    """Names that `--selectors` takes for several selectors, with the names and globs that they stand for."""
    quick_selectors: str = "all"
    """The selectors of a preset that must be quick, where none are given."""
    outside: Callable[[], Mapping[str, str]] = dict
    """`selector NAME` or `recipe NAME` -> the digest of its file, for methods from outside."""
