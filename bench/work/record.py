"""The record of one cell: what a selector chose, or why it chose nothing. Deterministic: no timings, no memory use.

A record holds only facts about the selection; everything that needs the ground truth is computed from it later, so
that a measure can be added without running anything. `cell` identifies the cell (and so the file), `key` the
circumstances under which it was computed: a record of the same cell with another key is out of date.
"""

import json
import re
from collections.abc import Callable, Container, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from math import isfinite
from pathlib import Path
from types import NoneType
from typing import Any, Self

import numpy as np

from nas_selection_bench.bench.errors import DAMAGE, DataError, in_brief
from nas_selection_bench.bench.files import write_whole
from nas_selection_bench.bench.problem.selection import Cost, Decision, Ranking, Selection
from nas_selection_bench.bench.problem.space import parse, to_string
from nas_selection_bench.bench.problem.validate import checked
from nas_selection_bench.bench.seeds import canonical_json, short_digest
from nas_selection_bench.bench.work.cells import Cell, key
from nas_selection_bench.bench.work.json_files import DIGEST, digest_of, refuse_newer
from nas_selection_bench.bench.work.presets import preset_label

SCHEMA = 2
"""Version of the record files. Raise it when a field changes its meaning, and add the step to UPGRADES."""

FORMER = "1."
"""Prefix of the keys of records of schema 1, in which the supernet's key included the selection budget."""


def _of_schema_2(record: dict[str, Any]) -> dict[str, Any]:
    """Mark the keys of schema 1 as such; only a plan can tell whether they are valid (`PlannedCell.former_key`)."""
    shared = {"shared": FORMER + record["shared"]} if record.get("shared") else {}
    return record | shared | {"schema": 2, "key": f"{FORMER}{record['key']}"}


UPGRADES: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _of_schema_2}
"""Steps from one schema to the next: UPGRADES[n] turns a record of schema n into one of schema n + 1."""

KEY_COLUMNS = ("dataset", "recipe", "supernet_seed", "epoch", "selector", "selector_seed", "bn", "preset", "device",
               "threads")  # fmt: skip
"""The columns that identify a cell; no two rows agree in all of them."""

_NUMBERS = frozenset({"supernet_seed", "epoch", "selector_seed", "threads"})
"""The key columns that hold whole numbers; the others hold text."""

MOST = 2**63 - 1
"""The largest whole number that a column of a CSV file holds."""

STATES = DONE, FAILED, SKIPPED, MISSING = "done", "failed", "skipped", "missing"

_UNREADABLE = re.compile(r"[^A-Za-z0-9\-._]")

CHOICE = ("architecture", "scores", "decisions", "ranking", "facts", "forward_passes", "backward_passes")
"""The fields of a record that describe a selection."""


@dataclass(frozen=True)
class Circumstances:
    """What the numbers of a cell depend on besides the cell itself."""

    device: str
    """The kind of device, `cpu` or `cuda`."""
    threads: int
    """Threads per worker: floating-point sums depend on them."""
    hardware: str = ""
    """Model and libraries of a GPU (`Device.hardware`): floating-point sums depend on them."""
    outside: Mapping[str, str] = field(default_factory=dict)
    """`selector NAME` or `recipe NAME` -> digest of its file, for methods from plug-ins, which are keyed by content."""


def identity(cell: Cell, circumstances: Circumstances) -> dict[str, str | int]:
    """The key columns of a cell, in order."""
    values = (cell.supernet.dataset, cell.supernet.recipe, cell.supernet.seed, cell.epoch, cell.selector,
              cell.selector_seed, cell.bn, preset_label(cell.supernet.settings, cell.budget), circumstances.device,
              circumstances.threads)  # fmt: skip
    return dict(zip(KEY_COLUMNS, values, strict=True))


def file_stem(columns: Mapping[str, str | int]) -> str:
    """The stem of the names of a cell's files: readable, and unique by a hash of all key columns."""
    plain = (f"{columns['dataset']}.{columns['recipe']}.s{columns['supernet_seed']}.e{columns['epoch']}"
             f".{columns['selector']}.{columns['selector_seed']}")  # fmt: skip
    return f"{_UNREADABLE.sub('_', plain)[:120]}.{key(dict(columns))[:10]}"


