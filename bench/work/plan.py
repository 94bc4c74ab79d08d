"""The plan: which cells the command line asks for, which of them are done, and how long the rest may take."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from statistics import fmean
from typing import Any

from bench.errors import UsageError
from bench.names import can_be_typed, canonical, listed, parse, unknown
from bench.work.cells import Cell, SupernetJob, supernet_key, without_checkpoint
from bench.work.methods import Methods, RecipeFacts, SelectorFacts
from bench.work.presets import Settings
from bench.work.records import DONE, FAILED, SKIPPED, Circumstances, file_stem, identity, record_key


@dataclass(frozen=True)
class Request:
    """What the command line asks for, resolved: the grid of cells is the product of its parts."""

    settings: Mapping[str, Settings]
    """Per data set."""
    recipes: tuple[RecipeFacts, ...]
    selectors: tuple[SelectorFacts, ...]
    supernet_seeds: int
    selector_seeds: int
    epochs: tuple[int | str, ...] | None
    """Checkpoint epochs, `last` among them perhaps, or (`all`,); None leaves it to each selector."""
    bn: str
    root: int
    circumstances: Circumstances
    data: Mapping[str, str] = field(default_factory=dict)
    """Fingerprints of the data sets that are the user's own (`bench.problem.own_dataset.fingerprint`)."""


@dataclass(frozen=True)
class Supernet:
    """A supernet of the plan, with its cache key."""

    job: SupernetJob
    key: str
    recipe_version: int

    @property
    def title(self) -> str:
        """What people call it: data set, recipe, seed."""
        return f"{self.job.dataset} {self.job.recipe} seed {self.job.seed}"

    def folder(self, cache: Path) -> Path:
        """Where its checkpoints lie in the cache."""
        readable = re.sub(r"[^A-Za-z0-9._-]+", "_", f"{self.job.dataset}.{self.job.recipe}.s{self.job.seed}")
        return cache / f"{readable[:100]}.{self.key}"


@dataclass(frozen=True)
class PlannedCell:
    """A cell of the plan, with the names under which its record is found and judged."""

    cell: Cell
    supernet: Supernet
    version: int
    """Of the selector."""
    columns: Mapping[str, str | int]
    stem: str
    key: str
    shared: str | None = None
    """Names the work that gives this cell's result and others' too; None where the result is its own."""

    @property
    def reads_checkpoint(self) -> bool:
        """Whether its supernet has to be trained; a result that is shared comes of no checkpoint."""
        return self.shared is None

    @property
    def title(self) -> str:
        """What people call it."""
        seed = f" #{self.cell.selector_seed}" if self.cell.selector_seed else ""
        return f"{self.supernet.title} epoch {self.cell.epoch} {self.cell.selector}{seed}"


def split_names(text: str) -> list[str]:
    """The names in a comma-separated list; commas inside [...] belong to the options of a name."""
    names = [name.strip() for name in re.split(r",(?![^\[]*\])", text)]
    return [name for name in names if name]


def choose(kind: str, text: str, known: Sequence[str], find: Callable[[str], object] | None = None) -> list[str]:
    """The names that `text` asks for, each once, in the order asked.

    `all`, a name, a name with options, a glob of * and ?, or any of these with ! in front to leave out, wherever
    it stands.
    Raises UsageError, with the nearest names and the list, for what matches nothing; `find`, which raises it too,
    may know better why there is no such name.
    """
    chosen: dict[str, None] = {}
    entries = split_names(text)
    if entries and all(entry.startswith("!") for entry in entries):
        entries = ["all", *entries]
    for entry in sorted(entries, key=lambda entry: entry.startswith("!")):
        pattern, bracket, options = entry.removeprefix("!").partition("[")
        if pattern == "all" or "*" in pattern or "?" in pattern:
            matches = [name for name in known if pattern == "all" or fnmatchcase(name, pattern)]
        else:
            matches = [pattern] if pattern in known else []
        if not matches:
            if find is not None and can_be_typed(pattern):
                find(pattern)
            raise unknown(kind, pattern, known)
        spelled = [canonical(*parse(name + bracket + options)) for name in matches]
        if entry.startswith("!"):
            chosen = {name: None for name in chosen if name not in spelled}
        else:
            chosen.update(dict.fromkeys(spelled))
    if not chosen:
        raise UsageError(f"{text!r} leaves no {kind}. {listed(kind, known)}")
    return list(chosen)


