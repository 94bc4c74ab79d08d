"""The two base classes of selection criteria, `Rule` and `Selector`, and what a criterion declares.

A criterion that scores operations on edges is a `Rule`; `selectors.parts.schedule.Greedy` combines a rule
with an edge order and fine-tuning. A criterion of another kind (one that ranks whole architectures, or makes
proposals and validates them) is its own subclass of `Selector`. Either way its file defines it as `SELECTOR`, and
related criteria as `VARIANTS = {suffix: selector}`. Its name is the file's name with `-` for `_`; variants append
`-suffix`.
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
    """Scores the operations on open edges, given the decisions made so far."""

    @property
    @abstractmethod
    def needs(self) -> Needs:
        """The inputs that the rule reads."""

    @property
    def stochastic(self) -> bool:
        """Whether the scores depend on the selector seed."""
        return False

    @property
    def can_be_tuned(self) -> bool:
        """Whether fine-tuning between decisions can change its scores; untrained networks are not tuned."""
        return self.needs.trained or self.needs.alphas

    chooses_none: ClassVar[bool] = True
    """Whether `none` can have the largest score; if False, the selector has no option `none`."""

    @abstractmethod
    def score(self, search: Search, edges: Sequence[int]) -> np.ndarray:
        """[len(edges), 5] float64, larger = keep, given the decisions in `search.decided`.

        The scores of an edge must not depend on which other edges are in `edges`.
        """


@dataclass(frozen=True, kw_only=True)
class Selector(Configurable, ABC):
    """Chooses an architecture from a checkpoint."""

    paper: str
    """Authors, title, venue, section."""
    formula: str
    """The score in one line of plain text."""
    direction: str
    """Which value of the paper's quantity is kept: `lowest accuracy without it`, `largest`, ..."""
    passes: str = "0"
    """Number of passes of a mini-batch; B is the number of mini-batches."""
    differs: str = "nothing known"
    """Differences from the released code, and their reasons."""
    version: int = 1
    """Increased by hand when results change; part of the key of a record."""
    name: str = ""
    """Set by the registry: the name of the file, the variant and the options that are not the default."""

    def declared(self) -> dict[str, str]:
        """Descriptions for lists and reports, apart from `paper`, for the options as they are set."""
        return {**with_options(self, self.asked, self.of_file()), "reads": ", ".join(self.needs.names()) or "nothing"}

    def of_file(self) -> dict[str, str]:
        """The descriptions in its file, which apply to the default options."""
        return {"score": self.formula, "keeps": self.direction, "passes": self.passes, "differs": self.differs}

    def configured(self, name: str, texts: Mapping[str, str]) -> Self:
        """A copy with the options in `texts` set, named `name` plus the options that are not the default."""
        found = super().configured(name, texts)
        return replace(found, name=canonical(name, found.differing(self)))

    @property
    def asked(self) -> dict[str, str]:
        """The options in its name, which are those that are not the default."""
        return parse(self.name)[1] if self.name else {}

    @property
    @abstractmethod
    def needs(self) -> Needs:
        """The inputs that the selector reads."""

    @property
    @abstractmethod
    def stochastic(self) -> bool:
        """Whether the selection can depend on the selector seed."""

    @property
    def reads_only_alphas(self) -> bool:
        """Whether it reads nothing but alphas; such selectors are cheap and are applied to every checkpoint."""
        return self.needs == Needs(alphas=True)

    @property
    def decides_by_alphas(self) -> bool:
        """Whether the choice depends on alphas alone; such selectors are skipped while the alphas are untrained."""
        return False

    @property
    def reads_checkpoint(self) -> bool:
        """Whether it reads the checkpoint; if not, it runs once per supernet seed and all recipes share the result."""
        return self.needs.trained or self.needs.alphas or self.needs.tuning

    @abstractmethod
    def select(self, search: Search) -> Selection:
        """Choose an architecture; `search` is not shared with any other selector."""
