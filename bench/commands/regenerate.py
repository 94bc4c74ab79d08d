"""Regenerate stored results by their own commands and compare: `python -m nas_selection_bench regenerate [NAME ...]`.

The run.json of each folder of results/ lists the command lines that filled it. They run again, in that order, into a
fresh folder with an empty cache of supernets, and `--check` compares the two. Results that need a data set or a table
that is not on this machine are skipped, with the reason.
"""

import io
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, redirect_stdout
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nas_selection_bench.bench.commands import resolve
from nas_selection_bench.bench.commands.options import Options, parse_options
from nas_selection_bench.bench.commands.out_folder import TEMPORARY
from nas_selection_bench.bench.errors import BenchError, ExitCode, UsageError
from nas_selection_bench.bench.files import given_path, make_folder, write_whole
from nas_selection_bench.bench.names import unknown
from nas_selection_bench.bench.parser import Parser
from nas_selection_bench.bench.problem.datasets import data_root, load_images
from nas_selection_bench.bench.work.run_file import ARITHMETIC, RUN_FILE, commands, git_commit, read_run

CODE = Path(__file__).resolve().parents[2]
STAMP = "commit.txt"
ORDER = (ExitCode.INTERRUPTED, ExitCode.DIFFERS, ExitCode.USAGE, ExitCode.OK, ExitCode.NOTHING_MEASURED)
"""Precedence of exit codes: for several results, the first of these that any of them ended with is returned."""

ANSWERS = (ExitCode.OK, ExitCode.DIFFERS, ExitCode.NOTHING_MEASURED, ExitCode.INTERRUPTED)
"""The exit codes of a check that decide the outcome: verdicts on results, or an interruption. 1 is none of them, since
Python itself exits with it after a traceback."""


def _benchmark() -> Sequence[str]:
    """The command that runs the benchmark: an installed package has no run_bench.py beside it."""
    script = CODE / "run_bench.py"
    return (sys.executable, *((str(script),) if script.is_file() else ("-m", "nas_selection_bench", "run")))


@dataclass(frozen=True)
class Program:
    """How to start the benchmark; tests substitute another program."""

    words: Sequence[str] = field(default_factory=_benchmark)
    around: Mapping[str, str] = field(default_factory=dict)
    """Additional environment variables of its runs."""

    def run(self, arguments: Sequence[str], environment: Mapping[str, str]) -> int:
        """Run it to fill its output folder, and return its exit code; its progress goes to stderr.

        Of the ARITHMETIC variables it gets those in `environment` and no others.
        """
        others = {name: value for name, value in os.environ.items() if name not in ARITHMETIC}
        command, around = [*self.words, *arguments], {**others, **environment, **self.around}
        return subprocess.run(command, stdout=subprocess.DEVNULL, env=around, check=False).returncode

    def check(self, arguments: Sequence[str]) -> int:
        """Run it, print what it prints on stdout, and return its exit code."""
        done = subprocess.run([*self.words, *arguments], stdout=subprocess.PIPE, text=True, check=False)
        print(done.stdout, flush=True)
        return done.returncode


def regenerate(stored: Path, into: Path | None, program: Program) -> ExitCode:
    """Regenerate the results in `stored` below `into` and compare; without `into`, only redraw and compare them.

    Prints Markdown: a title, and the outcome of the check or why there was no check. Raises BenchError if the stored
    results are unusable.
    """
    print(f"### {stored.name}\n", flush=True)
    run = read_run(stored) or {}
    lines = commands(run)
    if not lines:
        raise UsageError(f"{stored / RUN_FILE} names no command, so the results cannot be made again.")
    last = run.get("argv", lines[-1])
    if last != lines[-1]:  # it decides which cells are asked for; they exist by then
        lines.append(last)
    asked = [options_of(line) for line in lines]
    try:
        for options in asked:
            refuse_missing(options, run["datasets"], run.get("device", "cpu"), images=into is not None)
    except BenchError as error:
        print(f"skipped: {error}\n", flush=True)
        return ExitCode.NOTHING_MEASURED
    against = []
    if into is not None:
        against = ["--out", str(into / stored.name)]
        for line, options in zip(lines, asked, strict=True):
            command = [*without(line, "--out", "--cache"), *against, "--cache", str(into / "supernets")]
            if options.device == "auto":  # `auto` might choose another one on this machine
                command += ["--device", run.get("device", "cpu")]
            code = program.run(command, run.get("environment", {}))
            if code not in (ExitCode.OK, ExitCode.SOME_CELLS_FAILED, ExitCode.NOTHING_MEASURED):
                print(f"its command ended with exit code {code}: {shlex.join(command)}\n", flush=True)
                return ExitCode.INTERRUPTED if code == ExitCode.INTERRUPTED else ExitCode.USAGE
    latest = asked[-1]
    given = {"--table": latest.table, "--data-root": latest.data_root}
    places = [word for name, place in given.items() if place is not None for word in (name, str(place))]
    code = program.check(["--check", str(stored), *against, *places])
    if code in ANSWERS:
        return ExitCode(code)
    print(f"the check itself ended with exit code {code}, so the outcome is unknown\n", flush=True)
    return ExitCode.USAGE


