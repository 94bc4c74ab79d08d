"""The official tables: NAS-Bench-201 (v1_0-e61699, v1_1-096897) and NATS-Bench's topology table (tss).

Facts about the files, from the packages' sources (nas-bench-201 2.1, nats_bench 1.8):

* A file is one pickled dict with `meta_archs` (the architecture strings in the table's order), `evaluated_indexes` and
  `arch2infos`, which holds one state dict per index and schedule. The schedules are `less` (12 epochs) and `full` (200)
  in NAS-Bench-201, written by torch, and `12` and `200` in NATS-Bench, compressed with bzip2. NATS-Bench's simple
  folder holds `meta.pickle.pbz2` and one file of state dicts per architecture.
* A state dict holds `all_results[dataset, seed]`, one entry per training. `get_more_info` of the packages draws a
  random training by default. Here all trainings are read and averaged.
* v1_0 stores no times and evaluates some splits after the last epoch only, and `get_eval` sums times over all epochs.
  The accuracy after the last epoch is therefore taken from the training's own record, `eval_acc1es["SPLIT@199"]`.
* v1_1 holds about 10^8 numbers, most of them curves over epochs: 28 GB once unpickled. Here the values of other epochs
  are dropped while the file is read and equal texts are kept once, so that 2 GB suffice.
"""

import bz2
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from nas_selection_bench.bench.collector import uncollected
from nas_selection_bench.bench.errors import DAMAGE, DataError, in_brief
from nas_selection_bench.bench.files import unreadable
from nas_selection_bench.bench.problem.accuracies import Accuracies
from nas_selection_bench.bench.problem.pickled_names import ARRAYS, CONTAINERS, RefusedName
from nas_selection_bench.bench.problem.safe_pickle import Machine
from nas_selection_bench.bench.problem.space import N_ARCHITECTURES, code, parse
from nas_selection_bench.bench.problem.table import GroundTruth, refuse_missing

SPLITS = {
    "cifar10": {"test": ("cifar10", "ori-test"), "valid": ("cifar10-valid", "x-valid")},
    "cifar100": {"test": ("cifar100", "x-test"), "valid": ("cifar100", "x-valid")},
    "imagenet16": {"test": ("ImageNet16-120", "x-test"), "valid": ("ImageNet16-120", "x-valid")},
}
"""Our data set -> our split -> the packages' data set (which the network was trained on) and evaluation split."""

_KEYS = ("meta_archs", "arch2infos", "evaluated_indexes")
_READ = {"eval_acc1es", "epochs", "seed", "params", "flop"}
"""Entries that are read from the record of one training."""
_TORCH_MAGIC = 0x1950A86A20F9469CFC6C
_LARGE = 2**28
"""Size in bytes from which a progress bar is shown while a file is read."""


@dataclass(frozen=True)
class Schedule:
    """One of the two training lengths; every architecture was trained for both."""

    hp: str
    """Its name in the packages: 200 or 12."""
    names: frozenset[str]
    """Its keys in the files."""

    @property
    def epochs(self) -> int:
        """Number of training epochs."""
        return int(self.hp)

    def thin(self, items: list[Any]) -> list[Any]:
        """The subset that the table needs of the keys and values about to enter a dictionary of the file."""
        first = items[0] if items else None
        if isinstance(first, str):
            if "@" in first:
                return _kept(items, lambda key: isinstance(key, str) and key.endswith(f"@{self.epochs - 1}"))
            if first in _SCHEDULES:
                return _kept(items, self.names.__contains__)
            if "eval_acc1es" in items[::2]:
                return _kept(items, _READ.__contains__)
        elif isinstance(first, int) and (items[1] is None or isinstance(items[1], float)):
            return []  # a curve over epochs
        return items


SCHEDULES = {hp: Schedule(hp, frozenset(names)) for hp, names in (("200", ("full", "200")), ("12", ("less", "12")))}
_SCHEDULES = frozenset[str]().union(*(schedule.names for schedule in SCHEDULES.values()))


def _kept(items: list[Any], wanted: Callable[[Any], bool]) -> list[Any]:
    kept = []
    for key, value in zip(items[::2], items[1::2], strict=True):
        if wanted(key):
            kept += [key, value]
    return kept


