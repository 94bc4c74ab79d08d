"""Recipes that draw architectures: the draw, the operations that run, and the gradient through the draw."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.integrate import quad
from torch import Tensor

from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.problem.space import AVG_POOL, CONV_1X1, CONV_3X3, NONE, SKIP
from nas_selection_bench.supernets.importance_sampling import complexity, natural_gradient, utilities
from nas_selection_bench.supernets.network.supernet import MixedCell
from nas_selection_bench.supernets.parts.recipe import Mixing
from nas_selection_bench.supernets.parts.registry import find
from nas_selection_bench.supernets.parts.sampling import gumbel, one_hot, relaxed, uniform_choices
from tests.supernets.by_hand import Tiny, tiny

CLOSE = {"rtol": 1e-7, "atol": 1e-9}


def hard(weights: Tensor) -> Tensor:
    """The architecture [6] given by one-hot weights; asserts that they are one-hot."""
    assert set(weights.flatten().tolist()) == {0.0, 1.0}
    assert (weights.sum(-1) == 1).all()
    return weights.argmax(-1)


def test_gdas_gradient_is_that_of_the_drawn_probability() -> None:
    """dL/dalpha_k = sum_e dL/dh_eo p_eo (1[o = k] - p_ek) / tau for the drawn o, with dL/dh by the literal network."""
    t = tiny("gdas", epoch=1, epochs=4)
    t.draw()
    alphas, tau = t.search.alphas.detach().clone(), 10 - 9.9 / 3
    assert t.search.numbers["tau"].item() == pytest.approx(tau)
    p = ((alphas.log_softmax(-1) + t.search.noise[0]) / tau).softmax(-1)
    chosen = p.argmax(-1)
    slope = t.slope(one_hot(chosen, p)).gather(1, chosen[:, None])
    own = p.gather(1, chosen[:, None])
    expected = slope * own * (one_hot(chosen, p) - p) / tau
    t.recipe.alpha_step(t.search, t.selection, t.weights)
    torch.testing.assert_close(t.search.alphas.grad, expected, **CLOSE)
    assert expected.abs().max() > 1e-4


def test_gdas_draws_by_the_probabilities_of_its_alphas() -> None:
    alphas = torch.randn(6, 5, generator=torch.Generator().manual_seed(0))
    noise = gumbel(torch.Generator().manual_seed(1), 10_000)
    shares = one_hot(relaxed(alphas, noise, 3.0).argmax(-1), alphas).mean((0, 1))
    torch.testing.assert_close(shares, alphas.softmax(-1), rtol=0, atol=0.012)


@pytest.mark.parametrize("name", ["gdas", "rsps", "setn", "importance-sampling"])
def test_only_what_was_drawn_runs(name: str) -> None:
    """Operations that did not run keep their initial running statistics, and their weights have a zero gradient."""
    t = tiny(name)
    t.draw()
    mixing = seen(t, lambda: t.recipe.weight_step(t.search, t.weights))[-1]
    chosen = hard(mixing.weights)
    fresh = [(e, o) for e in range(6) for o in (CONV_1X1, CONV_3X3)]
    for cell in t.search.network.cells:
        assert isinstance(cell, MixedCell)
        ran = {(e, o) for e, o in fresh if not torch.equal(cell.operation_state(e, o)[1], torch.zeros(cell.channels))}
        assert ran == {(e, int(o)) for e, o in enumerate(chosen) if o in (CONV_1X1, CONV_3X3)}


def seen(t: Tiny, act: object) -> list[Mixing]:
    """The mixtures used in the passes made by `act`."""
    mixings: list[Mixing] = []
    loss = t.search.loss

    def watched(batch: object, mixing: Mixing, *, record: bool = False) -> Tensor:
        mixings.append(mixing)
        return loss(batch, mixing, record=record)  # type: ignore[arg-type]

    t.search.loss = watched  # type: ignore[method-assign]
    act()  # type: ignore[operator]
    t.search.loss = loss  # type: ignore[method-assign]
    return mixings


@pytest.mark.parametrize("name", ["rsps", "setn"])
def test_weights_learn_on_one_uniform_architecture(name: str) -> None:
    """The step is plain SGD on the stand-alone network of the drawn architecture."""
    t = tiny(name)
    architecture = tuple(t.draw()[0].tolist())
    alone = t.search.network.subnetwork(architecture)  # type: ignore[arg-type]
    alone.normalise("train")
    x, y = t.weights
    F.cross_entropy(alone(x), y).backward()
    norm = torch.sqrt(sum(p.grad.square().sum() for p in alone.parameters()))  # type: ignore[union-attr]
    before = {n: p.detach().clone() for n, p in t.search.network.named_parameters()}
    t.recipe.weight_step(t.search, t.weights)
    for key in ("classifier.weight", "stem.0.weight", "reductions.1.second.1.weight"):
        own = alone.get_parameter(key)
        assert own.grad is not None
        gradient = own.grad * min(1.0, 5 / norm.item()) + 3e-4 * before[key]
        after = t.search.network.get_parameter(key).detach()
        torch.testing.assert_close(after, before[key] - 0.025 * gradient, rtol=1e-5, atol=1e-7)


def test_uniform_choices_reach_every_node_and_are_uniform_among_those_that_do() -> None:
    chosen = uniform_choices(torch.Generator().manual_seed(0), 30_000)
    for edges, cases in (((0,), 4), ((1, 2), 24), ((3, 4, 5), 124)):
        arriving = chosen[:, list(edges)]
        assert not (arriving == NONE).all(-1).any()
        _, counts = arriving.unique(dim=0, return_counts=True)
        assert len(counts) == cases
        expected = len(chosen) / cases
        statistic = ((counts - expected) ** 2 / expected).sum().item()
        assert statistic < cases + 5 * math.sqrt(2 * cases), "chi squared, five deviations above its mean"


def test_rsps_draws_one_architecture_per_step_or_one_per_cell() -> None:
    shared, apart = tiny("rsps"), tiny("rsps[per_cell=true]")
    assert shared.draw(5).shape == (5, 6)
    assert apart.draw(5).shape == (5, 3, 6)
    (mixing,) = seen(apart, lambda: apart.recipe.weight_step(apart.search, apart.weights))
    hard(mixing.weights)
    x, _ = apart.weights
    literal = apart.literal()
    torch.testing.assert_close(
        apart.search.network(x, mixing.weights, active=mixing.active), literal(x, mixing.weights), **CLOSE
    )
    architectures = {tuple(cell.tolist()) for cell in mixing.weights.argmax(-1)}
    assert len(architectures) == 3
    before = shared.search.alphas.detach().clone()
    shared.recipe.step(shared.search, None, shared.weights)
    assert torch.equal(shared.search.alphas, before)


def test_the_alphas_of_setn_learn_from_all_operations() -> None:
    t = tiny("setn")
    alphas = t.search.alphas.detach().clone().requires_grad_()
    (expected,) = torch.autograd.grad((alphas.softmax(-1) * t.slope(alphas.softmax(-1))).sum(), alphas)
    t.draw()
    t.recipe.alpha_step(t.search, t.selection, t.weights)
    torch.testing.assert_close(t.search.alphas.grad, expected, **CLOSE)


@pytest.mark.parametrize("tau", [1.0, 0.5])
def test_the_gradient_of_snas_in_expectation(tau: float) -> None:
    """Two operations and the loss z^2: the derivative of an integral over logistic noise, against the mean gradient."""
    difference = 0.7

    def expected_loss(d: float) -> float:
        def integrand(logistic: float) -> float:
            z = 1 / (1 + math.exp(-(d + logistic) / tau))
            return z * z / (4 * math.cosh(logistic / 2) ** 2)

        return float(quad(integrand, -40, 40)[0])

    exact = (expected_loss(difference + 1e-3) - expected_loss(difference - 1e-3)) / 2e-3
    noise = gumbel(torch.Generator().manual_seed(2), 10_000).double()[..., :2]
    alphas = torch.tensor([difference, 0.0]).double().requires_grad_()
    relaxed(alphas, noise, tau)[..., 0].square().mean().backward()
    assert alphas.grad is not None
    torch.testing.assert_close(alphas.grad.numpy(), np.array([exact, -exact]), rtol=0.03, atol=0)


def test_snas_mixes_all_operations_by_its_sample() -> None:
    t = tiny("snas")
    t.draw()
    alphas, tau = t.search.alphas.detach().clone().requires_grad_(), 10 - 9 / 3
    z = F.softmax((F.log_softmax(alphas, -1) + t.search.noise[0]) / tau, -1)
    (expected,) = torch.autograd.grad((z * t.slope(z)).sum(), alphas)
    (mixing,) = seen(t, lambda: t.recipe.alpha_step(t.search, t.selection, t.weights))
    torch.testing.assert_close(mixing.weights, z)
    torch.testing.assert_close(t.search.alphas.grad, expected, **CLOSE)
    (mixing,) = seen(t, lambda: t.recipe.weight_step(t.search, t.weights))
    assert not torch.allclose(mixing.weights, z), "the weights' pass draws for itself"


@pytest.mark.parametrize(("name", "last"), [("gdas", 0.1), ("snas", 1.0), ("gdas[tau_min=2]", 2.0)])
def test_temperatures_fall_linearly(name: str, last: float) -> None:
    taus = [find(name).schedule(epoch, 5)["tau"] for epoch in range(5)]
    assert taus == pytest.approx(np.linspace(10, last, 5))
    assert find(name).schedule(0, 1)["tau"] == 10


def test_importance_weights_give_the_exact_natural_gradient() -> None:
    """On one edge, over all draws of the mixture: J F^+ grad of each expectation, with F the Fisher matrix."""
    generator = torch.Generator().manual_seed(0)
    alphas = torch.randn(3, 1, 5, generator=generator).double()
    value = torch.randn(3, 5, generator=generator).double()
    theta, operations = alphas.softmax(-1), torch.eye(5).double()[:, None]
    mixture = theta.mean(0)[0]
    # natural_gradient averages over draws; over all operations, weighted by the mixture, this is the expectation.
    estimate = natural_gradient(theta, operations, value * mixture * 5)
    for k in range(3):
        logits = alphas[k, 0].clone().requires_grad_()
        (gradient,) = torch.autograd.grad((logits.softmax(-1) * value[k]).sum(), logits)
        p = logits.detach().softmax(-1)
        fisher = torch.diag(p) - torch.outer(p, p)
        torch.testing.assert_close(estimate[k, 0], fisher @ torch.linalg.pinv(fisher) @ gradient, **CLOSE)


def test_a_step_of_importance_sampling_by_hand() -> None:
    t = tiny("importance-sampling")
    noise = t.draw()[0]
    theta = t.search.alphas.detach().softmax(-1).numpy()
    mixings = seen(t, lambda: t.recipe.alpha_step(t.search, t.selection, t.weights))
    assert len(mixings) == 6
    draws = [hard(m.weights).numpy() for m in mixings]
    x, y = t.selection
    loss = [F.cross_entropy(t.literal()(x, m.weights), y).item() for m in mixings]
    share = [((d == CONV_3X3).sum() + (d == CONV_1X1).sum() / 9) / 6 for d in draws]
    expected = theta.copy()
    for k in range(3):
        cost = np.array(loss) + 0.5 * k * np.array(share)
        utility = 1 - 2 * cost.argsort(kind="stable").argsort() / 5
        for i, d in enumerate(draws):
            p = [np.prod([theta[j, e, d[e]] for e in range(6)]) for j in range(3)]
            expected[k] += 0.01 / 6 * p[k] / np.mean(p) * utility[i] * (np.eye(5)[d] - theta[k])
    expected = np.maximum(expected, 1 / 120)
    expected /= expected.sum(-1, keepdims=True)
    np.testing.assert_allclose(t.search.alphas.detach().softmax(-1), expected, rtol=1e-6)
    assert (draws[0] == (theta[0] * np.exp(noise[0].numpy())).argmax(-1)).all(), "Gumbel draws of the first"


def test_distributions_part_by_complexity_and_take_turns() -> None:
    t = tiny("importance-sampling[rate=0.02]")
    with torch.no_grad():
        t.search.alphas.zero_()

    def toy(batch: object, mixing: Mixing, *, record: bool = False) -> Tensor:
        return 0.1 - 0.1 * mixing.weights[:, CONV_3X3].mean()

    t.search.loss = toy  # type: ignore[method-assign, assignment]
    for noise in t.draw(400):
        t.search.noise = noise
        t.recipe.alpha_step(t.search, t.selection, t.weights)
    wide, _, narrow = t.search.alphas.detach().softmax(-1)
    assert (wide.argmax(-1) == CONV_3X3).all()
    assert (narrow.argmax(-1) != CONV_3X3).all()
    assert t.search.alphas.softmax(-1).min() > 1 / 130
    torch.testing.assert_close(t.recipe.edge_weights(t.search.alphas.detach()), wide)
    turns = []
    for _ in range(4):
        turns.append(int(t.search.memory["turn"]))
        t.recipe.mixing(t.search, t.search.alphas.detach())
    assert turns == [0, 1, 2, 0]


def test_the_distributions_draw_for_the_weights_in_turn() -> None:
    """Distribution k chooses operation k + 1 almost surely."""
    t = tiny("importance-sampling")
    t.draw()
    with torch.no_grad():
        for k in range(3):
            t.search.alphas[k, :, k + 1] = 1000
    chosen = [hard(t.recipe.mixing(t.search, t.search.alphas.detach()).weights) for _ in range(4)]
    assert [edges.tolist() for edges in chosen] == [[1] * 6, [2] * 6, [3] * 6, [1] * 6]


def test_ranks_and_complexities() -> None:
    assert utilities(torch.tensor([3.0, 1.0, 2.0])).tolist() == [-1.0, 1.0, 0.0]
    architectures = torch.tensor([[CONV_3X3] * 6, [NONE, SKIP, AVG_POOL, CONV_1X1, CONV_1X1, CONV_1X1]])
    assert complexity(one_hot(architectures, torch.zeros(1))).tolist() == pytest.approx([1, 1 / 18])


def test_impossible_distributions_are_refused() -> None:
    with pytest.raises(UsageError, match="chosen=3"):
        find("importance-sampling[chosen=3]")
    with pytest.raises(UsageError, match="two in all"):
        find("importance-sampling[distributions=1,draws=1]")
