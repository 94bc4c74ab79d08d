"""Checks of whether a stored result still holds, on three levels from bit-equal to statistical.

* exact: the stored records are gathered, measured and drawn again, and every byte is compared. Detects a
  changed measure, statistic, table or report, a changed ground truth, and cells of a method whose version has been
  raised since. Numbers that the same sources computed before (bench.yardsticks.agreements) are trusted, except for a
  sample. Takes seconds.
* tight: a fresh run of the same cells on the same kind of CPU is compared cell by cell, with a stated
  tolerance per column. Detects a changed selector, recipe or seed.
* statistical: a fresh run that cannot be equal (another device, other seeds) is compared in distribution. A
  difference has to be significant and large, and "too few seeds" is a possible answer. A stored result that the
  fresh run asked for too, but that failed or is missing there, is a difference without a test.
"""

import csv
import io
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nas_selection_bench.bench.check.difference import Difference, cell_of
from nas_selection_bench.bench.check.fresh import Rows, compare_distributions, compare_runs
from nas_selection_bench.bench.check.superseded import superseded
from nas_selection_bench.bench.errors import DAMAGE, DataError, ExitCode, counted, in_brief
from nas_selection_bench.bench.files import named_as, originals_named, unreadable, write_whole
from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.bench.work.curvature_file import CURVATURE_FILE
from nas_selection_bench.bench.work.edited_files import edits_since
from nas_selection_bench.bench.work.gather import gather
from nas_selection_bench.bench.work.methods import Methods
from nas_selection_bench.bench.work.methods_file import METHODS_FILE
from nas_selection_bench.bench.work.pack import contents_of, opened
from nas_selection_bench.bench.work.plan_file import PLAN_FILE
from nas_selection_bench.bench.work.record import DONE, KEY_COLUMNS
from nas_selection_bench.bench.work.run_file import RUN_FILE, processors, run_of
from nas_selection_bench.bench.work.store import Store
from nas_selection_bench.bench.work.untrained_alphas import never_skipped, skip_reasons
from nas_selection_bench.bench.yardsticks.agreements import AGREEMENTS_FILE, Agreements, entries_of

DrawReport = Callable[[Store, GroundTruth], Path]
"""(records of an output folder, ground truth) -> path of the report page."""

EXACT, TIGHT, STATISTICAL = "exact", "tight", "statistical"
_KEYED = {
    "records.csv": KEY_COLUMNS,
    "scores.csv": (*KEY_COLUMNS, "edge", "operation"),
    "costs.csv": KEY_COLUMNS,
    "tables/accuracy.csv": ("dataset", "recipe", "selector", "measure"),
    "tables/kendall_tau.csv": ("dataset", "recipe", "selector", "measure"),
    "tables/comparisons.csv": ("dataset", "lookup", "family", "first", "second"),
    "tables/yardsticks.csv": ("dataset", "name"),
    "tables/transfer.csv": ("dataset", "lookup", "selector"),
    "tables/two_criteria.csv": ("dataset", "first", "second"),
    "tables/supernet_quality.csv": ("dataset", "setting"),
}
"""CSV file that is compared row by row -> the columns that identify a row."""

_COPIED = (RUN_FILE, PLAN_FILE, METHODS_FILE, CURVATURE_FILE)
_DRAWN = (".html", ".svg")
_OF_THE_REPORT = ("tables", "figures")
"""Folders that only the report writes to, so a file that it does not write is stale."""


AUDITED = 64
"""Of the agreements that the same sources computed before, one in AUDITED is computed again nevertheless."""


