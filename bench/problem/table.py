"""The ground truth: the accuracy that every architecture of the space reaches when it is trained alone.

`GroundTruth` is a small class over numpy arrays in space order. It is made once from a source
(`bench.problem.open_table`) and saved as a compact file that loads in milliseconds. Accuracies are means over the
stored trials, never those of a random trial; a trial that was never run is nan and stays nan.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Container
from dataclasses import fields, replace
from pathlib import Path

import numpy as np

from nas_selection_bench.bench.errors import DAMAGE, DataError, in_brief
from nas_selection_bench.bench.files import write_whole
from nas_selection_bench.bench.problem.accuracies import SPLITS, Accuracies, checked, frozen
from nas_selection_bench.bench.problem.array_files import open_npz
from nas_selection_bench.bench.problem.rounding import merge_rounding_ties
from nas_selection_bench.bench.problem.space import (
    N_ARCHITECTURES,
    Architecture,
    architecture_of,
    code,
    parse,
    to_string,
)

SCHEMA = 1
MOST_BYTES = 2**28
"""Size of the largest compact file that is read, unpacked; three data sets with three trials each take 2 MB."""


_FIELDS = {field.name for field in fields(Accuracies)}


def refuse_as_compact_file(path: Path) -> None:
    """Raise DataError, before any work is done for it, if a compact file cannot be saved as `path`."""
    folder = path.absolute().parent
    if path.suffix != ".npz":
        raise DataError(f"{path}: the name of the compact table must end in .npz.")
    if path.is_dir():
        raise DataError(f"{path} is a folder; name the compact table that is to be written.")
    if not folder.is_dir():
        raise DataError(f"{path}: there is no folder {folder}; create it first.")


class GroundTruth:
    """Accuracies of all 15,625 architectures on one or more data sets."""

    name: str
    datasets: tuple[str, ...]
    index: np.ndarray
    """[15625] int64, space order: the table's own index of each architecture."""
    sha256: str
    """SHA-256 of the arrays: the same for the same ground truth, whichever file it came from."""
    notes: tuple[str, ...]
    """Notes for the user on how the table was read: columns left out, architectures filled in."""

    def __init__(
        self,
        name: str,
        accuracies: dict[str, Accuracies],
        index: np.ndarray | None = None,
        notes: tuple[str, ...] = (),
    ):
        """Check and keep the arrays; `index` None means that the table is in space order.

        Raises DataError if an accuracy is missing (it names the data set and the architecture) or is not a percentage,
        if a count is implausible, if accuracies look like error rates or trials like those of another table, or if two
        architectures share an index.
        """
        self.notes = notes
        if not accuracies:
            raise DataError(f"The table {name!r} holds no data set.")
        self.name = name
        self.datasets = tuple(accuracies)
        self.index = _checked_index(name, np.arange(N_ARCHITECTURES) if index is None else np.asarray(index))
        self._data = {dataset: checked(name, dataset, held) for dataset, held in accuracies.items()}
        self.sha256 = _digest(self._arrays())
        self._accuracy = {
            (dataset, split): frozen(merge_rounding_ties(values))
            for dataset, held in self._data.items()
            for split in SPLITS
            if (values := getattr(held, split)) is not None
        }

    def accuracy(self, dataset: str, split: str = "test") -> np.ndarray:
        """[15625] float64, space order: mean accuracy on the `test` or `valid` split, in %; read-only.

        Means that differ only by rounding are set to the same number, so that neither counts as better. Raises
        ValueError for an unknown split, and DataError if the table does not hold the data set or the split.
        """
        if split not in SPLITS:
            raise ValueError(f"split {split!r} is not one of {', '.join(SPLITS)}")
        self._of(dataset)
        if not self.has(dataset, split):
            raise DataError(f"The table {self.name!r} holds no {split} accuracies of {dataset!r}.")
        return self._accuracy[dataset, split]

    def has(self, dataset: str, split: str = "test") -> bool:
        """Whether the table holds accuracies on this split of this data set."""
        return dataset in self._data and getattr(self._data[dataset], split) is not None

    def trials(self, dataset: str) -> np.ndarray | None:
        """[15625, T] float64, space order: test accuracy of each trial, nan where not run; None if there are none."""
        return self._of(dataset).trials

    def parameters(self, dataset: str) -> np.ndarray | None:
        """[15625] float64, space order: number of parameters; None if not stored."""
        return self._of(dataset).parameters

    def flops(self, dataset: str) -> np.ndarray | None:
        """[15625] float64, space order: operations of a forward pass (see `Accuracies.flops`); None if not stored."""
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
        """The architecture with the highest mean test accuracy; ties go to the lowest index in the table."""
        test = self.accuracy(dataset)
        best = np.flatnonzero(test == test.max())
        return architecture_of(int(best[self.index[best].argmin()]))

    def save(self, path: Path | str) -> None:
        """Write the compact file, the same bytes for the same table; raises DataError if it cannot be written."""
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
            with open_npz(path) as file:
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
            raise DataError(f"{path} is damaged: its numbers do not match its checksum; make it again.")
        return table

    def _of(self, dataset: str) -> Accuracies:
        if dataset not in self._data:
            raise DataError(f"The table {self.name!r} holds no {dataset!r}; it holds {', '.join(self.datasets)}.")
        return self._data[dataset]

    def _arrays(self) -> dict[str, np.ndarray]:
        """Every array by its name in the compact file."""
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
    return frozen(index.astype(np.int64))


def refuse_missing(path: Path, found: Container[int]) -> None:
    """Raise DataError if positions in space order are not in `found`; it names the first missing architecture."""
    missing = [position for position in range(N_ARCHITECTURES) if position not in found]
    if missing:
        raise DataError(
            f"{path}: {len(missing)} of the {N_ARCHITECTURES} architectures are missing, the first is"
            f" {to_string(architecture_of(missing[0]))}; the file is truncated or not the whole table."
        )
