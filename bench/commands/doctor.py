"""What is here of data, packages and devices, and what is missing: `python -m nas_selection_bench doctor`.

Looks only; nothing is fetched and nothing is kept.
"""

import os
import platform
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from configparser import ConfigParser
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from nas_selection_bench.bench.commands.devices import gpus
from nas_selection_bench.bench.commands.options import available_cores
from nas_selection_bench.bench.commands.resolve import FETCH, TABLE_VARIABLE, default_cache
from nas_selection_bench.bench.errors import BenchError, DataError, ExitCode, counted, in_brief
from nas_selection_bench.bench.files import expanded, make_folder, only_writer
from nas_selection_bench.bench.parser import Parser
from nas_selection_bench.bench.problem.datasets import DATASETS, data_root, dataset_names, missing_images
from nas_selection_bench.bench.problem.official_files import TABLE_FILE, TABLE_NAME
from nas_selection_bench.bench.problem.open_table import open_table
from nas_selection_bench.bench.problem.own_dataset import describe
from nas_selection_bench.bench.problem.pixels import pixels_of
from nas_selection_bench.bench.work.presets import PRESETS
from nas_selection_bench.bench.work.run_file import DISTRIBUTION, processor
from nas_selection_bench.bench.work.workers import no_processes

GOOD, PARTLY, MISSING = "ok", "partly", "missing"

_OPTIONAL = {
    "distributed": "--backend dask, and runs on several machines",
    "pooch": "fetching CIFAR by a command",
    "gdown": "fetching NAS-Bench-201 and ImageNet16 by a command",
    "pyarrow": "converting images from parquet",
}
"""Package -> what cannot be done without it."""


@dataclass(frozen=True)
class Finding:
    """One line of the table."""

    what: str
    state: str
    """`ok`, `partly` or `missing`."""
    detail: str
    """The thing itself, or what it is needed for and how to get it."""
    needed: bool = False
    """Whether the default run, on digits, cannot do without it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; exit code 2 where even the default run cannot work."""
    parser = Parser(prog="python -m nas_selection_bench doctor", description="What is here and what is missing.")
    parser.add_argument("--data-root", metavar="DIR", help="folder of the data sets")
    parser.add_argument("--table", metavar="FILE", help="ground truth")
    parser.add_argument("--cache", metavar="DIR", help="folder of trained supernets")
    given = parser.parse_args(arguments)
    return int(doctor(given.data_root, given.table, given.cache))


def doctor(root: str | Path | None, table: str | Path | None, cache: str | Path | None) -> ExitCode:
    """Print what is here and what is missing of all that a run may need."""
    findings: list[Finding] = []
    try:
        folder = data_root(root)
        findings += [*_table(folder, table), *_images(folder)]
    except (BenchError, RuntimeError, OSError) as error:
        findings.append(Finding("data root", MISSING, in_brief(error)))
    findings += [*_packages(), *_machine(), *_places(cache)]
    width = max(len(finding.what) for finding in findings)
    for finding in findings:
        print(f"{finding.what:<{width}}  {finding.state:<7}  {finding.detail}")
    fetchable = [f.what.split()[-1] for f in findings if f.state == MISSING and "fetch" in f.detail]
    if fetchable:
        print(f"\nfetch what is missing: {FETCH} {' '.join(fetchable)}" + (f" --data-root {root}" if root else ""))
    broken = any(finding.needed and finding.state == MISSING for finding in findings)
    return ExitCode.USAGE if broken else ExitCode.OK


def _table(root: Path, named: str | Path | None) -> Iterator[Finding]:
    yield Finding("table digits", GOOD, "embedded")
    path = expanded(named or os.environ.get(TABLE_VARIABLE) or root / TABLE_FILE)
    what = f"table {TABLE_NAME}"
    if not path.exists():
        yield Finding(what, MISSING, f"{path}; without it no run on CIFAR or ImageNet16 (fetch, or --table FILE)")
        return
    if path.suffix != ".npz":
        yield Finding(
            what,
            PARTLY,
            f"{path} is parsed by every run; python -m nas_selection_bench convert-table makes a quick one",
        )
        return
    try:
        found = open_table(path)
        yield Finding(what, GOOD, f"{path}: {', '.join(found.datasets)}")
    except BenchError as error:
        yield Finding(what, MISSING, in_brief(error))


