"""Properties of every proxy, found by its file."""

import copy
import math
import random
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.problem.space import architecture_of
from nas_selection_bench.selectors.proxies import Proxy, ProxyFailure, find, names, score
from nas_selection_bench.supernets.network.standalone import StandaloneNetwork
from tests.selectors.proxies.networks import Tiny, batch, network, some_images

EXPECTED = {
    "epe_nas", "fisher", "flops", "grad_norm", "grasp", "jacob_cov", "l2_norm", "linear_regions", "meco", "ntk",
    "nwot", "params", "plain", "snip", "swap", "synflow", "zen", "zico",
}  # fmt: skip
EVERY = pytest.mark.parametrize("name", names())
KINDS = [
    (0, 0, 0, 0, 0, 0),  # nothing
    (3, 0, 0, 0, 0, 0),  # a dead end
    (0, 0, 3, 0, 3, 3),  # no way from the input
    (1, 1, 1, 1, 1, 1),  # no layer in the cell
    (4, 4, 4, 4, 4, 4),
    (3, 3, 3, 3, 3, 3),
    (0, 3, 3, 0, 3, 3),  # a convolution with zero input that reaches the output
    (0, 0, 0, 1, 0, 0),
]


def test_all_eighteen_are_found() -> None:
    assert set(names()) >= EXPECTED
    assert names() == sorted(names())


@EVERY
def test_declares_what_a_reader_needs(name: str) -> None:
    proxy = find(name)
    assert isinstance(proxy, Proxy)
    for text in (proxy.paper, proxy.formula, proxy.batch_norm, proxy.differs, type(proxy).__doc__):
        assert isinstance(text, str) and text
    assert isinstance(proxy.higher_is_better, bool)
    assert proxy.version >= 1


@EVERY
def test_is_deterministic_and_leaves_everything_as_it_was(name: str) -> None:
    net = network()
    images, labels = some_images()
    net.eval()
    for number, parameter in enumerate(net.parameters()):
        parameter.grad = torch.full_like(parameter, 0.5)
        parameter.requires_grad_(number % 2 == 0)
    flags = [(p.requires_grad, p.grad.clone()) for p in net.parameters()]
    modes = [m.training for m in net.modules()]
    hooks = [(len(m._forward_hooks), len(m._forward_pre_hooks), len(m._backward_hooks)) for m in net.modules()]
    state = copy.deepcopy(net.state_dict())
    images_before = images.clone()
    random_states = (torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate())

    values = {score(name, net, images, labels, seed=3), score(name, net, images, labels, seed=3)}
    with torch.no_grad():
        values.add(score(name, net, images, labels, seed=3))
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        values.add(score(name, net, images, labels, seed=3))

    assert len(values) == 1
    assert isinstance(values.pop(), float)
    for (requires, gradient), parameter in zip(flags, net.parameters(), strict=True):
        assert parameter.requires_grad == requires
        assert torch.equal(parameter.grad, gradient)
    assert [m.training for m in net.modules()] == modes
    after = [(len(m._forward_hooks), len(m._forward_pre_hooks), len(m._backward_hooks)) for m in net.modules()]
    assert after == hooks
    assert all(torch.equal(state[key], value) for key, value in net.state_dict().items())
    assert torch.equal(images, images_before) and not images.requires_grad
    assert torch.equal(torch.get_rng_state(), random_states[0])
    assert np.array_equal(np.random.get_state()[1], random_states[1])
    assert random.getstate() == random_states[2]


@EVERY
def test_the_seed_matters_where_random_numbers_are_declared(name: str) -> None:
    torch.manual_seed(0)
    net, (images, labels) = (
        StandaloneNetwork((2, 0, 0, 0, 1, 0), 1, 1, 10),
        some_images(),
    )  # so narrow that some samples share a region
    assert (len({score(name, net, images, labels, seed=seed) for seed in range(3)}) > 1) == find(name).draws


@EVERY
def test_the_mode_of_the_network_makes_no_difference(name: str) -> None:
    images, labels = some_images()
    assert score(name, network().eval(), images, labels) == score(name, network().train(), images, labels)


