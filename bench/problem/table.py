"""The ground truth: what every architecture of the space reaches when it is trained alone.

One small class over numpy arrays, in space order. It is made once from a source (`bench.problem.open_table`) and kept
as a compact file that loads in milliseconds. Accuracies are means over the stored trials, never a random
trial; a trial that was never run is nan and stays nan.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Container
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from nas_selection_bench.bench.errors import DAMAGE, DataError, in_brief
from nas_selection_bench.bench.files import write_whole
from nas_selection_bench.bench.problem.array_files import arrays_of
from nas_selection_bench.bench.problem.space import (
    N_ARCHITECTURES,
    NONE,
    Architecture,
    all_architectures,
    architecture_of,
    code,
    parse,
    to_string,
)

SCHEMA = 1
SPLITS = ("test", "valid")
MOST_BYTES = 2**28
"""The largest compact file that is read, unpacked: one of three data sets with three trials each has 2 MB."""


@dataclass(frozen=True)
class Accuracies:
    """The numbers of one data set. All arrays are in space order; accuracies are in %."""

    test: np.ndarray | None = None
    """[15625] float64: mean test accuracy. None: the mean of `trials`."""
    valid: np.ndarray | None = None
    """[15625] float64: mean validation accuracy, if there is any."""
    trials: np.ndarray | None = None
    """[15625, T] float64: test accuracy of single trainings, nan where there was none."""
    parameters: np.ndarray | None = None
    """[15625] float64: number of parameters."""
    flops: np.ndarray | None = None
    """[15625] float64: floating-point operations of one forward pass of one image."""


_FIELDS = {field.name for field in fields(Accuracies)}


class GroundTruth:
    """Accuracies of all 15,625 architectures on one or more data sets."""

    name: str
    datasets: tuple[str, ...]
    index: np.ndarray
    """[15625] int64, space order: the table's own index of each architecture."""
    sha256: str
    """SHA-256 of the numbers: the same for the same ground truth, whichever file it came from."""
    notes: tuple[str, ...]
    """Notes for the user on how it was read: columns left out, architectures filled in."""

    def __init__(
        self,
        name: str,
        accuracies: dict[str, Accuracies],
        index: np.ndarray | None = None,
        notes: tuple[str, ...] = (),
    ):
        """Check and keep the arrays; `index` None means that the table is in space order.

        Raises DataError naming the data set and the architecture where an accuracy is missing or is not a
        percentage, where a count is no count, where accuracies look like error rates or trials like those of another
        table, and where two architectures share an index.
        """
        self.notes = notes
        if not accuracies:
            raise DataError(f"The table {name!r} holds no data set.")
        self.name = name
        self.datasets = tuple(accuracies)
        self.index = _checked_index(name, np.arange(N_ARCHITECTURES) if index is None else np.asarray(index))
        self._data = {dataset: _checked(name, dataset, held) for dataset, held in accuracies.items()}
        self.sha256 = _digest(self._arrays())

    def accuracy(self, dataset: str, split: str = "test") -> np.ndarray:
        """[15625] float64, space order: mean accuracy on the `test` or `valid` split, in %; read-only."""
        if split not in SPLITS:
            raise ValueError(f"split {split!r} is not one of {', '.join(SPLITS)}")
        values = getattr(self._of(dataset), split)
        if values is None:
            raise DataError(f"The table {self.name!r} holds no {split} accuracies of {dataset!r}.")
        return values

    def has(self, dataset: str, split: str = "test") -> bool:
        """Whether the table holds this split of this data set."""
        return dataset in self._data and getattr(self._data[dataset], split) is not None

    def trials(self, dataset: str) -> np.ndarray | None:
        """[15625, T] float64, space order: test accuracy of single trainings, nan where there was none; or None."""
        return self._of(dataset).trials

    def parameters(self, dataset: str) -> np.ndarray | None:
        """[15625] float64, space order: number of parameters; or None."""
        return self._of(dataset).parameters

    def flops(self, dataset: str) -> np.ndarray | None:
        """[15625] float64, space order: floating-point operations of one forward pass; or None."""
        return self._of(dataset).flops

    def position(self, architecture: Architecture | str) -> int:
        """Position in space order of an architecture given as a tuple or as its string."""
        return code(parse(architecture) if isinstance(architecture, str) else architecture)

    def lookup(self, architecture: Architecture | str) -> dict[str, dict[str, float]]:
        """Accuracy of one architecture on every data set of the table: data set -> split -> %."""
        position = self.position(architecture)
        return {
            dataset: {
                split: float(self.accuracy(dataset, split)[position]) for split in SPLITS if self.has(dataset, split)
            }
            for dataset in self.datasets
        }

    def best(self, dataset: str) -> Architecture:
        """The architecture of the highest mean test accuracy; of several, the one that the table counts first."""
        test = self.accuracy(dataset)
        best = np.flatnonzero(test == test.max())
        return architecture_of(int(best[self.index[best].argmin()]))

    def save(self, path: Path | str) -> None:
        """Write the compact file, the same bytes for the same table; DataError where it cannot be written."""
        path = Path(path)
        meta = {"schema": SCHEMA, "name": self.name, "datasets": self.datasets, "sha256": self.sha256}
        content = io.BytesIO()
        np.savez_compressed(content, meta=np.array(json.dumps(meta)), **self._arrays())  # type: ignore[arg-type]
        write_whole(path, content.getvalue())

    @classmethod
    def load(cls, path: Path | str) -> "GroundTruth":
        """Read a compact file; raises DataError that says what is wrong with it."""
        path = Path(path)
        if not path.is_file():
            raise DataError(
                f"The table {path} does not exist; make it with"
                f" `python -m nas_selection_bench convert-table SOURCE {path}`."
            )
        try:
            with zipfile.ZipFile(path) as archive:
                if sum(member.file_size for member in archive.infolist()) > MOST_BYTES:
                    raise ValueError(f"more than {MOST_BYTES:,} bytes")
            with arrays_of(path) as file:
                arrays = {key: file[key] for key in file.files}
            meta = json.loads(str(arrays.pop("meta")))
            schema, name, datasets, sha256 = (meta[key] for key in ("schema", "name", "datasets", "sha256"))
            if not all(isinstance(word, str) and word.isprintable() for word in [name, *datasets]):
                raise ValueError("a name in it is not text")
            held: dict[str, Accuracies] = {dataset: Accuracies() for dataset in datasets}
        except (*DAMAGE, OSError) as error:
            raise DataError(
                f"{path} is not a compact ground-truth table, or it is damaged ({in_brief(error)}); make it again."
            ) from error
        if schema != SCHEMA:
            raise DataError(
                f"{path} has schema {schema}, this program reads {SCHEMA}; make it again:"
                " python -m nas_selection_bench convert-table"
            )
        index = arrays.pop("index", None)
        for key, values in arrays.items():
            dataset, _, field = key.rpartition("/")
            if dataset not in held or field not in _FIELDS:
                raise DataError(f"{path} holds an unknown array {key!r}; make it again.")
            held[dataset] = replace(held[dataset], **{field: values})
        table = cls(name, held, index)
        if table.sha256 != sha256:
            raise DataError(f"{path} is damaged: its numbers do not have the checksum that it states; make it again.")
        return table

    def _of(self, dataset: str) -> Accuracies:
        if dataset not in self._data:
            raise DataError(f"The table {self.name!r} holds no {dataset!r}; it holds {', '.join(self.datasets)}.")
        return self._data[dataset]

    def _arrays(self) -> dict[str, np.ndarray]:
        """Every array by its name in the file."""
        arrays = {"index": self.index}
        for dataset, held in self._data.items():
            for field, values in vars(held).items():
                if values is not None:
                    arrays[f"{dataset}/{field}"] = values
        return arrays


