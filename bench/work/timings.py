"""How long earlier cells and supernets took, and how long the rest of a plan should take by that."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from nas_selection_bench.bench.errors import DAMAGE, counted
from nas_selection_bench.bench.work.plan import PlannedCell
from nas_selection_bench.bench.work.progress import duration
from nas_selection_bench.bench.work.record import KEY_COLUMNS


@dataclass(frozen=True)
class Estimate:
    """How long work should take."""

    seconds: float
    """Seconds that the items timed before should take, with all workers."""
    timed: int
    """Number of items (cells, supernets) of which the like were timed before."""
    untimed: int
    """Number of items that are not in `seconds`, since nothing like them was ever timed."""

    def described(self) -> str:
        """The time in words, with the number of items that it leaves out."""
        items = counted(self.untimed, "item")
        never = f" ({items}, cells or supernets, never timed here; run one seed first)" if self.untimed else ""
        return f"{duration(self.seconds) if self.seconds else 'unknown'}{never}"


def stored_costs(*places: Path) -> list[dict[str, str]]:
    """Rows of costs.csv of all output folders in `places`, from which times are estimated.

    A file that cannot be read, or is another program's, is left out: it only makes the estimate worse.
    """
    rows: list[dict[str, str]] = []
    for path in dict.fromkeys(path for place in places for path in sorted(place.glob("*/costs.csv"))):
        try:
            with path.open(newline="", encoding="utf-8") as stream:
                reader = csv.DictReader(stream)
                if {*KEY_COLUMNS, "wall_seconds", "training_seconds"} <= set(reader.fieldnames or ()):
                    rows += [row for row in reader if _timed(row)]
        except (OSError, *DAMAGE):
            continue
    return rows


def _timed(row: dict[str, str]) -> bool:
    """Whether the thread count and the times in a row of costs.csv are valid numbers."""
    try:
        int(row["threads"])
        return all(not row[name] or float(row[name]) >= 0 for name in ("wall_seconds", "training_seconds"))
    except DAMAGE:
        return False


def _keys(name: str, columns: Mapping[str, Any]) -> list[tuple[object, ...]]:
    """The keys of a method's times, nearest first: same kind of cell, other data sets or threads, other options."""
    elsewhere = (columns["preset"], columns["device"])
    return [
        (name, columns["dataset"], *elsewhere, int(columns["threads"])),
        (name, *elsewhere),
        ("variants of", name.partition("[")[0], *elsewhere),
    ]


class Timings:
    """Seconds that earlier cells and supernets took, looked up by the nearest kind of cell."""

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """`rows` are costs with the key columns and `wall_seconds` (cells) or `training_seconds` (supernets)."""
        self._cells: dict[tuple[object, ...], list[float]] = {}
        self._supernets: dict[tuple[object, ...], list[float]] = {}
        for row in rows:
            self.learn(row)

    def learn(self, row: Mapping[str, Any]) -> None:
        """Add one more timing."""
        if row.get("selector"):
            self._add(self._cells, row, row["selector"], row.get("wall_seconds"))
        else:
            self._add(self._supernets, row, row["recipe"], row.get("training_seconds"))

    @staticmethod
    def _add(table: dict[tuple[object, ...], list[float]], row: Mapping[str, Any], name: str, seconds: object) -> None:
        if seconds in (None, ""):
            return
        for key in _keys(name, row):
            table.setdefault(key, []).append(float(str(seconds)))

    @staticmethod
    def _find(
        table: Mapping[tuple[object, ...], list[float]], name: str, columns: Mapping[str, str | int]
    ) -> float | None:
        for key in _keys(name, columns):
            if key in table:
                return fmean(table[key])
        return None

    def cell(self, planned: PlannedCell) -> float | None:
        """Expected seconds of a cell; None if nothing like it was ever timed."""
        return self._find(self._cells, planned.cell.selector, planned.columns)

    def supernet(self, planned: PlannedCell) -> float | None:
        """Expected seconds to train the supernet up to the epoch of a cell; None if nothing like it was ever timed."""
        whole = self._find(self._supernets, planned.cell.supernet.recipe, planned.columns)
        return None if whole is None else whole * planned.cell.epoch / planned.cell.supernet.settings.epochs

    def estimate(
        self, todo: Sequence[PlannedCell], trained: Iterable[str], jobs: int, begun: Mapping[str, float] | None = None
    ) -> Estimate:
        """How long `todo` should take with `jobs` workers; cells that share a result are one item.

        `trained` holds the keys of supernets that need no training; `begun` maps the keys of supernets whose training
        has begun to the seconds left.
        """
        by_epoch = sorted(todo, key=lambda planned: planned.cell.epoch)
        last_read = {planned.supernet.key: planned for planned in by_epoch if planned.reads_checkpoint}
        for key in trained:
            last_read.pop(key, None)
        works = {planned.shared or planned.stem: planned for planned in todo}
        begun = begun or {}
        expected = [self.cell(planned) for planned in works.values()]
        expected += [begun.get(key, self.supernet(planned)) for key, planned in last_read.items()]
        known = [seconds for seconds in expected if seconds is not None]
        return Estimate(sum(known) / jobs, len(known), len(expected) - len(known))