@EVERY
def test_uses_labels_exactly_if_it_says_so(name: str) -> None:
    net = network()
    images, labels = some_images()
    if find(name).uses_labels:
        assert score(name, net, images, labels) != score(name, net, images, labels.roll(1) // 2)
        with pytest.raises(ValueError, match="labels"):
            score(name, net, images)
        with pytest.raises(ValueError, match="one label per image"):
            score(name, net, images, labels[:-1])
    else:
        assert score(name, net, images) == score(name, net, images, labels)


@EVERY
def test_uses_images_exactly_if_it_says_so(name: str) -> None:
    net = network()
    images, labels = some_images()
    if find(name).uses_images:
        # With any varied images, a network of this width has as many regions as crops.
        other = images.flip(3) if name != "linear_regions" else torch.zeros_like(images)
        assert score(name, net, images, labels) != score(name, net, other, labels)
    else:
        assert score(name, net, images) == score(name, net, torch.full_like(images, torch.nan))


@EVERY
def test_every_kind_of_architecture_has_a_finite_value_or_a_reason(name: str) -> None:
    images, labels = some_images()
    generator = np.random.default_rng(0)
    drawn = [architecture_of(int(position)) for position in generator.integers(15625, size=10)]
    failures = 0
    for architecture in [*KINDS, *drawn]:
        try:
            value = score(name, network(architecture), images, labels)
        except ProxyFailure as failure:
            failures += 1
            text = str(failure)
            assert text.startswith(f"{name}: ") and text.endswith(".") and len(text) > len(name) + 15
        else:
            assert math.isfinite(value)
    # Only architectures without a path from input to output may fail: three kinds, and some of those drawn.
    assert failures <= 3 + sum(not connected(a) for a in drawn)


def connected(architecture: tuple[int, ...]) -> bool:
    e = [operation != 0 for operation in architecture]
    one, two = e[0], e[1] or (e[0] and e[2])
    return e[3] or (one and e[4]) or (two and e[5])


@EVERY
def test_a_network_with_a_weight_that_is_not_a_number_fails_by_name(name: str) -> None:
    if name in ("params", "flops", "zen"):  # these never look at the weights
        return
    net = network()
    next(net.parameters()).data.fill_(torch.nan)
    with pytest.raises(ProxyFailure, match=name):
        score(name, net, *some_images())


class Counted(nn.Module):
    """Counts the runs of the wrapped network; copies share the list."""

    calls: list[int] = []  # noqa: RUF012

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, images: Tensor) -> Tensor:
        Counted.calls.append(len(images))
        return self.inner(images)


@pytest.fixture
def counted_backwards(monkeypatch) -> Iterator[list[int]]:
    calls: list[int] = []
    original = torch.autograd.grad

    def grad(*arguments, **options):
        calls.append(1)
        return original(*arguments, **options)

    monkeypatch.setattr(torch.autograd, "grad", grad)
    yield calls


VARIANTS = [
    "flops[reached=true]",
    "l2_norm[reached=true]",
    "meco[reached=true]",
    "nwot[reached=false]",
    "params[reached=true]",
    "swap[reached=true]",
    "swap[repeats=2]",
    "zen[repeats=3]",
    "zico[batches=4]",
]


@pytest.mark.parametrize("name", [*names(), *VARIANTS])
def test_runs_the_network_as_often_as_it_says(name: str, counted_backwards: list[int]) -> None:
    Counted.calls.clear()
    score(name, Counted(network()), *some_images())
    declared = find(name).passes(8)
    assert (len(Counted.calls), len(counted_backwards)) == tuple(declared)


def test_smaller_is_better_only_for_the_condition_number() -> None:
    assert [name for name in names() if not find(name).higher_is_better] == ["ntk"]
    assert score("ntk", network(), some_images()[0]) < -1


def test_half_precision_networks_are_scored_in_single_precision() -> None:
    images, labels = some_images()
    assert score("snip", network().bfloat16(), images, labels) == pytest.approx(
        score("snip", network(), images, labels), rel=0.05
    )


def test_names_and_options_that_do_not_exist_are_usage_errors() -> None:
    with pytest.raises(UsageError, match="jacob_cov"):
        find("jacob")
    with pytest.raises(UsageError, match="no option 'depth'"):
        find("nwot[depth=3]")
    with pytest.raises(UsageError, match="bn=frozen"):
        score("nwot[bn=frozen]", Tiny(), batch(4)[0])
    assert not any(name.startswith("_") for name in names())


def test_images_of_the_wrong_kind_are_refused() -> None:
    with pytest.raises(ValueError, match="floating point"):
        score("nwot", Tiny(), torch.zeros(4, 3, 4, 4, dtype=torch.uint8))
    with pytest.raises(ValueError, match="floating point"):
        score("nwot", Tiny(), torch.zeros(4, 3))
    with pytest.raises(ValueError, match="at least 2 images"):
        score("nwot", Tiny(), batch(1)[0])


ANCHORS = {(4, 2, 1, 2, 1, 1): (129306, 15647360), (3, 3, 4, 1, 3, 1): (802426, 113951360)}


@pytest.mark.parametrize("architecture", ANCHORS)
def test_counts_equal_those_of_the_nas_bench_201_table(architecture: tuple[int, ...]) -> None:
    net = StandaloneNetwork(architecture, 16, 5, 10)  # type: ignore[arg-type]
    images = torch.zeros(1, 3, 32, 32)
    assert (score("params", net, images), score("flops", net, images)) == ANCHORS[architecture]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@EVERY
def test_a_gpu_gives_the_same_score(name: str) -> None:
    net = network().double()
    images, labels = batch(8, size=8, classes=10)
    expected = score(name, net, images, labels)
    assert score(name, net.cuda(), images.cuda(), labels.cuda()) == pytest.approx(expected, rel=1e-6)
