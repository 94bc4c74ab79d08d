"""The units of work: one supernet to train, and one cell (a selector applied to one checkpoint).

The cell is the unit of seeding, caching, failure, resume, row and progress. Both are plain frozen
data, so that they can be hashed, sent to a worker and written as canonical JSON.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from nas_selection_bench.bench.seeds import canonical_json, derive
from nas_selection_bench.bench.work.presets import SelectionBudget, SupernetSize, size_of

NO_RECIPE = "untrained"
"""Recipe name of cells whose selector ignores the supernet."""


@dataclass(frozen=True)
class SupernetJob:
    """One weight-sharing supernet: which data set, which recipe, which seed, at which size."""

    dataset: str
    recipe: str
    """Name of the recipe, with options if any: `darts`, `gdas[tau_max=5]`."""
    seed: int
    """Supernet seed: 0, 1, 2, ... as counted by --seeds."""
    root: int
    """The root seed of the run (--seed)."""
    settings: SupernetSize
    data: str = ""
    """The fingerprint of the images (`bench.problem.pixels.Pixels.key`): of the user's own, and of any others but those
    that the results in results/ were made from; empty for these, and for embedded ones."""

    def __post_init__(self) -> None:
        """Keep only the size: what selection may spend makes no other supernet."""
        object.__setattr__(self, "settings", size_of(self.settings))

    def derive(self, purpose: str, **axes: str | int | float | bool | None) -> int:
        """The seed of one purpose (`init`, `shuffle`, ...) of this supernet, and of further axes."""
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
        """The seed of one purpose of this cell.

        It does not depend on other selectors, nor on the options of this one: its variants draw alike, so that they are
        compared on equal terms.
        """
        base = self.selector.partition("[")[0]
        return self.supernet.derive(
            purpose, epoch=self.epoch, selector=base, selector_seed=self.selector_seed, **axes,
        )  # fmt: skip


def without_checkpoint(cell: Cell) -> Cell:
    """The work of a cell whose selector reads nothing of its checkpoint: the same for all recipes and epochs.

    Its random numbers are drawn for this cell, so that the recipes of one supernet seed share one result
    and do not pass for independent samples of it.
    """
    return replace(cell, supernet=replace(cell.supernet, recipe=NO_RECIPE), epoch=0)


def key(value: object) -> str:
    """A short stable name for plain data: the first 16 hex digits of the SHA-256 of its canonical JSON."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:16]


def supernet_key(
    job: SupernetJob, version: int, device_type: str, threads: int, hardware: str = "", plugin: str = ""
) -> str:
    """The cache key of a trained supernet.

    `version` is the recipe's hand-bumped number. The kind of device and the threads per worker belong
    to the key because floating-point sums depend on them, and so does the `hardware` of a GPU: the same
    command gives the same bytes whatever the cache holds. `plugin` is the digest of a recipe's file from outside.
    """
    return _supernet_key(asdict(job), version, device_type, threads, hardware=hardware, plugin=plugin)


def former_supernet_key(
    job: SupernetJob, budget: SelectionBudget, version: int, device_type: str, threads: int, hardware: str = ""
) -> str:
    """The key that the supernet had as long as what selection spends was part of it."""
    content = asdict(job)
    content["settings"] |= asdict(budget)
    return _supernet_key(content, version, device_type, threads, hardware=hardware)


def _supernet_key(
    job: Mapping[str, object], version: int, device_type: str, threads: int, **where_it_matters: str
) -> str:
    described = {name: value for name, value in job.items() if name != "data" or value}
    further = {name: value for name, value in where_it_matters.items() if value}
    return key({"job": described, "version": version, "device": device_type, "threads": threads, **further})
