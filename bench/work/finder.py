"""Finds all methods of one kind: those in the files of one of this project's packages, and those from plug-ins.

There is no list of methods: every module of the package that defines one of the kind's marks holds methods.
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
from nas_selection_bench.bench.work.discovery import MARKS, modules, require_valid_name, shown
from nas_selection_bench.bench.work.methods import Source
from nas_selection_bench.bench.work.plugins import Plugin, in_use, load

Method = TypeVar("Method")


@dataclass(frozen=True)
class FoundMethod(Generic[Method]):
    """A method with its default options, and its origin."""

    method: Method
    file: Path
    plugin: Plugin | None
    """The plug-in that defines it; None for a method of this project."""


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
        """`offered(name, module, file)` returns, by name, the methods that a module with one of the `marks` defines.

        `name` is the stem of the file, with `-` for `_`. `offered` raises UsageError for a malformed method. Files are
        imported inside `guard()`.
        """
        self.kind, self._package, self._marks, self._offered, self._guard = kind, package, marks, offered, guard
        self._known: dict[tuple[Plugin, ...], Mapping[str, FoundMethod[Method]]] = {}

    def offers(self) -> Mapping[str, FoundMethod[Method]]:
        """Methods by name, sorted; the files are read once. Raises UsageError, naming the file, if one is faulty."""
        plugins = in_use()
        if plugins not in self._known:
            self._known[plugins] = self._read(plugins)
        return self._known[plugins]

    def _read(self, plugins: tuple[Plugin, ...]) -> Mapping[str, FoundMethod[Method]]:
        offers: dict[str, FoundMethod[Method]] = {}

        def add(name: str, module: Any, file: Path, plugin: Plugin | None) -> None:
            if not any(hasattr(module, mark) for mark in self._marks):
                return
            for method, offer in self._offered(name, module, file).items():
                if method in offers:
                    first = shown(offers[method].file)
                    raise UsageError(f"{first} and {shown(file)} both define the {self.kind} {method!r}; rename yours.")
                require_valid_name(self.kind, method, file)
                offers[method] = FoundMethod(offer, file, plugin)

        with self._guard():
            for file, module in modules(self._package):
                add(file.stem.replace("_", "-"), module, file, None)
            for plugin in plugins:
                if plugin.kind in ("", self.kind):
                    add(plugin.name, self._meant(plugin), Path(plugin.file), plugin)
        return MappingProxyType(dict(sorted(offers.items())))

    def _meant(self, plugin: Plugin) -> Any:
        """The module of a plug-in, or a namespace of the attribute that it names; raises UsageError if it has none."""
        module: Any = load(plugin)
        if plugin.attribute:
            if not hasattr(module, plugin.attribute):
                raise UsageError(f"{shown(Path(plugin.file))} has no {plugin.attribute}, which {plugin.origin} names.")
            return SimpleNamespace(**{self._marks[0]: getattr(module, plugin.attribute)})
        marks = self._marks if plugin.kind else MARKS
        if not any(hasattr(module, mark) for mark in marks):
            if hasattr(module, "PROXY"):
                raise UsageError(
                    f"{shown(Path(plugin.file))} ({plugin.origin}) defines a PROXY but no method; zero-cost proxies are"
                    " found only in selectors/proxies/ of the project: move the file there."
                )
            raise UsageError(
                f"{shown(Path(plugin.file))} ({plugin.origin}) defines no {' or '.join(marks)}, so it has no method."
            )
        return module

    def methods(self) -> Mapping[str, Method]:
        """All methods by name, sorted, with their default options."""
        return MappingProxyType({name: offer.method for name, offer in self.offers().items()})

    def names(self) -> tuple[str, ...]:
        """Names of all methods, without their options, sorted."""
        return tuple(self.offers())

    def idle(self) -> dict[str, str]:
        """Names of the package's files that define no method, each with a sentence on what it lacks."""
        offering = {offer.file for offer in self.offers().values()}
        folders = map(Path, import_module(self._package).__path__)
        files = (file for folder in folders for file in sorted(folder.glob("[!_]*.py")) if file not in offering)
        return {
            file.stem.replace("_", "-"): f"{shown(file)} defines no {self._marks[0]} (in capitals), so it has no"
            " method."
            for file in files
        }

    def offer(self, text: str) -> FoundMethod[Method]:
        """The method that `text` names, with default options whatever `text` sets, and its origin.

        Raises UsageError, listing what exists, if there is none.
        """
        name = parse(text)[0]
        if name not in self.offers():
            idle = self.idle().get(name.replace("_", "-"))
            raise UsageError(idle) if idle else unknown(self.kind, name, self.names())
        return self.offers()[name]

    def find(self, text: str) -> Method:
        """The method that `text` names, with its options set; raises UsageError, listing what exists, for any other."""
        name, options = parse(text)
        method: Any = self.offer(text).method
        found: Method = method.configured(name, options)
        return found

    def file_of(self, text: str) -> Path:
        """Path of the file that defines the method that `text` names, with or without options."""
        return self.offer(text).file

    def source(self, text: str) -> Source:
        """Source of the file that defines a method, with the digest of its present content."""
        offer = self.offer(text)
        if offer.plugin:
            return offer.plugin.source
        return Source(shown(offer.file), code_digest(offer.file.read_bytes()))
