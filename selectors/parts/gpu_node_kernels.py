"""Part I of the acceptance of a GPU: compares cells run by Triton's kernels with cells run by torch's."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import torch

from nas_selection_bench.bench.work import gpu_kernels
from nas_selection_bench.selectors.parts.gpu_place import Failed, Place, at_preset_paper, furthest
from nas_selection_bench.supernets.network.accelerator import has_bfloat16
from nas_selection_bench.supernets.network.precision import autocast
from nas_selection_bench.supernets.training.loop import Training
from nas_selection_bench.supernets.training.speed import epoch_seconds


def node_kernels(place: Place) -> dict[str, Any]:
    """I: cells agree between Triton's and torch's kernels, and two passes by Triton's are equal; times both."""
    if gpu_kernels.triton_version() is None:
        return {"Triton": "not installed"}
    run = Training(place.job("darts"), place.images, place.torch)
    network = run.search.network
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(4 if place.small else 16, *place.images.images.shape[1:], generator=generator).to(place.torch)

    def passed(dtype: torch.dtype, triton: bool, half: bool = False) -> dict[str, torch.Tensor]:
        network.to(dtype)
        network.load_state_dict(state)
        network.zero_grad(set_to_none=True)
        network.normalise("train")
        weights = torch.full((6, 5), 0.2, dtype=dtype, device=place.torch, requires_grad=True)
        with gpu_kernels.triton_wanted(triton), autocast(place.torch) if half else nullcontext():
            logits = network(x.to(dtype), weights)
        logits.square().mean().backward()
        found = {"logits": logits.detach(), "edge weights": weights.grad, **dict(network.named_buffers())}
        found |= {f"gradient of {n}": p.grad for n, p in network.named_parameters()}
        return {name: tensor.cpu() for name, tensor in found.items() if tensor is not None}

    found: dict[str, Any] = {"Triton": gpu_kernels.triton_version()}
    for dtype, most in ((torch.float64, 1e-9), (torch.float32, 1e-4)):
        there = passed(dtype, True)
        gap, where = furthest(passed(dtype, False), there)
        found[str(dtype)] = gap
        if gap > most:
            raise Failed(f"{dtype}: {where} differs by {gap:.2g}")
    if furthest(there, passed(torch.float32, True))[0]:
        raise Failed("a second pass gives other numbers")
    if place.small:
        return found
    if has_bfloat16(place.torch):
        exact = passed(torch.float64, False)
        (theirs, _), (ours, where) = (furthest(exact, passed(torch.float32, t, half=True)) for t in (False, True))
        found["bfloat16"] = {"Triton": ours, "torch": theirs}
        if ours > 3 * theirs:
            raise Failed(
                f"in bfloat16 {where} is off by {ours:.2g}; with torch's kernels the largest error is {theirs:.2g}"
            )
    job, noise, epochs = at_preset_paper(place)
    for name, triton in (("captured", True), ("captured in torch's kernels", False)):
        with gpu_kernels.triton_wanted(triton):
            found[name] = epochs * epoch_seconds(job, noise, place.torch)
    return found
