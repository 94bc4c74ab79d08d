"""The names that the command line takes: `--list` on one screen, `--list NAME` in full, `--json` for programs."""

import json
import shutil
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nas_selection_bench.bench.errors import ExitCode, UsageError, counted
from nas_selection_bench.bench.names import is_pattern, matching, parse, unknown
from nas_selection_bench.bench.problem.datasets import DATASETS, dataset_names
from nas_selection_bench.bench.work.methods import MethodCatalogue, MethodDeclaration, MethodEntry, Methods, Setting
from nas_selection_bench.bench.work.presets import PRESETS, Settings

WIDTH, NAME = 100, 20
"""Width, in characters, of the whole list and of its column of names."""

LETTERS = {"weights": "trained", "alphas": "alphas", "images": "images", "labels": "labels", "tuning": "tuning"}
"""Inputs of a selector: the word whose first letter the list shows -> the input's name in what a selector declares."""

Kinds = Mapping[str, MethodCatalogue]


def kinds_of(methods: Methods) -> Kinds:
    """Kind -> all methods of that kind; recipes and selectors are under the names of their options."""
    return {"supernets": methods.recipes, "selectors": methods.selectors, **methods.further}


def list_all(root: Path, methods: Methods) -> ExitCode:
    """Print everything that has a name, with one line per family of selectors."""
    print("\n".join(overview(root, methods)))
    return ExitCode.OK


def overview(root: Path, methods: Methods) -> Iterator[str]:
    """The lines of the list."""
    yield "data sets (--datasets)"
    yield from (_line(name, notes(name, root)) for name in dataset_names(root))
    yield "presets (--preset); C: channels of the first stage, N: cells per stage"
    yield from (_line(name, size(settings)) for name, settings in PRESETS.items())
    yield f"supernets (--supernets), {len(methods.recipes.names())} recipes"
    yield from _wrapped(methods.recipes.names())
    families = families_of(methods.selectors)
    letters = " ".join(f"{what[0]}({what[1:]})" for what in LETTERS)
    yield f"selectors (--selectors), {len(methods.selectors.names())} in {len(families)} families; reads: {letters}"
    for members in families:
        entry = methods.selectors.entry(members[0])
        name = members[0] + (f" +{len(members) - 1}" if len(members) > 1 else "")
        yield _line(name, about(entry), reads(entry) or "-")
    if methods.groups:
        yield f"  groups of selectors: all, {', '.join(methods.groups)}"
    for kind, offer in methods.further.items():
        yield kind
        yield from _wrapped(offer.names())
    yield "More on any of these: --list NAME; everything at once: --list --json."


def families_of(selectors: MethodCatalogue) -> list[list[str]]:
    """The names of the selectors, grouped by their source file; the shortest name comes first."""
    families: dict[str, list[str]] = {}
    for name in selectors.names():
        families.setdefault(selectors.entry(name).source.file, []).append(name)
    return sorted(sorted(names, key=lambda name: (len(name), name)) for names in families.values())


def about(entry: MethodEntry) -> str:
    """A method in a few words: the first sentence of its file's title, without the method's name."""
    name, colon, rest = entry.source.title.partition(": ")
    text = rest if colon and len(name.split()) < 4 else entry.source.title
    return text.split(". ")[0].rstrip(".")


def reads(entry: MethodEntry) -> str:
    """The inputs of a selector, one letter each."""
    read = entry.described.declared.get("reads", "").split(", ")
    return " ".join(word[0] for word, what in LETTERS.items() if what in read)


def notes(name: str, root: Path) -> str:
    """The description of a data set."""
    return DATASETS[name].note if name in DATASETS else f"your own, in {root}"


def size(settings: Settings) -> str:
    """The size of a preset, in a few words."""
    images = "all images" if settings.images is None else counted(settings.images, "image")
    tuning = f"{counted(settings.tune_epochs, 'epoch')} of fine-tuning between decisions"
    return f"C={settings.channels}, N={settings.cells}, {counted(settings.epochs, 'epoch')}, {images}, {tuning}"


def _line(name: str, text: str, letters: str = "") -> str:
    start = f"  {name:<{NAME}} " + (f"{letters:<9} " if letters else "")
    return start + textwrap.shorten(text, max(20, WIDTH - len(start)), placeholder=" ...")


def _wrapped(names: Sequence[str]) -> list[str]:
    return textwrap.wrap(", ".join(names), WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)


def list_one(text: str, root: Path, methods: Methods) -> ExitCode:
    """Print everything known about one name, of any kind, or one line for each name that matches a pattern.

    Raises UsageError if nothing has that name.
    """
    if is_pattern(text):
        print("\n".join(_matching_lines(text, root, methods)))
        return ExitCode.OK
    width = min(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns)
    found = [lines for lines in (_facts_of(text, root, methods)) if lines]
    for number, (heading, facts) in enumerate(found):
        print("\n" * bool(number) + heading)
        for label, value in facts:
            start = f"  {label + ':':<12} "
            print(textwrap.fill(value, width, initial_indent=start, subsequent_indent=" " * len(start),
                                break_on_hyphens=False, break_long_words=False))  # fmt: skip
    return ExitCode.OK


