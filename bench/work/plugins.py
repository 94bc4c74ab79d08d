"""Methods from outside: packages that name them as entry points, and files or modules that `--plugin` names.

An entry point of one of the GROUPS names a module that is written like a file of the room
(`my-criterion = my_package.criteria`), or what such a module would hold (`my_package.criteria:SELECTOR`); what it
offers is called as the entry point is. A file or module of `--plugin` may hold methods of every kind.

A version is bumped by hand and two packages may use one name, so that what came from outside is keyed by its content
as well. A file travels to the workers as content; a module has to be installed where they are.
"""

import hashlib
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from nas_selection_bench.bench.errors import UsageError, in_brief
from nas_selection_bench.bench.files import expanded
from nas_selection_bench.bench.work.code_digest import code_digest
from nas_selection_bench.bench.work.discovery import MARKS, reading
from nas_selection_bench.bench.work.methods import Source

Answer = TypeVar("Answer")

GROUPS = {
    "selector": "nas_selection_bench.selectors",
    "recipe": "nas_selection_bench.recipes",
    "stopping rule": "nas_selection_bench.stopping_rules",
}
"""The entry-point group of each kind of method."""


@dataclass(frozen=True)
class Plugin:
    """A module from outside that offers methods."""

    name: str
    """The name of its selector or rule, with `-` for `_`."""
    origin: str
    """Who brought it: `--plugin mine.py`, `my-package 1.0`."""
    module: str
    """As it is imported; empty for a file."""
    file: str
    digest: str
    """Names its content: of a package all of its modules."""
    kind: str = ""
    """The only kind of method that it is asked for; empty for all of them."""
    attribute: str = ""
    """The attribute of the module that is meant; empty for the module itself."""
    content: bytes = field(default=b"", repr=False)
    """Of a file."""

    def described(self) -> dict[str, str]:
        """Its entry in run.json."""
        return {"name": self.name, "from": self.origin, "file": self.source.file, "digest": self.digest}

    @property
    def source(self) -> Source:
        """Its file as results name it: without its folder, since it chooses the same wherever it lies."""
        return Source(Path(self.file).name, self.digest, self.origin)


_IN_USE: ContextVar[tuple[Plugin, ...] | None] = ContextVar("plugins in use", default=None)


def in_use() -> tuple[Plugin, ...]:
    """The plug-ins whose methods are found here: those of the nearest `using`, else all that are installed."""
    chosen = _IN_USE.get()
    return installed() if chosen is None else chosen


@contextmanager
def using(plugins: tuple[Plugin, ...]) -> Iterator[None]:
    """In here, and in no other thread, the methods of these plug-ins are found and no others from outside."""
    token = _IN_USE.set(plugins)
    try:
        yield
    finally:
        _IN_USE.reset(token)


def within(plugins: tuple[Plugin, ...], call: Callable[..., Answer], *arguments: Any) -> Answer:
    """`call(*arguments)` while these plug-ins are in use; for workers, as `partial(within, plugins, call)`."""
    with using(plugins):
        return call(*arguments)


@cache
def installed() -> tuple[Plugin, ...]:
    """The entry points of all installed packages; raises UsageError for one whose module is not there."""
    everybodys = entry_points()
    found = [_of_entry_point(kind, entry) for kind, group in GROUPS.items() for entry in everybodys.select(group=group)]
    return tuple(sorted(dict.fromkeys(found), key=lambda plugin: (plugin.kind, plugin.name, plugin.origin)))


def _of_entry_point(kind: str, entry: EntryPoint) -> Plugin:
    origin = f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value
    file, digest = _module(entry.module, f"The entry point {entry.name} of {origin}")
    return Plugin(entry.name.replace("_", "-"), origin, entry.module, file, digest, kind, entry.attr)


def named(words: Sequence[str]) -> tuple[Plugin, ...]:
    """The plug-ins that the values of `--plugin` name: files and modules, several with commas between.

    Raises UsageError for what is neither, and for a value that names none.
    """
    if any(not text.replace(",", "").strip() for text in words):
        raise UsageError("--plugin names nothing; give a file or a module, or leave it out.")
    return tuple(dict.fromkeys(_named(word.strip()) for text in words for word in text.split(",") if word.strip()))


def _named(word: str) -> Plugin:
    path = expanded(word)
    if not (word.endswith(".py") or os.sep in word or path.is_file()):
        file, digest = _module(word, f"--plugin {word}")
        return Plugin(word.rpartition(".")[2].replace("_", "-"), f"--plugin {word}", word, file, digest)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"--plugin {word} cannot be read ({error.strerror}); give a file or a module.") from error
    name = path.stem.replace("_", "-")
    return Plugin(name, f"--plugin {path.name}", "", str(path.resolve()), _digest(content), content=content)


def _module(name: str, asker: str) -> tuple[str, str]:
    """File and digest of a module that can be imported; raises UsageError, on behalf of `asker`, for any other."""
    try:
        spec = importlib.util.find_spec(name)
    except (Exception, SystemExit) as error:  # of the packages above it, which are imported
        raise UsageError(f"{asker}: the module {name} cannot be found ({in_brief(error)}).") from error
    if spec is None or not spec.origin or not Path(spec.origin).is_file():
        raise UsageError(f"{asker}: there is no module {name}; install it, or give the path of a file.")
    file = Path(spec.origin)
    if not spec.submodule_search_locations:
        return str(file), _digest(file.read_bytes())
    whole = hashlib.sha256()
    for part in sorted(file.parent.rglob("*.py")):
        whole.update(f"{part.relative_to(file.parent).as_posix()} {_digest(part.read_bytes())}\n".encode())
    return str(file), whole.hexdigest()[:16]


def kinds_of(plugin: Plugin) -> list[str]:
    """The kinds of method that a plug-in offers; imports it."""
    return [plugin.kind] if plugin.kind else sorted({MARKS[mark] for mark in MARKS if hasattr(load(plugin), mark)})


def _digest(content: bytes) -> str:
    try:
        return code_digest(content)
    except (SyntaxError, ValueError):  # reported when it is loaded
        return hashlib.sha256(content).hexdigest()[:16]


@cache
def load(plugin: Plugin) -> ModuleType:
    """The module of a plug-in; raises UsageError where it cannot be imported, or is another one in this process."""
    if plugin.module:
        file, digest = _module(plugin.module, plugin.origin)
        if digest != plugin.digest:
            raise UsageError(
                f"{plugin.origin}: {file} is not the one that the run began with; install the same everywhere."
            )
        with reading(Path(file)):
            return import_module(plugin.module)
    name = f"nas_selection_bench_plugin_{Path(plugin.file).stem}_{plugin.digest}"
    module = ModuleType(name)
    module.__file__ = plugin.file
    with reading(Path(plugin.file)):
        sys.modules[name] = module  # where dataclasses look for the names of their annotations
        exec(compile(plugin.content, plugin.file, "exec"), vars(module))
    return module
