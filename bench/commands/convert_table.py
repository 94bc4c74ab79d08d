"""Convert a ground-truth table to the compact file: `python -m nas_selection_bench convert-table SOURCE DEST`.

SOURCE is a CSV, NAS-Bench-201's official .pth, or NATS-Bench's topology table (see `bench.problem.open_table`); DEST
is the .npz that `--table` loads in milliseconds.
"""

from collections.abc import Sequence

from nas_selection_bench.bench.errors import ExitCode
from nas_selection_bench.bench.files import given_path
from nas_selection_bench.bench.parser import Parser
from nas_selection_bench.bench.problem.open_table import open_table
from nas_selection_bench.bench.problem.space import to_string
from nas_selection_bench.bench.problem.table import GroundTruth, refuse_as_compact_file


def main(arguments: Sequence[str] | None = None) -> int:
    """Convert, print what was found, and return the exit code."""
    parser = Parser(prog="python -m nas_selection_bench convert-table", description="Convert a ground-truth table.")
    parser.add_argument(
        "source", type=given_path, help="a .csv or .csv.gz, NAS-Bench-201's .pth, NATS-Bench's file or folder"
    )
    parser.add_argument("dest", type=given_path, help="the compact .npz to write")
    parser.add_argument("--hp", choices=("200", "12"), default="200", help="read trainings of this many epochs (200)")
    given = parser.parse_args(arguments)
    refuse_as_compact_file(given.dest)
    table = open_table(given.source, given.hp)
    table.save(given.dest)
    print(describe(table))
    for note in table.notes:
        print(f"  {note}")
    print(f"written to {given.dest}, {given.dest.stat().st_size:,} bytes")
    return int(ExitCode.OK)


def describe(table: GroundTruth) -> str:
    """The content of a table, with one line per data set: enough to recognise the table."""
    lines = [f"{table.name}: 15,625 architectures, sha256 of the numbers {table.sha256}"]
    for dataset in table.datasets:
        test, trials, best = table.accuracy(dataset), table.trials(dataset), table.best(dataset)
        repeats = "no single trials" if trials is None else f"up to {trials.shape[1]} trials each"
        position = table.position(best)
        lines.append(
            f"  {dataset}: mean {test.mean():.2f} %, best {test.max():.3f} % (index {table.index[position]},"
            f" {to_string(best)}), {repeats}, {'with' if table.has(dataset, 'valid') else 'no'} validation accuracies"
        )
    return "\n".join(lines)