@dataclass
class Checked:
    """The outcome of one level of a check."""

    level: str
    compared: int = 0
    """Number of rows of done cells (exact, tight) or of groups of seeds (statistical) that were compared."""
    differences: list[Difference] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What was not compared, with the reason."""
    edits: list[str] = field(default_factory=list)
    """Files of methods that have changed since they gave these results; this alone is not a difference."""

    @property
    def exit_code(self) -> ExitCode:
        """OK, DIFFERS, or NOTHING_MEASURED if nothing could be compared."""
        if self.differences:
            return ExitCode.DIFFERS
        return ExitCode.OK if self.compared else ExitCode.NOTHING_MEASURED

    def lines(self, most: int = 40) -> Iterator[str]:
        """The outcome as lines of Markdown for a CI job summary, with at most `most` differences."""
        yield from (f"- {difference}" for difference in self.differences[:most])
        if len(self.differences) > most:
            yield f"- ... and {len(self.differences) - most} more"
        yield from (f"- not compared: {note}" for note in self.notes)
        verdict = {ExitCode.OK: "holds", ExitCode.DIFFERS: "DIFFERS"}.get(self.exit_code, "nothing was compared")
        yield f"{self.level}: {verdict} ({self.compared} compared, {counted(len(self.differences), 'difference')})"


def check(
    stored: Path, table: GroundTruth, draw_report: DrawReport, fresh: Path | None = None, methods: Methods | None = None
) -> list[Checked]:
    """Check the results in `stored`: always exactly, and against the run in `fresh` if there is one.

    If `methods` are given, a cell made with another version of its method is a difference.

    The fresh run is compared tightly if seeds and order of sums are the same (`same_arithmetic`), else statistically.
    Either folder may be packed. Raises DataError if one holds no results.
    """
    outcomes = [check_exact(stored, table, draw_report, methods)]
    if fresh is not None:
        with opened(stored) as whole, opened(fresh) as run:
            outcomes.append(check_fresh(whole, run, table))
    return outcomes


def exit_code(outcomes: Sequence[Checked]) -> ExitCode:
    """The exit code of all outcomes together: DIFFERS if any has it, else NOTHING_MEASURED if any has it, else OK."""
    codes = {outcome.exit_code for outcome in outcomes}
    return next((code for code in (ExitCode.DIFFERS, ExitCode.NOTHING_MEASURED) if code in codes), ExitCode.OK)


def check_exact(stored: Path, table: GroundTruth, draw_report: DrawReport, methods: Methods | None = None) -> Checked:
    """Gather and draw the stored records again, and compare every file and the version of every method."""
    outcome = Checked(EXACT)
    run = run_of(stored)
    made_with = run.get("table", {}).get("sha256")
    if made_with != table.sha256:
        outcome.differences.append(Difference(RUN_FILE, {}, "table sha256", str(made_with), table.sha256))
    with tempfile.TemporaryDirectory() as folder:
        again = Path(folder) / stored.name
        again.mkdir()
        for name in _COPIED:
            if (stored / name).is_file():
                write_whole(again / name, (stored / name).read_bytes())
        packed = contents_of(stored)
        store = Store(again, packed)
        store.agreements = Agreements.read(stored, audited=AUDITED)
        skip_reason = skip_reasons(methods) if methods is not None else never_skipped
        # What is read from there is from `stored`; what is written there, on a disk that may be full, is not.
        copies = {again / name: stored / name for name in (*_COPIED, store.records.name, store.costs.name)}

        def note(line: str) -> None:
            outcome.notes.append(originals_named(line, copies))

        with named_as(copies):
            outcome.compared = gather(store, table, note, skip_reason)[DONE]
            draw_report(store, table)
            _compare_folders(stored, again, packed, outcome)
            if methods is not None:
                earlier, unknown = superseded(_rows(again / "records.csv"), methods)
                outcome.differences += earlier
                outcome.notes += unknown
                outcome.edits = edits_since(store, methods)
    return outcome


def check_fresh(stored: Path, fresh: Path, table: GroundTruth) -> Checked:
    """Compare a fresh run with the stored one: tightly if `same_arithmetic`, else statistically."""
    before, after = run_of(stored), run_of(fresh)
    old, new = _rows(stored / "records.csv"), _rows(fresh / "records.csv")
    if same_arithmetic(before, after):
        outcome = Checked(TIGHT)
        old_scores, new_scores = (_rows(folder / "scores.csv") for folder in (stored, fresh))
        outcome.compared, outcome.differences, outcome.notes = compare_runs(old, new, old_scores, new_scores)
    else:
        outcome = Checked(STATISTICAL)
        outcome.compared, outcome.differences, outcome.notes = compare_distributions(old, new, table)
    return outcome


def same_arithmetic(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether two runs have the same seeds and sum float32 numbers in the same order, as far as run.json says.

    This requires the same kind of CPU. It is not enough to restrict both runs to instructions that all CPUs have (the
    ARITHMETIC variables): block sizes depend on the caches, and after one epoch on digits an AMD EPYC and an Intel Xeon
    with the same instructions differed by eleven images in 512.
    """
    names = ["device", "threads", "seed", "environment", "machine"]
    if len({*processors(before), *processors(after)}) > 1:
        return False
    return before.get("device") == "cpu" and all(before[n] == after[n] for n in names if n in before and n in after)


def _bytes(path: Path) -> bytes | None:
    """The content of a file; None if there is no file."""
    try:
        return path.read_bytes() if path.is_file() else None
    except OSError as error:
        raise unreadable(path, error, "gather it with --report-only") from error


