"""run.json: the circumstances under which an output folder was made."""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, metadata, version
from pathlib import Path
from typing import Any

from nas_selection_bench.bench.errors import DataError
from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.bench.work.json_files import read_json, refuse_newer, write_json

RUN_FILE = "run.json"
SCHEMA = 1
"""Version of the file's format, raised when an older program could misread it."""

CHANGED = ("status", "--porcelain", "--untracked-files=no", "--", ".", ":(exclude)results")
"""Git arguments that list the program's files that differ from the commit."""

ADDED = ("ls-files", "--others", "--exclude-standard", "--", "bench", "supernets", "selectors", "reports",
         "run_bench.py")  # fmt: skip
"""Git arguments that list files that the commit lacks, in folders whose modules are found without a list."""

SHARED_ENTRIES = ("seed", "device", "hardware", "threads", "environment")
"""Entries that all results of a folder have in common, besides the table; otherwise cells would be paired with
checkpoints that they never read."""

MESSAGE_OPTIONS = ("-q", "--quiet", "-v", "--verbose")
"""Options that change only a run's messages; with or without them it is the same command."""

_KINDS: dict[str, Any] = {
    "argv": [str], "commands": [[str]], "datasets": [str], "table": {"sha256": str}, "device": str, "hardware": str,
    "threads": int, "jobs": int, "seed": int, "settings": {str: dict}, "images": {str: dict}, "notes": {str: str},
    "environment": {str: str}, "repository": str,
    "processors": [str], "versions": {str: str}, "git_commit": str | None, "first_started": str, "last_started": str,
    "supernets": [str], "selectors": [str], "supernet_seeds": int, "selector_seeds": int,
    "plugins": [{"from": str, "offers": str}],
}  # fmt: skip
"""The types of the entries that the program reads; older folders lack some of them."""

DISTRIBUTION = "nas-selection-bench"

_PACKAGES = ("torch", "numpy", "scipy", "pandas", "scikit-learn", "joblib", "safetensors")

ARITHMETIC = ("ATEN_CPU_CAPABILITY", "MKL_CBWR", "ONEDNN_MAX_CPU_ISA")
"""Environment variables that choose the instruction set of torch's libraries. Another set sums in another order, and
training amplifies the last digit. With the values `default`, `COMPATIBLE` and `SSE41`, in this order, every x86-64 CPU
has the instructions; even so the order of sums depends on the CPU's caches."""


def arithmetic() -> dict[str, str]:
    """The ARITHMETIC variables that are set, with their values."""
    return {name: os.environ[name] for name in ARITHMETIC if name in os.environ}


def as_text(circumstance: object) -> str:
    """The value of an entry in SHARED_ENTRIES, for messages; environment variables are spelled as a shell sets them."""
    if isinstance(circumstance, Mapping):
        return " ".join(f"{name}={value}" for name, value in sorted(circumstance.items())) or "none"
    return "not stored" if circumstance is None else str(circumstance)


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that compute numbers in results."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def repository() -> str:
    """URL of the program's repository, from its package (`url` in setup.cfg); empty if it has none."""
    try:
        ours = metadata(DISTRIBUTION)
    except PackageNotFoundError:
        return ""
    homes = ours.get_all("Home-page", []) or [url.partition(", ")[2] for url in ours.get_all("Project-URL", [])]
    return str(homes[0]) if homes else ""


def git_commit(folder: Path) -> str | None:
    """The commit of the git checkout `folder`, followed by `-dirty` if the program differs; None if it is no checkout.

    Stored results do not count as the program: a run that continues in results/ changes them as it works.
    """
    if shutil.which("git") is None or not (folder / ".git").exists():
        return None

    def answer(*arguments: str) -> str | None:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else None

    commit = answer("rev-parse", "HEAD")
    return f"{commit}-dirty" if commit and (answer(*CHANGED) or answer(*ADDED)) else commit


def processor() -> str:
    """Model name of the CPU, as far as the system gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def write_run(
    folder: Path, commit: str | None, table: GroundTruth, facts: Mapping[str, Any], argv: Sequence[str]
) -> None:
    """Write run.json: the `facts` of the request, and what it was run with; `commit` is the program's.

    The time of the folder's first run is kept, as are all command lines and CPU models that contributed to it.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    earlier = read_run(folder) or {}
    known, command = commands(earlier), [word for word in argv if word not in MESSAGE_OPTIONS]
    here = processor()
    content = {
        "schema": SCHEMA,
        "argv": list(argv),
        "commands": known if command in known else [*known, command],
        **facts,
        "table": {"name": table.name, "sha256": table.sha256, "datasets": list(table.datasets)},
        "versions": versions(),
        "git_commit": commit,
        **({"repository": address} if (address := repository()) else {}),
        "processor": here,
        "processors": list(dict.fromkeys([*processors(earlier), here])),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "byte_order": sys.byteorder,
        "first_started": earlier.get("first_started", now),
        "last_started": now,
    }
    write_json(folder / RUN_FILE, content, indent=1)


def commands(run: Mapping[str, Any]) -> list[list[str]]:
    """The command lines that contributed to a folder, each once, in the order of their first use.

    Older folders store only the last one.
    """
    known = run.get("commands", [run["argv"]] if "argv" in run else [])
    return [list(command) for command in known]


def processors(run: Mapping[str, Any]) -> list[str]:
    """The CPU models that contributed to a folder, in the order of their first use; older folders store only the last.

    Supernets of the same seed differ between CPU models, since training amplifies the last digit.
    """
    return list(run.get("processors", [run["processor"]] if "processor" in run else []))


def read_run(folder: Path) -> dict[str, Any] | None:
    """The content of run.json; None if there is none. Raises DataError if it is damaged or another program's."""
    path = folder / RUN_FILE

    def understood(content: dict[str, Any]) -> dict[str, Any]:
        refuse_newer(content.get("schema"), SCHEMA, path)
        known = {name: content[name] for name in _KINDS if name in content}
        whole = {"table", "datasets"} <= known.keys() and all(_is(_KINDS[name], known[name]) for name in known)
        if not whole or not known["datasets"] or min(known.get("threads", 1), known.get("jobs", 1)) < 1:
            raise DataError(f"{path} was not written by this program; delete it, or choose another folder.")
        return content

    return read_json(path, understood, None)


def run_of(folder: Path) -> dict[str, Any]:
    """As `read_run`, but raises DataError if there is no run.json."""
    run = read_run(folder)
    if run is None:
        raise DataError(f"{folder} holds no results: {RUN_FILE} does not exist; run with --out {folder} first.")
    return run


def _is(kind: Any, content: object) -> bool:
    """Whether `content` is of a kind: a type, a list of a kind, a dict with these entries, or with all of one kind."""
    if isinstance(kind, list):
        return isinstance(content, list) and all(_is(kind[0], entry) for entry in content)
    if isinstance(kind, dict) and all(isinstance(name, str) for name in kind):
        return isinstance(content, dict) and all(name in content and _is(kind[name], content[name]) for name in kind)
    if isinstance(kind, dict):
        return isinstance(content, dict) and all(_is(kind[str], entry) for entry in content.values())
    return isinstance(content, kind) and not isinstance(content, bool)
