"""The units of work: one supernet to train, and one cell (a selector applied to one checkpoint).

Seeds, caching, failures, resuming, CSV rows and progress are all per cell. Both units are frozen plain data, so that
they can be hashed, sent to a worker and written as canonical JSON.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from nas_selection_bench.bench.seeds import canonical_json, derive, short_digest
from nas_selection_bench.bench.work.presets import SelectionBudget, SupernetSize, size_of

NO_RECIPE = "untrained"
"""Recipe name of cells whose selector ignores the supernet."""


@dataclass(frozen=True)
class SupernetJob:
    """One weight-sharing supernet: its data set, recipe, seed and size."""

    dataset: str
    recipe: str
    """Name of the recipe, with options if any: `darts`, `gdas[tau_max=5]`."""
    seed: int
    """Supernet seed: 0, 1, 2, ... as counted by --seeds."""
    root: int
    """The root seed of the run (--seed)."""
    settings: SupernetSize
    data: str = ""
    """Fingerprint of the images (`bench.problem.pixels.Pixels.key`). Empty for embedded images, and for those that the
    results in results/ were made from; set for all others, a user's own included."""

    def __post_init__(self) -> None:
        """Drop the selection budget from `settings`: it does not change the supernet."""
        object.__setattr__(self, "settings", size_of(self.settings))

    def derive(self, purpose: str, **axes: str | int | float | bool | None) -> int:
        """The seed for one `purpose` (`weights`, `batches`, ...) of this supernet; `axes` distinguish further seeds."""
        return derive(
            self.root, dataset=self.dataset, recipe=self.recipe, supernet_seed=self.seed,
            purpose=purpose, **axes,
        )  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """One row of the benchmark: a selector, with its own seed, applied to one checkpoint."""

    supernet: SupernetJob
    epoch: int
    """The checkpoint: the state after this many epochs."""
    selector: str
    """Name of the selector, with options if any: `darts-pt`, `darts-pt[order=fixed,tune=0]`."""
    selector_seed: int
    bn: str
    """Batch norm at selection: `batch` statistics or `running` statistics."""
    budget: SelectionBudget

    def derive(self, purpose: str, **axes: str | int | float | bool | None) -> int:
        """The seed for one `purpose` of this cell; `axes` distinguish further seeds.

        It depends neither on other selectors nor on the options of this one: variants of a selector draw the same
        random numbers, so that they are compared on equal terms.
        """
        base = self.selector.partition("[")[0]
        return self.supernet.derive(
            purpose, epoch=self.epoch, selector=base, selector_seed=self.selector_seed, **axes,
        )  # fmt: skip


def without_checkpoint(cell: Cell) -> Cell:
    """The cell that stands for `cell` at all recipes and epochs, if its selector reads nothing of the checkpoint.

    Random numbers are drawn for the returned cell, so that the recipes of one supernet seed share one result
    and are not mistaken for independent samples.
    """
    return replace(cell, supernet=replace(cell.supernet, recipe=NO_RECIPE), epoch=0)


def key(value: object) -> str:
    """A short stable name for plain data: the first 16 hex digits of the SHA-256 of its canonical JSON."""
    return short_digest(canonical_json(value).encode())


def supernet_key(
    job: SupernetJob, version: int, device_type: str, threads: int, hardware: str = "", plugin: str = ""
) -> str:
    """The cache key of a trained supernet.

    `version` is the recipe's version number, raised by hand. The kind of device, the threads per worker and the
    `hardware` of a GPU are part of the key because floating-point sums depend on them: the same command gives the same
    bytes whatever the cache holds. `plugin` is the digest of the file of a recipe that a plug-in defines.
    """
    return _supernet_key(asdict(job), version, device_type, threads, hardware=hardware, plugin=plugin)


def former_supernet_key(
    job: SupernetJob, budget: SelectionBudget, version: int, device_type: str, threads: int, hardware: str = ""
) -> str:
    """The cache key of the supernet in earlier versions, when it still included the selection budget."""
    content = asdict(job)
    content["settings"] |= asdict(budget)
    return _supernet_key(content, version, device_type, threads, hardware=hardware)


def _supernet_key(
    job: Mapping[str, object], version: int, device_type: str, threads: int, **where_it_matters: str
) -> str:
    described = {name: value for name, value in job.items() if name != "data" or value}
    further = {name: value for name, value in where_it_matters.items() if value}
    return key({"job": described, "version": version, "device": device_type, "threads": threads, **further})
