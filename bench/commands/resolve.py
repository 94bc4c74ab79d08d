"""From the options of a command line to a request: defaults, workers, tables; options that clash are refused."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from nas_selection_bench.bench.commands.devices import Device
from nas_selection_bench.bench.commands.options import Options, available_cores
from nas_selection_bench.bench.errors import MissingData, UsageError
from nas_selection_bench.bench.files import USERS_CACHE, expanded
from nas_selection_bench.bench.names import choose, split_names, unknown
from nas_selection_bench.bench.problem.csv_table import OFFICIAL_NAMES
from nas_selection_bench.bench.problem.datasets import (
    DATASETS,
    dataset_names,
    image_count,
    missing_images,
    refuse_more_images,
)
from nas_selection_bench.bench.problem.official_files import TABLE_FILE, TABLE_NAME, TABLE_SOURCE
from nas_selection_bench.bench.problem.open_table import embedded_table, open_table
from nas_selection_bench.bench.problem.pixels import Pixels, pixels_of
from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.bench.work.methods import Methods
from nas_selection_bench.bench.work.plan import Request
from nas_selection_bench.bench.work.presets import PRESETS, Settings, settings_for
from nas_selection_bench.bench.work.record import Circumstances
from nas_selection_bench.bench.work.run_file import SHARED_ENTRIES, as_text
from nas_selection_bench.bench.work.workers import Pool, no_processes

TABLE_VARIABLE = "NAS_BENCH_TABLE"
FETCH = "python -m nas_selection_bench fetch"


@dataclass(frozen=True)
class Extent:
    """How much is compared by default."""

    quick: bool = False
    """Whether to take only the quick selectors (`Methods.quick_selectors`)."""
    supernet_seeds: int = 3
    selector_seeds: int = 2


EXTENTS = {"digits": Extent(quick=True, supernet_seeds=2, selector_seeds=1)}
"""Preset -> its extent, if unusual. The default run must stay within minutes on two cores; `--selectors all` asks for
the rest."""


def usual_extent(settings: Mapping[str, Settings]) -> Extent:
    """Defaults for seeds and selectors: the smallest among the presets in use."""
    extents = [EXTENTS.get(s.preset, Extent()) for s in settings.values()]
    return Extent(
        quick=any(extent.quick for extent in extents),
        supernet_seeds=min(extent.supernet_seeds for extent in extents),
        selector_seeds=min(extent.selector_seeds for extent in extents),
    )


MOST_JOBS = 8
"""Largest number of workers that is started by default: each takes some hundred megabytes."""


def find_datasets(text: str, root: Path) -> list[str]:
    """The data sets named in `text`, each once; raises UsageError for an unknown one, and if there are none."""
    known = dataset_names(root)
    names = list(dict.fromkeys(split_names(text)))
    if not names:
        raise UsageError(f"--datasets names none; the data sets are: {', '.join(known)}.")
    for name in names:
        if name not in known and name.lower() in OFFICIAL_NAMES:
            raise UsageError(f"NAS-Bench-201's {name} is called {OFFICIAL_NAMES[name.lower()]} here; use that name.")
        if name not in known:
            raise unknown("data set", name, known)
    return names


def find_pixels(settings: Mapping[str, Settings], root: Path) -> dict[str, Pixels]:
    """Data set -> the origin of the images that it reads; data sets with embedded images are left out."""
    found = {name: pixels_of(name, root, chosen.images) for name, chosen in settings.items()}
    return {name: pixels for name, pixels in found.items() if pixels is not None}


def find_settings(options: Options, datasets: list[str], kind: str) -> dict[str, Settings]:
    """Data set -> size of its experiment; the default preset depends on the `kind` of device."""
    settings = {}
    for dataset in datasets:
        fallback = dataset if dataset in PRESETS else ("paper" if kind == "cuda" else "lite")
        chosen = settings_for(options.preset or fallback)
        chosen = chosen.with_sizes(options.channels, options.cells, options.images)
        chosen = chosen.with_budget(options.budget) if options.budget else chosen
        settings[dataset] = chosen.with_epochs(options.train_epochs) if options.train_epochs else chosen
    return settings


def refuse_too_many_images(images: int | None, datasets: list[str], root: Path) -> None:
    """Raise UsageError if --images asks for more training images than a data set has: the preset's label would lie."""
    if images is None:
        return
    for name in datasets:
        there = image_count(name, root)
        if there is not None:
            refuse_more_images(images, there, name)


def named_table(options: Options, datasets: list[str]) -> Path | str | None:
    """The table that --table or (not for digits) $NAS_BENCH_TABLE names; None if neither does."""
    return options.table or (None if datasets == ["digits"] else os.environ.get(TABLE_VARIABLE))


def find_table(options: Options, datasets: list[str], root: Path) -> GroundTruth:
    """The ground truth of `datasets`: from --table, $NAS_BENCH_TABLE or the data root, or the embedded one.

    Raises MissingData if no table is found, and UsageError if it does not hold one of the data sets.
    """
    given = named_table(options, datasets)
    if given:
        if not expanded(given).exists():
            raise MissingData(f"The table {given} does not exist; check the path; docs/data.md says how to get one.")
        table = open_table(given)
    elif datasets == ["digits"]:
        table = embedded_table("digits")
    elif "digits" in datasets:
        raise UsageError("digits has its own ground truth: run it separately from the other data sets.")
    elif (root / TABLE_FILE).exists():
        table = open_table(root / TABLE_FILE)
    else:
        raise MissingData(_missing_table(datasets, root))
    for dataset in datasets:
        if dataset not in table.datasets:
            raise UsageError(
                f"The table {table.name!r} holds {', '.join(table.datasets)}, not {dataset}; give another --table."
            )
    return table


