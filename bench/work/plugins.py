"""Plug-ins, methods from outside: packages that name them as entry points, and files or modules named by `--plugin`.

An entry point in one of the GROUPS names a module written like the project's own method files
(`my-criterion = my_package.criteria`), or an object that such a module would define (`my_package.criteria:SELECTOR`);
the method takes the name of the entry point. A file or module of `--plugin` may define methods of every kind.

A version is raised by hand, and two packages may use the same name, so methods from outside are keyed by their content
as well. A file is sent to the workers as content; a module has to be installed where they run.
"""

import ast
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
from nas_selection_bench.bench.seeds import short_digest
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
    """A module from outside the project that defines methods."""

    name: str
    """The name of its selector or rule, with `-` for `_`."""
    origin: str
    """The option or package that names it: `--plugin mine.py`, `my-package 1.0`."""
    module: str
    """The name by which it is imported; empty for a file."""
    file: str
    digest: str
    """Digest of its content; for a package, of all its modules."""
    kind: str = ""
    """The only kind of method that is looked for in it; empty for every kind."""
    attribute: str = ""
    """The attribute of the module that holds the method; empty for the module itself."""
    content: bytes = field(default=b"", repr=False)
    """Content of the file; empty for a module."""

    def described(self) -> dict[str, str]:
        """Its entry in run.json."""
        return {"name": self.name, "from": self.origin, "file": self.source.file, "digest": self.digest}

    @property
    def source(self) -> Source:
        """Its file as results name it: without the folder, which does not change what it chooses."""
        return Source(Path(self.file).name, self.digest, self.origin)


_IN_USE: ContextVar[tuple[Plugin, ...] | None] = ContextVar("plugins in use", default=None)


def in_use() -> tuple[Plugin, ...]:
    """The plug-ins whose methods are found in this context: those of the innermost `using`, else all installed ones."""
    chosen = _IN_USE.get()
    return installed() if chosen is None else chosen


@contextmanager
def using(plugins: tuple[Plugin, ...]) -> Iterator[None]:
    """Use exactly these plug-ins inside this context; other threads are not affected."""
    token = _IN_USE.set(plugins)
    try:
        yield
    finally:
        _IN_USE.reset(token)


def within(plugins: tuple[Plugin, ...], call: Callable[..., Answer], *arguments: Any) -> Answer:
    """`call(*arguments)` with these plug-ins in use; for workers, as `partial(within, plugins, call)`."""
    with using(plugins):
        return call(*arguments)


@cache
def installed() -> tuple[Plugin, ...]:
    """The plug-ins that installed packages name as entry points; raises UsageError if the module of one is missing."""
    everybodys = entry_points()
    found = [_of_entry_point(kind, entry) for kind, group in GROUPS.items() for entry in everybodys.select(group=group)]
    return tuple(sorted(dict.fromkeys(found), key=lambda plugin: (plugin.kind, plugin.name, plugin.origin)))


def _of_entry_point(kind: str, entry: EntryPoint) -> Plugin:
    origin = f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value
    file, digest = _module(entry.module, f"The entry point {entry.name} of {origin}")
    return Plugin(entry.name.replace("_", "-"), origin, entry.module, file, digest, kind, entry.attr)


def named(words: Sequence[str]) -> tuple[Plugin, ...]:
    """The plug-ins that the values of `--plugin` name: files and modules, several separated by commas.

    Raises UsageError for a word that is neither, and for a value that names nothing.
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
    """File and digest of a module that can be imported; raises UsageError, naming `asker`, if there is none."""
    try:
        spec = importlib.util.find_spec(name)
    except (Exception, SystemExit) as error:  # raised by a parent package, which find_spec imports
        raise UsageError(f"{asker}: the module {name} cannot be found ({in_brief(error)}).") from error
    if spec is None or not spec.origin or not Path(spec.origin).is_file():
        raise UsageError(f"{asker}: there is no module {name}; install it, or give the path of a file.")
    file = Path(spec.origin)
    if not spec.submodule_search_locations:
        return str(file), _digest(file.read_bytes())
    parts = sorted(file.parent.rglob("*.py"))
    whole = "".join(f"{part.relative_to(file.parent).as_posix()} {_digest(part.read_bytes())}\n" for part in parts)
    return str(file), short_digest(whole.encode())


def kinds_of(plugin: Plugin) -> list[str]:
    """The kinds of method that a plug-in defines; imports the plug-in if it may define several."""
    return [plugin.kind] if plugin.kind else sorted({MARKS[mark] for mark in MARKS if hasattr(load(plugin), mark)})


def _digest(content: bytes) -> str:
    """Digest of the code of a file and of what its names are imported from: `a` in `from a import loss` counts."""
    try:
        code = f"{code_digest(content)} {sorted(_imported(ast.parse(content)))}".encode()
    except (SyntaxError, ValueError):  # reported when it is loaded
        code = content
    return short_digest(code)


def _imported(tree: ast.AST) -> Iterator[tuple[str, str, str]]:
    """Module, name there and name here of each import, without the modules of this project, in which names may move.

    A plain `import a` is left out: the code itself says `a`.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            ours = module.partition(".")[0] == "nas_selection_bench"
            yield from (("" if ours else module, name.name, name.asname or name.name) for name in node.names)
        elif isinstance(node, ast.Import):
            yield from ((name.name, "", name.asname) for name in node.names if name.asname)


@cache
def load(plugin: Plugin) -> ModuleType:
    """The module of a plug-in; raises UsageError if it cannot be imported, or differs here from the run's."""
    if plugin.module:
        file, digest = _module(plugin.module, plugin.origin)
        if digest != plugin.digest:
            raise UsageError(
                f"{plugin.origin}: {file} is not the one that the run started with; install the same file everywhere."
            )
        with reading(Path(file)):
            return import_module(plugin.module)
    name = f"nas_selection_bench_plugin_{Path(plugin.file).stem}_{plugin.digest}"
    module = ModuleType(name)
    module.__file__ = plugin.file
    with reading(Path(plugin.file)):
        sys.modules[name] = module  # dataclasses look up the names in their annotations there
        exec(compile(plugin.content, plugin.file, "exec"), vars(module))
    return module
