"""Commands that compute no cells: draw stored results again, check them, report how a run ended."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nas_selection_bench.bench.collector import uncollected
from nas_selection_bench.bench.commands import devices, resolve
from nas_selection_bench.bench.commands.options import Options
from nas_selection_bench.bench.errors import ExitCode, UsageError, counted
from nas_selection_bench.bench.files import only_writer
from nas_selection_bench.bench.problem.datasets import data_root
from nas_selection_bench.bench.work.pack import as_stored, unpack
from nas_selection_bench.bench.work.record import DONE, FAILED, Record
from nas_selection_bench.bench.work.run_file import run_of
from nas_selection_bench.bench.work.runner import counts_line
from nas_selection_bench.bench.work.store import SCORES_FILE, Store
from nas_selection_bench.bench.work.untrained_alphas import SkipReason, skip_reasons

if TYPE_CHECKING:
    from nas_selection_bench.bench.check.exact import DrawReport
    from nas_selection_bench.bench.problem.table import GroundTruth
    from nas_selection_bench.bench.work.methods import Methods

FAILURES_SHOWN = 5


def report_only(options: Options, draw_report: DrawReport, methods: Methods) -> ExitCode:
    """Gather the records of an output folder again and draw its report; no cell is computed."""
    root = data_root(options.data_root, needed=False)
    if options.out:
        out = options.out
    else:
        datasets = resolve.find_datasets(options.datasets, root)
        kind = "cpu" if options.preset else devices.find_device(options.device).kind
        out = resolve.default_out(datasets, resolve.find_settings(options, datasets, kind))
    earlier = run_of(out)
    table = resolve.find_table(options, list(earlier["datasets"]), root)
    if table.sha256 != earlier["table"]["sha256"]:
        raise UsageError(
            f"{out} was made with a table {earlier['table'].get('name')!r} whose numbers differ from those of"
            f" {table.name!r}; give the table of that run with --table."
        )
    with only_writer(out / ".lock", wait=False), uncollected():
        store, counts, page = _drawn(out, table, draw_report, skip_reasons(methods))
    return conclude(counts, page, failures(store, None), quiet=options.quiet, retry=None)


def _drawn(
    out: Path, table: GroundTruth, draw_report: DrawReport, skip_reason: SkipReason
) -> tuple[Store, Counter[str], Path]:  # fmt: skip
    """Gather the records of a folder unless nothing has changed since the last time, and draw its report.

    A folder that was gathered with warnings is gathered again each time, so that the warnings are repeated.
    """
    from nas_selection_bench.bench.work import gathered

    store, warnings = as_stored(out), list[str]()
    basis = gathered.basis(store, table, skip_reason)
    noted = gathered.counts_noted(out, basis)
    if noted is not None:
        store.gathered_before = True
        return store, noted, draw_report(store, table)
    store, counts = _gathered(store, table, warnings, skip_reason)
    page = draw_report(store, table)
    if not warnings:
        gathered.note(out, basis, counts)
    return store, counts, page


def _gathered(
    store: Store, table: GroundTruth, warnings: list[str], skip_reason: SkipReason
) -> tuple[Store, Counter[str]]:  # fmt: skip
    """Gather the records of a folder; a packed one is unpacked only if its archive holds different scores."""

    from nas_selection_bench.bench.work.gather import gather

    def warn(line: str) -> None:
        warnings.append(line)
        print(line, file=sys.stderr)

    counts = gather(store, table, warn, skip_reason)
    if store.packed is None:
        return store, counts
    scores = store.folder / SCORES_FILE
    as_packed = scores.read_bytes() == store.packed.get(SCORES_FILE)
    scores.unlink()
    if as_packed:
        del store.packed[SCORES_FILE]  # as large as all records together, and not needed again
        return store, counts
    unpack(store.folder, warn)
    store = Store(store.folder)
    return store, gather(store, table, lambda line: None, skip_reason)


def check_results(stored: Path, options: Options, draw_report: DrawReport, methods: Methods) -> ExitCode:
    """Draw stored results again and compare every byte; with --out, also compare them with the fresh run there."""
    from nas_selection_bench.bench.check import exact as check

    fresh = options.out
    table = resolve.find_table(options, list(run_of(stored)["datasets"]), data_root(options.data_root, needed=False))
    with uncollected():
        outcomes = check.check(stored, table, draw_report, fresh, methods)
    for line in [line for outcome in outcomes for line in outcome.edits]:
        print(line, file=sys.stderr)
    print(check.summary(outcomes), end="")
    return check.exit_code(outcomes)


def conclude(
    counts: Mapping[str, int], page: Path, failed: Sequence[Record], quiet: bool, retry: str | None
) -> ExitCode:
    """Print how a run ended and where the report is; returns the exit code."""
    by_cause: dict[tuple[str, str], list[Record]] = {}
    for record in failed:
        selector = "all selectors" if (record.log or "").startswith("logs/supernet.") else str(record.cell["selector"])
        where = f" ({record.where})" if record.where else ""
        by_cause.setdefault((selector, f"{record.reason}{where}"), []).append(record)
    for (selector, reason), records in list(by_cause.items())[:FAILURES_SHOWN]:
        log = page.parent / (records[0].log or "logs")
        print(f"failed: {selector}, {counted(len(records), 'cell')}: {reason} (see {log})", file=sys.stderr)
    if len(by_cause) > FAILURES_SHOWN:
        print(f"... and {counted(len(by_cause) - FAILURES_SHOWN, 'more kind')} of failure", file=sys.stderr)
    if failed and retry:
        print(f"Run them again with:\n  {retry}", file=sys.stderr)
    if not quiet:
        print(counts_line(counts) or "no cells", file=sys.stderr)
    print(f"report: {page}")
    if not counts.get(DONE):
        print("Nothing was measured: no cell is done.", file=sys.stderr)
        return ExitCode.NOTHING_MEASURED
    return ExitCode.SOME_CELLS_FAILED if counts.get(FAILED) else ExitCode.OK


def failures(store: Store, stems: set[str] | None) -> list[Record]:
    """The records of failed cells: of those with a stem in `stems`, or of all if it is None."""
    records = store.mentioning(FAILED.encode(), None if stems is None else sorted(stems))
    return [record for record in records.values() if record.state == FAILED]
