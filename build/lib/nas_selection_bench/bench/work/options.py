"""Options of methods: how a value in `darts-pt[order=fixed,tune=0]` is read, bounded, spelled and explained.

Recipes, criteria and zero-cost proxies are dataclasses; a field made by `option` can be set by name, and no other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.names import nearest

Converter = Callable[[str], Any]
"""From the text of a value to the value; raises ValueError with a clause that says what it must be."""


def whole(text: str) -> int:
    """A whole number."""
    try:
        return int(text)
    except ValueError:
        raise ValueError("it must be a whole number") from None


def number(text: str) -> float:
    """A finite number."""
    try:
        value = float(text)
    except ValueError:
        raise ValueError("it must be a number") from None
    if not math.isfinite(value):
        raise ValueError("it must be finite")
    return value


def at_least(low: float, convert: Converter = number) -> Converter:
    """A converter that accepts `low` and above."""
    return _bounded(convert, lambda value: value >= low, f"at least {low:g}")


def above(low: float, convert: Converter = number) -> Converter:
    """A converter that accepts what is above `low`."""
    return _bounded(convert, lambda value: value > low, f"above {low:g}")


def between(low: float, high: float, convert: Converter = number) -> Converter:
    """A converter that accepts `low` to `high`, both included."""
    return _bounded(convert, lambda value: low <= value <= high, f"between {low:g} and {high:g}")


def inside(low: float, high: float) -> Converter:
    """A converter that accepts numbers between `low` and `high`, neither of them."""
    return _bounded(number, lambda value: low < value < high, f"strictly between {low:g} and {high:g}")


def share(text: str) -> float:
    """A share of at least 0 and below 1."""
    value: float = at_least(0)(text)
    if value >= 1:
        raise ValueError("it must be below 1")
    return value


def _bounded(convert: Converter, fits: Callable[[Any], bool], bounds: str) -> Converter:
    def bounded(text: str) -> Any:
        value = convert(text)
        if not fits(value):
            raise ValueError(f"it must be {bounds}")
        return value

    return bounded


positive = at_least(1, whole)
"""A whole number of at least 1."""

not_negative = at_least(0, whole)
"""A whole number of at least 0."""

SWITCHES = {"yes": True, "true": True, "on": True, "1": True, "no": False, "false": False, "off": False, "0": False}


def yes_or_no(text: str) -> bool:
    """`yes` or `no`, or another word for them."""
    if text.lower() not in SWITCHES:
        raise ValueError("it must be yes or no")
    return SWITCHES[text.lower()]


def one_of(*choices: str) -> Converter:
    """A converter that accepts only `choices`."""

    def convert(text: str) -> str:
        if text not in choices:
            near = nearest(text, choices, count=1)
            raise ValueError(f"choose one of {', '.join(choices)}" + (f" (did you mean {near[0]}?)" if near else ""))
        return text

    return convert


def read(convert: Converter, text: str) -> Any:
    """What a converter makes of the text; raises ValueError also where it raised otherwise, as a look-up does."""
    try:
        return convert(text)
    except (LookupError, TypeError, ArithmeticError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error


@dataclass(frozen=True)
class OrWord:
    """A converter that also takes `word`, which stands for None; None is shown as that word."""

    word: str
    convert: Converter

    def __call__(self, text: str) -> Any:
        """None for the word, else what the converter makes of the text; raises ValueError."""
        if text == self.word:
            return None
        try:
            return read(self.convert, text)
        except ValueError as error:
            raise ValueError(f"{error} (it may also be {self.word})") from error


def or_preset(convert: Converter) -> OrWord:
    """A converter that takes `preset` as well: None, which means what the preset says."""
    return OrWord("preset", convert)


def or_all(convert: Converter) -> OrWord:
    """A converter that takes `all` as well: None, which means all there are."""
    return OrWord("all", convert)


def option(default: Any, convert: Converter, text: str) -> Any:
    """A dataclass field that can be set by name: `darts-pt[tune=0]`. `text` says what it does."""
    return field(default=default, metadata={"convert": convert, "help": text})


def as_text(value: object, convert: Converter | None = None) -> str:
    """The spelling of an option's value in a name, the shortest that `convert` reads as it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None and isinstance(convert, OrWord):
        return convert.word
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
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

    def converters(self) -> dict[str, Converter]:
        """How each option is read."""
        found = {f.name: f.metadata["convert"] for f in fields(self) if "convert" in f.metadata}
        for part in self.parts().values():
            found |= part.converters()
        return found

    def set_options(self, texts: Mapping[str, str]) -> Self:
        """A copy with the options in `texts` set; raises ValueError, naming the option, for a value that is none."""
        values: dict[str, Any] = {name: part.set_options(texts) for name, part in self.parts().items()}
        for f in fields(self):
            if f.name in texts and "convert" in f.metadata:
                try:
                    values[f.name] = read(f.metadata["convert"], texts[f.name])
                except ValueError as error:
                    raise ValueError(f"option {f.name}={texts[f.name]} cannot be used: {error}") from error
        return replace(self, **values)

    def configured(self, name: str, texts: Mapping[str, str]) -> Self:
        """A copy with options set; raises UsageError, which calls it `name`, for one that it lacks or that is none."""
        known = self.options()
        for asked in texts:
            if asked not in known:
                near = nearest(asked, known)
                hint = f"; did you mean {' or '.join(near)}?" if near else "."
                has = f"its options are {', '.join(known)}" if known else "it has none"
                raise UsageError(f"{name} has no option {asked!r} ({has}){hint}")
        try:
            return self.set_options(texts)
        except ValueError as error:
            raise UsageError(f"{name}: {error}.") from error

    def differing(self, default: Configurable) -> dict[str, str]:
        """The options that are not as in `default`, as they are typed."""
        theirs, texts = default.options(), self.spelled()
        return {name: texts[name] for name, (value, _) in self.options().items() if theirs[name][0] != value}