def checked_cell(cell: Mapping[str, Any], may_be_empty: Container[str] = ()) -> dict[str, str | int]:
    """The key columns of `cell`, in order; raises one of DAMAGE if one is absent or of another kind."""
    columns = {name: cell[name] for name in KEY_COLUMNS}
    for name, value in columns.items():
        if name in _NUMBERS:
            good = type(value) is int and 0 <= value <= MOST
        else:
            good = type(value) is str and len(value) < 1000 and value.isprintable()
            good = good and (value != "" or name in may_be_empty)
        if not good:
            raise ValueError(f"{name} of a cell is {in_brief(repr(value), 60)}")
    return columns


def record_key(cell: Cell, supernet: str, selector_version: int, **further: str) -> str:
    """The key that tells whether a stored record is still valid.

    `supernet` is the supernet's cache key, which covers recipe and its version, seeds, size, device and threads.
    """
    return key({**_circumstances(cell, supernet, selector_version), "budget": asdict(cell.budget), **further})


def former_record_key(cell: Cell, supernet: str, selector_version: int, **further: str) -> str:
    """The key of a record of schema 1, without FORMER; `supernet` is the supernet's former key."""
    return key({**_circumstances(cell, supernet, selector_version), **further})


def _circumstances(cell: Cell, supernet: str, selector_version: int) -> dict[str, str | int]:
    return {
        "supernet": supernet, "epoch": cell.epoch, "selector": cell.selector, "version": selector_version,
        "selector_seed": cell.selector_seed, "bn": cell.bn,
    }  # fmt: skip


def choice_of(selection: Selection) -> dict[str, Any]:
    """A selection as a record stores it, in the fields CHOICE; raises ValueError if it breaks the contract."""
    selection = checked(selection)
    ranking = None
    if selection.ranking is not None:
        ranking = {"codes": selection.ranking.codes.tolist(), "scores": selection.ranking.scores.tolist()}
    return {
        "architecture": to_string(selection.architecture),
        "scores": selection.scores.tolist(),
        "decisions": [[decision.edge, decision.operation] for decision in selection.decisions],
        "ranking": ranking,
        "facts": selection.facts,
        "forward_passes": int(selection.cost.forward_passes),
        "backward_passes": int(selection.cost.backward_passes),
    }


