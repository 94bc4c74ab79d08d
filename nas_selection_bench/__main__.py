"""The commands beside the benchmark itself: `python -m nas_selection_bench COMMAND ...`."""

import sys
from importlib import import_module

from nas_selection_bench.bench.commands.ending import ended
from nas_selection_bench.bench.interruption import end_at_once
from nas_selection_bench.bench.names import nearest
from nas_selection_bench.version import __version__

COMMANDS = {
    "run": ("program", "run the benchmark; what run_bench.py and run-bench do"),
    "doctor": ("bench.commands.doctor", "what is here, what is missing, and what it is needed for"),
    "fetch": ("bench.commands.fetch", "download images and the benchmark table"),
    "lookup": ("bench.commands.lookup", "what a table says of one architecture"),
    "convert-table": ("bench.commands.convert_table", "the compact form of a benchmark table"),
    "convert-images": ("bench.commands.convert_images", "images as arrays, parquet or folders, made readable"),
    "make-table": ("supernets.table.__main__", "the ground truth of a data set of your own"),
    "regenerate": ("bench.commands.regenerate", "stored results, made again and compared"),
    "merge": ("bench.commands.merge", "output folders of several machines, joined into one"),
    "pack": ("bench.work.pack", "the cells of an output folder in one file"),
    "figures": ("reports.files.paper_figures", "figures for papers (PDF or SVG) from stored results"),
    "readme": ("reports.files.readme", "the finding of a README, from stored results"),
    "curvature": ("supernets.training.curvature", "the largest eigenvalue of the Hessian at each stored checkpoint"),
    "gpu-acceptance": ("selectors.parts.gpu_acceptance", "whether the GPU path is right and fast on this machine"),
}
"""Module and purpose of each."""


def main() -> int:
    """Run the command that the first argument names; exit code 2, with the list, for any other."""
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name not in COMMANDS:
        return ended("nas_selection_bench", lambda: _say(name))
    command = import_module(f"nas_selection_bench.{COMMANDS[name][0]}").main
    return ended(name, lambda: int(command(sys.argv[2:])))


def _say(word: str) -> int:
    """What there is, for a first argument that is no command."""
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
