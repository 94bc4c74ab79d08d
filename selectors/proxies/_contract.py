"""Base classes of zero-cost proxies, with what a proxy must declare, and the input it receives."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple, Self

import torch
from torch import Tensor, nn

from nas_selection_bench.bench.work.options import Configurable, OrWord, one_of, option, yes_or_no


class ProxyFailure(Exception):
    """The proxy has no value for this network; the message gives the reason in one sentence."""


as_asked = OrWord("asked", one_of("batch", "running"))
"""Converter of an option `bn`: `batch`, `running`, or `asked` (stored as None) to follow the caller's `--bn`."""

Sees = Literal["everything", "relus", "nothing"]
"""Which parts of an operation that contributes only zeros can still change a score."""


class Passes(NamedTuple):
    """Numbers of forward and backward passes through the network."""

    forward: int
    backward: int


@dataclass(frozen=True)
class Batch:
    """The input of a proxy; images or labels that the proxy does not declare are withheld."""

    shape: tuple[int, ...]
    """[n, channels, h, w]"""
    device: torch.device
    dtype: torch.dtype
    generator: torch.Generator
    """The only source of random numbers; on the CPU, so that they are the same for every device."""
    given_images: Tensor | None
    given_labels: Tensor | None

    @property
    def images(self) -> Tensor:
        """The images [n, channels, h, w]; raises RuntimeError if the proxy declares that it uses none."""
        if self.given_images is None:
            raise RuntimeError("this proxy declares uses_images = False")
        return self.given_images

    @property
    def labels(self) -> Tensor:
        """The labels [n]; raises RuntimeError if the proxy declares that it uses none."""
        if self.given_labels is None:
            raise RuntimeError("this proxy declares uses_labels = False")
        return self.given_labels

    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers of shape `shape`, in the batch's type and on its device."""
        return torch.randn(shape, generator=self.generator, dtype=torch.float64).to(self.device, self.dtype)


@dataclass(frozen=True)
class Proxy(Configurable, ABC):
    """One zero-cost score. Each proxy file defines a frozen dataclass derived from this class and an instance PROXY.

    Its fields, made by `option`, are its options (`name[option=value]`); the defaults follow the paper's protocol.
    """

    paper: ClassVar[str]
    """Authors, title, venue."""
    formula: ClassVar[str]
    higher_is_better: ClassVar[bool] = True
    """Whether a larger value is better in the literature; if not, `score` negates it."""
    uses_images: ClassVar[bool]
    uses_labels: ClassVar[bool]
    batch_norm: ClassVar[str] = "as asked, batch statistics by default"
    """What batch norm does while the score is computed."""
    follows_batch_norm: ClassVar[bool] = True
    """Whether batch norm follows the caller's `--bn`; False for a proxy that prescribes its own mode."""
    differs: ClassVar[str]
    """What differs from the released code, and why."""
    caution: ClassVar[str] = ""
    """A sentence for the descriptions of its criteria, if its score can fail to tell operations apart."""
    version: ClassVar[int] = 1
    """Raised by hand when the proxy's values change."""
    minimum_images: ClassVar[int] = 1
    watches: ClassVar[Sees] = "everything"
    """Which parts of an operation of weight 0 can still change the score; `sees_of_unused` adds the options' effect."""
    changes_network: ClassVar[bool] = True
    """Whether `compute` may change weights or modules; if it never does, one copy serves for many scores."""

    @property
    def name(self) -> str:
        """Name of the proxy's file, which is the proxy's name without options."""
        return type(self).__module__.rpartition(".")[2]

    def declared(self) -> dict[str, str]:
        """The descriptions shown in lists and reports, apart from the paper."""
        reads = [what for what, used in (("images", self.uses_images), ("labels", self.uses_labels)) if used]
        return {
            "score": self.formula, "better": "larger" if self.higher_is_better else "smaller",
            "reads": ", ".join(reads) or "nothing", "batch norm": self.batch_norm, "differs": self.differs,
        }  # fmt: skip

    def with_batch_norm(self, asked: str) -> Self:
        """This proxy with its option `bn` set to `asked`, the caller's choice, if it has one that is left open."""
        return self.set_options({"bn": asked}) if getattr(self, "bn", asked) is None else self

    @property
    def draws(self) -> bool:
        """Whether the score depends on random numbers."""
        return False

    @property
    def sees_of_unused(self) -> Sees:
        """Which parts of a zero-weighted operation can still change the score; the others are skipped."""
        return "nothing" if getattr(self, "reached", False) else self.watches

    @abstractmethod
    def passes(self, images: int) -> Passes:
        """Numbers of forward and backward passes for one score on `images` images."""

    @abstractmethod
    def compute(self, network: nn.Module, batch: Batch) -> float:
        """The score with the sign of the literature (see `higher_is_better`).

        `network` is a copy that the proxy may change, with gradients enabled for all parameters. Its batch norms use
        the statistics that the caller asks for, or those of the batch (train mode) if the proxy prescribes its own.
        Raises ProxyFailure if the score is not defined.
        """


@dataclass(frozen=True)
class GradientProxy(Proxy):
    """A proxy that reads gradients of the loss or the logits, usually from one forward and one backward pass.

    The gradients of an operation of weight 0 are zero, so it changes no sum.
    """

    uses_images = True
    uses_labels = True
    watches = "nothing"

    def passes(self, images: int) -> Passes:
        """One forward and one backward pass."""
        return Passes(1, 1)


@dataclass(frozen=True)
class StructureProxy(Proxy):
    """A proxy that depends only on the network's layers, not on the images."""

    reached: bool = option(False, yes_or_no, "count only the layers that the logits depend on")

    uses_images = False
    uses_labels = False
    batch_norm = "no effect"
    follows_batch_norm = False
    changes_network = False