def epochs_for(selector: SelectorFacts, request: Request, settings: Settings) -> tuple[int, ...]:
    """The checkpoints at which a selector is asked; raises UsageError for an epoch that is not stored."""
    stored = settings.checkpoint_epochs
    if request.epochs is None:
        return stored if selector.every_checkpoint else stored[-1:]
    if request.epochs == ("all",):
        return stored
    wanted = sorted({stored[-1] if epoch == "last" else int(epoch) for epoch in request.epochs})
    for epoch in wanted:
        if epoch not in stored:
            raise UsageError(
                f"--epochs {epoch}: preset {settings.preset} with {settings.epochs} epochs stores the epochs"
                f" {', '.join(map(str, stored))}; choose among them, `last` or `all`."
            )
    return tuple(wanted)


def make_plan(request: Request) -> list[PlannedCell]:
    """All cells asked for, those of one supernet side by side."""
    plan: list[PlannedCell] = []
    here = request.circumstances
    for dataset, settings in request.settings.items():
        for recipe in request.recipes:
            for seed in range(request.supernet_seeds):
                job = SupernetJob(dataset, recipe.name, seed, request.root, settings, request.data.get(dataset, ""))
                supernet = Supernet(job, key_here(job, recipe.version, here), recipe.version)
                for selector in request.selectors:
                    for epoch in epochs_for(selector, request, settings):
                        for selector_seed in range(request.selector_seeds if selector.stochastic else 1):
                            cell = Cell(job, epoch, selector.name, selector_seed, request.bn)
                            by_lot = selector.decides_by_alphas and not recipe.learns_alphas
                            plan.append(planned_cell(cell, supernet, selector, here, by_lot))
    return plan


def key_here(job: SupernetJob, version: int, here: Circumstances) -> str:
    """The cache key of a supernet that is trained here."""
    return supernet_key(job, version, here.device, here.threads, here.hardware)


def planned_cell(
    cell: Cell, supernet: Supernet, selector: SelectorFacts, here: Circumstances, by_lot: bool = False
) -> PlannedCell:
    """The cell with its names. Of cells whose selector reads nothing of the checkpoint, those alike share a result.

    `by_lot` says that the alphas which decide were never learnt. Such cells are skipped; their key says so, since
    earlier versions chose by those alphas.
    """
    columns = identity(cell, here)
    names = {"alphas": "not learnt"} if by_lot else {}
    if not selector.reads_checkpoint:
        work = without_checkpoint(cell)
        names["shared"] = record_key(work, key_here(work.supernet, 0, here), selector.version)
    return PlannedCell(
        cell, supernet, selector.version, columns, file_stem(columns),
        record_key(cell, supernet.key, selector.version, **names), names.get("shared"),
    )  # fmt: skip


def checkpoint_of(methods: Methods, planned: PlannedCell, cache: Path) -> str | None:
    """The hash of the cell's checkpoint, None while it is not in the cache."""
    folder = planned.supernet.folder(cache)
    if planned.cell.epoch not in methods.epochs_present(folder):
        return None
    return methods.checkpoint(folder, planned.cell.epoch).sha256


def state_of(planned: PlannedCell, record: Mapping[str, Any] | None, checkpoint: str | None) -> str | None:
    """The state of a cell whose record still holds (done, failed, skipped), None for one that is to do.

    A record made from another checkpoint than the cached one does not hold: every selector of a
    supernet must have seen the same weights.
    """
    if record is None or record["key"] != planned.key:
        return None
    if planned.reads_checkpoint and checkpoint is not None and record["checkpoint"] not in (None, checkpoint):
        return None
    return str(record["state"])


