"""The modes of a command line (a run, --list, --check, ...) and the options that each reads.

Options are given by their names in `Options`. Any other option is refused, so that none is silently ignored.
"""

import argparse
from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType

from nas_selection_bench.bench.errors import joined

EXPERIMENT_OPTIONS = (
    "datasets", "supernets", "selectors", "seeds", "selector_seeds", "epochs", "bn", "preset", "budget",
    "train_epochs", "channels", "cells", "images",
)  # fmt: skip
"""Options that choose what is compared, and its size. The seed is none of them: a folder has only one."""

INSTEAD_OF_RUNNING = ("list", "doctor", "plan", "report_only", "check")
"""Options that ask for something other than a run."""

RUN = "a run"
_WITH, _WITHOUT = "--report-only with --out", "--report-only without --out"

_RUNS = {*EXPERIMENT_OPTIONS, "seed", "plugin", "data_root", "table", "out", "cache", "device", "jobs", "threads",
         "backend", "retry_failed", "verbose", "quiet"}  # fmt: skip
_FINDS_DEFAULT_FOLDER = {"datasets", "preset", "budget", "train_epochs", "channels", "cells", "images", "device"}
_DRAWS = {"plugin", "data_root", "table", "quiet"}

READS: Mapping[str, Collection[str]] = MappingProxyType({
    RUN: _RUNS,
    "--plan": _RUNS,  # it is appended to the command of a run
    "--list": {"json", "plugin", "data_root"},
    "--doctor": {"data_root", "table", "cache"},
    _WITH: {*_DRAWS, "out"},
    _WITHOUT: {*_DRAWS, *_FINDS_DEFAULT_FOLDER},
    "--check": {"plugin", "data_root", "table", "out"},
})  # fmt: skip
"""Mode -> the options that it reads, besides the one that asks for it."""


def mode_of(given: Collection[str]) -> str:
    """The mode of a command line with these options: a key of READS."""
    asked = next((word for word in INSTEAD_OF_RUNNING if word in given), None)
    if asked is None:
        return RUN
    if asked == "report_only":
        return _WITH if "out" in given else _WITHOUT
    return flag(asked)


def words_given(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> list[str]:
    """The options that a command line gives itself, whatever the defaults; sets all defaults of `parser` to None."""
    parser.set_defaults(**dict.fromkeys(vars(parser.parse_args(arguments))))
    return [word for word, value in vars(parser.parse_args(arguments)).items() if value is not None]


def unread(mode: str, words: Iterable[str], reads: Mapping[str, Collection[str]]) -> str | None:
    """A sentence naming the options in `words` that `mode` does not read, and modes that do; None if it reads all."""
    strays = [word for word in words if word not in reads[mode]]
    if not strays:
        return None
    readers = [other for other, known in reads.items() if {*strays} <= {*known}]
    it = "it" if len(strays) == 1 else "them"
    elsewhere = f"; {joined(readers)} {'reads' if len(readers) == 1 else 'read'} {it}" if readers else ""
    return f"{mode} does not read {joined([flag(word) for word in strays])}: leave {it} out{elsewhere}."


def flag(word: str) -> str:
    """An option as it is typed, from its name in `Options`."""
    return f"--{word.replace('_', '-')}"
