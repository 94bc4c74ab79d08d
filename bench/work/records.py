"""One JSON file per cell: what a selector chose, or why it did not. Deterministic: no clock, no memory.

A record holds facts of the selection only; everything that needs the ground truth is measured from it
later, so a metric can be added without running anything. `name` says whose record it is (the file), `key`
says under which circumstances it was made: the same name with another key is out of date.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nas_selection_bench.bench.errors import DAMAGE, DataError
from nas_selection_bench.bench.files import write_whole
from nas_selection_bench.bench.problem.selection import Selection
from nas_selection_bench.bench.problem.space import to_string
from nas_selection_bench.bench.problem.validate import checked
from nas_selection_bench.bench.work.cells import Cell, key
from nas_selection_bench.bench.work.json_files import DIGEST, digest_of, read_json
from nas_selection_bench.bench.work.presets import preset_label

SCHEMA = 1
"""Version of the record files. Raise it when a field changes its meaning, and add the step to UPGRADES."""

UPGRADES: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""Steps from one schema to the next: UPGRADES[n] turns a record of schema n into one of schema n + 1."""

KEY_COLUMNS = ("dataset", "recipe", "supernet_seed", "epoch", "selector", "selector_seed", "bn", "preset", "device",
               "threads")  # fmt: skip
"""The columns that name a cell; no two rows agree in all of them."""

DONE, FAILED, SKIPPED, MISSING = "done", "failed", "skipped", "missing"

CHOICE = ("architecture", "scores", "decisions", "ranking", "facts", "forward_passes", "backward_passes")
"""The fields of a done record that a selection fills."""

_FIELDS = {"cell", "key", "state", "reason", "log", "checkpoint", "version", "recipe_version"}
"""What the program asks of every record, whatever its state."""


@dataclass(frozen=True)
class Circumstances:
    """What, beside the cell itself, its numbers depend on."""

    device: str
    """The kind of device, `cpu` or `cuda`."""
    threads: int
    """Threads per worker: floating-point sums depend on them."""
    hardware: str = ""
    """Model and libraries of a GPU (`Device.hardware`): floating-point sums depend on them."""


def identity(cell: Cell, circumstances: Circumstances) -> dict[str, str | int]:
    """The key columns of a cell, in order."""
    values = (cell.supernet.dataset, cell.supernet.recipe, cell.supernet.seed, cell.epoch, cell.selector,
              cell.selector_seed, cell.bn, preset_label(cell.supernet.settings), circumstances.device,
              circumstances.threads)  # fmt: skip
    return dict(zip(KEY_COLUMNS, values, strict=True))


def file_stem(columns: Mapping[str, str | int]) -> str:
    """The name of a cell's files: readable, and unique by a hash of all key columns."""
    plain = (f"{columns['dataset']}.{columns['recipe']}.s{columns['supernet_seed']}.e{columns['epoch']}"
             f".{columns['selector']}.{columns['selector_seed']}")  # fmt: skip
    readable = "".join(c if c.isascii() and (c.isalnum() or c in "-._") else "_" for c in plain)
    return f"{readable[:120]}.{key(dict(columns))[:10]}"


def record_key(cell: Cell, supernet: str, selector_version: int, **further: str) -> str:
    """What decides whether a stored record still holds.

    `supernet` is the supernet's cache key: recipe and its version, seeds, settings, device, threads.
    """
    return key(
        {"supernet": supernet, "epoch": cell.epoch, "selector": cell.selector, "version": selector_version,
         "selector_seed": cell.selector_seed, "bn": cell.bn, **further}
    )  # fmt: skip


def done_record(selection: Selection) -> dict[str, Any]:
    """The part of a record that a selection fills; raises ValueError for one that breaks the contract."""
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


def cost_record(selection: Selection, wall_seconds: float) -> dict[str, float | int | None]:
    """What the selection cost, which differs from run to run and is kept apart for that."""
    cost = selection.cost
    return {
        "scoring_seconds": float(cost.scoring_seconds),
        "tuning_seconds": float(cost.tuning_seconds),
        "wall_seconds": wall_seconds,
        "peak_memory_bytes": None if cost.peak_memory_bytes is None else int(cost.peak_memory_bytes),
    }


def write_record(path: Path, record: Mapping[str, Any]) -> None:
    """Store a record whole, with its schema and a digest that betrays later damage."""
    full: dict[str, Any] = {"schema": SCHEMA, **record}
    full[DIGEST] = digest_of(full)
    write_whole(path, json.dumps(full, sort_keys=True, allow_nan=False, separators=(",", ":")) + "\n")


