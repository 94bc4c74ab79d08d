"""One selector of each kind on the checkpoint of every recipe gives a selection, or a reason for none."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nas_selection_bench.bench.errors import SkipCell
from nas_selection_bench.bench.problem.selection import Selection
from nas_selection_bench.bench.problem.space import NONE, OPERATIONS
from nas_selection_bench.bench.work.cells import Cell, SupernetJob
from nas_selection_bench.bench.work.record import choice_of
from nas_selection_bench.bench.work.untrained_alphas import first_trained_epoch
from nas_selection_bench.selectors import balenas_tf
from nas_selection_bench.selectors.parts import apply, orders, registry
from nas_selection_bench.selectors.zero_cost_rank import best_by_proxy
from nas_selection_bench.supernets.is_darts import pruned_by
from nas_selection_bench.supernets.network.skeleton import initialise
from nas_selection_bench.supernets.parts.registry import find, names
from nas_selection_bench.supernets.training.checkpoint import Checkpoint, load
from tests.selectors import small
from tests.selectors.cheaper import CHEAPER, relatives

pytestmark = pytest.mark.usefixtures("few_classes")

SETTINGS = replace(
    small.SETTINGS, channels=8, batch_size=32, selection_images=12, selection_batch=12, proposal_batch=8,
    epochs=10, checkpoint_epochs=(2, 10),
)  # fmt: skip
BUDGET = small.SETTINGS.budget

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
"""One selector for each way of reading a checkpoint; selectors that read none cannot depend on the recipe."""

SKIPPED = {"pc-darts": {"one-shot-sampled[architectures=3]", "op-synflow-post", "zero-cost-pt-swap-post[order=once]"}}
"""With operations on a quarter of the channels, neither stand-alone nor literal networks can inherit the weights."""


def store(job: SupernetJob, place: Path, spread: float = 0) -> None:
    """Write untrained checkpoints: fresh weights, and initial alphas plus noise of deviation `spread`."""
    recipe = find(job.recipe)
    with torch.random.fork_rng(devices=[]):
        network = recipe.build(job.settings.channels, job.settings.cells, small.CLASSES)
    for epoch in job.settings.checkpoint_epochs:
        generator = torch.Generator().manual_seed(epoch)
        initialise(network, generator)
        alphas = recipe.initial_alphas(generator)
        alphas += spread * torch.randn(alphas.shape, generator=generator)
        Checkpoint(job, epoch, network.state_dict(), alphas, memory=recipe.memory()).save(place)


BY_ALPHAS = {name for name in KINDS if registry.find(name).decides_by_alphas}


def skipped_at(epoch: int, job: SupernetJob, folder: Path, selectors: Iterable[str]) -> dict[str, str]:
    """The reasons of the selectors that skip this checkpoint; checks that the others decide every edge."""
    skipped = {}
    for name in selectors:
        assert registry.find(name).reads_checkpoint
        try:
            selection = apply.select(Cell(job, epoch, name, 0, "batch", BUDGET), folder, small.images(), "cpu")
        except SkipCell as reason:
            skipped[name] = str(reason)
            continue
        assert len(choice_of(selection)["decisions"]) == 6
    return skipped


@pytest.mark.program
@pytest.mark.parametrize("recipe", [*names(), "rsps[per_cell=true]"])
def test_every_recipe_can_be_selected_from(recipe: str, tmp_path: Path) -> None:
    job = SupernetJob("noise", recipe, 0, 0, SETTINGS)
    store(job, tmp_path)
    skipped = skipped_at(SETTINGS.epochs, job, tmp_path, KINDS)
    assert set(skipped) == SKIPPED.get(recipe, set()) | (set() if find(recipe).learns_alphas else BY_ALPHAS)
    assert all("1/4 of the channels" in reason or "would be random" in reason for reason in skipped.values())


@pytest.mark.parametrize("recipe", names())
def test_nothing_is_chosen_by_alphas_that_are_not_learnt_yet(recipe: str, tmp_path: Path) -> None:
    job = SupernetJob("noise", recipe, 0, 0, SETTINGS)
    store(job, tmp_path)
    asked = BY_ALPHAS - {"sgas-2[tune=0]"}  # which reads earlier checkpoints
    untrained = recipe in {"blank", "rsps", "is-darts", "pc-darts"}
    skipped = skipped_at(2, job, tmp_path, asked)
    assert set(skipped) == (asked if untrained else set())
    assert all("would be random" in reason for reason in skipped.values())


WARM = [f"pc-darts[warm_up={share}]" for share in ("0", "0.01", "0.29", "0.5", "1")]


@pytest.mark.parametrize("recipe", [*names(), *WARM])
def test_alphas_say_something_from_the_epoch_in_which_they_first_learn(recipe: str) -> None:
    found = find(recipe)
    for epochs in range(1, 101):
        searched = [epoch + 1 for epoch in range(epochs) if found.searches(epoch, epochs)]
        if found.tunes_alphas:
            assert first_trained_epoch(found, epochs) == min(searched, default=epochs + 1)


def test_the_weights_of_is_darts_tell_operations_apart_once_one_is_left() -> None:
    for epochs in range(1, 101):
        left = [epoch for epoch in range(1, epochs + 1) if pruned_by(epoch, epochs) == len(OPERATIONS) - 1]
        assert max(1, first_trained_epoch(find("is-darts"), epochs)) == min(left)


READERS = [name for name in registry.names() if registry.find(name).needs.alphas and name not in relatives()]
"""Selectors that read alphas; only one of those that differ only in their proxy."""


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Checkpoints whose alphas are not logits of a softmax, or have another shape than [6, 5]."""
    folders = {recipe: tmp_path_factory.mktemp(recipe) for recipe in ("fair-darts", "pc-darts")}
    for recipe, folder in folders.items():
        store(SupernetJob("noise", recipe, 0, 0, SETTINGS), folder, spread=1.5)
    return folders