def _missing_table(datasets: list[str], root: Path) -> str:
    """Sentences on how to get the ground truth of `datasets`."""
    own = [dataset for dataset in datasets if dataset not in DATASETS]
    lines = [
        f"{name}: no ground truth; make one with python -m nas_selection_bench make-table --dataset {name}"
        f" --data-root {root} --out {name}.npz (docs/data.md says how long it takes) and give it with --table."
        for name in own
    ]
    if len(own) < len(datasets):
        names = ", ".join(name for name in datasets if name not in own)
        lines.append(
            f"{names}: no ground truth, {root / TABLE_FILE} does not exist; give --table FILE, or convert the"
            f" official file once: python -m nas_selection_bench convert-table {TABLE_SOURCE}"
            f" {root / TABLE_FILE}."
        )
    return " ".join(lines)


def all_missing(sentences: list[str], datasets: list[str], root: Path, table: bool) -> MissingData:
    """One error for everything that is missing, with a single command that fetches it."""
    wanted = [name for name in datasets if name in DATASETS and name != "digits"]
    if not wanted:
        return MissingData(" ".join(sentences))
    absent = [name for name in wanted if missing_images(name, root, None)] + ([TABLE_NAME] if table else [])
    if not absent:
        return MissingData(" ".join(sentences))
    fetch = f"{FETCH} {' '.join(absent)} --data-root {root}"
    what = "them all" if len(absent) >= len(sentences) else "the images"
    return MissingData(f"Data are missing; fetch {what} with {fetch}, or by hand. {' '.join(sentences)}")


def find_jobs(options: Options, device: Device, threads: int) -> int:
    """Number of workers: as asked, else one per GPU, or on the CPU as many as the cores allow with `threads` each."""
    if options.jobs:
        return options.jobs
    if device.kind == "cuda":
        return max(1, len(device.indices))
    return max(1, min(available_cores() // threads, MOST_JOBS))


def find_threads(options: Options, earlier: Mapping[str, Any] | None) -> int:
    """Threads per worker: as asked, else as in earlier runs of the output folder, else cores / --jobs.

    Without --jobs it is one, which is fastest for these small networks and gives the same numbers on
    machines with more or fewer cores.
    """
    if options.threads:
        return options.threads
    if earlier is not None and "threads" in earlier:
        return int(earlier["threads"])
    return max(1, available_cores() // options.jobs) if options.jobs else 1


def find_pool(options: Options, device: Device, jobs: int, threads: int, locks: Path) -> Pool:
    """How the work is spread over workers.

    Even one job gets a worker process, so that a crash costs only its own cell, except on a single GPU and where no
    process can be started.
    """
    if device.kind == "cuda" and len(device.indices) == 1 and options.backend == "loky":
        return Pool(jobs, "threading", threads)
    if options.backend == "loky" and no_processes():
        return Pool(1, "none", threads)
    return Pool(jobs, options.backend, threads, device.indices, locks)


def default_out(datasets: list[str], settings: Mapping[str, Settings]) -> Path:
    """The default output folder: out/ and the names of the data sets and of any preset not named like one of them."""
    presets = sorted({s.preset for s in settings.values()} - set(datasets))
    return Path("out") / "-".join(["+".join(datasets), *presets])


def default_cache() -> Path:
    """The default folder of trained supernets; raises UsageError if there is no home folder."""
    try:
        return expanded(f"{USERS_CACHE}/supernets")
    except UsageError:
        raise UsageError("There is no home folder to keep trained supernets in; give --cache, or set HOME.") from None


def make_request(
    options: Options,
    methods: Methods,
    settings: Mapping[str, Settings],
    here: Circumstances,
    data: Mapping[str, str] = MappingProxyType({}),
) -> Request:
    """The request of `options`; raises UsageError for names that do not exist."""
    named = choose("supernet", options.supernets, methods.recipes.names(), methods.recipes.find)
    recipes = {recipe.name: recipe for recipe in map(methods.recipes.find, named)}
    extent = usual_extent(settings)
    usual = methods.quick_selectors if extent.quick else "all"
    asked = usual if options.selectors is None else options.selectors
    chosen = choose("selector", asked, methods.selectors.names(), methods.selectors.find, methods.groups)
    selectors = {selector.name: selector for selector in map(methods.selectors.find, chosen)}
    return Request(
        settings=settings,
        recipes=tuple(recipes.values()),
        selectors=tuple(selectors.values()),
        supernet_seeds=options.seeds or extent.supernet_seeds,
        selector_seeds=options.selector_seeds or extent.selector_seeds,
        epochs=options.epochs,
        bn=options.bn,
        root=options.seed or 0,
        circumstances=here,
        data=data,
    )


CURES = {
    "seed": "pass --seed {} to resume",
    "device": "pass --device {} to resume",
    "hardware": "resume it on the hardware that it was started on",
    "threads": "pass --threads {} to resume",
    "environment": "set the same environment variables to resume",
    "table_sha256": "use the table that it was made with",
}
"""Circumstance of SHARED_ENTRIES, or the table -> what the user can do if it differs from the folder's."""


def refuse_another_experiment(out: Path, earlier: Mapping[str, Any] | None, now: Mapping[str, Any]) -> None:
    """Raise UsageError if `out` holds results made under circumstances that must not be mixed with the present ones."""
    if earlier is None:
        return
    for name in (*SHARED_ENTRIES, "table_sha256"):
        if name in earlier and name in now and earlier[name] != now[name]:
            raise UsageError(
                f"{out} holds results with {name} {as_text(earlier[name])}, and this run has {as_text(now[name])}:"
                f" {CURES[name].format(as_text(earlier[name]))}, or choose another --out."
            )