def _rows(path: Path) -> Rows:
    content = _bytes(path)
    if content is None:
        raise DataError(f"{path} is missing; gather it with --report-only.")
    return _parsed(path, content)


def _parsed(path: Path, content: bytes) -> Rows:
    """The rows of the CSV file `path` with this `content`."""
    try:
        return list(csv.DictReader(io.StringIO(content.decode(), newline="")))
    except DAMAGE as error:
        raise DataError(f"{path} is damaged ({in_brief(error)}); gather it with --report-only.") from error


def _compare_folders(stored: Path, again: Path, packed: Mapping[str, bytes], outcome: Checked) -> None:
    names = sorted(str(path.relative_to(again)) for path in again.rglob("*") if path.is_file())
    names = [name for name in names if name not in _COPIED and not name.startswith(("records/", "costs/"))]
    drawn_with, here = _generator(stored), _generator(again)
    drawn_alike = drawn_with in ("", here)  # every page states its versions, so without them there is no stored page
    if not drawn_alike:
        outcome.notes.append(f"the report and figures, drawn with {drawn_with}, here with {here}")
    for name in names:
        old = packed.get(name) or _bytes(stored / name)
        new = (again / name).read_bytes()
        if old is None and name == AGREEMENTS_FILE:  # earlier versions did not write it, and it holds no results
            continue
        if old is None:
            outcome.differences.append(Difference(name, {}, "file", "missing", "drawn from the stored records"))
        elif old != new and not (name == AGREEMENTS_FILE and entries_of(old) == entries_of(new)):
            if name in _KEYED:
                found = list(_row_differences(name, _parsed(stored / name, old), _parsed(again / name, new)))
                # Reordered or repeated rows: all rows are equal, and yet the file is not the one that is written.
                outcome.differences += found or [_first_line(name, old, new)]
            elif drawn_alike or not name.endswith(_DRAWN):
                outcome.differences.append(_first_line(name, old, new))
    outcome.differences += _stale(stored, again)


def _stale(stored: Path, again: Path) -> Iterator[Difference]:
    """Files in the report's folders that it no longer writes."""
    for folder in _OF_THE_REPORT:
        for path in sorted((stored / folder).glob("*")):
            name = f"{folder}/{path.name}"
            if not path.name.startswith(".") and not (again / name).exists():
                yield Difference(name, {}, "file", "present", "not drawn from the stored records")


def _generator(folder: Path) -> str:
    """The versions that the report page in `folder` says it was drawn with; empty if there is no page."""
    try:
        text = (folder / "report.html").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    _, found, rest = text.partition('<meta name="generator" content="')
    return rest.partition('"')[0] if found else ""


def _row_differences(name: str, stored: Rows, fresh: Rows) -> Iterator[Difference]:
    """Every value that differs between two CSV files with the same key columns."""
    keys = _KEYED[name]
    old = {tuple(row.get(key, "") for key in keys): row for row in stored}
    new = {tuple(row.get(key, "") for key in keys): row for row in fresh}
    for key in [*old, *(key for key in new if key not in old)]:
        cell = cell_of(dict(zip(keys, key, strict=True)))
        if key not in new or key not in old:
            sides = ("present" if key in old else "absent", "present" if key in new else "absent")
            yield Difference(name, cell, "row", *sides)
            continue
        columns: Mapping[str, None] = dict.fromkeys([*old[key], *new[key]])
        for column in columns:
            before, after = old[key].get(column), new[key].get(column)
            if before != after:
                yield Difference(name, cell, column, str(before), str(after))


def _first_line(name: str, stored: bytes, fresh: bytes) -> Difference:
    """The first line in which two texts differ; the sizes of both if they are not text."""
    if b"\0" in stored + fresh:
        return Difference(name, {}, "bytes", f"{len(stored):,}", f"{len(fresh):,} different ones")
    old, new = (content.decode(errors="replace").splitlines() for content in (stored, fresh))
    for number, (before, after) in enumerate(zip(old, new, strict=False), start=1):
        if before != after:
            start = next((i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), 0)
            return Difference(name, {}, f"line {number}", before[start : start + 60], after[start : start + 60])
    return Difference(name, {}, "lines", str(len(old)), str(len(new)))


def summary(outcomes: Sequence[Checked]) -> str:
    """All outcomes as Markdown, for a terminal or a job summary."""
    return "\n".join(line for outcome in outcomes for line in outcome.lines()) + "\n"