def _matching_lines(pattern: str, root: Path, methods: Methods) -> list[str]:
    """For each kind with names that match `pattern`: a heading, and one line per name."""
    lines = _told(
        "data sets (--datasets)", {name: notes(name, root) for name in matching(pattern, dataset_names(root))}
    )
    lines += _told("presets (--preset)", {name: size(PRESETS[name]) for name in matching(pattern, PRESETS)})
    for kind, offer in kinds_of(methods).items():
        names = matching(pattern, offer.names())
        lines += _told(f"{kind}, {len(names)}", _told_apart([offer.entry(name) for name in names]))
    if not lines:
        raise _unknown(pattern, root, methods)
    return lines


def _told_apart(entries: Sequence[MethodEntry]) -> dict[str, str]:
    """Name -> the method in a few words; methods that share a file, hence its title, are described by their scores."""
    files = Counter(entry.source.file for entry in entries)
    return {
        entry.described.name: entry.described.declared.get("score", about(entry)) if files[entry.source.file] > 1
        else about(entry) for entry in entries
    }  # fmt: skip


def _told(heading: str, lines: Mapping[str, str]) -> list[str]:
    width = max(map(len, lines), default=0)
    return [heading, *(_line(name.ljust(width), text) for name, text in lines.items())] if lines else []


Facts = list[tuple[str, str]]


def _facts_of(text: str, root: Path, methods: Methods) -> list[tuple[str, Facts]]:
    """A heading and labelled facts for everything that is called `text`; raises UsageError if nothing is."""
    found: list[tuple[str, Facts]] = []
    if text in dataset_names(root):
        found.append((f"{text}: a data set (--datasets)", [("what", notes(text, root))]))
    if text in PRESETS:
        facts = [(name.replace("_", " "), _spelled(value)) for name, value in asdict(PRESETS[text]).items()]
        found.append((f"{text}: a preset (--preset)", facts[1:]))
    if text in methods.groups:
        members = methods.groups[text].replace(",", ", ")
        found.append((f"{text}: a group of selectors (--selectors)", [("members", members)]))
    name = parse(text)[0] if not found else text
    for kind, offer in kinds_of(methods).items():
        if name in offer.names():
            described = offer.find(text)
            where = f" (--{kind})" if kind in ("supernets", "selectors") else ""
            heading = f"{described.name}: one of the {kind}{where}"
            found.append((heading, list(_method(name, described, offer.entry(name), offer.names(), offer))))
    if not found:
        raise _unknown(text, root, methods)
    return found


def _unknown(text: str, root: Path, methods: Methods) -> UsageError:
    known = {*dataset_names(root), *PRESETS, *methods.groups}
    return unknown("name", text, known.union(*(offer.names() for offer in kinds_of(methods).values())))


def _method(
    name: str, described: MethodDeclaration, entry: MethodEntry, names: Sequence[str], offer: Any
) -> Iterator[tuple[str, str]]:
    yield "what", entry.source.title
    yield "paper", described.paper
    for label, text in described.declared.items():
        yield label, text or "nothing"
    for setting in entry.settings.values():
        yield "option", _option(setting)
    if not entry.settings:
        yield "options", "none"
    relatives = [other for other in names if other != name and offer.entry(other).source == entry.source]
    if relatives:
        many = f"{len(relatives)} more from this file, such as "
        yield "relatives", ", ".join(relatives) if len(relatives) < 9 else many + ", ".join(relatives[:5])
    origin = f", from {entry.source.origin}" if entry.source.origin else ""
    yield "file", f"{entry.source.file}, version {described.version}{origin}"


def _option(setting: Setting) -> str:
    bounds = f" ({setting.convert})" if setting.convert is not None else ""
    return f"{setting.name}={setting.default}{bounds}: {setting.help}"


def _spelled(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return "all" if value is None else str(value)


def list_json(text: str, root: Path, methods: Methods) -> ExitCode:
    """Print everything as JSON or, with a `text`, everything that has this name or matches this pattern.

    Raises UsageError if nothing has that name.
    """
    content: dict[str, dict[str, Any]] = {
        "datasets": {name: {"note": notes(name, root)} for name in dataset_names(root)},
        "presets": {name: asdict(settings) for name, settings in PRESETS.items()},
        "groups": {name: members.split(",") for name, members in methods.groups.items()},
    }
    several = not text or is_pattern(text)
    if text:
        chosen = {kind: matching(text, found) if several else [text] for kind, found in content.items()}
        content = {
            kind: {name: found[name] for name in chosen[kind] if name in found}
            for kind, found in content.items() if {*chosen[kind]} & {*found}
        }  # fmt: skip
    name = text if several or content else parse(text)[0]
    for kind, offer in kinds_of(methods).items():
        names = matching(name or "all", offer.names()) if several else [n for n in offer.names() if n == name]
        found = {known: (offer.find(known if several else text), offer.entry(known)) for known in names}
        if found or not text:
            content[kind] = {described.name: _plain(described, entry) for described, entry in found.values()}
    if not content:
        raise _unknown(text, root, methods)
    print(json.dumps(content, indent=1))
    return ExitCode.OK


def _plain(described: MethodDeclaration, entry: MethodEntry) -> dict[str, Any]:
    options = {
        setting.name: {"default": setting.default, "values": str(setting.convert or ""), "help": setting.help}
        for setting in entry.settings.values()
    }
    return {"title": entry.source.title, "file": entry.source.file, **asdict(described), "options": options}
