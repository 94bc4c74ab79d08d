"""Join the output folders of several machines into one: `python -m nas_selection_bench merge A B --out C`.

Nothing is computed, and nothing in the joined folders is changed; a packed folder is read without unpacking it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import chain
from pathlib import Path
from typing import Any

from nas_selection_bench.bench.errors import BenchError, DataError, ExitCode, UsageError, counted
from nas_selection_bench.bench.files import given_path, make_folder, only_writer, write_whole
from nas_selection_bench.bench.parser import Parser
from nas_selection_bench.bench.work.curvature_file import read_curvature, write_curvature
from nas_selection_bench.bench.work.json_files import write_json
from nas_selection_bench.bench.work.methods_file import METHODS_FILE, read_described
from nas_selection_bench.bench.work.pack import as_stored, contents_of
from nas_selection_bench.bench.work.plan_file import planned_cells, write_plan
from nas_selection_bench.bench.work.record import DONE, FAILED, SKIPPED, Record
from nas_selection_bench.bench.work.run_file import RUN_FILE, SHARED_ENTRIES, as_text, commands, processors, read_run
from nas_selection_bench.bench.work.store import Store

NAME = "python -m nas_selection_bench merge"

BETTER = (DONE, SKIPPED, FAILED)
"""If two folders hold a cell in different states, the state that comes first here is kept."""


CURES = {
    "seed": "run one of them again with --seed of the other",
    "device": "run one of them again with --device of the other",
    "threads": "run one of them again with --threads of the other",
    "environment": "run one of them again with the variables of the other",
    "table": "run one of them again with --table of the other",
}
"""What two folders may differ in -> what the user can do about it."""


class Conflict(BenchError):
    """Two folders hold different results of one cell, or read different checkpoints of one supernet."""

    exit_code = ExitCode.DIFFERS


@dataclass(frozen=True)
class JoinedFolder:
    """The content of one of the folders to join."""

    folder: Path
    run: Mapping[str, Any]
    records: Mapping[str, Record]
    contents: Mapping[str, bytes]
    """Path inside the folder -> content of the file, for its records, costs and logs."""
    plan: Sequence[Mapping[str, Any]]
    described: Mapping[str, Mapping[str, Any]]
    curvature: Sequence[Mapping[str, str]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Join the named folders, and return the exit code; raises the errors of `merge`."""
    parser = Parser(
        prog=NAME, description="Join output folders of several machines. Exit code 3 if they hold different results."
    )
    parser.add_argument("folders", nargs="+", type=given_path, metavar="FOLDER", help="an output folder; two or more")
    parser.add_argument("--out", required=True, type=given_path, metavar="DIR", help="a new or empty folder")
    given = parser.parse_args(arguments)
    count = merge(given.folders, given.out)
    cells, folders = counted(count, "cell"), counted(len(given.folders), "folder")
    print(f"{given.out}: {cells} from {folders}; draw the report with --out {given.out} --report-only")
    return int(ExitCode.OK)


def merge(folders: Sequence[Path], out: Path) -> int:
    """Write the content of `folders` to `out`, a new or empty folder; returns the number of cells with a record there.

    Raises UsageError for folders that do not belong together, Conflict if two hold different results, and DataError if
    one is damaged; nothing is written then.
    """
    if len({folder.resolve() for folder in folders}) < max(2, len(folders)):
        raise UsageError("Name two or more different folders.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} already exists; name a new folder with --out.")
    parts = [read_part(folder) for folder in folders]
    refuse_others(parts)
    refuse_other_methods(parts)
    refuse_other_weights(parts)
    chosen = choose(parts)
    make_folder(out)
    with only_writer(out / ".lock", wait=False):
        write(parts, chosen, Store(out))
    return len(chosen)


def read_part(folder: Path) -> JoinedFolder:
    """The content of a folder; raises UsageError for one that is not an output folder, DataError for a damaged one."""
    run = read_run(folder)
    if run is None:
        raise UsageError(f"{folder} is not an output folder: {folder / RUN_FILE} does not exist.")
    records, damaged = as_stored(folder).read_all()
    if damaged:
        raise DataError(f"The record {damaged[0]} is damaged; run the command that made it again, or delete it.")
    plan, described = planned_cells(Store(folder)), read_described(folder)
    return JoinedFolder(folder, run, records, contents_of(folder), plan, described, read_curvature(folder))


def refuse_others(parts: Sequence[JoinedFolder]) -> None:
    """Raise UsageError if two folders were made under circumstances that must not be mixed."""
    first = parts[0]
    for part in parts[1:]:
        pairs = [(name, first.run.get(name), part.run.get(name)) for name in SHARED_ENTRIES]
        pairs.append(("table", first.run["table"]["sha256"][:12], part.run["table"]["sha256"][:12]))
        for dataset in sorted(first.run.get("images", {}).keys() & part.run.get("images", {}).keys()):
            prints = [run["images"][dataset].get("fingerprint") for run in (first.run, part.run)]
            pairs.append((f"images of {dataset}", *prints))
        for name, one, other in pairs:
            if one != other:
                raise UsageError(
                    f"{first.folder} and {part.folder} do not belong together: the {name} of one is {as_text(one)}, of"
                    f" the other {as_text(other)}; {CURES.get(name, 'merge folders that were made alike')}."
                )


def refuse_other_methods(parts: Sequence[JoinedFolder]) -> None:
    """Raise UsageError if two folders hold results of different versions of a method, which would be averaged."""
    seen: dict[str, tuple[set[str], Path]] = {}
    for part in parts:
        for method, versions in versions_in(part).items():
            before, folder = seen.setdefault(method, (versions, part.folder))
            if before != versions:
                raise UsageError(
                    f"{folder} and {part.folder} do not belong together: {method} of one is"
                    f" {' and '.join(sorted(before))}, of the other {' and '.join(sorted(versions))}; run the older"
                    " folder again with the newer one."
                )


