"""Tools for proxies that work on any network: private copies, layers, gradients and the outputs of modules."""

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.selectors.proxies._contract import Batch, ProxyFailure

Layer = nn.Conv2d | nn.Linear

SHAREABLE = (bool, int, float, str, type(None))
"""Immutable types, whose values a copy of a module may share with the original."""


def private_copy(network: nn.Module, bn: str = "batch") -> nn.Module:
    """A deep copy of `network` in at least float32, with batch norm in mode `bn`.

    All its parameters require gradients and hold none yet.
    """
    twin = fast_copy(network, {})
    if any(p.dtype in (torch.float16, torch.bfloat16) for p in twin.parameters()):
        twin = twin.float()
    use_batch_norm(twin, bn)
    twin.requires_grad_(True)
    twin.zero_grad(set_to_none=True)
    return twin


def fast_copy(module: nn.Module, memo: dict[int, Any]) -> nn.Module:
    """A copy like that of copy.deepcopy, made several times faster: copying dominates the score of a small network."""
    if id(module) in memo:
        found: nn.Module = memo[id(module)]
        return found
    twin = module.__new__(type(module))
    memo[id(module)] = twin
    mine = vars(twin)
    for name, value in vars(module).items():
        if name == "_modules":
            mine[name] = {key: None if child is None else fast_copy(child, memo) for key, child in value.items()}
        elif isinstance(value, SHAREABLE) or (isinstance(value, tuple) and all(type(v) is int for v in value)):
            mine[name] = value
        elif isinstance(value, dict):
            mine[name] = type(value)((key, twin_of_tensor(item, memo)) for key, item in value.items())
        else:
            mine[name] = copy.deepcopy(value, memo)
    return twin


def twin_of_tensor(value: Any, memo: dict[int, Any]) -> Any:
    """A copy of a value in one of a module's dictionaries: a parameter, a buffer or anything else."""
    if type(value) not in (Tensor, nn.Parameter) or not value.is_leaf:
        return copy.deepcopy(value, memo)
    if id(value) not in memo:
        copied = value.detach().clone()
        memo[id(value)] = nn.Parameter(copied, value.requires_grad) if isinstance(value, nn.Parameter) else copied
    return memo[id(value)]


def use_batch_norm(network: nn.Module, mode: str | None) -> None:
    """Set the batch norms of `network` to `batch` or `running` statistics or to `bypassed`; None changes nothing.

    Raises UsageError for any other mode.
    """
    if mode is None:
        return
    if mode == "batch":
        network.train()
    elif mode == "running":
        network.eval()
    elif mode == "bypassed":
        for module in network.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                # Overriding `forward` leaves the module where its parents look for it.
                module.forward = nn.Identity().forward  # type: ignore[method-assign]
    else:
        raise UsageError(f"Unknown batch-norm mode bn={mode!r}; it is batch, running or, for synflow, bypassed.")


def layers(network: nn.Module) -> list[Layer]:
    """The convolutions and linear layers of `network`, over whose weights the pruning scores sum."""
    return [module for module in network.modules() if isinstance(module, nn.Conv2d | nn.Linear)]


def weight_of(module: nn.Module) -> Tensor:
    """The weight [outputs, inputs per output, ...] of a convolution or linear layer."""
    weight = module.weight
    if not isinstance(weight, Tensor):
        raise TypeError(f"{type(module).__name__} has no weight tensor")
    return weight


