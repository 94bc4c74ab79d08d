"""Names of methods with options: `gdas[tau_max=5]`, `darts-pt[order=fixed,tune=0]`.

Recipes and selectors share this spelling. A name is its own documentation in a table and part of
the cache key, so it has one canonical form: `canonical(*parse(text))`.
"""

import difflib
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from nas_selection_bench.bench.errors import UsageError

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
"""A name in lower or upper case; a capital letter gets a more helpful error than "malformed"."""
LISTED = 40
"""Largest number of names that an error message lists."""

_SHAPE = re.compile(r"(?P<name>[^\[\]]+)(\[(?P<options>[^\[\]]*)\])?")


def is_plain_name(text: str) -> bool:
    """Whether `text` is spelled like a name without options."""
    return _NAME.fullmatch(text) is not None


def parse(text: str) -> tuple[str, dict[str, str]]:
    """The name and the options in `name` or `name[option=value,...]`; values stay strings.

    Raises UsageError, with the expected form, for anything else and for an option given twice.
    """
    shape = _SHAPE.fullmatch(text.strip())
    if shape is None or not _WORD.fullmatch(shape["name"].strip()):
        raise _malformed(text)
    options: dict[str, str] = {}
    if shape["options"] is not None:
        for entry in shape["options"].split(","):
            option, equals, value = (part.strip() for part in entry.partition("="))
            if not option or not equals or not value:
                raise UsageError(f"Malformed option {entry!r} in {text!r}; write it as option=value.")
            if option in options:
                raise UsageError(f"Option {option!r} is given twice in {text!r}; give it once.")
            options[option] = value
    return shape["name"].strip(), options


def _malformed(text: str) -> UsageError:
    return UsageError(f"Malformed name {text!r}; write it as name or name[option=value,...].")


def canonical(name: str, options: Mapping[str, str]) -> str:
    """The canonical spelling of a name with its options: options sorted, no spaces."""
    if not options:
        return name
    return f"{name}[{','.join(f'{option}={options[option]}' for option in sorted(options))}]"


def called() -> str:
    """How this program was started, for commands in messages: `python run_bench.py`, `run-bench`, ..."""
    script = Path(sys.argv[0] if sys.argv else "")
    if script.name in ("run-bench", "run-bench.exe"):
        return "run-bench"
    if script.name == "__main__.py" and script.parent.name == "nas_selection_bench":
        return "python -m nas_selection_bench run"
    return "python run_bench.py"


def nearest(name: str, known: Iterable[str], count: int = 3) -> list[str]:
    """Up to `count` of the `known` names that look most like `name`, the most likely first."""
    alike: dict[str, str] = {}
    for word in sorted(known, reverse=True):
        alike[_plain(word)] = word
    by_letters = {_letters(word): word for word in alike.values()}
    given, ours = _plain(name), CALLED_ELSEWHERE.get(_letters(name), [])
    for meant in (given, *ours):
        if _letters(meant) in by_letters:
            return [by_letters[_letters(meant)]]
    parts = [word for word in sorted(alike, key=len) if word.endswith(f"-{given}")]
    close = difflib.get_close_matches([*ours, given][0], sorted(alike), n=count, cutoff=0.4)
    return [alike[word] for word in dict.fromkeys([*parts, *close])][:count]


CALLED_ELSEWHERE = {
    "naswot": ["nwot", "zero-cost-pt"], "nwot": ["zero-cost-pt"], "zerocostptnaswot": ["zero-cost-pt"],
    "zerocostptnwot": ["zero-cost-pt"], "zcpt": ["zero-cost-pt"], "imagenet16120": ["imagenet16"],
    "jacov": ["jacob-cov"],
}  # fmt: skip
"""Names used in papers and other programs, as spelled by `_letters` -> the names used here."""


def _letters(name: str) -> str:
    """The letters and digits of a name, in lower case: papers write NASWOT, NAS-WOT and nas_wot."""
    return re.sub("[^a-z0-9]", "", name.lower())


def _plain(name: str) -> str:
    """A name in lower case with `-` for `_`."""
    return name.lower().replace("_", "-")


