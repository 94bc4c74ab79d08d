"""Every recipe's checkpoint under one selector of each kind: a selection, or the reason why there is none."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from bench.cells import Cell, SupernetJob
from bench.errors import SkipCell
from bench.records import done_record
from selectors import apply, registry
from supernets.checkpoint import Checkpoint
from supernets.registry import find, names
from supernets.skeleton import initialise
from tests.selectors import small

SETTINGS = replace(
    small.SETTINGS, channels=8, batch_size=32, selection_images=12, selection_batch=12, proposal_batch=8,
    checkpoint_epochs=(2, 3),
)  # fmt: skip

KINDS = (
    "balenas-tf[samples=4]",
    "disc-acc",
    "em-darts",
    "is-darts",
    "magnitude",
    "magnitude-no-none",
    "one-shot-sampled[architectures=3]",
    "op-fisher",
    "op-snip[order=sgas]",
    "op-snip-post",
    "op-synflow[order=sgas]",
    "op-synflow-post",
    "ostr",
    "pt-magnitude[tune=1]",
    "sgas-2[tune=0]",
    "shapley[samples=1]",
    "similarity-to-edge",
    "zero-cost-pt-swap-post[order=once]",
)
"""One of each way to read a checkpoint; what reads none of it cannot depend on the recipe."""

SKIPPED = {"pc-darts": {"one-shot-sampled[architectures=3]", "op-synflow-post", "zero-cost-pt-swap-post[order=once]"}}
"""Operations on a quarter of the channels: no stand-alone network, and no plain one, can take over their weights."""


def store(job: SupernetJob, place: Path) -> None:
    """Checkpoints as training writes them, without the training: fresh weights, alphas a little apart."""
    recipe = find(job.recipe)
    with torch.random.fork_rng(devices=[]):
        network = recipe.build(job.settings.channels, job.settings.cells, small.CLASSES)
    for epoch in job.settings.checkpoint_epochs:
        generator = torch.Generator().manual_seed(epoch)
        initialise(network, generator)
        alphas = recipe.initial_alphas(generator)
        Checkpoint(job, epoch, network.state_dict(), alphas, memory=recipe.memory()).save(place)


@pytest.mark.parametrize("recipe", [*names(), "rsps[per_cell=true]"])
def test_every_recipe_can_be_selected_from(recipe: str, tmp_path: Path) -> None:
    job = SupernetJob("noise", recipe, 0, 0, SETTINGS)
    store(job, tmp_path)
    skipped = {}
    for name in KINDS:
        assert registry.find(name).reads_checkpoint
        try:
            selection = apply.select(Cell(job, 3, name, 0, "batch"), tmp_path, small.images(), "cpu")
        except SkipCell as reason:
            skipped[name] = str(reason)
            continue
        assert len(done_record(selection)["decisions"]) == 6
    by_lot = set() if find(recipe).learns_alphas else {n for n in KINDS if registry.find(n).decides_by_alphas}
    assert set(skipped) == SKIPPED.get(recipe, set()) | by_lot
    assert all("1/4 of the channels" in reason or "drawing lots" in reason for reason in skipped.values())
