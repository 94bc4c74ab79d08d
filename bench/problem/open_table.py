"""Open a ground-truth table: a compact file, a CSV, an official file, or the table that comes with the program."""

from importlib.resources import files
from pathlib import Path

from nas_selection_bench.bench.errors import DataError
from nas_selection_bench.bench.files import expanded
from nas_selection_bench.bench.problem.table import GroundTruth


def is_official(path: Path) -> bool:
    """Whether `path` is named like an official file or folder, which takes minutes to read."""
    return path.name.lower().endswith((".pth", ".pickle.pbz2")) or (path / "meta.pickle.pbz2").is_file()


def open_table(path: Path | str, hp: str = "200") -> GroundTruth:
    """The ground truth in `path`, in any of the formats; `hp` is the schedule (200 or 12 epochs) to read from a source.

    Raises DataError that says what is wrong.
    """
    path = expanded(path)
    if not path.exists():
        raise DataError(f"The table {path} does not exist; check the path.")
    name = path.name.lower()
    if name.endswith(".npz") and path.is_file():
        if hp != "200":
            raise DataError(f"{path} is a compact table, which holds one schedule; convert its source with --hp {hp}.")
        return GroundTruth.load(path)
    if is_official(path):
        from nas_selection_bench.bench.problem.official_table import read_official

        return read_official(path, hp)
    if name.endswith((".csv", ".csv.gz", ".tsv", ".tsv.gz")) and path.is_file():
        from nas_selection_bench.bench.problem.csv_table import read_csv

        return read_csv(path, hp)
    raise DataError(
        f"{path} is not a table: it must end in .npz (compact), .csv or .csv.gz, .pth (NAS-Bench-201's own),"
        " .pickle.pbz2 (NATS-Bench's tss), or be NATS-Bench's simple folder."
    )


def embedded_table(dataset: str) -> GroundTruth:
    """The table of a data set that comes with the program (`digits`); raises DataError for any other."""
    path = Path(str(files("nas_selection_bench.bench.problem").joinpath(f"{dataset}_table.npz")))
    if not path.is_file():
        raise DataError(f"The program comes with a table of digits only, not of {dataset!r}; open a file of your own.")
    return GroundTruth.load(path)
