"""Fine-tuning between decisions: its times, mixture, starting point and effects."""

import copy
import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from nas_selection_bench.bench.problem.selection import Selection
from nas_selection_bench.selectors.disc_acc import DiscretisationAccuracy
from nas_selection_bench.selectors.parts import apply, registry
from nas_selection_bench.selectors.parts.view import Search
from nas_selection_bench.supernets.network.literal import LiteralSupernet
from nas_selection_bench.supernets.network.supernet import Supernet
from nas_selection_bench.supernets.training.checkpoint import Checkpoint
from tests.selectors import small

MOVES = torch.randn(6, 6, 5, generator=torch.Generator().manual_seed(9), dtype=torch.float64)
"""Changes of the alphas in the first, second, ... fine-tuning, large enough to change decisions."""
TABLE = torch.randn(6, 5, generator=torch.Generator().manual_seed(8), dtype=torch.float64)


def nudge(network: Supernet, weights: Tensor, epochs: int) -> None:
    """An invented fine-tuning that depends on the mixture."""
    classifier = network.get_parameter("classifier.weight")
    noise = torch.randn(classifier.shape, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
    with torch.no_grad():
        classifier += epochs * (weights * TABLE).sum() * noise


class MadeUp:
    """A tuner that records its requests, nudges the network and changes the alphas."""

    def __init__(self, network: Supernet, alphas: Tensor) -> None:
        self.network, self.alphas = network, alphas.clone()
        self.forward_passes = self.backward_passes = 0
        self.epochs: list[int] = []
        self.weights: list[Tensor] = []

    def branch(self) -> "MadeUp":
        twin = MadeUp(copy.deepcopy(self.network), self.alphas)
        twin.epochs, twin.weights = list(self.epochs), list(self.weights)
        return twin

    def tune(self, epochs: int, weights_of: Callable[[Tensor], Tensor]) -> None:
        self.epochs.append(epochs)
        self.weights.append(weights_of(self.alphas))
        nudge(self.network, self.weights[-1], epochs)
        self.alphas = self.alphas + MOVES[len(self.epochs) - 1]


def tuned(name: str, **budget: int) -> tuple[Selection, list[MadeUp], Search]:
    """A selector's selection, the tuners that it created, and its search."""
    tuners: list[MadeUp] = []

    def make(network: Supernet, alphas: Tensor) -> MadeUp:
        tuners.append(MadeUp(network, alphas))
        return tuners[-1]

    search = small.search(name, make_tuner=make)
    search.size = dataclasses.replace(search.size, selection_images=8)
    search.budget = dataclasses.replace(search.budget, **budget)
    return registry.find(name).select(search), tuners, search


@pytest.mark.parametrize(
    ("name", "epochs"), [("darts-pt", 3), ("pt-magnitude", 3), ("pt-random", 3), ("pt-magnitude[tune=2]", 2)]
)
def test_the_supernet_is_tuned_after_each_decision_but_the_last_with_decided_edges_one_hot(
    name: str, epochs: int
) -> None:
    selection, tuners, _ = tuned(name, tune_epochs=3)
    (tuner,) = tuners
    assert tuner.epochs == [epochs] * 5
    alphas = small.alphas()
    for k, weights in enumerate(tuner.weights):
        expected = alphas.softmax(-1)
        for decision in selection.decisions[: k + 1]:
            expected[decision.edge] = torch.eye(5, dtype=torch.float64)[decision.operation]
        torch.testing.assert_close(weights, expected)
        alphas = alphas + MOVES[k]


def test_nothing_is_tuned_for_no_epochs() -> None:
    assert tuned("pt-magnitude[tune=0]")[1] == []


def test_a_decision_goes_by_the_alphas_as_they_are_after_the_tuning_before_it() -> None:
    selection, _, _ = tuned("pt-magnitude[order=fixed]")
    np.testing.assert_allclose(selection.scores, small.alphas().softmax(-1), err_msg="scores of the checkpoint")
    alphas = small.alphas()
    for edge, decision in enumerate(selection.decisions):
        assert decision.edge == edge
        assert decision.operation == int(alphas[edge].argmax())
        alphas = alphas + MOVES[edge]
    assert selection.architecture != tuple(small.alphas().argmax(1).tolist()), "the example does not tell them apart"


@pytest.mark.parametrize("measure", ["accuracy", "loss"])
def test_disc_acc_tunes_each_candidate_from_where_the_search_is(measure: str) -> None:
    """Each of the five candidates by hand: same start, one-hot edge, tuned, then measured by the literal network."""
    search = small.search("disc-acc[converge=2]", make_tuner=MadeUp)
    search.decide(5, 2)
    found = DiscretisationAccuracy(converge=2, measure=measure).score(search, [1, 3])
    for row, edge in zip(found, [1, 3], strict=True):
        for operation in range(5):

            def mixture(alphas: Tensor, edge: int = edge, operation: int = operation) -> Tensor:
                weights = alphas.softmax(-1)
                weights[5] = torch.eye(5, dtype=torch.float64)[2]
                weights[edge] = torch.eye(5, dtype=torch.float64)[operation]
                return weights

            network = small.network()
            nudge(network, mixture(small.alphas()), 2)
            network.normalise("batch")
            accuracy, loss = small.literal_figures(
                mixture(small.alphas() + MOVES[0]), net=LiteralSupernet.like(network)
            )
            assert row[operation] == pytest.approx(accuracy if measure == "accuracy" else -loss, rel=1e-6)
    assert len(set(found.ravel().tolist())) > 3, "the example tells candidates apart"
    for name, tensor in search.network.state_dict().items():
        assert torch.equal(tensor, small.network().state_dict()[name])
    assert torch.equal(search.alphas, small.alphas())
    assert search.decided == {5: 2}


def test_a_branch_shares_neither_network_nor_alphas_nor_decisions_with_its_parent() -> None:
    parent = small.search("darts-pt", make_tuner=MadeUp)
    branch = parent.branch()
    branch.decide(0, 3)
    branch.tune(1)
    assert not torch.equal(branch.alphas, parent.alphas)
    assert not torch.equal(branch.network.classifier.weight, parent.network.classifier.weight)
    parent.tune(1)
    second = parent.branch()
    second.tune(1)
    network = small.network()
    nudge(network, small.alphas().softmax(-1), 1)
    assert torch.equal(parent.network.classifier.weight, network.classifier.weight)
    assert parent.decided == {}
    torch.testing.assert_close(parent.alphas, small.alphas() + MOVES[0])
    torch.testing.assert_close(second.alphas, small.alphas() + MOVES[0] + MOVES[1])  # the state of the parent's tuner
    nudge(network, (small.alphas() + MOVES[0]).softmax(-1), 1)
    assert torch.equal(second.network.classifier.weight, network.classifier.weight)


def test_is_darts_trains_after_each_pruning_but_the_last_with_what_is_left() -> None:
    selection, tuners, search = tuned("is-darts[retrain=2]")
    (tuner,) = tuners
    assert tuner.epochs == [2, 2, 2]
    for step, weights in enumerate(tuner.weights):
        np.testing.assert_allclose(weights, np.where(selection.scores > step, 0.2, 0))
    assert torch.equal(search.network.classifier.weight, small.network().classifier.weight), "on a copy"


# ---- the tuner of a stored checkpoint


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Checkpoints of three epochs, with a used optimiser of the alphas."""
    job = small.cell("darts-pt").supernet
    for epoch in job.settings.checkpoint_epochs:
        alphas, adam = searched(epoch)
        state = {f"0.{entry}": value for entry, value in adam.state[alphas].items()}
        Checkpoint(job, epoch, small.network(0, torch.float32).state_dict(), alphas, alpha_optimiser=state).save(
            tmp_path
        )
    return tmp_path


def searched(epoch: int) -> tuple[Tensor, torch.optim.Adam]:
    """The alphas and their optimiser after `epoch` steps."""
    alphas = small.alphas(epoch, torch.float32).requires_grad_()
    adam = torch.optim.Adam([alphas], lr=3e-4, betas=(0.5, 0.999), weight_decay=1e-3)
    for _ in range(epoch):
        alphas.grad = small.alphas(10 + epoch, torch.float32)
        adam.step()
    return alphas, adam


def opened(folder: Path, selector: str = "darts-pt", *, epoch: int = 3, seed: int = 0) -> Search:
    cell = dataclasses.replace(small.cell(selector, seed=seed), epoch=epoch)
    return apply.open_search(cell, folder, small.images(), "cpu")


def test_tuning_goes_on_from_the_stored_optimiser(folder: Path) -> None:
    """A decided edge has no gradient, so only the stored moments and weight decay move its alphas."""
    search = opened(folder)
    search.decide(0, 3)
    search.tune(1)
    alphas, adam = searched(3)
    for _ in range(4):  # 32 images in batches of 8
        alphas.grad = torch.zeros_like(alphas)
        adam.step()
    torch.testing.assert_close(search.alphas[0], alphas.detach()[0])
    assert (search.alphas - alphas.detach())[1:].abs().amax(-1).min() > 1e-5, "the others follow the images"


def test_every_epoch_of_tuning_has_batches_of_its_own_that_selectors_share(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds: list[int] = []

    class Seeds(MadeUp):
        """A tuner that records the shuffling seeds of two epochs."""

        def __init__(self, network: Supernet, alphas: Tensor, *others: object) -> None:
            super().__init__(network, alphas)
            _, _, _, seed_for, *_ = others
            seeds.extend(seed_for(epoch) for epoch in range(2))  # type: ignore[operator]

    monkeypatch.setattr(apply, "Tuner", Seeds)

    def drawn(selector: str = "darts-pt", *, epoch: int = 3, seed: int = 0) -> list[int]:
        seeds.clear()
        opened(folder, selector, epoch=epoch, seed=seed).tune(0)
        return list(seeds)

    different = drawn() + drawn(seed=1) + drawn(epoch=2)
    assert len(set(different)) == 6
    assert drawn("pt-random") == drawn("darts-pt-loss") == different[:2], "controls are tuned on the same images"


def test_the_history_of_a_checkpoint_is_the_earlier_ones(folder: Path) -> None:
    for epoch in (1, 2, 3):
        found = opened(folder, "sgas-2[tune=0]", epoch=epoch).earlier_probabilities(4)
        expected = [searched(earlier)[0].detach().softmax(-1) for earlier in range(1, epoch)]
        assert len(found) == len(expected)
        for probabilities, wanted in zip(found, expected, strict=True):
            np.testing.assert_allclose(probabilities, wanted, rtol=1e-6)
