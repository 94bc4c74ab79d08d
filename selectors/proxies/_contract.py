"""The declarations of a zero-cost proxy, and its input."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple, Self

import torch
from torch import Tensor, nn

from nas_selection_bench.bench.work.options import Configurable, OrWord, one_of, option, yes_or_no


class ProxyFailure(Exception):
    """The proxy has no value for this network; the message is the reason, in one sentence."""


as_asked = OrWord("asked", one_of("batch", "running"))
"""The converter of an option `bn` that is what the caller asks for (`--bn`), None, unless the name says otherwise."""

Sees = Literal["everything", "relus", "nothing"]
"""Which parts of an operation that adds nothing but zeros change a score."""


class Passes(NamedTuple):
    """How often a proxy runs the network."""

    forward: int
    backward: int


@dataclass(frozen=True)
class Batch:
    """The input of a proxy; whatever it did not declare is withheld."""

    shape: tuple[int, ...]
    """[n, channels, h, w]"""
    device: torch.device
    dtype: torch.dtype
    generator: torch.Generator
    """The only source of random numbers; on the CPU, so that every device sees the same ones."""
    given_images: Tensor | None
    given_labels: Tensor | None

    @property
    def images(self) -> Tensor:
        """[n, channels, h, w]; raises RuntimeError for a proxy that declares that it uses none."""
        if self.given_images is None:
            raise RuntimeError("this proxy declares uses_images = False")
        return self.given_images

    @property
    def labels(self) -> Tensor:
        """[n]; raises RuntimeError for a proxy that declares that it uses none."""
        if self.given_labels is None:
            raise RuntimeError("this proxy declares uses_labels = False")
        return self.given_labels

    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers of `shape`."""
        return torch.randn(shape, generator=self.generator, dtype=torch.float64).to(self.device, self.dtype)


@dataclass(frozen=True)
class Proxy(Configurable, ABC):
    """One zero-cost score. A file of this folder holds a frozen dataclass of this kind and its instance PROXY.

    Its fields, made by `option`, are its options (`name[option=value]`), with the paper's protocol as default.
    """

    paper: ClassVar[str]
    """Authors, title, venue."""
    formula: ClassVar[str]
    higher_is_better: ClassVar[bool] = True
    """In the literature; `score` negates where it is False."""
    uses_images: ClassVar[bool]
    uses_labels: ClassVar[bool]
    batch_norm: ClassVar[str] = "as asked, batch statistics by default"
    """What batch norm does while the score is taken."""
    follows_batch_norm: ClassVar[bool] = True
    """Whether batch norm does what the caller asks for (`--bn`); False for a proxy that prescribes its own."""
    differs: ClassVar[str]
    """What differs from the released code, and why."""
    caution: ClassVar[str] = ""
    """A sentence for its criteria where a score can fail to tell operations apart."""
    version: ClassVar[int] = 1
    """Raised by hand when the numbers change."""
    minimum_images: ClassVar[int] = 1
    watches: ClassVar[Sees] = "everything"
    """Which parts of an operation of weight 0 can still change the score; `sees_of_unused` asks the options too."""
    changes_network: ClassVar[bool] = True
    """Whether `compute` may change weights or modules; one that never does can score one copy many times."""

    @property
    def name(self) -> str:
        """Of its file, without options."""
        return type(self).__module__.rpartition(".")[2]

    def declared(self) -> dict[str, str]:
        """Descriptions beside its paper, shown in lists and reports."""
        reads = [what for what, used in (("images", self.uses_images), ("labels", self.uses_labels)) if used]
        return {
            "score": self.formula, "better": "larger" if self.higher_is_better else "smaller",
            "reads": ", ".join(reads) or "nothing", "batch norm": self.batch_norm, "differs": self.differs,
        }  # fmt: skip

    def with_batch_norm(self, asked: str) -> Self:
        """For a caller who asks for batch norm `asked`: an option `bn` that was left open is that."""
        return self.set_options({"bn": asked}) if getattr(self, "bn", asked) is None else self

    @property
    def draws(self) -> bool:
        """Whether its value depends on random numbers."""
        return False

    @property
    def sees_of_unused(self) -> Sees:
        """Which parts of a zero-weighted operation can still change the score; the others are skipped."""
        return "nothing" if getattr(self, "reached", False) else self.watches

    @abstractmethod
    def passes(self, images: int) -> Passes:
        """How often the network runs forward and backward for one score on `images` images."""

    @abstractmethod
    def compute(self, network: nn.Module, batch: Batch) -> float:
        """The score in the literature's own direction.

        `network` is a copy that is the proxy's to change, with gradients enabled for all parameters; its batch norms
        are as the caller asks, with batch statistics (train mode) for a proxy that prescribes its own.
        Raises ProxyFailure where the score is not defined.
        """


@dataclass(frozen=True)
class GradientProxy(Proxy):
    """A proxy that reads gradients of the loss, most often by one pass each way.

    They are zero wherever the logits depend on nothing, so that an operation of weight 0 changes no sum.
    """

    uses_images = True
    uses_labels = True
    watches = "nothing"

    def passes(self, images: int) -> Passes:
        """One forward, one backward."""
        return Passes(1, 1)


@dataclass(frozen=True)
class StructureProxy(Proxy):
    """A proxy of the network's layers alone, whatever the images."""

    reached: bool = option(False, yes_or_no, "count only the layers that the logits depend on")

    uses_images = False
    uses_labels = False
    batch_norm = "no part"
    follows_batch_norm = False
    changes_network = False
