"""The options of the command line; this module imports nothing that takes long."""

import argparse
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nas_selection_bench.bench.commands.modes import (
    EXPERIMENT_OPTIONS,
    INSTEAD_OF_RUNNING,
    READS,
    mode_of,
    unread,
    words_given,
)
from nas_selection_bench.bench.files import given_path
from nas_selection_bench.bench.names import called
from nas_selection_bench.bench.parser import Parser
from nas_selection_bench.bench.work.presets import PRESETS
from nas_selection_bench.version import __version__

DESCRIPTION = """\
Which selection criterion should one trust? Trains weight-sharing supernets on the NAS-Bench-201 space,
applies every criterion to the same checkpoints, looks up the choices in the ground truth, and draws tables,
figures and a report. Without arguments it runs on the embedded digits, within minutes, on any CPU."""

EXAMPLES = """\
examples:
  {program}                                         digits, everything embedded
  {program} --plan                                  what this would do, and how long it may take
  {program} --list                                  all data sets, supernets, selectors, presets
  {program} --datasets cifar10 --table nb201.csv.gz --seeds 3 --out out/cifar10
  {program} --selectors 'darts-pt*,!darts-pt-loss,zero-cost-pt-snip'
  {program} --selectors 'darts-pt[order=fixed,tune=0]' --supernets darts,blank
  {program} --out out/cifar10                       resume what was requested there
  {program} --out out/cifar10 --retry-failed        the same, and rerun what failed
  {program} --out out/cifar10 --report-only         redraw the report
  {program} --check results/digits                  does the stored result still hold?

exit codes: 0 success; 1 some cells failed; 2 wrong usage or missing data; 3 differs from the stored
results; 4 nothing was measured; 70 a bug in this program; 130 interrupted (the same command resumes the run)."""


def up_to(most: int) -> Callable[[str], int]:
    """A whole number from 1 to `most`; a type for argparse, like the functions below."""

    def convert(text: str) -> int:
        digits = text.strip()
        if not digits.isdecimal() or len(digits) > len(str(most)) or not 1 <= int(digits) <= most:
            raise argparse.ArgumentTypeError(f"{text[:40]} is not a whole number from 1 to {most:,}")
        return int(digits)

    return convert


positive = up_to(10**9)
"""A whole number of at least 1, for sizes that something else bounds: the images, the cells of a plan."""


def whole(text: str) -> int:
    """A whole number."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def program_name() -> str:
    """The program's name in error messages and in the usage line."""
    return called().removeprefix("python ") if called().endswith(".py") else called()


def device_name(text: str) -> str:
    """`auto`, `cpu`, `cuda` or `cuda:i`."""
    kind, colon, index = text.partition(":")
    if text not in ("auto", "cpu", "cuda") and not (kind == "cuda" and colon and index.isdecimal()):
        raise argparse.ArgumentTypeError(
            f"no device is called {text!r}; choose auto, cpu, cuda, or one GPU by its number, as in cuda:0"
        )
    return text


def epoch_list(text: str) -> tuple[int | str, ...]:
    """Numbers and `last`, separated by commas, or `all` alone."""
    entries = [entry.strip() for entry in text.split(",") if entry.strip()]
    epochs = tuple(int(entry) if entry.isdecimal() else entry for entry in entries)
    words = {epoch for epoch in epochs if isinstance(epoch, str)}
    if not epochs or words - {"last", "all"} or ("all" in words and len(epochs) > 1):
        raise argparse.ArgumentTypeError(f"{text!r} is neither a list such as 20,60,last nor all")
    return epochs


