"""The GPU path of the network against its CPU path, in float64: outputs, gradients, statistics."""

from copy import deepcopy

import pytest
import torch
from torch import Tensor

from nas_selection_bench.supernets.parts.registry import find
from tests.emulated.conftest import GPU


def passed(network: torch.nn.Module, device: str, weights: Tensor, skip: float, mode: str) -> dict[str, Tensor]:
    """Outputs, gradients and buffers of one forward and backward pass on `device`, moved to the CPU."""
    network = deepcopy(network).to(device)
    network.normalise(mode)
    x = torch.randn(5, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).to(device)
    weights = weights.clone().to(device).requires_grad_()
    logits = network(x, weights, skip=skip)
    logits.square().sum().backward()
    found = {"logits": logits, "weights": weights.grad} | {n: p.grad for n, p in network.named_parameters()}
    found |= {name: buffer for name, buffer in network.state_dict().items() if name not in found}
    return {name: tensor.detach().cpu() for name, tensor in found.items() if tensor is not None}


@pytest.mark.parametrize("mode", ["train", "batch", "running"])
@pytest.mark.parametrize("recipe", ["darts", "pc-darts[k=1]", "pc-darts[k=2]", "pc-darts"])
def test_a_pass_on_a_gpu_is_that_on_the_cpu(recipe: str, mode: str) -> None:
    generator = torch.Generator().manual_seed(0)
    network = find(recipe).build(4, 1, 3).double()
    with torch.no_grad():
        for name, buffer in network.state_dict().items():
            if "mean" in name or "edge" in name:
                buffer.copy_(torch.randn(buffer.shape, generator=generator))
            elif "var" in name:
                buffer.copy_(0.5 + torch.rand(buffer.shape, generator=generator))
    for columns, skip in ((5, 0.3), (6, 0.0)) if "pc" in recipe else ((5, 0.3),):
        weights = torch.rand(6, columns, dtype=torch.float64, generator=generator)
        cpu, gpu = (passed(network, device, weights, skip, mode) for device in ("cpu", GPU))
        assert cpu.keys() == gpu.keys()
        for name, expected in cpu.items():
            torch.testing.assert_close(gpu[name], expected, rtol=1e-9, atol=1e-9, msg=lambda m, n=name: f"{n}: {m}")
