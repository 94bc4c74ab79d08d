"""Checks of the --out folder before a run writes to it, and a note for the user if the folder is new."""

import difflib
import os
from pathlib import Path

from nas_selection_bench.bench.commands.options import Options
from nas_selection_bench.bench.errors import UsageError, joined
from nas_selection_bench.bench.work.curvature_file import CURVATURE_FILE
from nas_selection_bench.bench.work.methods_file import METHODS_FILE
from nas_selection_bench.bench.work.pack import ARCHIVE
from nas_selection_bench.bench.work.plan_file import PLAN_FILE
from nas_selection_bench.bench.work.run_file import RUN_FILE
from nas_selection_bench.bench.work.store import GATHERED_FILE, SCORES_FILE
from nas_selection_bench.bench.yardsticks.agreements import AGREEMENTS_FILE

TEMPORARY = "NAS_BENCH_TEMPORARY_OUT"
"""Environment variable of a run whose output folder will be removed, so that it cannot be resumed."""

OURS = (RUN_FILE, PLAN_FILE, "records")
"""Files and folders that a run writes first: a folder that holds one of them belongs to this program."""

WRITTEN = ("costs", "logs", "tables", "figures", "report.html", "records.csv", "costs.csv", SCORES_FILE, METHODS_FILE,
           GATHERED_FILE, AGREEMENTS_FILE, CURVATURE_FILE, ARCHIVE)  # fmt: skip
"""Further files and folders that a run writes."""


def vanishes() -> bool:
    """Whether the output folder of this process will be removed when it ends."""
    return bool(os.environ.get(TEMPORARY))


def refuse_file(folder: Path | None, option: str) -> None:
    """Raise UsageError if `folder`, the value of `option`, is a file or lies below one."""
    if folder is None:
        return
    there = next((path for path in (folder, *folder.parents) if path.exists()), folder)
    if there.exists() and not there.is_dir():
        below = "" if there == folder else f"{folder} cannot be made: "
        raise UsageError(f"{option} {below}{there} is a file, not a folder; choose another {option}.")


def refuse_others_files(out: Path) -> None:
    """Raise UsageError if a run would overwrite files that no run has written."""
    if any((out / name).exists() for name in OURS):
        return
    strange = [name for name in WRITTEN if (out / name).is_file() or _holds_something(out / name)]
    if strange:
        raise UsageError(f"{out} holds files that no run has written ({joined(strange)}); choose another --out.")


def _holds_something(folder: Path) -> bool:
    return folder.is_dir() and next(folder.iterdir(), None) is not None


def note_on_new_folder(options: Options) -> str | None:
    """A note that the default comparison runs, if nothing but a folder without a run was given; else None."""
    out = options.out
    if options.asks or out is None or (out / RUN_FILE).exists():
        return None
    state = "holds no run yet" if out.exists() else "is new"
    beside = {path.parent.name for path in out.absolute().parent.glob(f"*/{RUN_FILE}")}
    near = difflib.get_close_matches(out.name, sorted(beside))
    hint = f"; did you mean {joined([str(out.with_name(name)) for name in near], 'or')}?" if near else "."
    return f"{out} {state}: this runs the default comparison on digits{hint}"
