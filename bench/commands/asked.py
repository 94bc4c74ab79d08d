"""The cells of a run: the grid that a command line asks for, or the plan of an output folder that it resumes."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nas_selection_bench.bench.commands.modes import EXPERIMENT_OPTIONS, flag
from nas_selection_bench.bench.commands.options import Options
from nas_selection_bench.bench.commands.resolve import make_request
from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.names import called
from nas_selection_bench.bench.work.methods import MethodDeclaration, Methods
from nas_selection_bench.bench.work.plan import PlannedCell, make_plan, plan_again
from nas_selection_bench.bench.work.plan_file import PLAN_FILE, planned_cells
from nas_selection_bench.bench.work.presets import Settings, settings_labelled
from nas_selection_bench.bench.work.record import Circumstances
from nas_selection_bench.bench.work.run_file import RUN_FILE, commands, read_run
from nas_selection_bench.bench.work.store import Store


@dataclass(frozen=True)
class Asked:
    """The cells of a run, with the methods they need."""

    plan: list[PlannedCell]
    recipes: Sequence[MethodDeclaration]
    selectors: Sequence[MethodDeclaration]
    facts: Mapping[str, Any]
    """The request as entries of run.json."""


def folders_plan(options: Options) -> list[dict[str, Any]]:
    """The cells in the plan of `--out` if the command line does not choose any itself, nor another seed; else none.

    Raises UsageError if the folder holds results but no longer says what was asked for.
    """
    out = options.out
    if options.asks or out is None:
        return []
    run, cells = read_run(out), planned_cells(Store(out))
    if run is None or not cells:
        _refuse_forgotten_plan(out, run, bool(cells))
        return []
    return cells if options.seed in (None, run.get("seed", 0)) else []


def _refuse_forgotten_plan(out: Path, run: Mapping[str, Any] | None, planned: bool) -> None:
    """Raise UsageError if `out` holds results, unless its run.json says that they are of the default comparison."""
    store = Store(out)
    if run is None and not planned and not store.stems(store.records):
        return
    asking = {flag(name) for name in EXPERIMENT_OPTIONS}
    known = commands(run or {})
    if any(not asking & {word.partition("=")[0] for word in command} for command in known):
        return
    lack = f"it has no {RUN_FILE}" if run is None else f"{PLAN_FILE} does not say what they asked for"
    cure = "give their options again (--datasets digits for the default comparison)"
    if known:
        cure = f"repeat {called()} {shlex.join(known[0])}, the first command in {RUN_FILE}"
    raise UsageError(f"{out} holds results of earlier runs, but {lack}; {cure}.")


def sizes(cells: Sequence[Mapping[str, Any]]) -> dict[str, Settings]:
    """Data set -> size of its experiment; raises UsageError if the folder holds a data set at several sizes."""
    labels: dict[str, str] = {}
    for cell in cells:
        if labels.setdefault(cell["dataset"], cell["preset"]) != cell["preset"]:
            raise UsageError(
                f"The folder holds {cell['dataset']} at presets {labels[cell['dataset']]} and {cell['preset']};"
                " choose among them with --datasets, --preset and the other options of its runs."
            )
    return {dataset: settings_labelled(label) for dataset, label in labels.items()}


def asked_here(
    options: Options, methods: Methods, settings: Mapping[str, Settings], here: Circumstances, data: Mapping[str, str]
) -> Asked:
    """The cells that a command line asks for; raises UsageError for names that do not exist."""
    request = make_request(options, methods, settings, here, data)
    facts = {
        "datasets": list(settings),
        "supernets": [recipe.name for recipe in request.recipes],
        "selectors": [selector.name for selector in request.selectors],
        "supernet_seeds": request.supernet_seeds,
        "selector_seeds": request.selector_seeds,
        "epochs": request.epochs,
        "bn": request.bn,
        "seed": request.root,
        "settings": {dataset: asdict(size) for dataset, size in settings.items()},
    }
    return Asked(make_plan(request), request.recipes, request.selectors, facts)


def asked_before(
    cells: Sequence[Mapping[str, Any]], methods: Methods, run: Mapping[str, Any], here: Circumstances,
    data: Mapping[str, str],
) -> Asked:  # fmt: skip
    """The `cells` that earlier runs of a folder asked for; `run` is the content of its run.json.

    Raises UsageError if one of their methods or options does not exist any more.
    """
    try:
        plan = plan_again(cells, methods, run.get("seed", 0), data, here)
    except UsageError as error:
        raise UsageError(
            f"{error} Earlier runs of this folder asked for it ({PLAN_FILE}); say which of its cells to go on with"
            " (--selectors, --supernets and the other options of its runs), or choose another --out."
        ) from error
    recipes = dict.fromkeys(planned.cell.supernet.recipe for planned in plan)
    selectors = dict.fromkeys(planned.cell.selector for planned in plan)
    names = ("datasets", "supernets", "selectors", "supernet_seeds", "selector_seeds", "epochs", "bn", "seed",
             "settings")  # fmt: skip
    return Asked(
        plan, [methods.recipes.find(name) for name in recipes], [methods.selectors.find(name) for name in selectors],
        {name: run[name] for name in names if name in run},
    )  # fmt: skip
