"""The fast network against the literal one, in float64."""

import copy

import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from nas_selection_bench.bench.problem.space import CONV_1X1, CONV_3X3, OPERATIONS
from nas_selection_bench.supernets.network.literal import LiteralSupernet
from nas_selection_bench.supernets.network.standalone import StandaloneNetwork
from nas_selection_bench.supernets.network.supernet import Supernet
from tests.supernets.network.pairs import CLOSE, inputs, kernels_like, pair

PATHS = {"fused": False, "composed": True}
"""Both implementations: the function with its own backward pass, and torch's operations."""


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("mode", ["train", "batch", "running"])
@pytest.mark.parametrize("skip", [0.0, 0.7])
def test_outputs_and_all_gradients_equal_the_literal_network(path: str, mode: str, skip: float) -> None:
    network, literal = pair(cells=2, composed=PATHS[path])
    network.normalise(mode)
    literal.normalise(mode)
    labels = torch.tensor([0, 1, 2, 3, 0, 1])
    results = []
    for net in (network, literal):
        x, weights = inputs()
        logits = net(x, weights, skip=skip)
        nn.functional.cross_entropy(logits, labels).backward()
        results.append((logits, x.grad, weights.grad))
    for fast, slow in zip(*results, strict=True):
        torch.testing.assert_close(fast, slow, **CLOSE)
    for fast, slow in kernels_like(network, literal):
        torch.testing.assert_close(fast, slow, **CLOSE)


@pytest.mark.parametrize("path", PATHS)
def test_running_statistics_are_those_of_each_operation(path: str) -> None:
    network, literal = pair(composed=PATHS[path])
    x, weights = inputs()
    for _ in range(3):
        network(x, weights)
        literal(x, weights)
    for cell, plain in zip(network.cells, literal.cells, strict=True):
        for edge in range(6):
            for operation in (CONV_1X1, CONV_3X3):
                _, mean, variance = cell.operation_state(edge, operation)
                norm = plain.edges[edge].operations[operation][2]
                torch.testing.assert_close(mean, norm.running_mean, **CLOSE)
                torch.testing.assert_close(variance, norm.running_var, **CLOSE)


@pytest.mark.parametrize("mode", ["batch", "running"])
def test_only_training_mode_changes_the_network(mode: str) -> None:
    network, _ = pair()
    before = copy.deepcopy(network.state_dict())
    network.normalise(mode)
    x, weights = inputs()
    network(x, weights)
    after = network.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("path", PATHS)
def test_each_cell_can_have_its_own_weights(path: str) -> None:
    network, literal = pair(cells=1, composed=PATHS[path])
    x, weights = inputs()
    per_cell = torch.stack([weights.detach() * (i + 1) for i in range(network.n_cells)]).requires_grad_()
    twin = per_cell.detach().clone().requires_grad_()
    network(x, per_cell).square().sum().backward()
    literal(x, twin).square().sum().backward()
    torch.testing.assert_close(per_cell.grad, twin.grad, **CLOSE)


