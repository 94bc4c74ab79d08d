"""The program behind `run_bench.py`: it reads the command line, hands the methods to the harness, and draws the report.

Only this module depends on all four packages: bench, supernets, selectors and reports. Slow imports are inside the
functions that need them, so that --help is quick.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from nas_selection_bench.bench.errors import BenchError, ExitCode, UsageError
from nas_selection_bench.bench.interruption import ended_at_once

if TYPE_CHECKING:
    from nas_selection_bench.bench.problem.image_set import ImageSet
    from nas_selection_bench.bench.problem.table import GroundTruth
    from nas_selection_bench.bench.work.catalogue import Catalogue, Registry
    from nas_selection_bench.bench.work.methods import Methods, Work
    from nas_selection_bench.bench.work.plugins import Plugin
    from nas_selection_bench.bench.work.store import Store

CODE = Path(__file__).resolve().parents[1]
"""The checkout, or the folder in which the package is installed."""

DECLARING = ("bench", "supernets", "selectors", "reports/stopping")


def recipes() -> Registry:
    """The training recipes: `supernets/NAME.py`."""
    from nas_selection_bench.supernets.parts.registry import RECIPES

    return RECIPES


def selectors() -> Registry:
    """The selectors: `selectors/NAME.py`."""
    from nas_selection_bench.selectors.parts.registry import SELECTORS

    return SELECTORS


def proxies() -> Registry:
    """The zero-cost proxies: `selectors/proxies/NAME.py`."""
    from nas_selection_bench.selectors import proxies

    return proxies


def stopping_rules() -> Registry:
    """The stopping rules: `reports/stopping/NAME.py`."""
    from nas_selection_bench.reports.stopping._rule import RULES

    return RULES


def described() -> Catalogue:
    """The declarations of all methods, by kind; read without torch unless a file has changed since they were stored."""
    from nas_selection_bench.bench.files import USERS_CACHE, expanded
    from nas_selection_bench.bench.work.catalogue import Catalogue, FoundKind

    package = Path(__file__).parent
    try:
        name = hashlib.sha256(str(package).encode("utf-8", "surrogateescape")).hexdigest()[:12]
        path = expanded(USERS_CACHE) / f"methods-{name}.json"
    except UsageError:
        path = None
    kinds = {
        "recipes": FoundKind("recipe", recipes), "selectors": FoundKind("selector", selectors),
        "zero-cost proxies": FoundKind("zero-cost score", proxies),
        "stopping rules": FoundKind("stopping rule", stopping_rules),
    }  # fmt: skip
    return Catalogue(kinds, declaring_files(), path)


def declaring_files() -> list[Path]:
    """All files that can change a method's declarations: the method files and the modules that they import."""
    package = Path(__file__).parent
    return [file for folder in DECLARING for file in (package / folder).rglob("*.py")]


@lru_cache(maxsize=2)
def images_of(dataset: str, root: Path, limit: int | None) -> ImageSet:
    """Training images of a data set, kept for the next cell of this process."""
    from nas_selection_bench.bench.problem.datasets import load_images

    return load_images(dataset, root, limit)


def set_threads(threads: int) -> None:
    """Limit every numerical library of this process to `threads` threads: sums depend on how they are split."""
    import torch
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    torch.set_num_threads(threads)
    threadpool_limits(threads)


@cache
def work(plugins: tuple[Plugin, ...]) -> Work:
    """The functions that train supernets and apply selectors to their checkpoints, with these plug-ins in use."""
    from nas_selection_bench.bench.work.methods import Work
    from nas_selection_bench.bench.work.plugins import within
    from nas_selection_bench.selectors.parts.apply import select
    from nas_selection_bench.supernets.training.loop import train

    return Work(images_of, partial(within, plugins, train), partial(within, plugins, select), set_threads)


def methods() -> Methods:
    """All methods, for the harness, with the plug-ins that are in use here."""
    from nas_selection_bench.bench.work.methods import Methods, Supernets
    from nas_selection_bench.bench.work.plugins import in_use
    from nas_selection_bench.reports.data.founders import GROUPS
    from nas_selection_bench.supernets.training.notes import epochs_present, facts, files_of, training_seconds

    kept = described()
    supernets = Supernets(epochs_present, facts, training_seconds, files_of)
    return Methods(
        kept["recipes"], kept["selectors"], supernets, partial(work, in_use()),
        further={kind: kept[kind] for kind in ("zero-cost proxies", "stopping rules")}, groups=GROUPS,
        quick_selectors="founders", outside=lambda: {**kept["selectors"].outside(), **kept["recipes"].outside()},
    )  # fmt: skip


def draw_report(store: Store, table: GroundTruth) -> Path:
    """Draw tables, figures and the page for the output folder of `store`; return the path of the page."""
    from nas_selection_bench.reports.page.page import write_report

    return write_report(store.folder, table, store)


def main(argv: Sequence[str] | None = None) -> ExitCode:
    """Run the command line and return the exit code."""
    argv = sys.argv[1:] if argv is None else list(argv)
    if sys.platform == "win32":
        print("This program runs on Linux and macOS; on Windows, use WSL.", file=sys.stderr)
        return ExitCode.USAGE
    with ended_at_once():  # until `answer` knows what to keep
        from nas_selection_bench.bench.commands.options import parse_options, program_name
        from nas_selection_bench.bench.commands.stdout import stdout_may_close

        try:
            with stdout_may_close():
                options = parse_options(argv)
        except BenchError as error:
            print(f"{program_name()}: {error}", file=sys.stderr)
            return error.exit_code
        from nas_selection_bench.bench.commands.run import answer

        return answer(options, argv, methods, draw_report, code=CODE)