def read_official(path: Path, hp: str = "200") -> GroundTruth:
    """The ground truth in an official file or NATS-Bench's simple folder: means over all trainings of `hp` epochs.

    Raises DataError for a wrong or truncated file, and, with the name of the architecture, for a missing or duplicate
    architecture, a missing data set or another number of epochs.
    """
    schedule = SCHEDULES[hp]
    if path.is_dir():
        return from_content(_read(path / "meta.pickle.pbz2", schedule), path, schedule, _Folder(path, schedule))
    return from_content(_read(path, schedule), path, schedule)


class _Folder(Mapping[int, Any]):
    """The state dicts of NATS-Bench's simple folder, which has one file per architecture; each is read on access."""

    def __init__(self, path: Path, schedule: Schedule) -> None:
        self._path, self._schedule = path, schedule

    def __getitem__(self, index: int) -> Any:
        for name in (f"{index:06d}", f"{index}"):
            path = self._path / f"{name}.pickle.pbz2"
            if path.is_file():
                return _read(path, self._schedule)
        raise KeyError(index)

    def __iter__(self) -> Iterator[int]:
        return iter(range(N_ARCHITECTURES))

    def __len__(self) -> int:
        return N_ARCHITECTURES


def from_content(
    content: Any, path: Path, schedule: Schedule = SCHEDULES["200"], infos: Mapping[int, Any] | None = None
) -> GroundTruth:
    """The ground truth in the unpickled `content` of an official file; error messages call the file `path`.

    `infos` holds the state dicts if they are not in the content.
    """
    needed = _KEYS if infos is None else _KEYS[:1]
    if not isinstance(content, dict) or not set(needed) <= content.keys():
        raise DataError(f"{path} is not the official NAS-Bench-201 file: it lacks {' or '.join(needed)}.")
    try:
        return _table(content, path, schedule, infos)
    except DAMAGE as error:
        raise DataError(f"{path}: its results do not have the packages' format ({in_brief(error)}).") from error


def _table(content: Mapping[str, Any], path: Path, schedule: Schedule, infos: Mapping[int, Any] | None) -> GroundTruth:
    strings = content["meta_archs"]
    infos = content["arch2infos"] if infos is None else infos
    positions = _positions(path, strings)
    trials: dict[tuple[str, str], list[dict[int, float]]] = {
        (dataset, split): [{} for _ in range(N_ARCHITECTURES)] for dataset, held in SPLITS.items() for split in held
    }
    costs = {(dataset, cost): np.empty(N_ARCHITECTURES) for dataset in SPLITS for cost in ("parameters", "flops")}
    for index, position in enumerate(positions):
        where = f"{path}, architecture {index} ({strings[index]})"
        try:
            state = _state(where, infos, index, schedule)
            if state["arch_str"] != strings[index]:
                raise DataError(f"{where}: its results belong to {state['arch_str']}; the file is damaged.")
            for dataset, held in SPLITS.items():
                for split, (trained_on, evaluated_on) in held.items():
                    found = _trainings(where, state, trained_on, schedule)
                    trials[dataset, split][position] = {
                        seed: _accuracy(f"{where}: seed {seed} on {trained_on}", training, evaluated_on, schedule)
                        for seed, training in found.items()
                    }
                    if split == "test":
                        # The packages count parameters and FLOPs in millions.
                        first = next(iter(found.values()))
                        costs[dataset, "parameters"][position] = round(float(first["params"]) * 1e6)
                        costs[dataset, "flops"][position] = round(float(first["flop"]) * 1e6)
        except DAMAGE as error:
            raise DataError(f"{where}: its results do not have the packages' format ({in_brief(error)}).") from error
    name = path.name.removesuffix(".pbz2").removesuffix(".pickle").removesuffix(".pth")
    return GroundTruth(
        name if schedule.hp == "200" else f"{name}-{schedule.hp}",
        {
            dataset: Accuracies(
                test=_means(trials[dataset, "test"]),
                valid=_means(trials[dataset, "valid"]),
                trials=_table_of(trials[dataset, "test"]),
                parameters=costs[dataset, "parameters"],
                flops=costs[dataset, "flops"],
            )
            for dataset in SPLITS
        },
        _index_of(positions),
    )