QUICK = {**CHEAPER, "balenas-tf": "balenas-tf[samples=4]", "shapley": "shapley[samples=1]"}
"""Cheaper options that read the alphas as the defaults do."""


@pytest.mark.thorough
@pytest.mark.parametrize("name", READERS)
def test_what_reads_alphas_can_select_whatever_they_are(name: str, stored: dict[str, Path]) -> None:
    tunes = "tune" in registry.find(name).options() and registry.find(name).needs.tuning
    text = registry.find(f"{name}[tune=0]" if tunes else QUICK.get(name, name)).name
    for recipe, folder in stored.items():
        job = SupernetJob("noise", recipe, 0, 0, SETTINGS)
        try:
            selection = apply.select(Cell(job, 10, text, 0, "batch", BUDGET), folder, small.images(), "cpu")
        except SkipCell as reason:
            assert str(reason)
        else:
            assert len(choice_of(selection)["decisions"]) == 6


@dataclass(frozen=True)
class Taken:
    """A selection from a stored checkpoint, and the float64 weights [6, 5] that its recipe derives from the alphas."""

    selection: Selection
    weights: np.ndarray


def taken(name: str, recipe: str, folder: Path) -> Taken:
    job = SupernetJob("noise", recipe, 0, 0, SETTINGS)
    cell = Cell(job, SETTINGS.epochs, registry.find(name).name, 0, "batch", BUDGET)
    weights = find(recipe).edge_weights(load(folder, SETTINGS.epochs).alphas).double().numpy()
    return Taken(apply.select(cell, folder, small.images(), "cpu"), weights)


OTHERWISE = pytest.mark.parametrize("recipe", ["fair-darts", "pc-darts"])


@OTHERWISE
def test_magnitude_is_what_the_recipe_makes_of_the_alphas(recipe: str, stored: dict[str, Path]) -> None:
    found = taken("magnitude", recipe, stored[recipe])
    np.testing.assert_array_equal(found.selection.scores, found.weights)
    assert found.selection.architecture == tuple(found.weights.argmax(axis=1).tolist())


@OTHERWISE
def test_sgas_scores_and_orders_by_what_the_recipe_makes_of_the_alphas(
    recipe: str, stored: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At each decision, the certainty of the open edges is computed from exactly these weights."""
    seen: list[np.ndarray] = []
    certainty = orders.edge_certainty

    def watched(probabilities: np.ndarray) -> np.ndarray:
        seen.append(probabilities)
        return certainty(probabilities)

    monkeypatch.setattr(orders, "edge_certainty", watched)
    found = taken("sgas[tune=0]", recipe, stored[recipe])
    np.testing.assert_array_equal(found.selection.scores[:, 1:], found.weights[:, 1:])
    assert (found.selection.scores[:, NONE] == 0).all()
    still = list(range(6))
    for decision, probabilities in zip(found.selection.decisions, seen, strict=True):
        np.testing.assert_array_equal(probabilities, found.weights[still])
        assert decision.operation == 1 + int(found.weights[decision.edge, 1:].argmax())
        still.remove(decision.edge)


@OTHERWISE
def test_balenas_draws_as_often_as_the_recipe_makes_of_the_alphas(
    recipe: str, stored: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shares of the operations in 20,000 draws; the tolerance is four standard deviations, of at most 0.0036."""
    drawn: list[np.ndarray] = []
    draw = torch.multinomial

    def watched(*given: Any, **options: Any) -> torch.Tensor:
        operations = draw(*given, **options)
        drawn.append(operations.numpy())
        return operations

    monkeypatch.setattr(balenas_tf.torch, "multinomial", watched)
    monkeypatch.setattr(
        balenas_tf, "best_by_proxy", lambda search, proxy, drawn: best_by_proxy(search, proxy, drawn[:1])
    )
    found = taken("balenas-tf[samples=20000]", recipe, stored[recipe])
    (operations,) = drawn
    shares = np.stack([np.bincount(row, minlength=5) / row.size for row in operations])
    expected = found.weights / found.weights.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(shares, expected, atol=0.015)
    assert found.selection.architecture == tuple(operations[:, 0].tolist())


@pytest.mark.parametrize("recipe", ["darts", "fair-darts", "pc-darts", "racl", "importance-sampling"])
def test_the_weights_of_alphas_are_the_recipe_s_and_have_a_gradient(recipe: str, tmp_path: Path) -> None:
    job = SupernetJob("noise", recipe, 0, 0, SETTINGS)
    store(job, tmp_path)
    search = apply.open_search(Cell(job, 10, "shapley", 0, "batch", BUDGET), tmp_path, small.images(), "cpu")
    search.decide(2, 4)
    alphas = search.alphas.clone().requires_grad_()
    weights = search.weights_of(alphas)
    assert torch.equal(weights, search.weights())
    assert weights[2].tolist() == [0, 0, 0, 0, 1]
    expected = find(recipe).edge_weights(search.alphas)
    others = [0, 1, 3, 4, 5]
    assert torch.equal(weights[others], expected[others])
    (gradient,) = torch.autograd.grad(weights[:, 1].sum(), [alphas])
    assert gradient.abs().max() > 0
