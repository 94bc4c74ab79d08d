"""Report which data, packages and devices are here and which are missing: `python -m nas_selection_bench doctor`.

It only looks: nothing is downloaded and no files are left behind.
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
from nas_selection_bench.bench.commands.out_folder import refuse_file
from nas_selection_bench.bench.commands.resolve import FETCH, TABLE_VARIABLE, default_cache
from nas_selection_bench.bench.errors import BenchError, DataError, ExitCode, counted, in_brief
from nas_selection_bench.bench.files import expanded, given_path, make_folder, only_writer
from nas_selection_bench.bench.parser import Parser
from nas_selection_bench.bench.problem.datasets import DATASETS, data_root, dataset_names, load_images, missing_images
from nas_selection_bench.bench.problem.image_checks import refuse_unfit
from nas_selection_bench.bench.problem.official_files import TABLE_FILE, TABLE_NAME
from nas_selection_bench.bench.problem.open_table import is_official, open_table
from nas_selection_bench.bench.problem.pixels import pixels_of
from nas_selection_bench.bench.work.presets import PRESETS
from nas_selection_bench.bench.work.run_file import DISTRIBUTION, processor
from nas_selection_bench.bench.work.workers import no_processes

GOOD, PARTLY, MISSING = "ok", "partly", "missing"

_OPTIONAL = {
    "distributed": "--backend dask, and runs on several machines",
    "pooch": "downloading CIFAR with a command",
    "gdown": "downloading NAS-Bench-201 and ImageNet16 with a command",
    "pyarrow": "converting images in parquet files",
}
"""Optional package -> what it is needed for."""


@dataclass(frozen=True)
class Finding:
    """One line of the table."""

    what: str
    state: str
    """`ok`, `partly` or `missing`."""
    detail: str
    """What was found; or what the missing thing is needed for, and how to get it."""
    needed: bool = False
    """Whether the default run, on digits, requires it."""
    fetch: str = ""
    """What `fetch` would download to mend it; empty if it cannot."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the findings; return exit code 2 if not even the default run can work."""
    parser = Parser(prog="python -m nas_selection_bench doctor", description="Show what is here and what is missing.")
    parser.add_argument("--data-root", type=given_path, metavar="DIR", help="folder of the data sets")
    parser.add_argument("--table", type=given_path, metavar="FILE", help="ground truth")
    parser.add_argument("--cache", type=given_path, metavar="DIR", help="folder of trained supernets")
    given = parser.parse_args(arguments)
    return int(doctor(given.data_root, given.table, given.cache))


def doctor(root: str | Path | None, table: str | Path | None, cache: str | Path | None) -> ExitCode:
    """Print everything that a run may need, and whether it is here; the exit code is that of `main`."""
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
    fetchable = [finding.fetch for finding in findings if finding.fetch]
    if fetchable:
        print(
            f"\nfetch what is missing: {FETCH} {' '.join(fetchable)}"
            + (f" --data-root {root}" if root is not None else "")
        )
    broken = any(finding.needed and finding.state == MISSING for finding in findings)
    return ExitCode.USAGE if broken else ExitCode.OK


def _table(root: Path, named: str | Path | None) -> Iterator[Finding]:
    yield Finding("table digits", GOOD, "embedded")
    path = expanded(os.environ.get(TABLE_VARIABLE) or root / TABLE_FILE if named is None else named)
    what = f"table {TABLE_NAME}"
    if not path.exists():
        needs = f"{path}; needed for: runs on CIFAR and ImageNet16 (fetch, or --table FILE)"
        yield Finding(what, MISSING, needs, fetch=TABLE_NAME)
        return
    faster = "python -m nas_selection_bench convert-table makes a fast one"
    if is_official(path):
        yield Finding(what, PARTLY, f"{path} is not read here, since every reading of it takes minutes; {faster}")
        return
    try:
        found = f"{path}: {', '.join(open_table(path).datasets)}"
    except BenchError as error:
        yield Finding(what, MISSING, in_brief(error))
        return
    if path.suffix.lower() == ".npz":
        yield Finding(what, GOOD, found)
    else:
        yield Finding(what, PARTLY, f"{found}; it is parsed again by every run; {faster}")


def _images(root: Path) -> Iterator[Finding]:
    yield Finding("images digits", GOOD, "embedded")
    for name in dataset_names(root):
        layout = DATASETS[name].layout if name in DATASETS else None
        what = f"images {name}"
        if name in DATASETS and layout is None:
            continue
        if layout is None:
            try:
                own = load_images(name, root)
                refuse_unfit(own, PRESETS["lite"].batch_size)
                mark = pixels_of(name, root, None)
                yield Finding(
                    what, GOOD, f"your own, {own.classes} classes" + (f", {mark.fingerprint}" if mark else "")
                )
            except (DataError, ImportError) as error:  # PyTorch may be missing
                yield Finding(what, MISSING, in_brief(error))
            continue
        lacking = missing_images(name, root, None)
        found = None if lacking else pixels_of(name, root, None)
        if found is not None and found.fingerprint:
            yield Finding(what, GOOD, f"{root / layout.folder}: {found.origin}, fingerprint {found.fingerprint}")
        elif found is not None:
            yield Finding(what, MISSING, f"{root / layout.folder} is damaged; delete it and fetch it again", fetch=name)
        elif missing_images(name, root, PRESETS["lite"].images) is None:
            yield Finding(what, PARTLY, f"{root / layout.folder}: enough for --preset lite, not for paper")
        else:
            yield Finding(what, MISSING, f"{root / layout.folder}; needed for: runs on {name} (fetch)", fetch=name)


def required() -> list[str]:
    """The required packages, as declared by the installed program, or by setup.cfg if it is not installed."""
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
            yield Finding(f"package {name}", MISSING, f"needed for: every run; pip install {name}", needed=True)
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
            f"{why}; needed for: computing cells in parallel, and surviving the crash of a single cell",
        )
    return Finding("worker processes", GOOD, "can be started")


def _places(cache: str | Path | None) -> Iterator[Finding]:
    try:
        yield Finding("home", GOOD, str(expanded("~")))
    except BenchError as error:
        yield Finding(
            "home",
            MISSING,
            f"{in_brief(error).rstrip('.')}; needed for: the default folders (or give --cache and --data-root)",
        )
    try:
        supernets = default_cache() if cache is None else expanded(cache)
        refuse_file(supernets, "--cache")
        yield from _folder("cache", supernets)
    except BenchError as error:
        yield Finding("cache", MISSING, in_brief(error), needed=True)
    yield from _folder("temporary files", Path(tempfile.gettempdir()))


def _folder(what: str, path: Path) -> Iterator[Finding]:
    """Whether files can be written and locked in `path` or its nearest existing parent, and the free space there."""
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