@pytest.mark.parametrize("path", PATHS)
@settings(max_examples=15, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(st.lists(st.lists(st.booleans(), min_size=5, max_size=5), min_size=6, max_size=6))
def test_operations_that_are_not_active_do_not_run(path: str, active: list[list[bool]]) -> None:
    network, literal = pair(composed=PATHS[path])
    x, weights = inputs()
    mask = torch.tensor(active, dtype=torch.float64)
    # If a weight that is not finite changes nothing, it is never used.
    poisoned = torch.where(mask.bool(), weights, torch.full_like(weights, torch.nan))
    fast = network(x, poisoned, active=active)
    slow = literal(x, weights * mask)
    torch.testing.assert_close(fast, slow, **CLOSE)
    labels = torch.tensor([0, 1, 2, 3, 0, 1])
    nn.functional.cross_entropy(fast, labels).backward()
    fast_x, x.grad = x.grad, None
    fast_weights, weights.grad = weights.grad, None
    nn.functional.cross_entropy(slow, labels).backward()
    # If nothing runs at all, there is no gradient rather than a zero one.
    for got, expected in [(fast_x, x.grad), (fast_weights, weights.grad), *kernels_like(network, literal)]:
        torch.testing.assert_close(torch.zeros_like(expected) if got is None else got, expected, **CLOSE)


def test_observe_shows_every_operation_of_every_edge() -> None:
    network, literal = pair(cells=1)
    x, weights = inputs()
    seen: dict[tuple[int, int], tuple[list[Tensor], Tensor]] = {}

    def observe(cell: int, edge: int, outputs: list[Tensor], mixed: Tensor) -> None:
        seen[cell, edge] = outputs, mixed

    logits = network(x, weights, observe=observe, skip=0.3)
    torch.testing.assert_close(logits, literal(x, weights, skip=0.3), **CLOSE)
    assert set(seen) == {(cell, edge) for cell in range(3) for edge in range(6)}
    loss = logits.square().sum()
    (through_weights,) = torch.autograd.grad(loss, weights, retain_graph=True)
    mixed = [seen[cell, edge][1] for cell in range(3) for edge in range(6)]
    gradients = torch.autograd.grad(loss, mixed)
    # dL/dp_o is <dL/dm, o(x)>, summed over the cells that share p.
    by_hand = torch.zeros(6, 5, dtype=torch.float64)
    for (cell, edge), gradient in zip(((c, e) for c in range(3) for e in range(6)), gradients, strict=True):
        for operation in range(len(OPERATIONS)):
            by_hand[edge, operation] += (gradient * seen[cell, edge][0][operation]).sum()
    torch.testing.assert_close(by_hand, through_weights, **CLOSE)


def test_the_graph_can_be_walked_twice_and_differentiated_twice_when_asked() -> None:
    network, literal = pair()
    x, weights = inputs()
    loss = network(x, weights).square().sum()
    first = torch.autograd.grad(loss, weights, retain_graph=True)[0]
    assert torch.equal(first, torch.autograd.grad(loss, weights)[0])
    with pytest.raises(RuntimeError, match="once_differentiable"):
        loss = network(x, weights).square().sum()
        torch.autograd.grad(loss, weights, create_graph=True)[0].square().sum().backward()
    network.twice_differentiable = True
    second = []
    for net in (network, literal):
        (slope,) = torch.autograd.grad(net(x, weights).square().sum(), weights, create_graph=True)
        second.append(torch.autograd.grad(slope.square().sum(), weights)[0])
    torch.testing.assert_close(second[0], second[1], rtol=1e-7, atol=1e-7)


def test_gradients_only_where_wanted() -> None:
    network, _ = pair()
    x, weights = inputs()
    (expected,) = torch.autograd.grad(network(x, weights).square().sum(), weights)
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    (alone,) = torch.autograd.grad(network(x.detach(), weights).square().sum(), weights)
    torch.testing.assert_close(alone, expected, **CLOSE)


def test_float32_in_any_memory_format() -> None:
    torch.manual_seed(0)
    network = Supernet(4, 1, 10)
    literal = LiteralSupernet.like(network)
    x = torch.randn(16, 3, 16, 16) * 3 + 5
    weights = torch.rand(6, 5)
    expected = literal(x, weights)
    torch.testing.assert_close(network(x, weights), expected, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(
        network(x.contiguous(memory_format=torch.channels_last), weights), expected, rtol=1e-3, atol=1e-4
    )


def parameter_count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_parameters_of_the_paper() -> None:
    assert parameter_count(Supernet(16, 5, 10)) == 1_686_106
    assert parameter_count(LiteralSupernet(16, 5, 10)) == 1_686_106


@pytest.mark.parametrize(
    ("architecture", "millions"),
    [((3,) * 6, 1.531546), ((1,) * 6, 0.073306), ((2,) * 6, 0.241306)],
)
def test_standalone_has_the_parameters_of_nas_bench_201(architecture: tuple[int, ...], millions: float) -> None:
    assert parameter_count(StandaloneNetwork(architecture)) == round(millions * 1e6)  # type: ignore[arg-type]


@settings(max_examples=10, deadline=None)
@given(st.tuples(*[st.integers(0, 4)] * 6))
def test_subnetwork_inherits_and_runs_only_what_was_chosen(architecture: tuple[int, ...]) -> None:
    network, literal = pair()
    alone = network.subnetwork(architecture)  # type: ignore[arg-type]
    convolutions = sum(isinstance(m, nn.Conv2d) for m in alone.cells.modules())
    assert convolutions == network.n_cells * sum(o in (CONV_1X1, CONV_3X3) for o in architecture)
    one_hot = nn.functional.one_hot(torch.tensor(architecture), 5).double()
    x, _ = inputs()
    for mode in ("batch", "running"):
        alone.normalise(mode)
        literal.normalise(mode)
        torch.testing.assert_close(alone(x), literal(x, one_hot), **CLOSE)
    with torch.no_grad():
        alone.classifier.weight.zero_()
    assert network.classifier.weight.abs().sum() > 0, "the weights are a copy"


def test_mixture_is_a_module_of_images_alone() -> None:
    network, literal = pair()
    x, weights = inputs()
    mixture = literal.mixture(weights)
    literal.normalise("batch")
    network.normalise("batch")
    torch.testing.assert_close(mixture(x), network(x, weights), **CLOSE)
    assert sum(isinstance(m, nn.ReLU) for m in mixture.modules()) == 3 * 12 + 4 + 1


def test_too_small_images_are_pooled_all_the_same() -> None:
    network, literal = pair()
    x, weights = inputs(size=4)
    torch.testing.assert_close(network(x, weights), literal(x, weights), **CLOSE)
