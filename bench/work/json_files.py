"""Writes the program's JSON files with a digest, and reads them back; a file that has changed raises DataError."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from nas_selection_bench.bench.errors import DAMAGE, DataError, in_brief
from nas_selection_bench.bench.files import unreadable, write_whole
from nas_selection_bench.bench.work.cells import key

Read = TypeVar("Read")

DIGEST = "digest"
"""The field that holds the digest of all other fields."""


def write_json(path: Path, content: Mapping[str, Any], indent: int) -> None:
    """Write `content`, whole or not at all, with a digest by which `read_json` detects later damage."""
    write_whole(path, json.dumps({**content, DIGEST: digest_of(content)}, indent=indent) + "\n")


def refuse_newer(schema: object, known: int, path: Path) -> None:
    """Raise DataError if the file `path` has a newer schema than the newest `known`, so that it could be misread."""
    if isinstance(schema, int) and schema > known:
        raise DataError(
            f"{path} has schema {schema}, which a newer version of this program wrote (this one reads up to {known});"
            " update the program or choose another folder."
        )


def digest_of(content: Mapping[str, Any]) -> str:
    """The digest of all fields of a JSON file but DIGEST itself."""
    return key({name: value for name, value in content.items() if name != DIGEST})


def read_json(path: Path, understood: Callable[[dict[str, Any]], Read], missing: Read) -> Read:
    """The JSON object that `write_json` wrote, converted by `understood`; `missing` if there is no file.

    Files of early versions have no digest. Raises DataError if the file cannot be read, is not a JSON object or has
    changed since it was written, or if `understood` raises one of DAMAGE.
    """
    try:
        text = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return missing
    except OSError as error:
        raise unreadable(path, error) from error
    return understood_json(text, path, understood)


def understood_json(text: bytes, path: Path, understood: Callable[[dict[str, Any]], Read]) -> Read:
    """As `read_json`, for the `text` that was read from the file `path`."""
    try:
        content = dict(json.loads(text))
        stored = content.get(DIGEST, "")
        if stored != "" and stored != digest_of(content):
            raise ValueError("it has changed since it was written")
        content.pop(DIGEST, None)
        return understood(content)
    except DAMAGE as error:
        why = f"it lacks the entry {error.args[0]}" if type(error) is KeyError and error.args else in_brief(error)
        raise DataError(f"{path} is damaged ({in_brief(why)}); delete it and run the command again.") from error
