"""The declarations of all methods, cached as JSON: listing, planning and refusing a request then need not import torch.

Importing torch takes seconds. The catalogue is built by importing the method files, and stored in the user's cache
with a digest of all of them. It is rebuilt if that digest differs or the file is damaged, and every time if it cannot
be stored.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from itertools import chain, combinations
from pathlib import Path
from typing import Any, Protocol

from nas_selection_bench.bench.errors import DAMAGE, DataError, UsageError
from nas_selection_bench.bench.files import write_whole
from nas_selection_bench.bench.names import canonical, parse, unknown
from nas_selection_bench.bench.work.methods import TRAITS, MethodDeclaration, MethodEntry, Setting, Source
from nas_selection_bench.bench.work.options import (
    Choice,
    Configurable,
    Number,
    OrWord,
    Switch,
    as_text,
    no_such_option,
    not_usable,
    read,
    restored,
    stored,
)
from nas_selection_bench.bench.work.plugins import Plugin, in_use

SCHEMA = 2


class Registry(Protocol):
    """All methods of one kind, as objects read from their files."""

    def names(self) -> Sequence[str]:
        """Names of all methods, without their options."""

    def find(self, text: str) -> Any:
        """The Configurable called `name` or `name[option=value,...]`; raises UsageError if there is none."""

    def source(self, text: str) -> Source:
        """Source of the file that defines the method."""

    def file_of(self, text: str) -> Path:
        """Path of the file that defines the method."""

    def idle(self) -> Mapping[str, str]:
        """Names of the files that define no method, each with a sentence on what it lacks."""


class StoredMethods:
    """The methods of one kind, as stored in the catalogue."""

    def __init__(self, catalogue: Catalogue, name: str, kind: FoundKind) -> None:
        self._catalogue, self._name, self._kind = catalogue, name, kind

    @property
    def _content(self) -> dict[str, Any]:
        content: dict[str, Any] = self._catalogue.content()[self._name]
        return content

    def names(self) -> Sequence[str]:
        """Names of all methods, without their options, sorted."""
        return tuple(self._content["methods"])

    def entry(self, name: str) -> MethodEntry:
        """The method called `name`, without options; raises UsageError, with the nearest names, if there is none."""
        if name not in self._content["methods"]:
            if name in self._content["idle"]:
                raise UsageError(self._content["idle"][name])
            raise unknown(self._kind.word, name, self.names())
        kept = self._content["methods"][name]
        settings = {
            name: Setting(name, default, text, None if how is None else restored(how))
            for name, default, text, how in kept["settings"]
        }
        return MethodEntry(MethodDeclaration(**kept["described"]), Source(**kept["source"]), settings)

    def find(self, text: str) -> MethodDeclaration:
        """The method that `text` names; raises UsageError, listing what exists, for an unknown name or option.

        A combination of options that the catalogue lacks is looked up in the method itself, once, and then stored.
        """
        name, options = parse(text)
        entry = self.entry(name)
        asked = canonical(name, _typed(name, options, entry.settings))
        if asked == name:
            return entry.described
        answers = self._content["asked"]
        if asked not in answers:
            registry = self._kind.registry()
            answers[asked] = _answer(registry, registry.find(name), asked, entry.described)
            self._catalogue.keep()
        if "refused" in answers[asked]:
            raise UsageError(answers[asked]["refused"])
        declared = {**entry.described.declared, **answers[asked].get("declared", {})}
        return replace(entry.described, **{**answers[asked], "declared": declared})

    def source(self, text: str) -> Source:
        """Source of the file that defines the method."""
        return self.entry(parse(text)[0]).source

    def outside(self) -> dict[str, str]:
        """`selector NAME`, or another kind, -> digest of its file, for the methods from plug-ins."""
        sources = {name: self.entry(name).source for name in self.names()}
        return {f"{self._kind.word} {name}": source.digest for name, source in sources.items() if source.origin}


def _typed(name: str, options: Mapping[str, str], settings: Mapping[str, Setting]) -> dict[str, str]:
    """The options that differ from their defaults, as typed; raises UsageError for an unknown option or a bad value."""
    typed = {}
    for option, text in options.items():
        if option not in settings:
            raise no_such_option(name, option, settings)
        convert = settings[option].convert
        try:
            typed[option] = text if convert is None else as_text(read(convert, text), convert)
        except ValueError as error:
            raise UsageError(f"{name}: {not_usable(option, text, error)}.") from error
    return {option: text for option, text in typed.items() if text != settings[option].default}


def described(name: str, method: Any) -> MethodDeclaration:
    """The declarations of a method object, under the name `name`."""
    traits = {trait: getattr(method, trait) for trait in TRAITS if hasattr(method, trait)}
    declared = {str(key): "" if value is None else str(value) for key, value in method.declared().items()}
    return MethodDeclaration(name, method.version, method.paper, **traits, declared=declared)


def _answer(registry: Registry, method: Configurable, asked: str, default: MethodDeclaration) -> dict[str, Any]:
    """The declarations in which `asked`, the `method` with options, differs from `default`; or why it is refused."""
    try:
        found: Configurable = registry.find(asked)
    except UsageError as error:
        return {"refused": str(error)}
    before, now = vars(default), vars(described(canonical(default.name, found.differing(method)), found))
    changed = {key: value for key, value in now.items() if value != before[key]}
    if "declared" in changed:
        texts = before["declared"]
        changed["declared"] = {key: text for key, text in now["declared"].items() if text != texts.get(key)}
    return changed


def _likely(settings: Iterable[Setting]) -> Iterator[dict[str, str]]:
    """The options that users are likely to set: each one alone, and each choice paired with each number.

    Choices take all their values, whole numbers 0 and 1, and an option with a word for None also that word.
    """
    values: dict[str, list[str]] = {}
    choices = set()
    for setting in settings:
        convert, found = setting.convert, []
        if isinstance(convert, OrWord):
            found, convert = [convert.word], convert.convert
        if isinstance(convert, Choice | Switch):
            found += list(convert.choices) if isinstance(convert, Choice) else ["yes", "no"]
            choices.add(setting.name)
        elif isinstance(convert, Number) and convert.whole:
            found += [str(n) for n in (0, 1) if convert.low <= n <= convert.high]
        values[setting.name] = [value for value in found if value != setting.default]
    pairs = ((a, b) for a, b in combinations(values, 2) if len({a, b} & choices) == 1)
    for names in chain(((name,) for name in values), pairs):
        for value in values[names[0]]:
            if len(names) == 1:
                yield {names[0]: value}
            else:
                yield from ({names[0]: value, names[1]: other} for other in values[names[1]])


def content_of(registry: Registry) -> dict[str, Any]:
    """The catalogue of one kind, built from the method objects."""
    methods: dict[str, Any] = {}
    asked: dict[str, Any] = {}
    for name in sorted(registry.names()):
        method: Configurable = registry.find(name)
        converters, spelled = method.converters(), method.spelled()
        source = replace(registry.source(name), title=title_of(registry.file_of(name)))
        settings = [
            (option, spelled[option], text, stored(converters.get(option)))
            for option, (_, text) in method.options().items()
        ]
        default = described(name, method)
        methods[name] = {
            "described": asdict(default), "settings": settings, "source": asdict(source),
        }  # fmt: skip
        known = [Setting(o, d, t, None if how is None else restored(how)) for o, d, t, how in settings]
        for options in _likely(known):
            spelled_so = canonical(name, options)
            with suppress(Exception):  # reported when a user asks for it
                asked[spelled_so] = _answer(registry, method, spelled_so, default)
    return {"methods": methods, "asked": asked, "idle": dict(registry.idle())}


def title_of(file: Path) -> str:
    """First line of a module's docstring; empty if it has none."""
    return (ast.get_docstring(ast.parse(file.read_bytes())) or "").partition("\n")[0]


