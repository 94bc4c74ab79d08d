"""The emulation reveals the faults that a GPU would reveal; each is planted here."""

import pytest
import torch
from torch import Tensor

import nas_selection_bench.supernets.training.loop
from nas_selection_bench.supernets.darts import Darts
from nas_selection_bench.supernets.network import cuda_graph as capture
from nas_selection_bench.supernets.parts.recipe import Mixing, Recipe, SupernetState
from nas_selection_bench.supernets.parts.sampling import pass_of, relaxed
from nas_selection_bench.supernets.snas import Snas
from tests.emulated.conftest import GPU, trained
from tests.emulated.device import DeviceError, State


class NumberOfTheHost(Snas):
    """A temperature that the host counts down: a captured step keeps the value from its capture."""

    def mixing(self, search: SupernetState, alphas: Tensor) -> Mixing:
        assert search.noise is not None
        return Mixing(relaxed(alphas, search.noise[pass_of(alphas)], 10.0 - search.number))


class NumbersOfTheDevice(Darts):
    """Noise that is not determined by any of our seeds."""

    def mixing(self, search: SupernetState, alphas: Tensor) -> Mixing:
        return Mixing(alphas.softmax(-1) + 0.01 * torch.rand_like(alphas))


class LooksAtTheAlphas(Darts):
    def mixing(self, search: SupernetState, alphas: Tensor) -> Mixing:
        return Mixing(self.edge_weights(alphas) if float(alphas.detach().sum()) < 1e9 else alphas)


class IndexOfTheHost(Darts):
    def edge_weights(self, alphas: Tensor) -> Tensor:
        return alphas.softmax(-1)[torch.arange(6)]


class CopyFromTheHost(Darts):
    def edge_weights(self, alphas: Tensor) -> Tensor:
        return alphas.softmax(-1) + torch.zeros(6, 5).to(alphas)


class TensorOfTheHost(Darts):
    def edge_weights(self, alphas: Tensor) -> Tensor:
        return alphas.softmax(-1) * torch.ones(6, 5)


def plant(recipe: type[Recipe], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nas_selection_bench.supernets.training.loop, "find", lambda name: recipe())


@pytest.mark.parametrize("fault", [NumberOfTheHost, NumbersOfTheDevice])
def test_a_replay_shows_what_was_baked_in(fault: type[Recipe], device: State, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(fault, monkeypatch)
    torch.manual_seed(0)
    captured = trained(fault.name, GPU, 2)
    monkeypatch.setattr(capture, "EAGER_CALLS", 10**9)
    torch.manual_seed(1)
    assert captured.worst(trained(fault.name, GPU, 2))[0] > 1e-6
    assert (device.draws > 0) == (fault is NumbersOfTheDevice)


@pytest.mark.parametrize("fault", [LooksAtTheAlphas, IndexOfTheHost, CopyFromTheHost])
def test_a_step_that_waits_is_not_captured_and_says_so(
    fault: type[Recipe], device: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(fault, monkeypatch)
    with pytest.warns(RuntimeWarning, match="waits for the device"):
        trained("darts", GPU, 1)
    assert device.captures == 0


def test_operands_on_two_devices_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    plant(TensorOfTheHost, monkeypatch)
    with pytest.raises(DeviceError, match="same device"):
        trained("darts", GPU, 1)


def test_a_capture_executes_nothing() -> None:
    gpu = torch.get_device_module("emu")
    total, x = torch.zeros(3, device=GPU), torch.ones(3, device=GPU)
    graph = gpu.CUDAGraph()
    graph.capture_begin()
    y = x * 2
    total += y
    graph.capture_end()
    assert total.tolist() == [0, 0, 0] and y.isnan().all()
    x.fill_(5)
    graph.replay()
    graph.replay()
    assert total.tolist() == [20, 20, 20] and y.tolist() == [10, 10, 10]


@pytest.mark.parametrize("act", [lambda x: x.sum().item(), lambda x: x[x > 0], lambda x: x + torch.ones(3).to(GPU)])
def test_a_capture_refuses_to_wait(act: object) -> None:
    x = torch.ones(3, device=GPU)
    graph = torch.get_device_module("emu").CUDAGraph()
    graph.capture_begin()
    with pytest.raises(DeviceError, match="capturing"):
        act(x)  # type: ignore[operator]
    with pytest.raises(DeviceError, match="failed"):
        graph.capture_end()