@dataclass(frozen=True)
class Record:
    """How one cell ended."""

    cell: Mapping[str, str | int]
    """The key columns by name."""
    key: str
    version: int
    """Version of the selector."""
    recipe_version: int
    state: str
    """DONE, FAILED or SKIPPED."""
    reason: str | None = None
    log: str | None = None
    """Path of a failure's traceback, inside the output folder."""
    where: str | None = None
    """The line of a method in which it failed: `selectors/mine.py, line 27`."""
    root: int | None = None
    """The root seed; None in records of early versions."""
    shared: str | None = None
    """The key of the computation, if several cells share its result."""
    checkpoint: str | None = None
    """SHA-256 of the checkpoint that was read."""
    supernet_accuracy: float | None = None
    """Accuracy of that checkpoint on the selection images, in %."""
    choice: Mapping[str, Any] | None = None
    """The choice, in plain numbers (`choice_of`); None for a cell that is not done."""

    @cached_property
    def stem(self) -> str:
        """Stem of the names of its files."""
        return file_stem(self.cell)

    @property
    def ranking(self) -> Mapping[str, Any] | None:
        """Codes and scores of a selector that ranks, as stored; quicker than reading the whole selection."""
        return (self.choice or {}).get("ranking")

    def selection(self) -> Selection:
        """The selection that a done record holds, checked; raises one of DAMAGE if it holds none."""
        choice = self.choice or {}
        ranking = choice["ranking"]
        return checked(
            Selection(
                architecture=parse(choice["architecture"]),
                scores=choice["scores"],
                decisions=[Decision(edge, operation) for edge, operation in choice["decisions"]],
                ranking=None if ranking is None else Ranking(np.array(ranking["codes"]), np.array(ranking["scores"])),
                facts=choice["facts"],
                cost=Cost(
                    forward_passes=choice["forward_passes"], backward_passes=choice["backward_passes"],
                ),
            )
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """The content of its file, without the digest."""
        content = {name: getattr(self, name) for name in _FIELDS}
        if self.where is None:
            del content["where"]
        return {"schema": SCHEMA, **content, **(self.choice or {})}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """The record that a file of the present schema holds; raises one of DAMAGE for anything else."""
        if content["state"] not in (DONE, FAILED, SKIPPED):
            raise ValueError(f"a cell cannot be {content['state']!r}")
        if len(checked_cell(content["cell"])) != len(content["cell"]):
            raise ValueError("a cell has further columns")
        required = {name: content[name] for name in _REQUIRED}
        for name, kinds in _KINDS.items():
            value: Any = content.get(name)
            fits = isfinite(value) if type(value) is float else type(value) is not int or -MOST <= value <= MOST
            if type(value) not in kinds or not (fits or name == "root"):  # a root seed may be of any size
                raise ValueError(f"{name} is {in_brief(repr(value), 60)}")
        further = {name: content[name] for name in _FIELDS if name in content}
        chosen = {name: content[name] for name in CHOICE if name in content}
        if chosen and content["state"] != DONE:
            raise ValueError("a cell that is not done has a choice")
        return cls(**required | further, choice=chosen or None)


def as_skipped(record: Record, why: str) -> Record:
    """The record that a run writes if it skips the cell."""
    return replace(
        record, state=SKIPPED, reason=why, log=None, where=None, checkpoint=None, supernet_accuracy=None, choice=None
    )


_FIELDS = tuple(field.name for field in fields(Record) if field.name != "choice")
_REQUIRED = ("cell", "key", "state", "reason", "log", "checkpoint", "version", "recipe_version")
"""The fields that every record has, whatever its state and the version that wrote it."""

_KINDS: dict[str, tuple[type, ...]] = {
    "key": (str,), "version": (int,), "recipe_version": (int,),
    **dict.fromkeys(("root", "forward_passes", "backward_passes"), (int, NoneType)),
    **dict.fromkeys(("reason", "log", "where", "shared", "checkpoint"), (str, NoneType)),
    "supernet_accuracy": (float, int, NoneType),
}  # fmt: skip
"""The types that a field may have, and NoneType for one that may be absent; `Record.selection` checks the rest."""


def write_record(path: Path, record: Record) -> None:
    """Write a record, whole or not at all, with its schema and its digest."""
    content = record.to_json()
    content[DIGEST] = digest_of(content)
    write_whole(path, canonical_json(content) + "\n")


def read_record(text: bytes, path: Path) -> Record | None:
    """The record in the `text` of a file, upgraded to the present schema; None if it is damaged or no record.

    Raises DataError, naming `path`, for a schema newer than this program, or one that it cannot upgrade.
    """
    try:
        content = json.loads(text)
    except DAMAGE:
        return None
    if not isinstance(content, dict) or not isinstance(content.get("schema"), int):
        return None
    refuse_newer(content["schema"], SCHEMA, path)
    try:  # DAMAGE includes a damaged number that reads as infinite, which no record holds
        if not _as_written(text, content.get(DIGEST)) and content.get(DIGEST) != digest_of(content):
            return None
        while content["schema"] < SCHEMA:
            if content["schema"] not in UPGRADES:
                raise DataError(f"{path} has schema {content['schema']}, which this program cannot read; delete it.")
            content = UPGRADES[content["schema"]](content)
        return Record.from_json(content)
    except DAMAGE:
        return None


def _as_written(text: bytes, digest: object) -> bool:
    """Whether `digest` is that of the rest of the text as it stands; saves serialising the content again."""
    bare = text.replace(f'"digest":"{digest}",'.encode(), b"", 1).rstrip(b"\n")
    return short_digest(bare) == digest