@dataclass(frozen=True)
class FoundKind:
    """One kind of method."""

    word: str
    """Its name in messages: `selector`, `recipe`."""
    registry: Callable[[], Registry]
    """Imports the method files and returns their registry."""


class Catalogue:
    """The methods of each kind: read from `path` if stored for these `files` and the plug-ins in use, else built.

    `files` are all files that can change what methods declare. What was built is stored; if `path` is None, nothing is.
    """

    def __init__(self, kinds: Mapping[str, FoundKind], files: Iterable[Path], path: Path | None) -> None:
        self._kinds, self._files, self._path = kinds, tuple(files), path
        self._known: dict[tuple[Plugin, ...], tuple[Path | None, str, dict[str, Any]]] = {}

    def __getitem__(self, name: str) -> StoredMethods:
        return StoredMethods(self, name, self._kinds[name])

    def content(self) -> dict[str, Any]:
        """The content of each kind. Raises UsageError for a method file that cannot be read or is malformed."""
        plugins = in_use()
        if plugins not in self._known:
            path, digest = self._of(plugins)
            content = _read(path, digest, self._kinds) if path else None
            made = content is None
            if content is None:
                content = {name: content_of(kind.registry()) for name, kind in self._kinds.items()}
            self._known[plugins] = path, digest, content
            if made:
                self.keep()
        return self._known[plugins][2]

    def keep(self) -> None:
        """Store the content for the plug-ins in use, including what was looked up since it was read."""
        path, digest, content = self._known[in_use()]
        if path is not None:
            _write(path, digest, content)

    def _of(self, plugins: tuple[Plugin, ...]) -> tuple[Path | None, str]:
        """Path of the stored methods with these plug-ins, and the digest of everything that they depend on."""
        outside = [f"{plugin.described()} {plugin.kind} {plugin.attribute}" for plugin in plugins]
        digest = digest_of_files(self._files, outside)
        if self._path is None or not plugins:
            return self._path, digest
        origins = hashlib.sha256(repr([plugin.origin for plugin in plugins]).encode()).hexdigest()[:12]
        return self._path.with_stem(f"{self._path.stem}-{origins}"), digest


def digest_of_files(files: Iterable[Path], further: Iterable[str] = ()) -> str:
    """A digest that changes with the path or content of any of `files`, and with `further`."""
    whole = hashlib.sha256(repr([SCHEMA, *further]).encode())
    for path in sorted(files):
        try:
            content = path.read_bytes()
        except OSError:
            content = b""
        for part in (str(path).encode("utf-8", "surrogateescape"), content):
            whole.update(len(part).to_bytes(8) + part)
    return whole.hexdigest()


def _read(path: Path, digest: str, kinds: Iterable[str]) -> dict[str, Any] | None:
    """The content stored for the files with this `digest`; None if the file is for others, damaged or absent."""
    try:
        head, _, body = path.read_bytes().partition(b"\n")
        content = json.loads(body) if head.decode() == _head(digest, body) else None
        return content if isinstance(content, dict) and set(content) == set(kinds) else None
    except (OSError, *DAMAGE):
        return None


def _write(path: Path, digest: str, content: Mapping[str, Any]) -> None:
    """Store `content` if possible; the program works without."""
    body = json.dumps(content).encode()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, _head(digest, body).encode() + b"\n" + body)
    except (OSError, DataError):
        return


def _head(digest: str, body: bytes) -> str:
    """First line of the stored file: the digest of the method files, and a digest of the content below."""
    return f"{digest} {hashlib.sha256(body).hexdigest()}"
