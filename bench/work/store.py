"""The record files of an output folder, one per cell, and what each cell cost."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from nas_selection_bench.bench.errors import DAMAGE, DataError
from nas_selection_bench.bench.files import unreadable
from nas_selection_bench.bench.problem.selection import Selection
from nas_selection_bench.bench.work.json_files import understood_json
from nas_selection_bench.bench.work.record import DONE, KEY_COLUMNS, Record, file_stem, read_record, write_record
from nas_selection_bench.bench.yardsticks.agreements import Agreements

SCORES_FILE = "scores.csv"


def cost_record(selection: Selection, wall_seconds: float) -> dict[str, float | int | None]:
    """The cost of a selection, which differs from run to run and is kept apart for that."""
    cost = selection.cost
    return {
        "scoring_seconds": float(cost.scoring_seconds),
        "tuning_seconds": float(cost.tuning_seconds),
        "wall_seconds": wall_seconds,
        "peak_memory_bytes": None if cost.peak_memory_bytes is None else int(cost.peak_memory_bytes),
    }


@dataclass
class Store:
    """The record files of one output folder; each is read again only when it has changed."""

    folder: Path
    packed: dict[str, bytes] | None = field(default=None, repr=False)
    """Contents that are read instead of the folder's files, by their path inside of it; such a store writes none."""
    gathered_before: bool = False
    """Whether the CSV files in the folder hold what would be gathered from these records, which need not be read."""
    _known: dict[str, tuple[tuple[int, ...], Record | None]] = field(default_factory=dict, repr=False)
    """By the name of a file of `records`: which state of it was read, and the record in it."""

    def __post_init__(self) -> None:
        """What was read is dropped from `packed`, which must not be seen by whoever gave it."""
        if self.packed is not None:
            self.packed = dict(self.packed)

    @cached_property
    def agreements(self) -> Agreements:
        """Agreements kept beside the records, so that reports need not compute them again."""
        return Agreements.read(self.folder)

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
        """The cost of a cell; empty where nothing readable is stored, since it only holds timings."""
        name = f"{stem}.json"
        try:
            content: dict[str, Any] = understood_json(self._content(self.costs, name), self.costs, dict)
            _, record = self._known.get(name, (None, None))
            same = record is not None and record.stem == stem and record.cell == content["cell"]
            whole = same or (file_stem(content["cell"]) == stem and set(content["cell"]) == set(KEY_COLUMNS))
            counts = [content[name] for name in content if name.endswith(("_seconds", "_bytes"))]
            timed = all(isinstance(count, int | float | None) for count in counts)
        except (OSError, DataError, *DAMAGE):
            return {}
        return content if whole and timed else {}

    def stems(self, folder: Path) -> list[str]:
        """The cells that have a JSON file in `folder`, which is `records` or `costs`; sorted."""
        if self.packed is None:
            return sorted(path.stem for path in folder.glob("*.json"))
        start, end = f"{folder.name}/", ".json"
        names = (name for name in self.packed if name.startswith(start) and name.endswith(end))
        return sorted(name[len(start) : -len(end)] for name in names)

    def texts(self, folder: Path) -> Iterator[tuple[str, bytes]]:
        """Name and content of each JSON file in `folder`, which is `records` or `costs`; sorted."""
        for stem in self.stems(folder):
            yield stem, self._content(folder, f"{stem}.json")

    def mentioning(self, word: bytes, stems: Sequence[str] | None = None) -> dict[str, Record]:
        """The whole records, of these cells or of all, whose text holds `word`; those read before are there without it.

        By file stem, in order.
        """
        found: dict[str, Record] = {}
        stored = self.stems(self.records)
        for stem in stored if stems is None else sorted({*stored}.intersection(stems)):
            name = f"{stem}.json"
            if name in self._known or word in self._content(self.records, name):
                record = self._record(stem)
                if record is not None:
                    found[stem] = record
        return found

    @property
    def scores(self) -> bytes:
        """The content of scores.csv."""
        packed = (self.packed or {}).get(SCORES_FILE)
        return (self.folder / SCORES_FILE).read_bytes() if packed is None else packed

    def _content(self, folder: Path, name: str) -> bytes:
        return (folder / name).read_bytes() if self.packed is None else self.packed[f"{folder.name}/{name}"]

    def set_aside(self, stem: str) -> None:
        """Take a record that no longer holds out of the results; a finished one is kept until a successor is done.

        So a finished result is never replaced by a failure, and returns with the version that made it.
        """
        path, cost = self.records / f"{stem}.json", self.costs / f"{stem}.json"
        if not self._result(path):
            path.unlink(missing_ok=True)
            return
        if cost.exists():
            cost.replace(self._aside(cost))
        path.replace(self._aside(path))

    def put_back(self, stem: str) -> None:
        """Make the record that was set aside, and its cost, the result again."""
        for path in (self.costs / f"{stem}.json", self.records / f"{stem}.json"):
            if self._aside(path).exists():
                self._aside(path).replace(path)

    def read_aside(self) -> dict[str, Record]:
        """The results that were set aside and have no successor, by file stem."""
        found = {path.name.removesuffix(".json.old"): self._result(path) for path in self.records.glob("*.json.old")}
        return {stem: record for stem, record in found.items() if record}

    def write(self, stem: str, record: Record) -> None:
        """Store a record; a result takes the place of one that was set aside."""
        path = self.records / f"{stem}.json"
        write_record(path, record)
        if record.state == DONE:
            for replaced in (path, self.costs / path.name):
                self._aside(replaced).unlink(missing_ok=True)

    def drop_replaced(self) -> None:
        """Remove what was set aside and never returns: its successor is done, or it is not a result.

        Only a kill in between leaves it, or an early version of the program.
        """
        for path in self.records.glob("*.json.old"):
            if self._result(path.with_suffix("")) or not self._result(path):
                path.unlink()
        for path in self.costs.glob("*.json.old"):
            if (self.records / path.name).exists():
                continue
            if self._result(self.records / path.stem) and not path.with_suffix("").exists():
                path.replace(path.with_suffix(""))
            else:
                path.unlink()

    @staticmethod
    def _aside(path: Path) -> Path:
        return path.with_name(f"{path.name}.old")

    def read_all(self) -> tuple[dict[str, Record], list[Path]]:
        """All records by file stem, in sorted order, and the paths of the damaged ones."""
        whole, damaged = self._packed_records if self.packed is not None else self._records_read()
        return dict(whole), list(damaged)

    @cached_property
    def _packed_records(self) -> tuple[dict[str, Record], list[Path]]:
        """Packed records do not change."""
        return self._records_read()

    def _records_read(self) -> tuple[dict[str, Record], list[Path]]:
        whole: dict[str, Record] = {}
        damaged: list[Path] = []
        for stem in self.stems(self.records):
            record = self._record(stem)
            if record is None:
                damaged.append(self.records / f"{stem}.json")
            else:
                whole[stem] = record
        return whole, damaged

    def _record(self, stem: str) -> Record | None:
        """The record of a cell; None where it is damaged, or that of another cell."""
        record = self._read(self.records / f"{stem}.json")
        return record if record is not None and record.stem == stem else None

    def _read(self, path: Path) -> Record | None:
        """`read_record`, once for each state of a file: all are written whole, and so are another file each time."""
        state: tuple[int, ...] = ()
        if self.packed is None:
            stat = path.stat()
            state = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        known = self._known.get(path.name)
        if known is None or known[0] != state:
            try:
                known = self._known[path.name] = (state, read_record(self._content(path.parent, path.name), path))
            except OSError as error:
                raise unreadable(path, error) from error
            if self.packed is not None:  # remembered from now on, so that its text need not be
                self.packed[f"{self.records.name}/{path.name}"] = b""
        return known[1]

    def _result(self, path: Path) -> Record | None:
        """The record in a file if it is one of a cell that is done."""
        record = self._read(path) if path.exists() else None
        return record if record is not None and record.state == DONE else None
