"""Options of methods: how a value in `darts-pt[order=fixed,tune=0]` is read, bounded, spelled and explained.

Recipes, selectors and zero-cost proxies are dataclasses; only fields made by `option` can be set by name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import Field, dataclass, field, fields, replace
from typing import Any, Self

from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.names import nearest

Converter = Callable[[str], Any]
"""Turns the text of a value into the value; raises ValueError with a clause on what it must be."""


@dataclass(frozen=True)
class Number:
    """A converter that accepts finite numbers within bounds."""

    whole: bool = False
    low: float = -math.inf
    high: float = math.inf
    open_below: bool = False
    """Whether `low` itself is refused."""
    open_above: bool = False
    """Whether `high` itself is refused."""

    def __call__(self, text: str) -> float:
        """The number in `text`; raises ValueError with what it must be."""
        try:
            value = int(text) if self.whole else float(text)
        except ValueError:
            raise ValueError(f"it must be a {self.kind}") from None
        if not math.isfinite(value):
            raise ValueError("it must be finite")
        if not (self.low < value if self.open_below else self.low <= value) or not (
            value < self.high if self.open_above else value <= self.high
        ):
            raise ValueError(f"it must be {self.bounds}")
        return value

    @property
    def kind(self) -> str:
        """`whole number` or `number`, without the bounds."""
        return "whole number" if self.whole else "number"

    @property
    def bounds(self) -> str:
        """The bounds in words; empty if there are none."""
        low, high = f"{self.low:g}", f"{self.high:g}"
        if math.isinf(self.high):
            return "" if math.isinf(self.low) else f"above {low}" if self.open_below else f"at least {low}"
        if self.open_below == self.open_above:
            return f"{'strictly ' if self.open_below else ''}between {low} and {high}"
        return (
            f"{'above' if self.open_below else 'at least'} {low} and {'below' if self.open_above else 'at most'} {high}"
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.bounds}".rstrip()


number, whole = Number(), Number(whole=True)


def at_least(low: float, convert: Number = number) -> Number:
    """A converter that accepts `low` and above."""
    return replace(convert, low=low)


def above(low: float) -> Number:
    """A converter that accepts numbers above `low`."""
    return Number(low=low, open_below=True)


def between(low: float, high: float, convert: Number = number) -> Number:
    """A converter that accepts `low` to `high`, both included."""
    return replace(convert, low=low, high=high)


def inside(low: float, high: float) -> Number:
    """A converter that accepts numbers strictly between `low` and `high`."""
    return Number(low=low, high=high, open_below=True, open_above=True)


share = Number(low=0, high=1, open_above=True)
"""A number of at least 0 and below 1."""

positive = at_least(1, whole)
"""A whole number of at least 1."""

not_negative = at_least(0, whole)
"""A whole number of at least 0."""

SWITCHES = {"yes": True, "true": True, "on": True, "1": True, "no": False, "false": False, "off": False, "0": False}


@dataclass(frozen=True)
class Switch:
    """A converter that accepts `yes` and `no`, and their synonyms in SWITCHES."""

    def __call__(self, text: str) -> bool:
        """True for yes, False for no; raises ValueError for any other text."""
        if text.lower() not in SWITCHES:
            raise ValueError("it must be yes or no")
        return SWITCHES[text.lower()]

    def __str__(self) -> str:
        return "yes or no"


yes_or_no = Switch()


@dataclass(frozen=True)
class Choice:
    """A converter that accepts only `choices`."""

    choices: tuple[str, ...]

    def __call__(self, text: str) -> str:
        """The text itself if it is a choice; raises ValueError with the choices."""
        if text not in self.choices:
            near = nearest(text, self.choices, count=1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise ValueError(f"choose one of {', '.join(self.choices)}{hint}")
        return text

    def __str__(self) -> str:
        return ", ".join(self.choices)


def one_of(*choices: str) -> Choice:
    """A converter that accepts only `choices`."""
    return Choice(choices)


def read(convert: Converter, text: str) -> Any:
    """The value that `convert` reads from `text`; other errors of the converter, as of a look-up, become ValueError."""
    try:
        return convert(text)
    except (LookupError, TypeError, ArithmeticError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error


@dataclass(frozen=True)
class OrWord:
    """A converter that also accepts `word`, which stands for None; None is spelled as that word."""

    word: str
    convert: Converter

    def __call__(self, text: str) -> Any:
        """None for the word, else the value that the converter reads; raises ValueError."""
        if text == self.word:
            return None
        try:
            return read(self.convert, text)
        except ValueError as error:
            raise ValueError(f"{error} (it may also be {self.word})") from error

    def __str__(self) -> str:
        return f"{self.convert}, or {self.word}"


def or_preset(convert: Converter) -> OrWord:
    """A converter that also accepts `preset`, which gives None: use the preset's value."""
    return OrWord("preset", convert)


def or_all(convert: Converter) -> OrWord:
    """A converter that also accepts `all`, which gives None: use all there are."""
    return OrWord("all", convert)


KNOWN = {"number": Number, "switch": Switch, "choice": Choice, "or word": OrWord}
"""The converters that can be stored in a file; any other callable belongs to a method."""


