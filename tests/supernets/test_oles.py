"""OLES against its released procedure, written out for modules that each have their own weight."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from nas_selection_bench.bench.problem.space import CONV_1X1, CONV_3X3, EDGES
from nas_selection_bench.supernets.network.supernet import MixedCell
from tests.supernets.by_hand import Tiny, tiny


def weight_of(t: Tiny, cell: int, edge: int, operation: int) -> Tensor:
    module = t.search.network.cells[cell]
    assert isinstance(module, MixedCell)
    return module.operation_state(edge, operation)[0]


WHICH = [(cell, edge, o) for cell in range(3) for edge in range(len(EDGES)) for o in (CONV_1X1, CONV_3X3)]


def literal_gradients(t: Tiny, batch: tuple[Tensor, Tensor]) -> tuple[dict[tuple[int, int, int], Tensor], Tensor]:
    """The gradient of each convolution, by autograd on the literal network, and the norm of all gradients together."""
    literal = t.literal()
    x, y = batch
    F.cross_entropy(literal(x, t.search.alphas.detach().softmax(-1)), y).backward()
    norm = torch.sqrt(sum(p.grad.square().sum() for p in literal.parameters() if p.grad is not None))
    found = {}
    for cell, edge, operation in WHICH:
        shape = weight_of(t, cell, edge, operation)
        (match,) = [p for p in literal.parameters() if p.shape == shape.shape and torch.equal(p.detach(), shape)]
        found[cell, edge, operation] = match.grad
    return found, norm


@pytest.mark.parametrize("as_written", [False, True])
def test_similarities_are_those_of_the_two_gradients(as_written: bool) -> None:
    t = tiny(f"oles[as_written={str(as_written).lower()}]")
    first, norm = literal_gradients(t, t.weights)
    clip = min(1.0, 5 / norm.item())
    t.recipe._begin(t.search)  # type: ignore[attr-defined]
    t.recipe.weight_step(t.search, t.weights)
    second, _ = literal_gradients(t, t.selection)
    t.recipe.alpha_step(t.search, t.selection, t.weights)
    for cell, edge, operation in WHICH:
        train, val = clip * first[cell, edge, operation], second[cell, edge, operation]
        if as_written:
            expected = (train * val).sum() / (train.norm() * val.norm())
        else:
            both = train + val  # a channel that no image reaches has no gradient, and a similarity of 0
            expected = torch.stack([
                (train[:, i, a, b] @ both[:, i, a, b]) / (train[:, i, a, b].norm() * both[:, i, a, b].norm())
                for i in range(train.shape[1]) for a in range(train.shape[2]) for b in range(train.shape[3])
            ]).nan_to_num(0).mean()  # fmt: skip
        found = t.search.memory["similarity"][cell, edge, (CONV_1X1, CONV_3X3).index(operation)]
        torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(("options", "steps"), [("", 4), ("as_written=true,", 3)])
def test_an_operation_is_judged_when_count_similarities_are_due(options: str, steps: int) -> None:
    """At a threshold of 1 some freeze: after count + 1 similarities as released, after count as written."""
    t = tiny(f"oles[{options}threshold=1,count=2]")
    for step in range(1, 6):
        t.recipe.step(t.search, t.selection, t.weights)
        assert bool(t.search.memory["frozen"].any()) == (step >= steps)


@pytest.mark.parametrize("as_written", [False, True])
def test_what_freezes_is_what_agrees_less_than_the_threshold_on_average(as_written: bool) -> None:
    """Mean of 3 cosines; as released, the sum of 4 divided by 3. A supernet that does not freeze sums the same ones."""
    due = 3 if as_written else 4
    other = tiny(f"oles[as_written={str(as_written).lower()},count=50]")
    for _ in range(due + 1):  # in the first step there is nothing to compare with
        other.recipe.step(other.search, other.selection, other.weights)
    sums = other.search.memory["similarity"]
    threshold = sums.median().item() / 3 + 1e-3
    t = tiny(f"oles[as_written={str(as_written).lower()},count=3,threshold={threshold}]")
    for _ in range(due + 1):
        t.recipe.step(t.search, t.selection, t.weights)
    expected = [[[value / 3 < threshold for value in edge] for edge in cell] for cell in sums.tolist()]
    assert t.search.memory["frozen"].tolist() == expected
    assert not torch.equal(sums < threshold, t.search.memory["frozen"]), "not the sum"


def test_what_is_frozen_keeps_still_and_the_rest_learns_as_if_it_were_alone() -> None:
    t, other = tiny("oles"), tiny("darts")
    t.recipe.step(t.search, t.selection, t.weights)
    other.recipe.step(other.search, other.selection, other.weights)
    for ours, theirs in zip(t.search.network.parameters(), other.search.network.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=0)
    frozen = (1, 4, CONV_3X3)
    t.search.memory["frozen"][1, 4, 1] = True
    before = {which: weight_of(t, *which).detach().clone() for which in WHICH}
    t.recipe.step(t.search, t.selection, t.weights)
    for which in WHICH:
        assert torch.equal(weight_of(t, *which), before[which]) == (which == frozen)
    norm = torch.sqrt(sum(p.grad.square().sum() for p in t.search.network.parameters() if p.grad is not None))
    assert norm <= 5 + 1e-9
