"""What a selection criterion is: what it declares, and the two shapes it can have.

A criterion that scores operations on edges is a `Rule`; `selectors.parts.schedule.Greedy` combines a rule
with an edge order and fine-tuning. A criterion of another shape (it ranks whole architectures, it proposes
and validates) is a `Selector` of its own. Either way one file offers it as `SELECTOR`, and relatives of it
as `VARIANTS = {suffix: selector}`; the name is the name of the file with `-` for `_`, and `-suffix`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar

import numpy as np

from bench.errors import UsageError
from bench.names import nearest
from bench.problem.selection import Selection
from selectors.parts.needs import Needs
from selectors.parts.view import Search


def whole(text: str) -> int:
    """A whole number; raises ValueError otherwise."""
    try:
        return int(text)
    except ValueError:
        raise ValueError("it must be a whole number") from None


def not_negative(text: str) -> int:
    """A whole number of at least 0; raises ValueError otherwise."""
    value = whole(text)
    if value < 0:
        raise ValueError("it must not be negative")
    return value


def positive(text: str) -> int:
    """A whole number of at least 1; raises ValueError otherwise."""
    value = whole(text)
    if value < 1:
        raise ValueError("it must be at least 1")
    return value


def number(text: str) -> float:
    """A finite number; raises ValueError otherwise."""
    try:
        value = float(text)
    except ValueError:
        raise ValueError("it must be a number") from None
    if not np.isfinite(value):
        raise ValueError("it must be finite")
    return value


def yes_or_no(text: str) -> bool:
    """`yes` or `no`; raises ValueError otherwise."""
    return {"yes": True, "no": False}[one_of("yes", "no")(text)]


def one_of(*choices: str) -> Callable[[str], str]:
    """A converter that accepts only `choices`."""

    def convert(text: str) -> str:
        if text not in choices:
            near = nearest(text, choices, count=1)
            raise ValueError(f"choose one of {', '.join(choices)}" + (f" (did you mean {near[0]}?)" if near else ""))
        return text

    return convert


def read(convert: Callable[[str], Any], text: str) -> Any:
    """What a converter makes of the text; raises ValueError also where it raised otherwise, as a look-up does."""
    try:
        return convert(text)
    except (LookupError, TypeError, ArithmeticError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error


@dataclass(frozen=True)
class OrWord:
    """A converter that also takes `word`, which stands for None; None is shown as that word."""

    word: str
    convert: Callable[[str], Any]

    def __call__(self, text: str) -> Any:
        """None for the word, else what the converter makes of the text; raises ValueError."""
        if text == self.word:
            return None
        try:
            return read(self.convert, text)
        except ValueError as error:
            raise ValueError(f"{error} (it may also be {self.word})") from error


def or_preset(convert: Callable[[str], Any]) -> OrWord:
    """A converter that takes `preset` as well: None, which means what the preset says."""
    return OrWord("preset", convert)


def or_all(convert: Callable[[str], Any]) -> OrWord:
    """A converter that takes `all` as well: None, which means all there are."""
    return OrWord("all", convert)


def option(default: Any, convert: Callable[[str], Any], text: str) -> Any:
    """A dataclass field that can be set by name: `darts-pt[tune=0]`. `text` says what it does."""
    return field(default=default, metadata={"convert": convert, "help": text})


def as_text(value: object, convert: Callable[[str], Any] | None = None) -> str:
    """The spelling of an option's value in a name, as `convert` reads it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None and isinstance(convert, OrWord):
        return convert.word
    return str(value)


@dataclass(frozen=True, kw_only=True)
class Configurable:
    """A dataclass some of whose fields are options; the options of parts (fields of this kind) are options of it."""

    def parts(self) -> dict[str, Configurable]:
        """By the name of the field."""
        return {f.name: part for f in fields(self) if isinstance(part := getattr(self, f.name), Configurable)}

    def options(self) -> dict[str, tuple[Any, str]]:
        """Current value and help of each option; raises UsageError where two parts have one of the same name."""
        found = {f.name: (getattr(self, f.name), f.metadata["help"]) for f in fields(self) if "help" in f.metadata}
        for part in self.parts().values():
            more = part.options()
            if both := found.keys() & more.keys():
                mine, theirs = type(self).__name__, type(part).__name__
                raise UsageError(f"{mine} and {theirs} both have an option {min(both)!r}, so that one name sets both.")
            found |= more
        return found

    def spelled(self) -> dict[str, str]:
        """The current value of each option as it is typed."""
        converters = self.converters()
        return {name: as_text(value, converters.get(name)) for name, (value, _) in self.options().items()}

    def converters(self) -> dict[str, Callable[[str], Any]]:
        """How each option is read."""
        found = {f.name: f.metadata["convert"] for f in fields(self) if "convert" in f.metadata}
        for part in self.parts().values():
            found |= part.converters()
        return found

    def set_options(self, texts: Mapping[str, str]) -> Any:
        """A copy with the options in `texts` set; raises ValueError, naming the option, for a value that is none."""
        values = {name: part.set_options(texts) for name, part in self.parts().items()}
        for f in fields(self):
            if f.name in texts and "convert" in f.metadata:
                try:
                    values[f.name] = read(f.metadata["convert"], texts[f.name])
                except ValueError as error:
                    raise ValueError(f"option {f.name}={texts[f.name]} cannot be used: {error}") from error
        return replace(self, **values)


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
    """Whether `none` can have the largest score; if not, there is nothing to forbid."""

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
        """What it says of itself beside its paper, for people."""
        return {
            "score": self.formula, "keeps": self.direction, "reads": ", ".join(self.needs.names()) or "nothing",
            "passes": self.passes, "differs": self.differs,
        }  # fmt: skip

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
        """Whether it costs nothing, so that it is applied to every checkpoint."""
        return self.needs == Needs(alphas=True)

    @property
    def decides_by_alphas(self) -> bool:
        """Whether nothing but alphas decides its operations; a recipe that does not learn them leaves it to chance."""
        return False

    @property
    def reads_checkpoint(self) -> bool:
        """Whether anything of the checkpoint matters to it; all recipes of a seed share the result of the others."""
        return self.needs.trained or self.needs.alphas or self.needs.tuning

    @abstractmethod
    def select(self, search: Search) -> Selection:
        """Choose an architecture; `search` is this selector's own."""

    def configured(self, texts: Mapping[str, str]) -> Selector:
        """A copy with options set; raises UsageError for an option that does not exist or does not fit."""
        known = self.options()
        for name in texts:
            if name not in known:
                near = nearest(name, known)
                hint = f"; did you mean {' or '.join(near)}?" if near else "."
                has = f"its options are {', '.join(known)}" if known else "it has none"
                raise UsageError(f"{self.name} has no option {name!r} ({has}){hint}")
        try:
            changed: Selector = self.set_options(texts)
        except ValueError as error:
            raise UsageError(f"{self.name}: {error}.") from error
        return changed

    def differing(self, default: Selector) -> dict[str, str]:
        """The options that are not as in `default`, as text."""
        theirs, texts = default.options(), self.spelled()
        return {name: texts[name] for name, (value, _) in self.options().items() if theirs[name][0] != value}