def read_record(path: Path) -> dict[str, Any] | None:
    """The record in `path`, upgraded to the present schema; None for a damaged file.

    Raises DataError for a schema that is newer than this program.
    """
    try:
        record = json.loads(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}).") from error
    except DAMAGE:
        return None
    if not isinstance(record, dict) or not isinstance(record.get("schema"), int):
        return None
    if record["schema"] > SCHEMA:
        raise DataError(
            f"{path} has schema {record['schema']}, which a newer version of this program wrote"
            f" (this one knows up to {SCHEMA}); update the program or choose another --out."
        )
    try:
        whole = record.get(DIGEST) == digest_of(record)
    except DAMAGE:  # among them a damaged number that reads as infinite, which no record holds
        return None
    if not whole:
        return None
    while record["schema"] < SCHEMA:
        step = UPGRADES.get(record["schema"])
        if step is None:
            raise DataError(f"{path} has schema {record['schema']}, which this program cannot read; delete it.")
        record = step(record)
    return record


def _of_cell(path: Path) -> dict[str, Any] | None:
    """The record in `path`, None for a damaged file and for what is no record of a cell."""
    record = read_record(path)
    try:
        whole = record is not None and record.keys() >= _FIELDS and record["state"] in (DONE, FAILED, SKIPPED)
        return record if whole and record is not None and file_stem(record["cell"]) else None
    except DAMAGE:
        return None


@dataclass
class Store:
    """The record files of one output folder; what was read of them is remembered for as long as they stay."""

    folder: Path
    _known: dict[Path, tuple[tuple[int, ...], dict[str, Any] | None]] = field(default_factory=dict, repr=False)
    """By file: which state of the file was read, and what it said."""

    @property
    def records(self) -> Path:
        """One JSON per cell: deterministic."""
        return self.folder / "records"

    @property
    def costs(self) -> Path:
        """One JSON per cell and per supernet: wall clock and memory."""
        return self.folder / "costs"

    @property
    def logs(self) -> Path:
        """One traceback per failed cell or supernet."""
        return self.folder / "logs"

    def cost(self, stem: str) -> dict[str, Any]:
        """What a cell cost; empty where nothing readable is stored, since it only holds timings."""
        try:
            content: dict[str, Any] = read_json(self.costs / f"{stem}.json", lambda told: told, {})
            whole = file_stem(content["cell"]) == stem and set(content["cell"]) == set(KEY_COLUMNS)
            counts = [content[name] for name in content if name.endswith(("_seconds", "_bytes"))]
            timed = all(isinstance(count, int | float | None) for count in counts)
        except (DataError, *DAMAGE):
            return {}
        return content if whole and timed else {}

    def set_aside(self, stem: str) -> None:
        """Take a record that no longer holds, and its cost, out of the results until a successor is done.

        A finished result is never replaced by a failure.
        """
        path = self.records / f"{stem}.json"
        if not path.exists():
            return
        if self._result(self._aside(path)) and not self._result(path):
            path.unlink()
            return
        cost = self.costs / path.name
        if cost.exists():
            cost.replace(self._aside(cost))
        path.replace(self._aside(path))

    def put_back(self, stem: str) -> None:
        """Make the record that was set aside, and its cost, the result again."""
        for path in (self.costs / f"{stem}.json", self.records / f"{stem}.json"):
            if self._aside(path).exists():
                self._aside(path).replace(path)

    def read_aside(self) -> dict[str, dict[str, Any]]:
        """The results that were set aside and have no successor, by file stem."""
        found = {path.name.removesuffix(".json.old"): self._result(path) for path in self.records.glob("*.json.old")}
        return {stem: record for stem, record in found.items() if record}

    def write(self, stem: str, record: Mapping[str, Any]) -> None:
        """Store a record; a result takes the place of one that was set aside."""
        path = self.records / f"{stem}.json"
        write_record(path, record)
        if record["state"] == DONE:
            for replaced in (path, self.costs / path.name):
                self._aside(replaced).unlink(missing_ok=True)

    def drop_replaced(self) -> None:
        """Remove what was set aside and has its successor, which only a kill between the two leaves."""
        for folder in (self.records, self.costs):
            for path in folder.glob("*.json.old"):
                if self._result(self.records / path.name.removesuffix(".old")):
                    path.unlink()

    @staticmethod
    def _aside(path: Path) -> Path:
        return path.with_name(f"{path.name}.old")

    def read_all(self) -> tuple[dict[str, dict[str, Any]], list[Path]]:
        """All records by file stem, in sorted order, and the paths of the damaged ones."""
        whole: dict[str, dict[str, Any]] = {}
        damaged: list[Path] = []
        for path in sorted(self.records.glob("*.json")):
            record = self._read(path)
            if record is None or file_stem(record["cell"]) != path.stem:
                damaged.append(path)
            else:
                whole[path.stem] = record
        return whole, damaged

    def _read(self, path: Path) -> dict[str, Any] | None:
        """`_of_cell`, once for each state of a file: all are written whole, and so are another file each time."""
        stat = path.stat()
        state = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        known = self._known.get(path)
        if known is None or known[0] != state:
            known = self._known[path] = (state, _of_cell(path))
        return known[1]

    def _result(self, path: Path) -> dict[str, Any] | None:
        """The record in a file if it is one of a cell that is done."""
        record = self._read(path) if path.exists() else None
        return record if record is not None and record["state"] == DONE else None