def build_parser(exit_on_error: bool = True) -> argparse.ArgumentParser:
    """The parser of all options, grouped by topic; a default of None is filled in later."""
    parser = Parser(
        prog=program_name(), description=DESCRIPTION, epilog=EXAMPLES.replace("{program}", called()),
        allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, exit_on_error=exit_on_error,
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=f"nas-selection-bench {__version__}")
    what = parser.add_argument_group("what to compare")
    what.add_argument("--datasets", metavar="NAME,...",
                      help="data sets to train and select on (digits)")  # fmt: skip
    what.add_argument("--supernets", metavar="NAME,...",
                      help="recipes: names, globs, name[option=value,...] (darts,blank,darts-minus)")  # fmt: skip
    what.add_argument("--selectors", metavar="NAME,...",
                      help="criteria: names, globs, name[option=value,...], !NAME to exclude; or a group: all, main (as"
                           " the papers define them), founders (the founding papers' criteria and their controls)"
                           " (all; on digits: founders)")  # fmt: skip
    what.add_argument("--seeds", type=positive, metavar="N",
                      help="supernets trained per data set and recipe, seeds 0..N-1 (3; digits 2)")  # fmt: skip
    what.add_argument("--selector-seeds", type=positive, metavar="N",
                      help="seeds of the selectors that draw random numbers (2; digits 1)")  # fmt: skip
    what.add_argument("--epochs", type=epoch_list, metavar="E,...|last|all",
                      help="checkpoints to select from; supernets train no further than the last of them (last;"
                           " all for selectors that only read alphas)")  # fmt: skip
    what.add_argument("--bn", choices=("batch", "running"),
                      help="batch-norm statistics at selection: of the batch, or running ones (batch)")  # fmt: skip
    what.add_argument("--plugin", action="append", metavar="FILE|MODULE,...",
                      help="methods of your own: files or modules like those of selectors/, supernets/ and"
                           " reports/stopping/ (docs/python.md)")  # fmt: skip
    size = parser.add_argument_group("size and seeds")
    size.add_argument("--preset", choices=tuple(PRESETS),
                      help="size of the experiment (digits on digits; else paper on a GPU, lite on a CPU)")  # fmt: skip
    size.add_argument("--budget", choices=tuple(PRESETS),
                      help="select with another preset's budget on the same supernets: epochs of fine-tuning,"
                           " proposals and mini-batches of proxies")  # fmt: skip
    size.add_argument("--train-epochs", type=up_to(100_000), metavar="N",
                      help="training epochs instead of the preset's")  # fmt: skip
    size.add_argument("--channels", type=up_to(1024), metavar="C",
                      help="channels of the supernet's first stage instead of the preset's")  # fmt: skip
    size.add_argument("--cells", type=up_to(1000), metavar="N", help="cells per stage instead of the preset's")
    size.add_argument("--images", type=positive, metavar="N",
                      help="only the first N training images, half for the weights and half for selection")  # fmt: skip
    size.add_argument("--seed", type=whole, metavar="ROOT",
                      help="root seed, from which all others are derived (0)")  # fmt: skip
    where = parser.add_argument_group("files and folders")
    where.add_argument("--data-root", type=given_path, metavar="DIR",
                       help="folder of the data sets ($NAS_BENCH_DATA, else ~/.cache/nas-selection-bench)")  # fmt: skip
    where.add_argument("--table", type=given_path, metavar="FILE",
                       help="ground truth: .npz, .csv, .csv.gz or the official .pth ($NAS_BENCH_TABLE, else"
                            " nas-bench-201.npz in the data root; digits has its own)")  # fmt: skip
    where.add_argument(
        "--out",
        type=given_path,
        metavar="DIR",
        help="output folder (out/ and the names of the data sets); alone, it resumes what was asked for there",
    )
    where.add_argument("--cache", type=given_path, metavar="DIR",
                       help="folder of trained supernets, shared by all output folders"
                            " (~/.cache/nas-selection-bench/supernets)")  # fmt: skip
    how = parser.add_argument_group("how to run")
    how.add_argument("--device", type=device_name, default="auto", metavar="auto|cpu|cuda[:i]",
                     help="where to compute (auto: a GPU if there is one)")  # fmt: skip
    how.add_argument("--jobs", type=up_to(100_000), metavar="N",
                     help="workers (one per GPU; on the CPU as many as the cores allow, up to 8)")  # fmt: skip
    how.add_argument("--threads", type=up_to(1024), metavar="T",
                     help="CPU threads per worker (as in earlier runs of --out; else 1, or cores / jobs with --jobs);"
                          " the number affects the last digits, so it is part of a result's identity")  # fmt: skip
    how.add_argument("--backend", choices=("loky", "dask"), default="loky",
                     help="what starts the workers: loky on this machine, or a dask cluster (loky)")  # fmt: skip
    how.add_argument("--retry-failed", action="store_true", help="rerun cells that failed before")
    volume = how.add_mutually_exclusive_group()
    volume.add_argument("-v", "--verbose", action="store_true", help="report every cell and epoch")
    volume.add_argument("-q", "--quiet", action="store_true", help="print only errors and where the report is")
    instead = parser.add_argument_group("instead of running").add_mutually_exclusive_group()
    instead.add_argument("--list", nargs="?", const="", metavar="NAME",
                         help="list data sets, presets, supernets, selectors, proxies and stopping rules; with NAME,"
                              " everything about it: formula, paper, options; with a glob, one line each")  # fmt: skip
    instead.add_argument(
        "--doctor", action="store_true", help="show what is here, what is missing, and what it is needed for"
    )
    instead.add_argument("--plan", action="store_true", help="show the cells done and to do, with the estimated time")
    instead.add_argument("--report-only", action="store_true", help="gather the records in --out and draw the report")
    instead.add_argument(
        "--check",
        metavar="DIR",
        type=given_path,
        help="redraw the report from the records in DIR and compare; with --out, compare the fresh run there too",
    )
    parser.add_argument("--json", action="store_true", help="with --list: the same as JSON, in full")
    return parser


