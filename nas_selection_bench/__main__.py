"""The command line `python -m nas_selection_bench COMMAND ...`: the benchmark and the commands around it."""

import sys
from importlib import import_module

from nas_selection_bench.bench.commands.ending import ended
from nas_selection_bench.bench.interruption import end_at_once
from nas_selection_bench.bench.names import nearest
from nas_selection_bench.version import __version__

COMMANDS = {
    "run": ("program", "run the benchmark, as run_bench.py and run-bench do"),
    "doctor": ("bench.commands.doctor", "show what is here, what is missing, and what it is needed for"),
    "fetch": ("bench.commands.fetch", "download images and the ground-truth table"),
    "lookup": ("bench.commands.lookup", "look up one architecture in a table"),
    "convert-table": ("bench.commands.convert_table", "convert a ground-truth table to the compact form"),
    "convert-images": ("bench.commands.convert_images", "convert images from arrays, parquet files or folders"),
    "make-table": ("supernets.table.__main__", "train the ground truth of a data set of your own"),
    "regenerate": ("bench.commands.regenerate", "regenerate stored results and compare"),
    "merge": ("bench.commands.merge", "join output folders of several machines"),
    "pack": ("bench.work.pack", "pack the cells of an output folder into one file"),
    "figures": ("reports.files.paper_figures", "draw figures for papers (PDF or SVG) from stored results"),
    "readme": ("reports.files.readme", "write the finding into a README, from stored results"),
    "curvature": ("supernets.training.curvature", "measure the largest Hessian eigenvalue at each stored checkpoint"),
    "gpu-acceptance": ("selectors.parts.gpu_acceptance", "check that the GPU path is correct and fast on this machine"),
}
"""Command -> its module and its purpose."""


def main() -> int:
    """Run the command named by the first argument; exit code 2, with the list of commands, for an unknown one."""
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name not in COMMANDS:
        return ended("nas_selection_bench", lambda: _say(name))
    command = import_module(f"nas_selection_bench.{COMMANDS[name][0]}").main
    return ended(name, lambda: int(command(sys.argv[2:])))


def _say(word: str) -> int:
    """Print the version, the list of commands, or both the list and an error, if `word` is not a command."""
    if word == "--version":
        print(f"nas-selection-bench {__version__}")
        return 0
    known = "\n".join(f"  {command:15} {purpose}" for command, (_, purpose) in COMMANDS.items())
    asked = word in ("-h", "--help")
    near = nearest(word, COMMANDS, count=1)
    hint = f"; did you mean {near[0]}?" if near else "."
    wrong = "" if asked else f"there is no command {word!r}{hint}\n\n"
    usage = f"{wrong}usage: python -m nas_selection_bench COMMAND [-h] ...\n\n{known}"
    print(usage, file=sys.stdout if asked else sys.stderr)
    return 0 if asked else 2


if __name__ == "__main__":
    end_at_once()
    sys.exit(main())