def options_of(line: Sequence[str]) -> Options:
    """The options of a stored command line; raises UsageError if this program could not run it, or runs nothing."""
    try:
        with redirect_stdout(io.StringIO()):  # --help prints before it exits
            return parse_options(line, exit_on_error=False)
    except UsageError as error:
        raise UsageError(f"its command {shlex.join(line)!r} cannot be run: {error}") from error
    except SystemExit as error:
        raise UsageError(
            f"its command {shlex.join(line)!r} runs nothing; run it again with the intended one."
        ) from error


def without(line: Sequence[str], *options: str) -> list[str]:
    """A command line without these options, each of which takes a value."""
    left = list[str]()
    words = iter(line)
    for word in words:
        if word in options:
            next(words, None)
        elif word.partition("=")[0] not in options:
            left.append(word)
    return left


def refuse_missing(options: Options, datasets: list[str], kind: str, images: bool) -> None:
    """Raise BenchError if a command's ground truth or, with `images`, its training images are not here.

    `kind` is the kind of device that it ran on, which decides the default preset.
    """
    root = data_root(options.data_root, needed=False)
    resolve.find_table(options, datasets, root)
    if images:
        settings = resolve.find_settings(options, datasets, kind)
        for dataset in datasets:
            load_images(dataset, root, settings[dataset].images)


def claim(into: Path) -> Path:
    """Mark `into` as a folder of the present commit, and return it; runs that this commit left there are resumed.

    Raises UsageError if other code may have filled it (another or an unknown commit, or uncommitted changes): its
    results would be compared as if they were of this code.
    """
    commit, stamp = git_commit(CODE), into / STAMP
    if into.exists() and any(into.iterdir()):
        known = stamp.read_text(encoding="utf-8") if stamp.is_file() else None
        if commit is None or commit.endswith("-dirty") or known != commit:
            raise UsageError(f"{into} holds runs that other code may have made; delete it or choose another --into.")
    make_folder(into)
    write_whole(stamp, commit or "unknown")
    return into


def find(results: Path, names: Sequence[str]) -> list[Path]:
    """The folders of stored results called `names`, or all; raises UsageError if one is unknown or there are none."""
    known = {path.parent.name: path.parent for path in sorted(results.glob(f"*/{RUN_FILE}"))}
    if not known:
        raise UsageError(f"{results} holds no stored results: no folder in it has a {RUN_FILE}.")
    for name in names:
        if name not in known:
            raise unknown("stored result", name, list(known))
    return [known[name] for name in names or known]


def main(arguments: Sequence[str] | None = None, program: Program = Program()) -> int:
    """Regenerate the named results, and return an exit code: 0 holds, 3 differs, 4 nothing was compared."""
    parser = Parser(
        prog="python -m nas_selection_bench regenerate",
        description="Regenerate stored results by their own commands and compare.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="folders of results/ (all)")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--into", type=given_path, metavar="DIR",
                       help="keep the fresh runs in DIR; the same commit can resume an interrupted one"
                            " (a temporary folder)")  # fmt: skip
    where.add_argument("--exact", action="store_true", help="run nothing: redraw the stored records and compare")
    parser.add_argument("--results", type=given_path, default=CODE / "results", metavar="DIR", help="stored results")
    given = parser.parse_args(arguments)
    vanishes = not given.into and not given.exact
    place: Any = tempfile.TemporaryDirectory() if vanishes else nullcontext(given.into)
    if vanishes:
        program = replace(program, around={TEMPORARY: "1"})
    codes = set()
    try:
        folders = find(given.results, given.names)
        if given.into:
            claim(given.into)
        with place as into:
            for folder in folders:
                try:
                    codes.add(regenerate(folder, Path(into) if into else None, program))
                except BenchError as error:
                    print(f"regenerate: {folder}: {error}", file=sys.stderr)
                    codes.add(error.exit_code)
    except BenchError as error:
        print(f"regenerate: {error}", file=sys.stderr)
        codes.add(error.exit_code)
    except KeyboardInterrupt:
        if not vanishes:
            print("\nInterrupted.", file=sys.stderr)
        codes.add(ExitCode.INTERRUPTED)
    if vanishes and ExitCode.INTERRUPTED in codes:
        print("\nInterrupted; the temporary folder was removed. Use --into DIR for a run that can be resumed.",
              file=sys.stderr)  # fmt: skip
    return int(next((code for code in ORDER if code in codes), ExitCode.NOTHING_MEASURED))
