"""The plan of a run: which cells are asked for, and which of them are already done."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from nas_selection_bench.bench.errors import DataError, UsageError
from nas_selection_bench.bench.names import parse
from nas_selection_bench.bench.work.cells import (
    Cell,
    SupernetJob,
    former_supernet_key,
    supernet_key,
    without_checkpoint,
)
from nas_selection_bench.bench.work.methods import MethodDeclaration, Methods, Supernets
from nas_selection_bench.bench.work.presets import Settings, settings_labelled
from nas_selection_bench.bench.work.record import (
    DONE,
    FAILED,
    FORMER,
    SKIPPED,
    Circumstances,
    Record,
    file_stem,
    former_record_key,
    identity,
    record_key,
)
from nas_selection_bench.bench.work.untrained_alphas import reason_to_skip

MOST_CELLS = 10_000_000
"""Limit on the cells of one plan; so many fill the memory of a large machine."""


@dataclass(frozen=True)
class Request:
    """The request of a command line, resolved: the cells are the product of its parts."""

    settings: Mapping[str, Settings]
    """Settings by data set."""
    recipes: tuple[MethodDeclaration, ...]
    selectors: tuple[MethodDeclaration, ...]
    supernet_seeds: int
    selector_seeds: int
    epochs: tuple[int | str, ...] | None
    """Checkpoint epochs, which may include `last`, or (`all`,); None leaves the choice to each selector."""
    bn: str
    root: int
    circumstances: Circumstances
    data: Mapping[str, str] = field(default_factory=dict)
    """Data set -> fingerprint that goes into its keys (`SupernetJob.data`), for data sets whose images have one."""


@dataclass(frozen=True)
class PlannedSupernet:
    """A supernet of the plan, with its cache key."""

    job: SupernetJob
    key: str
    former_key: str
    """Its cache key in earlier versions of the program."""
    recipe_version: int

    @property
    def title(self) -> str:
        """Data set, recipe and seed, for messages."""
        return f"{self.job.dataset} {self.job.recipe} seed {self.job.seed}"

    def folder(self, cache: Path) -> Path:
        """Folder of its checkpoints in the cache: under its own key, or under the former one if only that exists."""
        readable = re.sub(r"[^A-Za-z0-9._-]+", "_", f"{self.job.dataset}.{self.job.recipe}.s{self.job.seed}")
        named, former = (cache / f"{readable[:100]}.{key}" for key in (self.key, self.former_key))
        return former if former.is_dir() and not named.is_dir() else named


@dataclass(frozen=True)
class PlannedCell:
    """A cell of the plan, with the file stem that finds its record and the keys that tell whether it is valid."""

    cell: Cell
    supernet: PlannedSupernet
    version: int
    """Version of the selector."""
    columns: Mapping[str, str | int]
    """The key columns by name."""
    stem: str
    """Stem of the names of its files."""
    key: str
    former_key: str
    """The key of its record if an earlier version of the program wrote it."""
    shared: str | None = None
    """Key of the computation if several cells share its result (the selector ignores the checkpoint); else None."""
    former_shared: str | None = None
    """The same key in records of earlier versions."""
    skip_reason: str = ""
    """Why the cell is skipped (its choice would be random); empty if it is not."""

    @property
    def reads_checkpoint(self) -> bool:
        """Whether its supernet has to be trained: a shared result or a skipped cell needs no checkpoint."""
        return self.shared is None and not self.skip_reason

    @property
    def title(self) -> str:
        """Supernet, epoch, selector and selector seed, for messages."""
        seed = f" #{self.cell.selector_seed}" if self.cell.selector_seed else ""
        return f"{self.supernet.title} epoch {self.cell.epoch} {self.cell.selector}{seed}"


def epochs_for(selector: MethodDeclaration, request: Request, settings: Settings) -> tuple[int, ...]:
    """The checkpoint epochs at which a selector is applied; raises UsageError for an epoch that is not stored."""
    stored = settings.checkpoint_epochs
    if request.epochs is None:
        return stored if selector.reads_only_alphas else stored[-1:]
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


def refuse_too_many_cells(request: Request) -> None:
    """Raise UsageError for a request of more than MOST_CELLS cells, before any of them is made."""
    per_seed = sum(
        len(epochs_for(selector, request, settings)) * (request.selector_seeds if selector.stochastic else 1)
        for settings in request.settings.values()
        for selector in request.selectors
    )
    count = len(request.recipes) * request.supernet_seeds * per_seed
    if count > MOST_CELLS:
        seeds = {"--seeds": request.supernet_seeds, "--selector-seeds": request.selector_seeds}
        option = max(seeds, key=lambda name: seeds[name])
        raise UsageError(
            f"{option} {seeds[option]} asks for {count:,} cells, more than the {MOST_CELLS:,} that can be planned;"
            f" reduce {option}."
        )


def make_plan(request: Request) -> list[PlannedCell]:
    """All cells asked for, those of one supernet side by side; raises UsageError for more than MOST_CELLS."""
    refuse_too_many_cells(request)
    here = request.circumstances
    return [
        planned_cell(
            Cell(job, epoch, selector.name, selector_seed, request.bn, settings.budget), recipe, selector, here
        )
        for dataset, settings in request.settings.items()
        for recipe in request.recipes
        for seed in range(request.supernet_seeds)
        for job in [SupernetJob(dataset, recipe.name, seed, request.root, settings, request.data.get(dataset, ""))]
        for selector in request.selectors
        for epoch in epochs_for(selector, request, settings)
        for selector_seed in range(request.selector_seeds if selector.stochastic else 1)
    ]


def plan_again(
    cells: Iterable[Mapping[str, Any]], methods: Methods, root: int, data: Mapping[str, str], here: Circumstances
) -> list[PlannedCell]:
    """The `cells` of an output folder's plan, given by their key columns, as the present methods would run them.

    Raises UsageError for a method or a preset that no longer exists.
    """
    recipe, selector = cache(methods.recipes.find), cache(methods.selectors.find)
    plan = []
    for columns in cells:
        settings = settings_labelled(columns["preset"])
        trained, asked = recipe(columns["recipe"]), selector(columns["selector"])
        dataset = columns["dataset"]
        job = SupernetJob(dataset, trained.name, columns["supernet_seed"], root, settings, data.get(dataset, ""))
        cell = Cell(job, columns["epoch"], asked.name, columns["selector_seed"], columns["bn"], settings.budget)
        plan.append(planned_cell(cell, trained, asked, here))
    return plan


def planned_supernet(cell: Cell, version: int, here: Circumstances) -> PlannedSupernet:
    """The supernet of a cell with its cache keys, if this `version` of its recipe trains it in circumstances `here`."""
    where = (here.device, here.threads, here.hardware)
    plugin = here.outside.get(f"recipe {parse(cell.supernet.recipe)[0]}", "")
    former = former_supernet_key(cell.supernet, cell.budget, version, *where)
    return PlannedSupernet(cell.supernet, supernet_key(cell.supernet, version, *where, plugin), former, version)


def planned_cell(
    cell: Cell, recipe: MethodDeclaration, selector: MethodDeclaration, here: Circumstances
) -> PlannedCell:
    """The cell with its keys.

    If its selector does not read the checkpoint, all recipes and epochs of one supernet seed share one result. Cells
    that choose by alphas which are not trained, or not yet, are skipped; their key says so, since earlier versions
    chose by those alphas.
    """
    supernet, columns = planned_supernet(cell, recipe.version, here), identity(cell, here)
    skip_reason = reason_to_skip(recipe, selector, cell.epoch, cell.supernet.settings.epochs)
    names = {"alphas": "not learnt"} if skip_reason else {}
    former = dict(names)
    plugin = here.outside.get(f"selector {parse(selector.name)[0]}")
    names |= {"plugin": plugin} if plugin else {}
    if not selector.reads_checkpoint:
        work = without_checkpoint(cell)
        untrained = planned_supernet(work, 0, here)
        names["shared"] = record_key(work, untrained.key, selector.version, **names)
        former["shared"] = former_record_key(work, untrained.former_key, selector.version)
    return PlannedCell(
        cell, supernet, selector.version, columns, file_stem(columns),
        key=record_key(cell, supernet.key, selector.version, **names),
        former_key=FORMER + former_record_key(cell, supernet.former_key, selector.version, **former),
        shared=names.get("shared"),
        former_shared=FORMER + former["shared"] if "shared" in former else None, skip_reason=skip_reason,
    )  # fmt: skip


def checkpoint_of(supernets: Supernets, supernet: PlannedSupernet, epoch: int, cache: Path) -> str | None:
    """SHA-256 of the supernet's checkpoint after `epoch` epochs; None if it is not in the cache or is damaged there.

    A damaged checkpoint does not stop planning: the cells that read it fail with the reason.
    """
    folder = supernet.folder(cache)
    if epoch not in supernets.epochs_present(folder):
        return None
    try:
        return supernets.facts(folder, epoch).sha256
    except DataError:
        return None


def state_of(planned: PlannedCell, record: Record | None, checkpoint: str | None) -> str | None:
    """The state of a cell whose record is still valid (done, failed, skipped); None for a cell that is to do.

    A record made from another checkpoint than the cached one is invalid: all selectors of a supernet must
    read the same weights. A record of a choice by untrained alphas stays, since it is gathered as skipped.
    """
    if record is not None and planned.skip_reason and record.state == DONE:
        return SKIPPED
    if record is None or record.key not in (planned.key, planned.former_key):
        return None
    if planned.reads_checkpoint and checkpoint is not None and record.checkpoint not in (None, checkpoint):
        return None
    return record.state


@dataclass(frozen=True)
class Split:
    """A plan divided by what is left to do."""

    todo: list[PlannedCell]
    outdated: list[PlannedCell]
    """The cells to do without a valid record: it is absent, damaged, or of another version or checkpoint."""
    standing: dict[str, list[PlannedCell]]
    """The cells that are not to do, by state: done, failed, skipped."""


def split_plan(
    plan: Iterable[PlannedCell],
    records: Mapping[str, Record],
    checkpoints: Mapping[tuple[str, int], str | None],
    retry_failed: bool,
) -> Split:
    """Divide the plan by what is left to do. `checkpoints` holds the SHA-256 by (supernet key, epoch)."""
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
