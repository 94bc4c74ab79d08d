"""`run(...)`: the benchmark, called from Python."""

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from nas_selection_bench.bench.commands.modes import READS, RUN
from nas_selection_bench.bench.commands.options import Options, parse_options
from nas_selection_bench.bench.errors import ExitCode, UsageError
from nas_selection_bench.bench.names import unknown
from nas_selection_bench.reports.data.stored import StoredResults, load_results

OPTIONS = {f.name: f.type for f in fields(Options) if f.name in READS[RUN]}
"""Option of a run -> its type once parsed."""


def run(**options: Any) -> StoredResults:
    """Train, select, look up and draw the report as run_bench.py does with the same options; return the results.

    The options are those of `run_bench.py --help`, with `_` for `-`: `--train-epochs 2 --retry-failed` becomes
    `train_epochs=2, retry_failed=True`. An option that takes several values also accepts a list. Failed cells are rows
    of the results, as on disk. Raises UsageError or DataError, with one sentence, in the cases in which the command
    line exits with that sentence.
    """
    from nas_selection_bench.bench.commands.from_outside import plugins_of
    from nas_selection_bench.bench.commands.run import Session
    from nas_selection_bench.bench.work.plugins import using
    from nas_selection_bench.program import CODE, draw_report, methods

    argv = words(options)
    given = parse_options(argv, exit_on_error=False)
    with using(plugins_of(given)):
        session = Session(given, argv, methods(), CODE)
        if session.work(draw_report) == ExitCode.INTERRUPTED:
            raise KeyboardInterrupt
    return load_results(session.out)


def words(options: Mapping[str, Any]) -> list[str]:
    """The equivalent command line; raises UsageError for an unknown option, or a switch not True, False or None."""
    argv = []
    for name, value in options.items():
        if name not in OPTIONS:
            raise unknown("option", name, OPTIONS)
        flag = f"--{name.replace('_', '-')}"
        if OPTIONS[name] is bool:
            if not isinstance(value, bool | None):
                raise UsageError(f"{name}={value!r}: it must be True or False.")
            argv += [flag] if value else []
        elif value is not None:
            several = isinstance(value, Iterable) and not isinstance(value, str)
            argv.append(f"{flag}={','.join(map(str, value)) if several else value}")
    return argv


# For help() and for completion in notebooks.
run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
    [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None) for name in OPTIONS],
    return_annotation=StoredResults,
)