def _images(root: Path) -> Iterator[Finding]:
    yield Finding("images digits", GOOD, "embedded")
    for name in dataset_names(root):
        layout = DATASETS[name].layout if name in DATASETS else None
        what = f"images {name}"
        if name in DATASETS and layout is None:
            continue
        if layout is None:
            try:
                own = describe(name, root)
                mark = pixels_of(name, root, None)
                yield Finding(
                    what, GOOD, f"your own, {own.classes} classes" + (f", {mark.fingerprint}" if mark else "")
                )
            except DataError as error:
                yield Finding(what, MISSING, in_brief(error))
            continue
        lacking = missing_images(name, root, None)
        found = None if lacking else pixels_of(name, root, None)
        if found is not None and found.fingerprint:
            yield Finding(what, GOOD, f"{root / layout.folder}: {found.origin}, fingerprint {found.fingerprint}")
        elif found is not None:
            yield Finding(what, MISSING, f"{root / layout.folder} is damaged; delete it and fetch it again")
        elif missing_images(name, root, PRESETS["lite"].images) is None:
            yield Finding(what, PARTLY, f"{root / layout.folder}: enough for --preset lite, not for paper")
        else:
            yield Finding(what, MISSING, f"{root / layout.folder}; without it no run on {name} (fetch)")


def required() -> list[str]:
    """The packages that nothing runs without, as the installed program declares them; else as its checkout does."""
    try:
        lines = requires(DISTRIBUTION) or []
    except PackageNotFoundError:
        setup = ConfigParser()
        setup.read(Path(__file__).resolve().parents[2] / "setup.cfg", encoding="utf-8")
        lines = setup.get("options", "install_requires", fallback="").split("\n")
    return [name[0] for line in lines if "extra ==" not in line and (name := re.match(r"[\w.-]+", line))]


def _packages() -> Iterator[Finding]:
    for name in required():
        try:
            yield Finding(f"package {name}", GOOD, version(name))
        except PackageNotFoundError:
            yield Finding(f"package {name}", MISSING, f"nothing runs without it: pip install {name}", needed=True)
    for name, use in _OPTIONAL.items():
        try:
            yield Finding(f"package {name}", GOOD, version(name))
        except PackageNotFoundError:
            yield Finding(f"package {name}", MISSING, f"needed for: {use}; pip install {name}")


def _machine() -> Iterator[Finding]:
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    known = platform.system() in ("Linux", "Darwin")
    yield Finding("system", GOOD if known else MISSING, system if known else f"{system}; use Linux, macOS or WSL", True)
    yield Finding("device cpu", GOOD, f"{processor()}, {counted(available_cores(), 'core')} for this process")
    try:
        import torch

        count = gpus()
        names = ", ".join(sorted({torch.cuda.get_device_name(i) for i in range(count)}))
        absent = "needed for: speed; --preset paper takes days without one"
        yield Finding("device cuda", GOOD if count else MISSING, f"{count} x {names}" if count else absent)
    except (ImportError, RuntimeError) as error:
        yield Finding("device cuda", MISSING, in_brief(error))
    yield _workers()


def _workers() -> Finding:
    why = no_processes()
    if why is not None:
        return Finding(
            "worker processes",
            MISSING,
            f"{why}; needed for: parallel runs, and so that a crash of one cell does not end them all",
        )
    return Finding("worker processes", GOOD, "can be started")


def _places(cache: str | Path | None) -> Iterator[Finding]:
    try:
        yield Finding("home", GOOD, str(Path.home()))
    except RuntimeError as error:
        yield Finding(
            "home",
            MISSING,
            f"{in_brief(error).rstrip('.')}; needed for: the usual places (give --cache and --data-root)",
        )
    try:
        supernets = expanded(cache) if cache else default_cache()
    except BenchError as error:
        yield Finding("cache", MISSING, in_brief(error))
        return
    yield from _folder("cache", supernets)
    yield from _folder("temporary files", Path(tempfile.gettempdir()))


def _folder(what: str, path: Path) -> Iterator[Finding]:
    """Whether files can be written and locked in a folder, or in the nearest one that is there, and the room in it."""
    there = next(folder for folder in (path, *path.absolute().parents) if folder.is_dir())
    try:
        with tempfile.TemporaryDirectory(prefix=".doctor", dir=there) as probe:
            make_folder(Path(probe))
            with only_writer(Path(probe) / ".lock", wait=False):
                pass
        yield Finding(
            what, GOOD, f"{path}: can be written and locked, {shutil.disk_usage(there).free / 1e9:,.1f} GB free"
        )
    except (BenchError, OSError) as error:
        yield Finding(what, MISSING, f"{path}: {in_brief(error)}", needed=True)
