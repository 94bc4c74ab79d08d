"""The methods of one kind, found by their files: those of a room of this package, and those from outside.

No list is kept: every module of the room that holds what the kind is marked by is one.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any, Generic, TypeVar

from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.names import parse, unknown
from nas_selection_bench.bench.work.code_digest import code_digest
from nas_selection_bench.bench.work.discovery import MARKS, modules, shown, spelled_well
from nas_selection_bench.bench.work.methods import Source
from nas_selection_bench.bench.work.plugins import Plugin, in_use, load

Method = TypeVar("Method")


@dataclass(frozen=True)
class Offered(Generic[Method]):
    """A method with its default options, and where it came from."""

    method: Method
    file: Path
    plugin: Plugin | None
    """None for one of this package."""


class Finder(Generic[Method]):
    """All methods of one kind."""

    def __init__(
        self,
        kind: str,
        package: str,
        marks: tuple[str, ...],
        offered: Callable[[str, Any, Path], Mapping[str, Method]],
        guard: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """`offered(name, module, file)` gives what a module with one of the `marks` offers, by name.

        `name` is the file's, with `-` for `_`; raises UsageError for a malformed method. Files are read inside of
        `guard()`.
        """
        self.kind, self._package, self._marks, self._offered, self._guard = kind, package, marks, offered, guard
        self._known: dict[tuple[Plugin, ...], Mapping[str, Offered[Method]]] = {}

    def offers(self) -> Mapping[str, Offered[Method]]:
        """By name, sorted; the files are read once. Raises UsageError, naming the file, for one that cannot be used."""
        plugins = in_use()
        if plugins not in self._known:
            self._known[plugins] = self._read(plugins)
        return self._known[plugins]

    def _read(self, plugins: tuple[Plugin, ...]) -> Mapping[str, Offered[Method]]:
        offers: dict[str, Offered[Method]] = {}

        def add(name: str, module: Any, file: Path, plugin: Plugin | None) -> None:
            if not any(hasattr(module, mark) for mark in self._marks):
                return
            for method, offer in self._offered(name, module, file).items():
                if method in offers:
                    first = shown(offers[method].file)
                    raise UsageError(f"{first} and {shown(file)} both offer the {self.kind} {method!r}; rename yours.")
                spelled_well(self.kind, method, file)
                offers[method] = Offered(offer, file, plugin)

        with self._guard():
            for file, module in modules(self._package):
                add(file.stem.replace("_", "-"), module, file, None)
            for plugin in plugins:
                if plugin.kind in ("", self.kind):
                    add(plugin.name, self._meant(plugin), Path(plugin.file), plugin)
        return MappingProxyType(dict(sorted(offers.items())))

    def _meant(self, plugin: Plugin) -> Any:
        """The module of a plug-in, or something like it; raises UsageError where it offers nothing."""
        module: Any = load(plugin)
        if plugin.attribute:
            if not hasattr(module, plugin.attribute):
                raise UsageError(f"{shown(Path(plugin.file))} has no {plugin.attribute}, which {plugin.origin} names.")
            return SimpleNamespace(**{self._marks[0]: getattr(module, plugin.attribute)})
        marks = self._marks if plugin.kind else MARKS
        if not any(hasattr(module, mark) for mark in marks):
            if hasattr(module, "PROXY"):
                raise UsageError(
                    f"{shown(Path(plugin.file))} ({plugin.origin}) defines a PROXY and no method; a zero-cost proxy is"
                    " found in selectors/proxies/ of the project: move the file there."
                )
            raise UsageError(
                f"{shown(Path(plugin.file))} ({plugin.origin}) defines no {' or '.join(marks)}, so it offers no method."
            )
        return module

    def methods(self) -> Mapping[str, Method]:
        """Every method by name, sorted, with its default options."""
        return MappingProxyType({name: offer.method for name, offer in self.offers().items()})

    def names(self) -> tuple[str, ...]:
        """The names of all, sorted, without options."""
        return tuple(self.offers())

    def idle(self) -> dict[str, str]:
        """The names of files of the room that offer nothing, and what they lack."""
        offering = {offer.file for offer in self.offers().values()}
        folders = map(Path, import_module(self._package).__path__)
        files = (file for folder in folders for file in sorted(folder.glob("[!_]*.py")) if file not in offering)
        return {
            file.stem.replace("_", "-"): f"{shown(file)} defines no {self._marks[0]} (in capitals), so it offers no"
            " method."
            for file in files
        }

    def offer(self, text: str) -> Offered[Method]:
        """The offer of the method that `text` names, with options or without; UsageError, with what exists, else."""
        name = parse(text)[0]
        if name not in self.offers():
            idle = self.idle().get(name.replace("_", "-"))
            raise UsageError(idle) if idle else unknown(self.kind, name, self.names())
        return self.offers()[name]

    def find(self, text: str) -> Method:
        """The method called `name` or `name[option=value,...]`; UsageError, with what exists, for any other."""
        name, options = parse(text)
        method: Any = self.offer(text).method
        found: Method = method.configured(name, options)
        return found

    def file_of(self, text: str) -> Path:
        """The file that offers the method that `text` names, with options or without."""
        return self.offer(text).file

    def source(self, text: str) -> Source:
        """The file of a method, with the digest of its present content."""
        offer = self.offer(text)
        if offer.plugin:
            return offer.plugin.source
        return Source(shown(offer.file), code_digest(offer.file.read_bytes()))
