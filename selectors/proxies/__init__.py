"""Zero-cost proxies: each scores a network at initialisation (or with any other weights) without training it.

    from nas_selection_bench.selectors.proxies import names, score
    score("nwot", network, images)                       # larger = better, always
    score("nwot[bn=running,reached=no]", network, images)
    score("snip", network, images, labels, seed=3)

Every file of this folder whose name does not begin with an underscore defines one proxy, named after the file.
"""

import importlib
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor, nn

from nas_selection_bench.bench import names as spelling
from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.work.code_digest import code_digest
from nas_selection_bench.bench.work.discovery import FaultyFile, kind, reading, shown
from nas_selection_bench.bench.work.methods import Source
from nas_selection_bench.selectors.proxies._contract import Batch, Passes, Proxy, ProxyFailure, Sees
from nas_selection_bench.selectors.proxies._network import private_copy

__all__ = [
    "Batch", "Passes", "Proxy", "ProxyFailure", "Sees", "defined", "file_of", "find", "idle", "names", "score",
    "scores", "source", "spelled",
]  # fmt: skip


BATCH_NORMS = ("batch", "running")
"""Statistics that a caller can request of batch norm: those of the batch, or the running ones."""


def names() -> list[str]:
    """Names of all proxies, without their options, sorted."""
    return sorted(file.stem for file in Path(__file__).parent.glob("[!_]*.py"))


def find(name: str) -> Proxy:
    """The proxy called `name` or `name[option=value,...]`.

    Raises UsageError for an unknown name or option; the message lists the nearest names or the existing options.
    """
    stem, options = spelling.parse(name)
    if stem not in names():
        raise spelling.unknown("zero-cost score", stem, names())
    with reading(file_of(stem)):
        module = importlib.import_module(f"{__name__}.{stem}")
    return _checked(getattr(module, "PROXY", None), stem).configured(stem, options)


def _checked(proxy: object, stem: str) -> Proxy:
    """`proxy` itself; raises FaultyFile unless it is a Proxy that makes all its declarations."""
    file = f"selectors/proxies/{stem}.py"
    if proxy is None:
        raise FaultyFile(f"{file} defines no PROXY (in capitals); add it, or remove the file.")
    if not isinstance(proxy, Proxy):
        raise FaultyFile(f"{file}: PROXY must be an instance of Proxy, not {kind(proxy)}.")
    for name in ("paper", "formula", "batch_norm", "differs"):
        if not isinstance(text := getattr(proxy, name, None), str) or not text.strip():
            raise FaultyFile(f"{file}: `{name}` must be a non-empty string, not {text!r}.")
    for name in ("higher_is_better", "uses_images", "uses_labels"):
        if not isinstance(value := getattr(proxy, name, None), bool):
            raise FaultyFile(f"{file}: `{name}` must be True or False, not {value!r}.")
    if unusable := proxy.unusable():
        raise FaultyFile(f"{file}: {unusable}.")
    return proxy


def file_of(name: str) -> Path:
    """Path of the file that defines the proxy `name`, given with or without options."""
    return Path(__file__).parent / f"{spelling.parse(name)[0]}.py"


def source(name: str) -> Source:
    """File of the proxy `name`, with the digest of its current content."""
    return Source(f"selectors/{shown(file_of(name))}", code_digest(file_of(name).read_bytes()))


def idle() -> dict[str, str]:
    """Files that define no proxy, and what they lack: always empty, since every file of this folder is a proxy."""
    return {}


def spelled(proxy: Proxy) -> str:
    """The name of `proxy` with the options that differ from its defaults."""
    return spelling.canonical(proxy.name, proxy.differing(find(proxy.name)))


def score(
    name: str | Proxy, network: nn.Module, images: Tensor, labels: Tensor | None = None, *,
    seed: int = 0, bn: str = "batch",
) -> float:  # fmt: skip
    """The score of `network` by a proxy (a Proxy or its name), with the sign chosen so that larger is better.

    `network` maps images [n, channels, h, w] to logits [n, classes] and is not changed: the proxy works on a
    copy, in the network's own precision (at least float32), without autocast. `labels` [n] are required by, and
    passed to, only the proxies that declare them (`find(name).uses_labels`); likewise a proxy that uses no images
    gets only their shape. Random numbers come from `seed`; the global random state is not used.

    Batch norm uses the statistics of the batch, or the running ones with bn="running", unless the proxy or one of
    its options prescribes something else.

    Raises ProxyFailure with the reason if the proxy is not defined for this network (a singular kernel, no
    path from the input to the output, ...), ValueError for images or labels of the wrong shape, UsageError for
    an unknown name, option or batch norm.
    """
    return defined(scores(name, network, [lambda copy: None], images, labels, seed=seed, bn=bn))[0]


