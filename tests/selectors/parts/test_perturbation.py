"""Masking and discretising compared with the literal network, one mixture at a time."""

from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from nas_selection_bench.bench.problem.space import NONE
from nas_selection_bench.selectors.darts_pt import SELECTOR
from nas_selection_bench.selectors.parts import registry
from nas_selection_bench.selectors.parts.perturbation import without
from tests.selectors import small


@cache
def scores(name: str, bn: str = "batch") -> np.ndarray:
    found = registry.find(name).select(small.search(name, bn=bn)).scores
    found.flags.writeable = False
    return found


@cache
def expected(change, bn: str = "batch") -> tuple[np.ndarray, np.ndarray]:  # type: ignore[no-untyped-def]
    """Accuracy and loss [6, 5] with `change(row, o)` instead of the softmax on edge e."""
    accuracy, loss = np.empty((6, 5)), np.empty((6, 5))
    for e in range(6):
        for o in range(5):
            weights = small.alphas().softmax(-1)
            weights[e] = change(weights[e], o)
            accuracy[e, o], loss[e, o] = small.literal_figures(weights, bn)
    return accuracy, loss


def masked(row: torch.Tensor, o: int) -> torch.Tensor:
    return torch.stack([torch.zeros(()).double() if i == o else p for i, p in enumerate(row)])


def one_hot(row: torch.Tensor, o: int) -> torch.Tensor:
    return torch.eye(5, dtype=torch.float64)[o]


@pytest.mark.parametrize("bn", ["batch", "running"])
def test_darts_pt_is_the_accuracy_and_the_loss_without_the_operation(bn: str) -> None:
    accuracy, loss = expected(masked, bn)
    np.testing.assert_allclose(scores("darts-pt[tune=0]", bn), -accuracy)
    np.testing.assert_allclose(scores("darts-pt-loss[tune=0]", bn), loss, rtol=1e-7)
    np.testing.assert_allclose(scores("ostr-exact", bn), loss - loss[:, [NONE]], atol=1e-7)


def test_none_scores_as_the_whole_literal_network_where_masking_it_changes_nothing() -> None:
    accuracy, loss = small.literal_figures(small.alphas().softmax(-1))
    np.testing.assert_allclose(scores("darts-pt[tune=0]")[:, NONE], -accuracy)
    np.testing.assert_allclose(scores("darts-pt-loss[tune=0]")[:, NONE], loss, rtol=1e-7)
    np.testing.assert_array_equal(scores("ostr-exact")[:, NONE], 0)
    # Rescaling to the old sum gives another mixture, so `none` has a different score there.
    scaled = scores("darts-pt-loss[renormalise=yes,tune=0]")[:, NONE]
    assert (np.abs(scaled - loss) > 1e-4).all()


def test_renormalised_masks_keep_the_sum_of_an_edge() -> None:
    def scaled(row: torch.Tensor, o: int) -> torch.Tensor:
        return masked(row, o) / masked(row, o).sum()

    _, loss = expected(scaled)
    np.testing.assert_allclose(scores("darts-pt-loss[renormalise=yes,tune=0]"), loss, rtol=1e-7)


ROWS = st.lists(st.lists(st.floats(0, 1, width=32), min_size=5, max_size=5), min_size=6, max_size=6)


@given(ROWS, st.integers(0, 5), st.integers(0, 4), st.sampled_from([torch.float32, torch.float64]))
@example([[0.0, 0.0, 1.0, 0.0, 0.0]] * 6, 2, 2, torch.float32)  # decided by the recipe
@example([[0.0, 1e-40, 1.0, 0.0, 0.0]] * 6, 2, 2, torch.float32)  # 1 / 1e-40 exceeds the largest float32
@example([[0.0] * 5] * 6, 0, 0, torch.float64)
def test_renormalised_masks_are_finite_and_ordinary_ones_as_written(
    rows: list[list[float]], edge: int, operation: int, dtype: torch.dtype
) -> None:
    weights = torch.tensor(rows, dtype=dtype)
    before = weights.clone()
    found = without(weights, edge, operation, renormalise=True)
    assert torch.equal(weights, before)
    assert found.isfinite().all()
    assert found[edge, operation] == 0
    others = [e for e in range(6) if e != edge]
    assert torch.equal(found[others], weights[others])
    plain = before.clone()
    plain[edge, operation] = 0
    scale = before[edge].sum() / plain[edge].sum()
    if scale.isfinite():
        assert torch.equal(found[edge], plain[edge] * scale)
    else:
        assert torch.equal(found[edge], plain[edge])