def unknown(kind: str, name: str, known: Iterable[str]) -> UsageError:
    """The error for a `kind` (recipe, selector, ...) that does not exist: the nearest names, then the list.

    If the list is too long for an error message, the error points to --list instead.
    """
    known = sorted(known)
    near = nearest(name, known)
    hint = f"; did you mean {' or '.join(near)}?" if near else "."
    return UsageError(f"Unknown {kind} {name!r}{hint} {listed(kind, known)}")


def listed(kind: str, known: Sequence[str]) -> str:
    """A sentence that names all of a `kind`, or says how to list them if there are more than LISTED."""
    if len(known) > LISTED:
        return f"`{called()} --list` shows all {len(known)} {kind}s."
    return f"The {kind}s are: {', '.join(known)}."


def is_pattern(text: str) -> bool:
    """Whether `text` stands for several names: `all`, or a glob of * and ?."""
    return text == "all" or "*" in text or "?" in text


def matching(pattern: str, known: Iterable[str]) -> list[str]:
    """The `known` names that match `pattern`, in their order."""
    return [name for name in known if pattern == "all" or fnmatchcase(name, pattern)]


def split_names(text: str) -> list[str]:
    """The names in a comma-separated list; commas inside [...] belong to the options of a name."""
    names = [name.strip() for name in re.split(r",(?![^\[]*\])", text)]
    return [name for name in names if name]


class Named(Protocol):
    """A method as found by its name."""

    @property
    def name(self) -> str:
        """The canonical name, without options that have their default values."""


def choose(
    kind: str,
    text: str,
    known: Sequence[str],
    find: Callable[[str], Named] | None = None,
    groups: Mapping[str, str] = MappingProxyType({}),
) -> list[str]:
    """The names that `text` asks for, each once, in the order asked.

    Each entry of `text` is `all`, a name, a name with options, a glob of * and ?, or the name of one of the `groups`,
    which stand for lists of names and globs. An entry with ! in front excludes what it matches, wherever it stands: a
    name only that method with those options, a glob without options the methods with any options. Names are compared as
    `find` spells them. Raises UsageError, with the nearest names and the list, for an entry that matches nothing, and
    for an exclusion that removes nothing; `find` may raise it with a better reason.
    """
    for name in sorted({*groups} & {*known}):
        raise UsageError(f"{name!r} is the name of a group of {kind}s; give your {kind} another name.")
    entries = split_names(text)
    excluded = [entry.removeprefix("!") for entry in entries if entry.startswith("!")]
    included = [entry for entry in entries if not entry.startswith("!")] or (["all"] if excluded else [])

    def members(entry: str) -> list[str]:
        return split_names(groups.get(entry, entry))

    def named(entry: str) -> list[str]:
        return _named(kind, entry, known, find)

    asked = list(dict.fromkeys(name for entry in included for member in members(entry) for name in named(member)))
    gone: set[str] = set()
    for entry in excluded:
        names = {name for member in members(entry) for name in named(member)}
        globs = [member for member in members(entry) if is_pattern(member) and "[" not in member]
        removed = {name for name in asked if name in names or any(matching(glob, [_base(name)]) for glob in globs)}
        if not removed:
            raise UsageError(f"{'!' + entry!r} excludes none of the {kind}s that {text!r} asks for; leave it out.")
        gone |= removed
    chosen = [name for name in asked if name not in gone]
    if not chosen:
        raise UsageError(f"{text!r} leaves no {kind}. {listed(kind, known)}")
    return chosen


def _base(name: str) -> str:
    """The name without its options."""
    return name.partition("[")[0]


def _named(kind: str, entry: str, known: Sequence[str], find: Callable[[str], Named] | None) -> list[str]:
    """The canonical names for one entry of `choose`, without its !."""
    if _SHAPE.fullmatch(entry) is None:
        raise _malformed(entry)
    pattern, bracket, options = entry.partition("[")
    matches = matching(pattern, known) if is_pattern(pattern) else [pattern] if pattern in known else []
    if not matches:
        if find is not None and is_plain_name(pattern):
            find(pattern)
        if is_pattern(pattern):
            raise UsageError(f"No {kind} matches {pattern!r}. {listed(kind, known)}")
        raise unknown(kind, pattern, known)
    spelled = [canonical(*parse(name + bracket + options)) for name in matches]
    return spelled if find is None else [find(name).name for name in spelled]
