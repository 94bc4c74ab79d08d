"""Readers of the program's own files: records, costs, plans, notes, packed cells and published tables.

Each reader is fuzzed alone, and then the whole program, in a folder in which that file was damaged.
"""

import csv
import io
import shutil
import tempfile
import zlib
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path

from nas_selection_bench.bench.commands.merge import merge
from nas_selection_bench.bench.errors import BenchError, ExitCode
from nas_selection_bench.bench.files import held_lock, only_writer
from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.bench.work.curvature_file import COLUMNS, CURVATURE_FILE, eigenvalues, write_curvature
from nas_selection_bench.bench.work.gather import gather, planned_cells
from nas_selection_bench.bench.work.gathered import basis, counts_noted
from nas_selection_bench.bench.work.methods_file import read_described
from nas_selection_bench.bench.work.pack import as_stored, opened, pack
from nas_selection_bench.bench.work.run_file import commands, read_run
from nas_selection_bench.bench.work.store import Store
from nas_selection_bench.bench.work.timings import Timings, stored_costs
from nas_selection_bench.bench.work.untrained_alphas import never_skipped
from nas_selection_bench.bench.yardsticks.agreements import Agreements
from tests.bench import fake_bench
from tests.fuzz import training_files
from tests.fuzz.target import Escaped, Target, contents, signed

SELECTORS = "random,alphas,fails,skips"


def drawn(folder: Path) -> list[str]:
    """The options that redraw the output folder in `folder`, together with --report-only."""
    return ["--table", str(folder / "table.npz"), "-q", "--out", str(folder / "out"),
            "--data-root", str(folder / "data")]  # fmt: skip


def command(folder: Path, *further: str) -> list[str]:
    """The command line that filled `folder`."""
    return [*drawn(folder), "--device", "cpu", "--jobs", "1", "--threads", "1", "--cache", str(folder / "cache"),
            "--supernets", "steady", "--selectors", SELECTORS, "--seeds", "1", *further]  # fmt: skip


@cache
def filled() -> Path:
    """A folder with a table, a cache, and a complete output folder of fake methods."""
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    fake_bench.make_table(folder / "table.npz")
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        assert fake_bench.run(*command(folder)) == ExitCode.SOME_CELLS_FAILED
        known = Agreements()  # the report of fake methods needs none
        known.number(lambda: 0.5, "tau")
        known.write(folder / "out")
        assert fake_bench.run(*drawn(folder), "--report-only") == ExitCode.SOME_CELLS_FAILED
    return folder


@cache
def packed() -> Path:
    """A copy of the folder `filled`, with packed cells."""
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    shutil.copytree(filled(), folder, dirs_exist_ok=True)
    pack(folder / "out")
    return folder


@cache
def _table() -> GroundTruth:
    from nas_selection_bench.bench.problem.open_table import open_table

    return open_table(filled() / "table.npz")


def names(pattern: str) -> list[str]:
    """Paths of the files in `filled` that match `pattern`."""
    return sorted(str(path.relative_to(filled())) for path in filled().glob(pattern))


def _gathered(folder: Path) -> object:
    store = Store(folder / "out")
    store.drop_replaced()
    store.read_aside()
    return gather(store, _table(), lambda line: None)


def _planned(folder: Path) -> object:
    return planned_cells(Store(folder / "out"))


def _run_file(folder: Path) -> object:
    run = read_run(folder / "out")
    return run and commands(run)


def _noted(folder: Path) -> object:
    out = folder / "out"
    return counts_noted(out, basis(as_stored(out), _table(), never_skipped))


def _estimated(folder: Path) -> object:
    return Timings(stored_costs(folder)).estimate([], [], 1)


def _locked(folder: Path) -> None:
    lock = folder / "out" / ".lock"
    held = held_lock(lock, wait=False)
    assert held is not None
    try:
        with only_writer(lock, wait=False):
            raise Escaped("two writers in one folder")
    finally:
        held.release()


def _merged(folder: Path) -> object:
    """Merge the folder with the undamaged one; a refusal must write nothing."""
    joined = folder / "joined"
    try:
        return merge([folder / "out", filled() / "out"], joined)
    except BenchError:
        if joined.exists():
            raise Escaped("refused, and a part of it written") from None
        raise


def _opened(folder: Path) -> object:
    with opened(folder / "out") as whole:
        return gather(Store(whole), _table(), lambda line: None)


def program(file: str) -> Callable[[Path], None]:
    """Run the whole program in the folder, with an option that depends on the content of `file`.

    Any exit code is allowed except those of a fault and an interruption; the output must not contain a traceback.
    """

    def read(folder: Path) -> None:
        out, table = ["--out", str(folder / "out")], ["--table", str(folder / "table.npz")]
        lines = (
            command(folder, "--plan"), command(folder, "--plan"), command(folder, "--plan"), command(folder),
            [*drawn(folder), "--report-only"], ["--check", *out[1:], *table],
            [*out, *table, "--retry-failed", "--device", "cpu", "--cache", str(folder / "cache")],
        )  # fmt: skip
        said = io.StringIO()
        with redirect_stdout(io.StringIO()), redirect_stderr(said):
            code = fake_bench.run(*lines[zlib.crc32((folder / file).read_bytes()) % len(lines)])
        if code not in set(ExitCode) - {ExitCode.FAULT, ExitCode.INTERRUPTED} or "Traceback" in said.getvalue():
            raise Escaped(f"exit code {code}: {said.getvalue()[-1500:]}")

    return read