def versions_in(part: JoinedFolder) -> dict[str, set[str]]:
    """`selector NAME` or `supernet NAME` -> the versions that made results, with the content of a plug-in."""
    found: dict[str, set[str]] = {}
    for record in part.records.values():
        if record.state != DONE:
            continue
        named = [("selectors", "selector", record.version)]
        named += [] if record.shared else [("supernets", "recipe", record.recipe_version)]
        for kind, column, version in named:
            name = str(record.cell[column])
            content = part.described[kind].get(name, {}).get("digest", "")
            described = f"version {version}" + (f" with content {content}" if content else "")
            found.setdefault(f"{kind[:-1]} {name}", set()).add(described)
    return found


def refuse_other_weights(parts: Sequence[JoinedFolder]) -> None:
    """Raise Conflict if two folders read different checkpoints of one supernet, which would be compared as one."""
    seen: dict[tuple[object, ...], tuple[str, Path]] = {}
    for part in parts:
        for record in part.records.values():
            if record.checkpoint is None or record.shared:
                continue
            key = tuple(record.cell[name] for name in ("dataset", "recipe", "supernet_seed", "epoch", "preset"))
            checkpoint, folder = seen.setdefault(key, (record.checkpoint, part.folder))
            if checkpoint != record.checkpoint:
                dataset, recipe, seed, epoch, _ = key
                raise Conflict(
                    f"{folder} and {part.folder} read different checkpoints of {dataset} {recipe} seed {seed} epoch"
                    f" {epoch}, whose cells cannot be compared; nothing was written."
                )


def choose(parts: Sequence[JoinedFolder]) -> dict[str, JoinedFolder]:
    """File stem of each cell -> the folder whose record is kept; raises Conflict if results of one cell differ."""
    chosen: dict[str, JoinedFolder] = {}
    conflicts: dict[str, tuple[JoinedFolder, JoinedFolder]] = {}
    for part in parts:
        for stem, record in part.records.items():
            before = chosen.setdefault(stem, part)
            kept = before.records[stem]
            if kept.state == record.state == DONE and kept.to_json() != record.to_json():
                conflicts.setdefault(stem, (before, part))
            if BETTER.index(record.state) < BETTER.index(kept.state):
                chosen[stem] = part
    if conflicts:
        stem, (one, other) = next(iter(conflicts.items()))
        cell = one.records[stem].cell
        raise Conflict(
            f"{one.folder} and {other.folder} hold different results of {len(conflicts)} of the same cells, the first"
            f" {cell['dataset']} {cell['recipe']} seed {cell['supernet_seed']} epoch {cell['epoch']}"
            f" {cell['selector']} #{cell['selector_seed']}; nothing was written."
        )
    return chosen


def write(parts: Sequence[JoinedFolder], chosen: Mapping[str, JoinedFolder], store: Store) -> None:
    """Fill the folder of `store`, run.json last, so that a half-filled folder is not taken for an output folder."""
    for folder in (store.records, store.costs, store.logs):
        make_folder(folder)
    for stem, part in chosen.items():
        log = part.records[stem].log or f"logs/{stem}.txt"
        for name in (f"records/{stem}.json", f"costs/{stem}.json", log):
            if name in part.contents and not (store.folder / name).exists():
                write_whole(store.folder / name, part.contents[name])
    for part in parts:  # the costs of supernets, which have no record
        for name in part.contents:
            path = store.folder / name
            if name.startswith("costs/") and path.suffix == ".json" and path.stem not in chosen and not path.exists():
                write_whole(path, part.contents[name])
    write_plan(store, [cell for part in parts for cell in part.plan])
    kinds = sorted(parts[0].described)
    content = {kind: dict(sorted(union(part.described[kind] for part in parts).items())) for kind in kinds}
    write_json(store.folder / METHODS_FILE, content, indent=1)
    curvature = {row["checkpoint"]: row for part in reversed(parts) for row in part.curvature}
    if curvature:
        write_curvature(store.folder, curvature.values())
    write_json(store.folder / RUN_FILE, joined_run([part.run for part in parts]), indent=1)


def joined_run(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The run.json of the joined folder: that of the latest run, with the commands, names and extents of all runs."""
    latest = max(runs, key=lambda run: str(run.get("last_started", "")))
    joined = dict(latest)
    joined["commands"] = in_order(command for run in runs for command in commands(run))
    joined["processors"] = in_order(name for run in runs for name in processors(run))
    together: Mapping[str, Callable[[list[Any]], Any]] = {
        **dict.fromkeys(("datasets", "supernets", "selectors", "plugins"), lambda values: in_order(chain(*values))),
        **dict.fromkeys(("settings", "images"), union),
        **dict.fromkeys(("supernet_seeds", "selector_seeds", "last_started"), max),
        "first_started": min,
        "git_commit": lambda values: values[0] if all(value == values[0] for value in values) else None,
    }
    for name, join in together.items():
        if values := [run[name] for run in runs if name in run]:
            joined[name] = join(values)
    return joined


def in_order(values: Iterable[Any]) -> list[Any]:
    """Each value once, in the order of first appearance."""
    found: list[Any] = []
    for value in values:
        if value not in found:
            found.append(value)
    return found


def union(mappings: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The entries of all mappings; for a name in several of them, the last one's value."""
    return reduce(lambda one, other: {**one, **other}, mappings, {})