@dataclass(frozen=True)
class Options:
    """The options of one command line; None if a default depends on the rest."""

    asks: bool
    """Whether any option of EXPERIMENT_OPTIONS is given; if none is, the run resumes the plan of the folder `out`."""
    datasets: str
    supernets: str
    selectors: str | None
    seeds: int | None
    selector_seeds: int | None
    epochs: tuple[int | str, ...] | None
    bn: str
    preset: str | None
    budget: str | None
    train_epochs: int | None
    channels: int | None
    cells: int | None
    images: int | None
    seed: int | None
    plugin: Sequence[str]
    """The values of `--plugin`, one by one."""
    data_root: Path | None
    table: Path | None
    out: Path | None
    cache: Path | None
    device: str
    jobs: int | None
    threads: int | None
    backend: str
    retry_failed: bool
    verbose: bool
    quiet: bool
    list: str | None
    """The name or glob to list; empty for the whole list."""
    json: bool
    doctor: bool
    plan: bool
    report_only: bool
    check: Path | None


DEFAULTS = {"datasets": "digits", "supernets": "darts,blank,darts-minus", "bn": "batch", "plugin": ()}


def parse_options(argv: Sequence[str], exit_on_error: bool = True) -> Options:
    """The options of a command line.

    Like argparse, it exits for --help and for a malformed command line, and also for options that the mode does not
    read. Without `exit_on_error` it raises UsageError for both errors.
    """
    parser = build_parser(exit_on_error)
    try:
        given = vars(parser.parse_args(argv))
        words = words_given(parser, argv)
    except argparse.ArgumentError as error:
        parser.error(str(error))
    stray = unread(mode_of(words), (word for word in words if word not in INSTEAD_OF_RUNNING), READS)
    if stray is not None:
        parser.error(stray)
    asks = any(given[name] is not None for name in EXPERIMENT_OPTIONS)
    return Options(asks=asks, **given | {name: value for name, value in DEFAULTS.items() if given[name] is None})


def available_cores() -> int:
    """Number of CPU cores that this process may use, container limits included.

    `joblib.cpu_count` counts so too, but `--plan` and refusals import nothing as slow as joblib.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
    except (OSError, ValueError):
        return cores
    return cores if quota == "max" else max(1, min(cores, int(quota) // int(period)))