def scores(
    name: str | Proxy,
    network: nn.Module,
    variants: Iterable[Callable[[nn.Module], object]],
    images: Tensor,
    labels: Tensor | None = None,
    *,
    seed: int = 0,
    bn: str = "batch",
) -> Iterator[float | ProxyFailure]:
    """The scores of variants of `network`, yielded one by one, each as `score` computes it.

    A variant is a function that changes the copy to be scored, e.g. by writing edge weights into a buffer. It must
    overwrite whatever an earlier variant wrote: most proxies score all variants on one copy, since copying is much of
    the work for a small network. An undefined score is yielded as a ProxyFailure with the reason.
    """
    proxy = find(name) if isinstance(name, str) else name
    called = spelled(proxy)
    if bn not in BATCH_NORMS:
        raise UsageError(f"Unknown batch-norm mode bn={bn!r}; it is {' or '.join(BATCH_NORMS)}.")
    proxy = proxy.with_batch_norm(bn)
    _check(called, proxy, images, labels)
    copy = None
    for variant in variants:
        with torch.inference_mode(False), torch.no_grad():
            if copy is None or proxy.changes_network:
                copy = private_copy(network, bn if proxy.follows_batch_norm else "batch")
            variant(copy)
        try:
            yield _score(called, proxy, copy, images, labels, seed)
        except ProxyFailure as failure:
            yield ProxyFailure(str(failure))  # without the traceback, whose frames hold the network's activations


def defined(values: Iterable[float | ProxyFailure]) -> list[float]:
    """The scores if all are defined; raises the first failure otherwise."""
    numbers = []
    for value in values:
        if isinstance(value, ProxyFailure):
            raise value
        numbers.append(value)
    return numbers


def _score(name: str, proxy: Proxy, copy: nn.Module, images: Tensor, labels: Tensor | None, seed: int) -> float:
    """The score of `copy`, which the proxy may change."""
    # The caller may be under no_grad, inference_mode or autocast; scores must not depend on that.
    with torch.inference_mode(False), torch.enable_grad(), torch.autocast(images.device.type, enabled=False):
        parameter = next(copy.parameters(), None)
        dtype = torch.float32 if parameter is None else parameter.dtype
        batch = Batch(
            shape=tuple(images.shape),
            device=images.device,
            dtype=dtype,
            generator=torch.Generator().manual_seed(seed),
            given_images=images.detach().clone().to(dtype) if proxy.uses_images else None,
            given_labels=labels.detach().clone() if proxy.uses_labels and labels is not None else None,
        )
        try:
            value = _number(name, proxy, proxy.compute(copy, batch))
        except ProxyFailure as failure:
            raise ProxyFailure(f"{name}: {failure}") from failure
    if not math.isfinite(value):
        raise ProxyFailure(f"{name}: its value is {value} (often because activations or gradients are not finite).")
    return value if proxy.higher_is_better else -value


def _number(name: str, proxy: Proxy, answer: object) -> float:
    """The return value of `compute` as a float; raises FaultyFile unless it is a single number."""
    if not isinstance(answer, str | bytes):
        with suppress(TypeError, ValueError, RuntimeError):
            return float(answer.detach() if isinstance(answer, Tensor) else answer)  # type: ignore[arg-type]
    shape = f" of shape {tuple(answer.shape)}" if isinstance(answer, Tensor) else ""
    raise FaultyFile(f"{name}.compute gave {kind(answer)}{shape}, not one number (selectors/proxies/{proxy.name}.py).")


def _check(name: str, proxy: Proxy, images: Tensor, labels: Tensor | None) -> None:
    if images.ndim != 4 or not images.is_floating_point():
        raise ValueError(f"{name}: images must be floating point [n, channels, h, w], not {tuple(images.shape)}")
    if len(images) < proxy.minimum_images:
        raise ValueError(f"{name}: needs at least {proxy.minimum_images} images, was given {len(images)}")
    if proxy.uses_labels and labels is None:
        raise ValueError(f"{name}: needs labels, was given none")
    if proxy.uses_labels and labels is not None and labels.shape != images.shape[:1]:
        raise ValueError(f"{name}: needs one label per image, was given {tuple(labels.shape)} for {len(images)}")
