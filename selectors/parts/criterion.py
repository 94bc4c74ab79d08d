"""What a selection criterion is: what it declares, and the two shapes it can have.

A criterion that scores operations on edges is a `Rule`; `selectors.parts.schedule.Greedy` combines a rule
with an edge order and fine-tuning. A criterion of another shape (it ranks whole architectures, it proposes
and validates) is a `Selector` of its own. Either way one file offers it as `SELECTOR`, and relatives of it
as `VARIANTS = {suffix: selector}`; the name is the name of the file with `-` for `_`, and `-suffix`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from nas_selection_bench.bench.names import canonical, parse
from nas_selection_bench.bench.problem.selection import Selection
from nas_selection_bench.bench.work.options import Configurable
from nas_selection_bench.selectors.parts.needs import Needs
from nas_selection_bench.selectors.parts.option_texts import with_options
from nas_selection_bench.selectors.parts.view import Search


@dataclass(frozen=True, kw_only=True)
class Rule(Configurable, ABC):
    """Scores operations on open edges, given what has been decided so far."""

    @property
    @abstractmethod
    def needs(self) -> Needs:
        """What the rule reads."""

    @property
    def stochastic(self) -> bool:
        """Whether another selector seed gives other scores."""
        return False

    @property
    def can_be_tuned(self) -> bool:
        """Whether fine-tuning between decisions can change what it scores; an untrained network stays untrained."""
        return self.needs.trained or self.needs.alphas

    chooses_none: ClassVar[bool] = True
    """Whether `none` can have the largest score; if False, the option `none` is not offered."""

    @abstractmethod
    def score(self, search: Search, edges: Sequence[int]) -> np.ndarray:
        """[len(edges), 5] float64, larger = keep, in the context of `search.decided`.

        The scores of an edge do not depend on which other edges are asked for.
        """


@dataclass(frozen=True, kw_only=True)
class Selector(Configurable, ABC):
    """A way to choose an architecture from a checkpoint."""

    paper: str
    """Authors, title, venue, section."""
    formula: str
    """The score in one line of plain text."""
    direction: str
    """Which end of the paper's quantity is kept: `lowest accuracy without it`, `largest`, ..."""
    passes: str = "0"
    """Passes of a mini-batch, with B the number of mini-batches."""
    differs: str = "nothing known"
    """What differs from the released code, and why."""
    version: int = 1
    """Bumped by hand when results change; part of the key of a record."""
    name: str = ""
    """Set by the registry: the file's name, the variant, the options that are not the default."""

    def declared(self) -> dict[str, str]:
        """Descriptions beside its paper, shown in lists and reports: those of its options."""
        return {**with_options(self, self.asked, self.of_file()), "reads": ", ".join(self.needs.names()) or "nothing"}

    def of_file(self) -> dict[str, str]:
        """What its file says of the default options."""
        return {"score": self.formula, "keeps": self.direction, "passes": self.passes, "differs": self.differs}

    def configured(self, name: str, texts: Mapping[str, str]) -> Self:
        """A copy with options set, under its name with those that are not the default."""
        found = super().configured(name, texts)
        return replace(found, name=canonical(name, found.differing(self)))

    @property
    def asked(self) -> dict[str, str]:
        """The options in its name: those that are not the default."""
        return parse(self.name)[1] if self.name else {}

    @property
    @abstractmethod
    def needs(self) -> Needs:
        """What the selector reads."""

    @property
    @abstractmethod
    def stochastic(self) -> bool:
        """Whether another selector seed can give another selection."""

    @property
    def reads_only_alphas(self) -> bool:
        """Whether it reads nothing but alphas; it is then applied to every checkpoint, since that is cheap."""
        return self.needs == Needs(alphas=True)

    @property
    def decides_by_alphas(self) -> bool:
        """True if the choice depends on alphas alone; such selectors are skipped where a recipe never trains them."""
        return False

    @property
    def reads_checkpoint(self) -> bool:
        """False if it ignores the checkpoint; it then runs once per supernet seed and all recipes share the result."""
        return self.needs.trained or self.needs.alphas or self.needs.tuning

    @abstractmethod
    def select(self, search: Search) -> Selection:
        """Choose an architecture; `search` is this selector's own."""
