"""Presets, the sizes of an experiment: a supernet's width, depth and schedule, and the budget of selection.

`paper` is the protocol of the DARTS family on NAS-Bench-201 (C=16, N=5, 100 epochs);
`lite` is a real experiment on real images that a CPU finishes; `digits` is the embedded default.
"""

import ast
import warnings
from dataclasses import asdict, dataclass, fields, replace

from nas_selection_bench.bench.errors import DAMAGE, UsageError, in_brief, joined


@dataclass(frozen=True)
class SupernetSize:
    """The settings of a supernet's training besides its recipe and seeds; all are part of its cache key."""

    preset: str
    channels: int
    """Channels of the first stage (C); the stages have C, 2C and 4C."""
    cells: int
    """Cells per stage (N)."""
    batch_size: int
    epochs: int
    images: int | None
    """Number of training images, the first in official order; None means all. The halves are halves of these."""
    checkpoint_epochs: tuple[int, ...]
    """Epochs after which the supernet is stored; the last one is `epochs`."""
    selection_images: int | None
    """Number of images, the first of the selection half, on which the supernet's own accuracy is measured and which
    scoring reads; None means the whole half."""
    selection_batch: int
    """Batch size for both."""


@dataclass(frozen=True)
class SelectionBudget:
    """What a selector may spend on a trained supernet: part of the key of its result, but not of the supernet's."""

    tune_epochs: int
    """Epochs of fine-tuning between two decisions, for the selectors that tune (DARTS-PT: 5)."""
    proposals: int
    """Zero-Cost-PT: number N of proposals in its first stage."""
    proposal_batch: int
    """Zero-cost proxies: number of images in a mini-batch."""
    validation_batches: int
    """Zero-Cost-PT: number V of mini-batches in its second stage."""


@dataclass(frozen=True)
class Settings(SelectionBudget, SupernetSize):
    """All settings of a preset."""

    @property
    def size(self) -> SupernetSize:
        """The part with which supernets are trained."""
        return size_of(self)

    @property
    def budget(self) -> SelectionBudget:
        """The part that limits selection."""
        return SelectionBudget(**{field.name: getattr(self, field.name) for field in fields(SelectionBudget)})

    def with_epochs(self, epochs: int) -> "Settings":
        """The same settings with `epochs` epochs of training: later checkpoints are dropped, the last epoch is kept."""
        if epochs < 1:
            raise UsageError(f"--train-epochs {epochs}: a supernet needs at least one epoch.")
        kept = tuple(e for e in self.checkpoint_epochs if e < epochs)
        return replace(self, epochs=epochs, checkpoint_epochs=(*kept, epochs))

    def with_budget(self, preset: str) -> "Settings":
        """The same supernet size with the selection budget of another preset."""
        return replace(self, **asdict(settings_for(preset).budget))

    def with_sizes(self, channels: int | None, cells: int | None, images: int | None) -> "Settings":
        """The same settings with the given sizes; raises UsageError if half of the images is less than one batch."""
        if images is not None and images < 2 * self.batch_size:
            raise UsageError(
                f"--images {images}: each half needs a batch of {self.batch_size}; use at least {2 * self.batch_size}."
            )
        return replace(
            self, channels=channels or self.channels, cells=cells or self.cells,
            images=self.images if images is None else images,
        )  # fmt: skip


def size_of(settings: SupernetSize) -> SupernetSize:
    """The size in `settings` alone, without the selection budget."""
    return SupernetSize(**{field.name: getattr(settings, field.name) for field in fields(SupernetSize)})


PRESETS = {
    "digits": Settings(
        preset="digits", channels=8, cells=1, batch_size=64, epochs=8, images=None,
        checkpoint_epochs=(2, 4, 6, 8), tune_epochs=1, selection_images=512, selection_batch=256,
        proposals=4, proposal_batch=64, validation_batches=4,
    ),
    "lite": Settings(
        preset="lite", channels=8, cells=1, batch_size=64, epochs=10, images=10_000,
        checkpoint_epochs=(2, 4, 6, 8, 10), tune_epochs=1, selection_images=2_048, selection_batch=256,
        proposals=5, proposal_batch=128, validation_batches=10,
    ),
    "paper": Settings(
        preset="paper", channels=16, cells=5, batch_size=64, epochs=100, images=None,
        checkpoint_epochs=(10, 20, 30, 40, 50, 60, 70, 80, 90, 100), tune_epochs=5,
        selection_images=None, selection_batch=256, proposals=10, proposal_batch=256,
        validation_batches=100,
    ),
}  # fmt: skip
PUBLISHED = PRESETS["paper"]
"""The preset whose supernets are as large as those of the papers."""


def settings_for(name: str) -> Settings:
    """The preset called `name`; raises UsageError, listing the presets, if it is unknown."""
    if name not in PRESETS:
        raise UsageError(f"Unknown preset {name!r}; choose one of {', '.join(PRESETS)}.")
    return PRESETS[name]


def preset_label(size: SupernetSize, budget: SelectionBudget) -> str:
    """The preset's name, with the settings that the command line changed: `lite`, `lite[epochs=4]`."""
    if size.preset not in PRESETS:
        return size.preset
    before, after = asdict(PRESETS[size.preset]), asdict(size) | asdict(budget)
    # The epochs fix the checkpoints; naming both would be redundant.
    silent = {"checkpoint_epochs"} if before["epochs"] != after["epochs"] else set()
    changed = [f"{name}={after[name]}" for name in sorted(after) if before[name] != after[name] and name not in silent]
    return f"{size.preset}[{','.join(changed)}]" if changed else size.preset


def settings_labelled(label: str) -> Settings:
    """The settings for which `preset_label` returns `label`; raises UsageError if this program knows none."""
    name, _, changes = label.partition("[")
    settings = settings_for(name)
    try:
        with warnings.catch_warnings(action="ignore"):
            call = ast.parse(f"changed({changes.removesuffix(']')})", mode="eval").body
        changed = {word.arg or "": ast.literal_eval(word.value) for word in call.keywords}  # type: ignore[attr-defined]
        numbers = [*changed.get("checkpoint_epochs", ()), *(v for k, v in changed.items() if k != "checkpoint_epochs")]
        if not all(number is None or type(number) is int for number in numbers):
            raise ValueError("all that a preset fixes are numbers")
        if "epochs" in changed:
            settings = settings.with_epochs(changed["epochs"])
        settings = replace(settings, **changed)
    except DAMAGE:
        settings = settings_for(name)
    if preset_label(settings.size, settings.budget) != label:
        raise UsageError(f"The preset {in_brief(label)} is unknown; the presets are {joined([*PRESETS])}.")
    return settings