@torch.no_grad()
def gaussian_weights(network: nn.Module, batch: Batch) -> None:
    """Set weights to standard normal draws, biases to 0, and batch norms to scale 1 and shift 0."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.weight.copy_(batch.normal(*module.weight.shape))
        elif isinstance(module, nn.BatchNorm2d) and module.weight is not None:
            module.weight.fill_(1)
        else:
            continue
        if module.bias is not None:
            module.bias.zero_()


def loss_of(network: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """The mean cross-entropy of the logits; raises ProxyFailure if it is not finite."""
    loss = F.cross_entropy(network(images), labels)
    if not bool(torch.isfinite(loss)):
        raise ProxyFailure("the loss is not finite.")
    return loss


def gradients_of(
    output: Tensor, tensors: Sequence[Tensor], *, create_graph: bool = False, retain_graph: bool | None = None
) -> list[Tensor]:
    """The gradient of the scalar `output` with respect to each tensor; zeros for a tensor it does not depend on.

    Raises ProxyFailure if there are no tensors.
    """
    if not tensors:
        raise ProxyFailure("the network has no convolution and no linear layer.")
    found = torch.autograd.grad(
        output, tensors, create_graph=create_graph, retain_graph=retain_graph, allow_unused=True
    )  # fmt: skip
    return [torch.zeros_like(t) if g is None else g for g, t in zip(found, tensors, strict=True)]


def weights_and_gradients(network: nn.Module, images: Tensor, labels: Tensor) -> list[tuple[Tensor, Tensor]]:
    """For every convolution and linear layer, its weight and the gradient of the loss with respect to it."""
    weights: list[Tensor] = [layer.weight for layer in layers(network)]
    return list(zip(weights, gradients_of(loss_of(network, images, labels), weights), strict=True))


@dataclass
class Seen:
    """One call of a module and its output."""

    module: nn.Module
    output: Tensor
    positive: Tensor | None = None
    """For a ReLU, a mask of the inputs above zero; None for any other module."""


@contextmanager
def watch(network: nn.Module, *kinds: type[nn.Module]) -> Iterator[list[Seen]]:
    """A context that records, in order of execution, the calls of all modules of `kinds`.

    Without `kinds` it records all modules that have no children.
    """
    seen: list[Seen] = []
    open_calls: dict[int, Tensor] = {}
    signs: dict[tuple[int, int], tuple[Tensor, Tensor]] = {}

    def before(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if isinstance(module, nn.ReLU):
            # The ReLUs of all edges that leave a node read the same tensor. It is kept with its signs so that its id
            # is not reused; its version changes with every in-place operation.
            x = inputs[0]
            place = id(x), 0 if x.is_inference() else x._version
            if place not in signs:
                signs[place] = x, x.detach() > 0
            open_calls[id(module)] = signs[place][1]

    def after(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        seen.append(Seen(module, output, open_calls.pop(id(module), None)))

    chosen = [module for module in network.modules() if isinstance(module, kinds)] if kinds else leaves(network)
    handles = [module.register_forward_pre_hook(before) for module in chosen]
    try:
        with listening(chosen, after):
            yield seen
    finally:
        for handle in handles:
            handle.remove()


def leaves(network: nn.Module) -> list[nn.Module]:
    """The modules without children."""
    return [module for module in network.modules() if next(module.children(), None) is None]


@contextmanager
def listening(modules: Iterable[nn.Module], after: Callable[..., None]) -> Iterator[None]:
    """A context in which after(module, inputs, output) runs after every call of one of `modules`."""
    handles = [module.register_forward_hook(after) for module in modules]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def tracked(images: Tensor) -> Tensor:
    """A copy of `images` that requires gradients, so that `reached` also finds modules before the first weight."""
    # The second clone is not a leaf, so the network may modify its input in place.
    return images.detach().clone().requires_grad_(True).clone()


def reached(seen: list[Seen], logits: Tensor, batch: Batch) -> list[Seen]:
    """The calls whose output the logits depend on: the gradient with respect to it is not zero everywhere.

    The gradient is that of a randomly weighted sum of the logits, since their plain sum can hide a dependence (the
    sum over a batch does not change with the input of a batch norm).
    """
    if not seen or not logits.requires_grad:
        return []
    factors = batch.normal(*logits.shape).to(logits.dtype)
    differentiable = [s for s in seen if s.output.requires_grad]
    gradients = torch.autograd.grad(
        logits, [s.output for s in differentiable], grad_outputs=factors, allow_unused=True
    )  # fmt: skip
    return [s for s, g in zip(differentiable, gradients, strict=True) if g is not None and bool(g.any())]


def activations(network: nn.Module, images: Tensor, batch: Batch, *, only_reached: bool) -> list[Tensor]:
    """For every ReLU call, a boolean tensor [n, units]: whether the unit is active for the image.

    ReLUs that read the same tensor share theirs. With `only_reached`, ReLUs that the logits do not depend on are left
    out. Raises ProxyFailure if no nn.ReLU module is left or the logits are not finite.
    """
    with torch.set_grad_enabled(only_reached), watch(network, nn.ReLU) as seen:
        logits = network(tracked(images) if only_reached else images)
    if not seen:
        raise ProxyFailure("the network has no nn.ReLU module to look at.")
    if not bool(torch.isfinite(logits).all()):
        raise ProxyFailure("the logits are not finite.")
    if only_reached:
        seen = reached(seen, logits, batch)
    if not seen:
        raise ProxyFailure("the logits depend on no ReLU of the network.")
    positive = [s.positive for s in seen if s.positive is not None]
    flat = {id(p): p.flatten(1) for p in positive}
    return [flat[id(p)] for p in positive]


def distinct(patterns: list[Tensor]) -> list[Tensor]:
    """`patterns` without repetitions: ReLUs that read the same tensor share theirs."""
    return list({id(pattern): pattern for pattern in patterns}.values())


def layers_reached(network: nn.Module, batch: Batch, *kinds: type[nn.Module]) -> list[nn.Module]:
    """The modules of `kinds` (by default convolutions and linear layers) that the logits depend on.

    Two random images are used, so that batch norm has something to normalise.
    """
    with watch(network, *(kinds or (nn.Conv2d, nn.Linear))) as seen:
        logits = network(tracked(batch.normal(2, *batch.shape[1:])))
    return list({id(call.module): call.module for call in reached(seen, logits, batch)}.values())