@dataclass(frozen=True)
class Split:
    """A plan sorted by what is left to do."""

    todo: list[PlannedCell]
    outdated: list[PlannedCell]
    """Those to do whose record, if there is one, does not hold: damaged, or of another version or checkpoint."""
    standing: dict[str, list[PlannedCell]]
    """The others by state: done, failed, skipped."""


def split_plan(
    plan: Iterable[PlannedCell],
    records: Mapping[str, Mapping[str, Any]],
    checkpoints: Mapping[tuple[str, int], str | None],
    retry_failed: bool,
) -> Split:
    """Which cells of the plan are to do. `checkpoints` holds the hash per (supernet key, epoch)."""
    split = Split([], [], {DONE: [], FAILED: [], SKIPPED: []})
    for planned in plan:
        checkpoint = checkpoints.get((planned.supernet.key, planned.cell.epoch))
        state = state_of(planned, records.get(planned.stem), checkpoint)
        if state is None or (state == FAILED and retry_failed):
            split.todo.append(planned)
            if state is None:
                split.outdated.append(planned)
        else:
            split.standing[state].append(planned)
    return split


def _places(name: str, columns: Mapping[str, Any]) -> list[tuple[object, ...]]:
    """Where the time of a method is kept: the same kind of cell, the method elsewhere, its variants elsewhere."""
    elsewhere = (columns["preset"], columns["device"])
    return [
        (name, columns["dataset"], *elsewhere, int(columns["threads"])),
        (name, *elsewhere),
        ("variants of", name.partition("[")[0], *elsewhere),
    ]


class Timings:
    """Seconds that cells and supernets took before, the nearest kind of cell first."""

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """`rows`: cost records with key columns and `wall_seconds` (cells) or `training_seconds` (supernets)."""
        self._cells: dict[tuple[object, ...], list[float]] = {}
        self._supernets: dict[tuple[object, ...], list[float]] = {}
        for row in rows:
            self.learn(row)

    def learn(self, row: Mapping[str, Any]) -> None:
        """Take one more timing into account."""
        if row.get("selector"):
            self._add(self._cells, row, row["selector"], row.get("wall_seconds"))
        else:
            self._add(self._supernets, row, row["recipe"], row.get("training_seconds"))

    @staticmethod
    def _add(table: dict[tuple[object, ...], list[float]], row: Mapping[str, Any], name: str, seconds: object) -> None:
        if seconds in (None, ""):
            return
        for place in _places(name, row):
            table.setdefault(place, []).append(float(str(seconds)))

    @staticmethod
    def _find(
        table: Mapping[tuple[object, ...], list[float]], name: str, columns: Mapping[str, str | int]
    ) -> float | None:
        for place in _places(name, columns):
            if place in table:
                return fmean(table[place])
        return None

    def cell(self, planned: PlannedCell) -> float | None:
        """Expected seconds of a cell, None when nothing like it was ever timed."""
        return self._find(self._cells, planned.cell.selector, planned.columns)

    def supernet(self, planned: PlannedCell) -> float | None:
        """Expected seconds to train the supernet of a cell, None when nothing like it was ever timed."""
        return self._find(self._supernets, planned.cell.supernet.recipe, planned.columns)

    def estimate(self, todo: Sequence[PlannedCell], trained: Iterable[str], jobs: int) -> tuple[float, int]:
        """(seconds that the timed part of `todo` should take with `jobs` workers, number of items never timed).

        `trained` are the keys of the supernets that need no training.
        """
        supernets = {planned.supernet.key: planned for planned in todo}
        for key in trained:
            supernets.pop(key, None)
        works = {planned.shared or planned.stem: planned for planned in todo}
        expected = [self.cell(planned) for planned in works.values()] + [self.supernet(p) for p in supernets.values()]
        known = [seconds for seconds in expected if seconds is not None]
        return sum(known) / jobs, len(expected) - len(known)
