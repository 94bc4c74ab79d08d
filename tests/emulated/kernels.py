"""Count the kernels that a step launches at full size, without computing the step."""

from collections import Counter
from typing import Any

import torch
from torch import Tensor

from nas_selection_bench.supernets.parts.recipe import Batch, SupernetState
from nas_selection_bench.supernets.parts.registry import find
from nas_selection_bench.supernets.training.loop import make_search
from tests.emulated.conftest import GPU
from tests.emulated.device import facts_of, watched, without_values

FREE = (
    "view", "_unsafe_view", "unsqueeze", "squeeze", "expand", "permute", "transpose", "t", "slice", "select", "split",
    "split_with_sizes", "unbind", "detach", "alias", "as_strided", "diagonal", "unfold", "empty", "empty_like",
    "empty_strided", "new_empty", "lift_fresh", "_local_scalar_dense", "_reshape_alias", "chunk", "unsafe_split",
    "new_empty_strided",
)  # fmt: skip
"""Operations that launch no kernels, most of them views of the same memory."""
SEVERAL = {
    "native_batch_norm": 3,  # statistics, their use, the maps
    "native_batch_norm_backward": 2,
    "_foreach_norm": 3,
}


def launches(func: Any, args: Any) -> int:
    """Number of kernels of one operation, according to torch's CUDA code."""
    name = facts_of(func).name
    if name in FREE:
        return 0
    if name == "convolution_backward":
        return sum(map(bool, args[-1][:2]))
    if name.startswith("_fused_sgd"):
        return 3
    if name.startswith("_foreach"):
        return SEVERAL.get(name, 2)
    return SEVERAL.get(name, 1)


def search_of(recipe: str, channels: int, cells: int) -> SupernetState:
    """A search with `recipe` on the emulated device; its tensors have no values inside `without_values`."""
    found = find(recipe)
    network = found.build(channels, cells, 10)
    device = torch.device(GPU)
    search = make_search(network, found.initial_alphas(torch.Generator()), found, 0.025, device)
    search.memory = {name: tensor.to(device) for name, tensor in found.memory().items()}
    search.numbers = {name: torch.zeros((), device=device) for name in found.schedule(1, 100)}
    return search


def batch(count: int = 64, size: int = 32) -> Batch:
    """A batch of the size that a step reads from each half."""
    images = torch.empty(count, 3, size, size, device=GPU)
    return images.contiguous(memory_format=torch.channels_last), torch.zeros(count, dtype=torch.int64, device=GPU)


def kernels_of_a_step(recipe: str, channels: int = 16, cells: int = 5, steps: int = 1) -> Counter[str]:
    """Mean launches per step by operation over `steps` steps; the first step of a search, which sets up, is omitted."""
    found = find(recipe)
    counted: Counter[str] = Counter()

    def count(func: Any, args: Any, kwargs: Any, out: Any) -> None:
        counted[facts_of(func).name] += launches(func, args)

    with without_values():
        search = search_of(recipe, channels, cells)
        run = found.repeated(search, torch.device(GPU))
        noise = found.noise(torch.Generator().manual_seed(0), steps + 1, search.network)
        selection = batch() if found.tunes_alphas else None
        draws: list[Tensor | None] = [None] * (steps + 1)
        if noise is not None:
            draws = list((noise if found.noise_on_host else noise.to(GPU)).unbind())
        run(selection, batch(), draws[0])
        with watched(count):
            for search.number in range(1, steps + 1):
                run(selection, batch(), draws[search.number])
    return Counter({name: round(number / steps) for name, number in counted.items() if number})
