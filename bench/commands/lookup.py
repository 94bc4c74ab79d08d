"""Look up an architecture in a ground-truth table: `python -m nas_selection_bench lookup TABLE ARCH`.

TABLE is any table, or `digits` for the one that comes with the program. ARCH may have any spelling of
`bench.problem.spellings`, and may be split into several words.
"""

from collections.abc import Sequence

import numpy as np

from nas_selection_bench.bench.errors import ExitCode, UsageError
from nas_selection_bench.bench.parser import Parser
from nas_selection_bench.bench.problem.open_table import embedded_table, open_table
from nas_selection_bench.bench.problem.space import (
    EDGE_NAMES,
    N_ARCHITECTURES,
    OPERATIONS,
    Architecture,
    architecture_of,
    code,
    to_string,
)
from nas_selection_bench.bench.problem.spellings import NASLIB, architecture
from nas_selection_bench.bench.problem.table import GroundTruth


def main(arguments: Sequence[str] | None = None) -> int:
    """Print everything that the table holds about one architecture, and return the exit code."""
    parser = Parser(
        prog="python -m nas_selection_bench lookup", description="Look up an architecture in a ground-truth table.",
        epilog=f"Six numbers stand for operations, counted from 0 as {', '.join(OPERATIONS)}, on the edges"
               f" {', '.join(EDGE_NAMES)}; write {NASLIB}4,0,3,1,4,3 if they are NASLib's. One number is the table's"
               " own index.",
    )  # fmt: skip
    parser.add_argument("table", metavar="TABLE", help="a table in any format, or digits")
    parser.add_argument(
        "arch", metavar="WORD", nargs="+", help="one architecture: string, Structure(...), six numbers, NASLib, index"
    )
    given = parser.parse_args(arguments)
    table = embedded_table("digits") if given.table == "digits" else open_table(given.table)
    print(describe(table, find(table, " ".join(given.arch))))
    return int(ExitCode.OK)


def find(table: GroundTruth, text: str) -> Architecture:
    """The architecture that `text` spells; a single number is the table's index. Raises UsageError if there is none."""
    try:
        found = architecture(text)
    except ValueError as error:
        raise UsageError(f"{error}.") from None
    if not isinstance(found, int):
        return found
    places = (table.index == found).nonzero()[0]
    if not len(places):
        raise UsageError(f"The table {table.name!r} has no index {found}; indices go from 0 to {N_ARCHITECTURES - 1}.")
    return architecture_of(int(places[0]))


def describe(table: GroundTruth, found: Architecture) -> str:
    """Everything that the table holds about one architecture, as text."""
    position = code(found)
    lines = [f"{to_string(found)}", f"index {table.index[position]} of {table.name}; operations {found}"]
    for dataset, splits in table.lookup(found).items():
        parts = [f"{split} {accuracy:.3f} %" for split, accuracy in splits.items()]
        parts.append(f"rank {1 + int((table.accuracy(dataset) > splits['test']).sum()):,} of {N_ARCHITECTURES:,}")
        trials = table.trials(dataset)
        if trials is not None:
            runs = trials[position][~np.isnan(trials[position])]  # nan: not run
            parts.append("trainings " + ", ".join(f"{run:.3f}" for run in runs.tolist()))
        sizes = {"parameters": table.parameters(dataset), "FLOPs as this table counts them": table.flops(dataset)}
        for name, counts in sizes.items():
            if counts is not None:
                parts.append(f"{counts[position]:,.0f} {name}")
        lines.append(f"  {dataset}: {'; '.join(parts)}")
    return "\n".join(lines)