def stored(convert: object) -> dict[str, Any] | None:
    """A converter as plain data; None for a method's own converter."""
    if not isinstance(convert, Number | Switch | Choice | OrWord):
        return None
    values = {f.name: value for f in fields(convert) if (value := getattr(convert, f.name)) != f.default}
    if isinstance(convert, OrWord):
        values["convert"] = stored(convert.convert)
    name = next(name for name, kind in KNOWN.items() if isinstance(convert, kind))
    return None if None in values.values() else {"is": name, **values}


def restored(content: Mapping[str, Any]) -> Converter:
    """The converter that `stored` turned into `content`."""
    values: dict[str, Any] = {name: value for name, value in content.items() if name != "is"}
    match content["is"]:
        case "or word":
            return OrWord(values["word"], restored(values["convert"]))
        case "choice":
            return Choice(tuple(values["choices"]))
    converter: Converter = KNOWN[content["is"]](**values)
    return converter


def option(default: Any, convert: Converter, text: str) -> Any:
    """A dataclass field that users can set by name: `darts-pt[tune=0]`. `text` is its help."""
    return field(default=default, metadata={"convert": convert, "help": text})


def as_text(value: object, convert: Converter | None = None) -> str:
    """The spelling of an option's value in a name: the shortest that `convert` reads back."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None and isinstance(convert, OrWord):
        return convert.word
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def no_such_option(name: str, asked: str, known: Collection[str]) -> UsageError:
    """The error for an option that the method `name` lacks."""
    near = nearest(asked, known)
    hint = f"; did you mean {' or '.join(near)}?" if near else "."
    has = f"its options are {', '.join(known)}" if known else "it has none"
    return UsageError(f"{name} has no option {asked!r} ({has}){hint}")


def not_usable(option: str, text: str, why: ValueError) -> str:
    """The clause for a value that an option refuses."""
    return f"option {option}={text} cannot be used: {why}"


@dataclass(frozen=True, kw_only=True)
class Configurable:
    """A dataclass some of whose fields are options; it also has the options of its parts, the Configurable fields."""

    def parts(self) -> dict[str, Configurable]:
        """The parts by field name."""
        return {f.name: part for f in fields(self) if isinstance(part := getattr(self, f.name), Configurable)}

    def options(self) -> dict[str, tuple[Any, str]]:
        """Current value and help of each option, parts included; raises UsageError if two have the same name."""
        found = {f.name: (getattr(self, f.name), f.metadata["help"]) for f in fields(self) if "help" in f.metadata}
        for part in self.parts().values():
            more = part.options()
            if both := found.keys() & more.keys():
                mine, theirs = type(self).__name__, type(part).__name__
                raise UsageError(f"{mine} and {theirs} both have an option {min(both)!r}; setting it would set both.")
            found |= more
        return found

    def spelled(self) -> dict[str, str]:
        """The current value of each option, as typed."""
        converters = self.converters()
        return {name: as_text(value, converters.get(name)) for name, (value, _) in self.options().items()}

    def converters(self) -> dict[str, Converter]:
        """The converter of each option."""
        found = {f.name: f.metadata["convert"] for f in fields(self) if "convert" in f.metadata}
        for part in self.parts().values():
            found |= part.converters()
        return found

    def unusable(self) -> str | None:
        """A clause on an option that cannot be set, or whose value its converter would refuse; None if all are usable.

        A method's own converters are trusted: the value that they read from a text need not be spelled like it.
        """
        for part in (self, *self.parts().values()):
            kind = type(part)
            for name in (name for cls in kind.__mro__ for name, value in vars(cls).items() if isinstance(value, Field)):
                return f"put @dataclass(frozen=True, kw_only=True) above {kind.__name__}, which has the option {name}"
        converters = self.converters()
        for name, (value, _) in self.options().items():
            convert = converters.get(name)
            if convert is None or stored(convert) is None:
                continue
            try:
                fits = convert(as_text(value, convert)) == value
            except ValueError:
                fits = False
            if not fits:
                return f"the default of its option {name} is {value!r}, which the option does not accept ({convert})"
        return None

    def set_options(self, texts: Mapping[str, str]) -> Self:
        """A copy with the options in `texts` set; raises ValueError, naming the option, for a value that it refuses."""
        values: dict[str, Any] = {name: part.set_options(texts) for name, part in self.parts().items()}
        for f in fields(self):
            if f.name in texts and "convert" in f.metadata:
                try:
                    values[f.name] = read(f.metadata["convert"], texts[f.name])
                except ValueError as error:
                    raise ValueError(not_usable(f.name, texts[f.name], error)) from error
        return replace(self, **values)

    def configured(self, name: str, texts: Mapping[str, str]) -> Self:
        """A copy with the options in `texts` set; raises UsageError, naming `name`, for a bad option or value."""
        known = self.options()
        for asked in texts:
            if asked not in known:
                raise no_such_option(name, asked, known)
        try:
            return self.set_options(texts)
        except ValueError as error:
            raise UsageError(f"{name}: {error}.") from error

    def differing(self, default: Configurable) -> dict[str, str]:
        """The options whose values differ from those in `default`, as typed."""
        theirs, mine, texts = default.options(), self.options(), self.spelled()
        # Some options exist only for one value of another (`masked` with reached=no).
        return {name: texts[name] for name in mine if name in theirs and theirs[name][0] != mine[name][0]}