def _digest(arrays: dict[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for key in sorted(arrays):
        digest.update(key.encode())
        digest.update(np.ascontiguousarray(arrays[key]).view(np.uint8).data)
    return digest.hexdigest()


def _checked_index(name: str, index: np.ndarray) -> np.ndarray:
    if index.shape != (N_ARCHITECTURES,) or index.dtype.kind not in "iu" or np.unique(index).size != N_ARCHITECTURES:
        raise DataError(f"The table {name!r} does not give each of the {N_ARCHITECTURES} architectures its own index.")
    return _frozen(index.astype(np.int64))


def _checked(name: str, dataset: str, held: Accuracies) -> Accuracies:
    """The arrays as read-only float64, shapes and ranges checked; `test` None becomes the mean of the trials."""
    if not dataset or "/" in dataset:
        raise DataError(f"The table {name!r}: {dataset!r} cannot be the name of a data set.")
    where = f"The table {name!r}, data set {dataset!r}"
    trials = held.trials
    if trials is not None:
        trials = _numbers(where, "trials", trials)
        if trials.ndim != 2 or len(trials) != N_ARCHITECTURES:
            raise DataError(f"{where}: trials has shape {trials.shape}, not ({N_ARCHITECTURES}, number of trials).")
        _check_percent(where, "trial", trials[~np.isnan(trials)])
    test = held.test
    if test is None:
        if trials is None:
            raise DataError(f"{where} holds no test accuracies.")
        counts = (~np.isnan(trials)).sum(axis=1)
        # Where no trial was run the sum is 0 over 0; it becomes nan here and is refused by name below.
        test = np.divide(np.nansum(trials, axis=1), counts, out=np.full(len(trials), np.nan), where=counts > 0)
    fields = {"test": test, "valid": held.valid, "parameters": held.parameters, "flops": held.flops}
    checked = {key: _complete(where, key, values) for key, values in fields.items() if values is not None}
    for split in SPLITS:
        if split in checked:
            _check_percent(where, split, checked[split])
    for count in ("parameters", "flops"):
        if count in checked:
            _check_counts(where, count, checked[count])
    if {"parameters", "flops"} <= checked.keys() and np.median(checked["flops"]) < np.median(checked["parameters"]):
        raise DataError(f"{where}: most networks have fewer FLOPs than parameters, so the units of one are wrong.")
    _check_sense(where, checked["test"], trials)
    return Accuracies(trials=None if trials is None else _frozen(trials), **checked)


def _numbers(where: str, key: str, values: np.ndarray) -> np.ndarray:
    values = np.asarray(values)
    if values.dtype.kind not in "iuf":
        raise DataError(f"{where}: {key} holds {values.dtype}, not numbers.")
    return values.astype(np.float64, copy=False)


def _complete(where: str, key: str, values: np.ndarray) -> np.ndarray:
    values = _numbers(where, key, values)
    if values.shape != (N_ARCHITECTURES,):
        raise DataError(f"{where}: {key} has shape {values.shape}, not ({N_ARCHITECTURES},).")
    missing = np.flatnonzero(~np.isfinite(values))
    if missing.size:
        first = to_string(architecture_of(int(missing[0])))
        raise DataError(f"{where}: {key} is missing for {missing.size} architectures, the first is {first}.")
    return _frozen(values)


def _check_percent(where: str, key: str, values: np.ndarray) -> None:
    if values.size and not (values.min() >= 0 and values.max() <= 100):
        raise DataError(f"{where}: {key} accuracies must lie in 0..100 (%), found {values.min()} to {values.max()}.")
    if values.size and values.max() <= 1:
        raise DataError(f"{where}: no {key} accuracy is above 1, so they look like fractions; give them in %.")


_LARGEST = {"parameters": (1e4, 1e9), "flops": (1e4, 1e12)}
"""Between what the largest network of a table lies: one with 4 channels on 8x8 images has more than the first, and
counts in thousands or millions, or taken for millions, are outside."""


def _check_counts(where: str, key: str, values: np.ndarray) -> None:
    """Counts are whole and at least 0; the packages of NAS-Bench-201 give them in millions."""
    least, most = _LARGEST[key]
    if values.min() < 0 or (values != np.round(values)).any() or not least <= values.max() <= most:
        raise DataError(
            f"{where}: {key} from {values.min():g} to {values.max():g} are not whole counts; give plain"
            " counts, or name the column ..._millions in a CSV where they are in millions."
        )


def _check_sense(where: str, test: np.ndarray, trials: np.ndarray | None) -> None:
    """Refuses impossible tables: networks whose output ignores the image among the best; trials of another table."""
    if np.median(test[_disconnected()]) > np.quantile(test, 0.9):
        raise DataError(
            f"{where}: networks that pass nothing on are among the best, so these look like error rates;"
            " give accuracies."
        )
    if trials is not None:
        counts = (~np.isnan(trials)).sum(axis=1)
        sums = np.nansum(trials, axis=1)
        apart = np.abs(sums[counts > 0] / counts[counts > 0] - test[counts > 0])
        if apart.size and np.median(apart) > 5:
            raise DataError(
                f"{where}: test accuracies and their single trials differ by {np.median(apart):.1f} points (median);"
                " they are not of one table."
            )


def _disconnected() -> np.ndarray:
    """[15625] bool, space order: whether no path of operations other than `none` leads to the output."""
    passes = (all_architectures() != NONE).T
    one = passes[0]
    two = passes[1] | (passes[2] & one)
    return ~(passes[3] | (passes[4] & one) | (passes[5] & two))


def refuse_missing(path: Path, found: Container[int]) -> None:
    """Raise DataError naming the first architecture whose position in space order is not in `found`."""
    missing = [position for position in range(N_ARCHITECTURES) if position not in found]
    if missing:
        raise DataError(
            f"{path}: {len(missing)} of the {N_ARCHITECTURES} architectures are missing, the first is"
            f" {to_string(architecture_of(missing[0]))}; the file is truncated or not the whole table."
        )


def _frozen(values: np.ndarray) -> np.ndarray:
    values = values.copy() if values.flags.writeable else values
    values.setflags(write=False)
    return values