@pytest.mark.parametrize("renormalise", ["no", "yes"])
def test_an_edge_that_the_recipe_has_decided_is_scored_without_its_only_operation(renormalise: str) -> None:
    """With nothing left to rescale, both options give the supernet without the edge."""
    name = registry.find(f"darts-pt-loss[renormalise={renormalise},tune=0]").name
    search = small.search(name)
    search._alphas = small.alphas()
    search._alphas[4] = torch.tensor([0.0, 0, 0, 2000, 0])
    weights = search.weights()
    assert weights[4].tolist() == [0, 0, 0, 1, 0]
    weights[4] = 0
    found = registry.find(name).rule.score(search, [4])[0]  # type: ignore[attr-defined]
    assert found[3] == pytest.approx(small.literal_figures(weights)[1], rel=1e-7)


def test_disc_acc_is_the_accuracy_with_the_operation_alone() -> None:
    accuracy, loss = expected(one_hot)
    np.testing.assert_allclose(scores("disc-acc"), accuracy)
    np.testing.assert_allclose(scores("disc-acc[measure=loss]"), -loss, rtol=1e-7)


def test_decisions_are_conditional_on_those_before() -> None:
    """DARTS-PT without tuning, written out in the order of its decisions, with decided edges one-hot."""
    selection = SELECTOR.configured("darts-pt", {"tune": "0"}).select(small.search("darts-pt[tune=0]"))
    assert sorted(d.edge for d in selection.decisions) == list(range(6))
    decided: dict[int, int] = {}
    for decision in selection.decisions:
        accuracies = []
        for o in range(5):
            weights = small.alphas().softmax(-1)
            for e, operation in decided.items():
                weights[e] = one_hot(weights[e], operation)
            weights[decision.edge] = masked(weights[decision.edge], o)
            accuracies.append(small.literal_figures(weights)[0])
        assert decision.operation == int(np.argmin(accuracies)), "the first of the lowest accuracies"
        decided[decision.edge] = decision.operation


def test_ostr_is_the_directional_derivative_of_the_loss() -> None:
    """|p dL/dp| compared with a central difference of the literal network's loss."""
    found = scores("ostr")
    step = 1e-7  # small, so that no ReLU changes sign within the step
    for e in range(6):
        for o in range(5):
            losses = []
            for sign in (1, -1):
                weights = small.alphas().softmax(-1)
                weights[e, o] += sign * step
                losses.append(small.literal_figures(weights)[1])
            slope = (losses[0] - losses[1]) / (2 * step)
            np.testing.assert_allclose(found[e, o], abs(slope * small.alphas().softmax(-1)[e, o].item()), atol=1e-6)
    assert (found[:, NONE] == 0).all()


def test_ostr_per_batch_is_at_least_the_absolute_of_the_sum() -> None:
    assert (scores("ostr[absolute=batch]") >= scores("ostr") - 1e-12).all()
    assert (scores("ostr[absolute=batch]") > scores("ostr") + 1e-9).any()


@pytest.mark.parametrize("name", ["darts-pt", "darts-pt-loss"])
def test_a_supernet_that_diverged_is_a_failure_and_no_choice(name: str) -> None:
    """NaN logits would otherwise get the frequency of the first class as accuracy."""
    search = small.search(name)
    with torch.no_grad():
        search.network.get_parameter("classifier.weight").fill_(torch.nan)
    with pytest.raises(ValueError, match="the loss of the supernet is not finite"):
        registry.find(name).select(search)
