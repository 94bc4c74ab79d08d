"""methods.json: descriptions of an output folder's selectors and recipes, as they were when they ran.

With it the folder explains itself wherever it is read: on the report page, and where the method files are not at hand.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from nas_selection_bench.bench.work.json_files import read_json, write_json
from nas_selection_bench.bench.work.methods import MethodDeclaration, Source

METHODS_FILE = "methods.json"
KINDS = ("supernets", "selectors")

Descriptions = dict[str, dict[str, dict[str, str]]]
"""For each of KINDS, name -> {field: text}; the fields are `paper`, `differs` and others that the method declares."""


def write_described(
    folder: Path, recipes: Iterable[MethodDeclaration], selectors: Iterable[MethodDeclaration],
    sources: tuple[Mapping[str, Source | None], Mapping[str, Source | None]] = ({}, {}),
) -> None:  # fmt: skip
    """Add the descriptions of these methods; descriptions from other runs of the folder stay.

    `sources` are the files of the recipes and of the selectors, with the plug-ins that they come from.
    Raises DataError if methods.json is damaged.
    """
    described = read_described(folder)
    for kind, of_kind, files in zip(KINDS, (recipes, selectors), sources, strict=True):
        for method in of_kind:
            file = files.get(method.name)
            brought = {"file": file.file, "what": file.title} if file else {}
            brought |= {"from": file.origin, "digest": file.digest} if file and file.origin else {}
            described[kind][method.name] = _texts({"paper": method.paper, **method.declared, **brought})
    write_json(folder / METHODS_FILE, {kind: dict(sorted(described[kind].items())) for kind in sorted(KINDS)}, indent=1)


def read_described(folder: Path) -> Descriptions:
    """The stored descriptions, empty for a folder made before they were stored; raises DataError for a damaged file."""

    def understood(content: Any) -> Descriptions:
        return {kind: {name: _texts(texts) for name, texts in content[kind].items()} for kind in KINDS}

    return read_json(folder / METHODS_FILE, understood, {kind: {} for kind in KINDS})


def _texts(declared: Mapping[str, object]) -> dict[str, str]:
    """All values as text, sorted by name: a user's method may declare a number, or None."""
    return {str(name): "" if text is None else str(text) for name, text in sorted(declared.items())}
