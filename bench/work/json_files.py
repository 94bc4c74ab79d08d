"""JSON that the program wrote, read back: whole, as it was written, or DataError."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from nas_selection_bench.bench.errors import DAMAGE, DataError, in_brief
from nas_selection_bench.bench.files import unreadable, write_whole
from nas_selection_bench.bench.work.cells import key

Read = TypeVar("Read")

DIGEST = "digest"
"""The field with the digest of all others."""


def write_json(path: Path, content: Mapping[str, Any], indent: int) -> None:
    """Write `content` whole, with a digest that betrays later damage to `read_json`."""
    write_whole(path, json.dumps({**content, DIGEST: digest_of(content)}, indent=indent) + "\n")


def digest_of(content: Mapping[str, Any]) -> str:
    """The digest of a JSON file's other fields."""
    return key({name: value for name, value in content.items() if name != DIGEST})


def read_json(path: Path, understood: Callable[[dict[str, Any]], Read], missing: Read) -> Read:
    """The JSON object in a file of `write_json`, turned into data by `understood`; `missing` where there is no file.

    Early files have no digest. Raises DataError for a file that cannot be read, is not a JSON object, has changed since
    it was written, or for which `understood` raises one of DAMAGE.
    """
    try:
        text = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return missing
    except OSError as error:
        raise unreadable(path, error) from error
    return understood_json(text, path, understood)


def understood_json(text: bytes, path: Path, understood: Callable[[dict[str, Any]], Read]) -> Read:
    """`read_json` of the `text` of the file `path`."""
    try:
        content = dict(json.loads(text))
        stored = content.get(DIGEST, "")
        if stored != "" and stored != digest_of(content):
            raise ValueError("it is not as it was written")
        content.pop(DIGEST, None)
        return understood(content)
    except DAMAGE as error:
        why = f"it lacks the entry {error.args[0]}" if type(error) is KeyError and error.args else in_brief(error)
        raise DataError(f"{path} is damaged ({in_brief(why)}); delete it and run the command again.") from error