# Readers of the report.


def _results(folder: Path) -> object:
    from nas_selection_bench.reports.data.results import Results
    from nas_selection_bench.reports.data.stored import load_results

    return load_results(folder / "out"), Results.read(folder / "out").final


def _curvature(folder: Path) -> object:
    return eigenvalues(folder)


def _measured() -> list[bytes]:
    rows = [
        dict(zip(COLUMNS, ("digits", "darts", 0, epoch, f"{epoch:012x}", epoch / 3), strict=False)) for epoch in (2, 4)
    ]
    with tempfile.TemporaryDirectory() as folder:
        write_curvature(Path(folder), rows)
        return [(Path(folder) / CURVATURE_FILE).read_bytes()]


def _readme(folder: Path) -> object:
    from nas_selection_bench.reports.files import readme

    return readme.block(folder / "out", folder / "README.md")


@cache
def _published() -> Path:
    """A folder with the tables from which a README's block is made."""
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    (folder / "out" / "tables").mkdir(parents=True)
    for name, rows in _TABLES.items():
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        (folder / "out" / "tables" / name).write_text(text.getvalue())
    return folder


_TABLES: Mapping[str, list[dict[str, str]]] = {
    "accuracy.csv": [
        {"dataset": "digits", "recipe": "(none)", "selector": "operation-order", "measure": "test", "mean": "91.5"},
        {"dataset": "digits", "recipe": "darts", "selector": "random", "measure": "test", "mean": "88.5"},
    ],
    "comparisons.csv": [
        {"dataset": "digits", "lookup": "digits", "family": "main", "first": "random", "second": "operation-order",
         "verdict": "worse"},
    ],
}  # fmt: skip


def _of(pattern: str) -> str:
    return names(pattern)[0]


@cache
def targets() -> tuple[Target, ...]:
    """Targets for every kind of file: its own reader, and the whole program."""
    record = _of("out/records/*alphas*.json")
    cost = _of("out/costs/*alphas*.json")
    source = _of("cache/*/0008.json").replace("0008.json", "source.json")
    here: dict[str, tuple[str, bool, bool]] = {  # kind -> path, whether it is JSON, whether it has a digest
        "record": (record, True, True),
        "failed record": (_of("out/records/*fails*.json"), True, True),
        "cost": (cost, True, True),
        "cost of a training": (_of("out/costs/*e8..*.json"), True, True),
        "plan": ("out/plan.json", True, True),
        "run": ("out/run.json", True, True),
        "methods": ("out/methods.json", True, True),
        "note of a gathering": ("out/gathered.json", True, True),
        "agreements": ("out/agreements.bin", False, False),
        "records.csv": ("out/records.csv", False, False),
        "scores.csv": ("out/scores.csv", False, False),
        "costs.csv": ("out/costs.csv", False, False),
        "checkpoint of a fake": (_of("cache/*/0008.json"), True, False),
        "page": ("out/report.html", False, False),
        "log": (_of("out/logs/*.txt"), False, False),
    }  # fmt: skip
    alone: dict[str, Callable[[Path], object]] = {
        "record": _gathered, "failed record": _gathered, "cost": _gathered, "cost of a training": _gathered,
        "plan": _planned, "run": _run_file, "methods": lambda folder: read_described(folder / "out"),
        "note of a gathering": _noted, "agreements": lambda folder: Agreements.read(folder / "out", audited=2),
        "records.csv": _results, "scores.csv": _results, "costs.csv": _results,
    }  # fmt: skip

    def target(kind: str, name: str, read: Callable[[Path], object], share: float, at: str = "") -> Target:
        file, as_json, has_digest = here[kind]
        sign = signed if has_digest else None
        return Target(name, at or file, contents(filled, file), read, filled, as_json, sign, share)

    return (
        *(target(kind, kind, read, 0.25 if read is _gathered else 1.0) for kind, read in alone.items()),
        *(target(kind, f"merge, {kind}", _merged, 0.25) for kind in ("record", "plan", "run", "methods", "cost")),
        target("record", "record set aside", _gathered, 0.25, f"{record}.old"),
        target("costs.csv", "costs.csv of a neighbour", _estimated, 1.0),
        *(target(kind, f"program, {kind}", program(file), 0.25) for kind, (file, _, _) in here.items()),
        Target("program, source.json", source, lambda: [b'"0123456789abcdef"'], program(source), filled, share=0.3),
        Target("lock", "out/.lock", lambda: [b"1234"], _locked, filled),
        Target("packed cells", "out/cells.tar.xz", contents(packed, "out/cells.tar.xz"), _opened, packed, share=0.5),
        Target("program, packed cells", "out/cells.tar.xz", contents(packed, "out/cells.tar.xz"),
               program("out/cells.tar.xz"), packed, share=0.5),
        *training_files.targets(),
        Target("curvature", CURVATURE_FILE, _measured, _curvature),
        *(Target(f"README from {name}", f"out/tables/{name}", contents(_published, f"out/tables/{name}"), _readme,
                 _published) for name in _TABLES),
    )  # fmt: skip
