"""The record files of an output folder, one per cell, and the files with the cost of each cell and supernet."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import NoneType
from typing import Any

from nas_selection_bench.bench.errors import DAMAGE, DataError
from nas_selection_bench.bench.files import unreadable
from nas_selection_bench.bench.problem.selection import Selection
from nas_selection_bench.bench.work.json_files import understood_json
from nas_selection_bench.bench.work.record import DONE, MOST, Record, checked_cell, file_stem, read_record, write_record
from nas_selection_bench.bench.yardsticks.agreements import Agreements

GATHERED_FILE, SCORES_FILE = "gathered.json", "scores.csv"


def cost_record(selection: Selection, wall_seconds: float) -> dict[str, float | int | None]:
    """The cost of a selection; it is stored apart from the record, since it differs from run to run."""
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
    """Contents, by path inside the folder, that are read instead of its files; such a store writes nothing."""
    gathered_before: bool = False
    """Whether the folder's CSV files hold what would be gathered from the records, which then need not be read."""
    _known: dict[str, tuple[tuple[int, ...], Record | None]] = field(default_factory=dict, repr=False)
    """By the name of a file in `records`: the state of the file that was read, and the record in it."""

    def __post_init__(self) -> None:
        """Copy `packed`: contents that were read are dropped from it, which the caller must not see."""
        if self.packed is not None:
            self.packed = dict(self.packed)

    @cached_property
    def agreements(self) -> Agreements:
        """Agreements stored beside the records, so that reports need not compute them again."""
        return Agreements.read(self.folder)

    @property
    def records(self) -> Path:
        """Folder with one JSON file per cell: deterministic."""
        return self.folder / "records"

    @property
    def costs(self) -> Path:
        """Folder with one JSON file per cell and per supernet: wall-clock times and memory."""
        return self.folder / "costs"

    @property
    def logs(self) -> Path:
        """Folder with one traceback per failed cell or supernet."""
        return self.folder / "logs"

    def cost(self, stem: str) -> dict[str, Any]:
        """The cost of a cell; empty if nothing readable is stored, since it holds only timings."""
        name = f"{stem}.json"
        try:
            content: dict[str, Any] = understood_json(self._content(self.costs, name), self.costs, dict)
            cell = checked_cell(content["cell"], ("selector", "bn"))  # empty for the cost of a supernet
            _, record = self._known.get(name, (None, None))
            same = record is not None and record.stem == stem and record.cell == cell
            whole = len(cell) == len(content["cell"]) and (same or file_stem(cell) == stem)
            counts = [content[name] for name in content if name.endswith(("_seconds", "_bytes"))]
            sound = all(count is None or (type(count) in (int, float) and 0 <= count <= MOST) for count in counts)
            sound = sound and type(content.get("commit")) in (str, NoneType)
        except (DataError, *DAMAGE):
            return {}
        return content if whole and sound else {}

    def stems(self, folder: Path) -> list[str]:
        """The sorted file stems of the JSON files in `folder`, which is `records` or `costs`."""
        if self.packed is None:
            return sorted(path.stem for path in _files(folder, "*.json"))
        start, end = f"{folder.name}/", ".json"
        names = (name for name in self.packed if name.startswith(start) and name.endswith(end))
        return sorted(name[len(start) : -len(end)] for name in names)

    def texts(self, folder: Path) -> Iterator[tuple[str, bytes]]:
        """File stem and content of each JSON file in `folder`, which is `records` or `costs`; sorted by stem."""
        for stem in self.stems(folder):
            yield stem, self._content(folder, f"{stem}.json")

    def mentioning(self, word: bytes, stems: Sequence[str] | None = None) -> dict[str, Record]:
        """The valid records of the cells `stems`, or of all, whose text contains `word`; by file stem, sorted.

        Records that were read before are included even if their text does not contain it.
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
        if self.packed is not None:
            return self.packed[f"{folder.name}/{name}"]
        try:
            return (folder / name).read_bytes()
        except OSError as error:
            raise unreadable(folder / name, error) from error

    def set_aside(self, stem: str) -> None:
        """Take an invalid record out of the results; that of a done cell is kept until its successor is done.

        A result is thus never replaced by a failure, and can be put back when the version that made it returns.
        """
        path, cost = self.records / f"{stem}.json", self.costs / f"{stem}.json"
        if not self._result(path):
            path.unlink(missing_ok=True)
            return
        if cost.exists():
            cost.replace(self._aside(cost))
        path.replace(self._aside(path))

    def put_back(self, stem: str) -> None:
        """Turn the record that was set aside, and its cost, into the result again."""
        for path in (self.costs / f"{stem}.json", self.records / f"{stem}.json"):
            if self._aside(path).exists():
                self._aside(path).replace(path)

    def read_aside(self) -> dict[str, Record]:
        """The results that were set aside and have no successor, by file stem."""
        found = {path.name.removesuffix(".json.old"): self._result(path) for path in _files(self.records, "*.json.old")}
        return {stem: record for stem, record in found.items() if record}

    def write(self, stem: str, record: Record) -> None:
        """Store a record; that of a done cell replaces the one that was set aside."""
        path = self.records / f"{stem}.json"
        write_record(path, record)
        if record.state == DONE:
            for replaced in (path, self.costs / path.name):
                self._aside(replaced).unlink(missing_ok=True)

    def drop_replaced(self) -> None:
        """Remove set-aside records that can never return: their successor is done, or they are not results.

        A set-aside cost goes with its record: it is removed, or put back if the record was put back without it. Only a
        kill between two steps, or an early version of the program, leaves such files.
        """
        for path in _files(self.records, "*.json.old"):
            if self._result(path.with_suffix("")) or not self._result(path):
                path.unlink()
        for path in _files(self.costs, "*.json.old"):
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
        """The records of a packed folder, read once since they do not change."""
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
        """The record of a cell; None if it is damaged or belongs to another cell."""
        record = self._read(self.records / f"{stem}.json")
        return record if record is not None and record.stem == stem else None

    def _read(self, path: Path) -> Record | None:
        """As `read_record`, once per state of a file; every write replaces the file, and so changes its state."""
        state: tuple[int, ...] = ()
        if self.packed is None:
            stat = path.stat()
            state = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        known = self._known.get(path.name)
        if known is None or known[0] != state:
            known = self._known[path.name] = (state, read_record(self._content(path.parent, path.name), path))
            if self.packed is not None:  # the record is kept from now on, so its text need not be
                self.packed[f"{self.records.name}/{path.name}"] = b""
        return known[1]

    def _result(self, path: Path) -> Record | None:
        """The record in a file if it exists and its cell is done; else None."""
        record = self._read(path) if path.exists() else None
        return record if record is not None and record.state == DONE else None


def _files(folder: Path, pattern: str) -> Iterator[Path]:
    """The files in `folder` that match `pattern`; folders and dangling links of such a name are no records."""
    return (path for path in folder.glob(pattern) if path.is_file())