def _read(path: Path, schedule: Schedule) -> Any:
    """The content of one file, reduced to what the schedule needs (`Schedule.thin`)."""
    try:
        with uncollected(), _opened(path) as file:
            machine = Machine(file, {**ARRAYS, **CONTAINERS}, tensors=True, thin=schedule.thin)
            content = machine.load()
            if content == _TORCH_MAGIC:  # written by torch before 1.6: three small pickles precede the content
                machine.load(), machine.load()
                content = machine.load()
            return content
    except RefusedName as refused:
        raise DataError(
            f"{path} is not the official NAS-Bench-201 file: it wants to run {in_brief(refused)}, and a table of"
            " results needs nothing of the kind; nothing was run."
        ) from None
    except DAMAGE as error:
        raise DataError(
            f"{path} is truncated, damaged, or not the official NAS-Bench-201 file"
            f" ({type(error).__name__}: {in_brief(error)})."
        ) from error
    except OSError as error:
        if error.errno is None:  # bz2 raises this for data that is not bzip2
            raise DataError(f"{path} is truncated or damaged ({in_brief(error)}); get it again.") from error
        raise unreadable(path, error) from error


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """The pickle in a file, which is stored plainly, in torch's zip archive, or compressed with bzip2."""
    from tqdm import tqdm

    size = path.stat().st_size
    with path.open("rb") as raw:
        start = raw.read(4)
        raw.seek(0)
        quiet = None if size >= _LARGE else True
        with tqdm.wrapattr(raw, "read", total=size, desc=path.name, disable=quiet, leave=False) as shown:
            file = cast(BinaryIO, shown)
            if start[:3] == b"BZh":
                with bz2.open(file, "rb") as unpacked:
                    yield cast(BinaryIO, unpacked)
            elif start == b"PK\3\4":
                with zipfile.ZipFile(file) as archive:
                    inside = [name for name in archive.namelist() if name.rpartition("/")[2] == "data.pkl"]
                    if len(inside) != 1:
                        raise ValueError("no data.pkl in it")
                    with archive.open(inside[0]) as member:
                        yield cast(BinaryIO, member)
            else:
                yield file


def _positions(path: Path, strings: Any) -> list[int]:
    """Position in space order of each index of the file; refuses malformed, duplicate and missing architectures."""
    if not isinstance(strings, list | tuple):
        raise DataError(f"{path}: meta_archs is not a list.")
    seen: dict[int, int] = {}
    for index, text in enumerate(strings):
        try:
            position = code(parse(text))
        except DAMAGE as error:
            raise DataError(f"{path}, architecture {index}: {in_brief(error)}.") from error
        if position in seen:
            raise DataError(f"{path}, architecture {index}: {text} is already at index {seen[position]}.")
        seen[position] = index
    refuse_missing(path, seen)
    return list(seen)


def _state(where: str, infos: Mapping[int, Any], index: int, schedule: Schedule) -> Any:
    """The state dict of one architecture for the schedule."""
    info = infos.get(index, {})
    held = schedule.names & info.keys()
    if not held:
        raise DataError(
            f"{where}: its results of {schedule.epochs} epochs are missing; the file is not the whole table."
        )
    return info[next(iter(held))]


def _trainings(where: str, state: Any, trained_on: str, schedule: Schedule) -> dict[int, Any]:
    """The record of each training on one data set, by seed."""
    seeds = state["dataset_seed"].get(trained_on)
    if not seeds:
        raise DataError(f"{where}: no training on {trained_on} is stored; the file is not the whole table.")
    found = {seed: state["all_results"][trained_on, seed] for seed in seeds}
    for seed, training in found.items():
        if training["epochs"] != schedule.epochs:
            raise DataError(
                f"{where}: seed {seed} on {trained_on} was trained {training['epochs']} epochs, not {schedule.epochs}."
            )
    return found


def _accuracy(where: str, training: Any, evaluated_on: str, schedule: Schedule) -> float:
    """Accuracy of one training after its last epoch, %."""
    key = f"{evaluated_on}@{schedule.epochs - 1}"
    if key not in training["eval_acc1es"]:
        raise DataError(f"{where} was not evaluated on {evaluated_on}.")
    return float(training["eval_acc1es"][key])


def _means(trials: list[dict[int, float]]) -> np.ndarray:
    return np.array([np.mean(list(by_seed.values())) for by_seed in trials])


def _table_of(trials: list[dict[int, float]]) -> np.ndarray:
    """[15625, T], one column per seed used for any architecture, nan where an architecture was not trained with it."""
    seeds = sorted({seed for by_seed in trials for seed in by_seed})
    return np.array([[by_seed.get(seed, np.nan) for seed in seeds] for by_seed in trials])


def _index_of(positions: list[int]) -> np.ndarray:
    index = np.empty(N_ARCHITECTURES, dtype=np.int64)
    index[positions] = np.arange(N_ARCHITECTURES)
    return index
