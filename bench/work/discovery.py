"""Imports method files and checks their names; every fault is reported in one sentence."""

import pkgutil
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from types import ModuleType

from nas_selection_bench.bench.errors import UsageError

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
"""A method name that can be typed on the command line among other names and globs, where `all` means every method."""

MARKS = {"SELECTOR": "selector", "VARIANTS": "selector", "RECIPE": "recipe", "RULE": "stopping rule"}
"""The names that mark a module as defining methods, and the kind of method that each one marks."""

METHOD_PACKAGES = ("selectors", "supernets")
"""The packages that hold methods; the first uses the second."""

SUBFOLDERS = ("proxies", "stopping")
"""The folders inside other packages that hold methods."""

METHOD_FOLDERS = (*METHOD_PACKAGES, *SUBFOLDERS)
"""The folders that hold methods and little else; messages name their files as `folder/file.py`."""


class FaultyFile(UsageError):
    """A method file that cannot be used; the message names that file, whichever file imported it."""


def modules(package: str) -> Iterator[tuple[Path, ModuleType]]:
    """File and module of every module in `package`; raises UsageError if one cannot be imported."""
    for folder in map(Path, import_module(package).__path__):
        for found in pkgutil.iter_modules([str(folder)]):
            if not found.ispkg:
                file = folder / f"{found.name}.py"
                with reading(file):
                    module = import_module(f"{package}.{found.name}")
                yield file, module


@contextmanager
def reading(file: Path) -> Iterator[None]:
    """Turn whatever the code of `file` raises inside this context into a FaultyFile that names file and line."""
    try:
        yield
    except FaultyFile:
        raise
    except (Exception, SystemExit) as error:
        lines = str(error).strip().splitlines() or [""]
        what = f"{type(error).__name__}: {lines[0]}".rstrip(": ")
        mend = "correct or remove it"
        if isinstance(error, ModuleNotFoundError) and error.name:
            mend = f"install {error.name.partition('.')[0]}, or correct the import"
        raise FaultyFile(f"{_location(error, file)} cannot be read ({what}); {mend}.") from error


def _location(error: BaseException, file: Path) -> str:
    """The line that raised, in `file` or in a file of the project that it imports."""
    project = file.parents[2 if file.parent.name in SUBFOLDERS else 1]
    frames = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)
              if frame.name == "<module>"]  # fmt: skip
    if isinstance(error, SyntaxError) and error.filename is not None:
        frames.append((error.filename, error.lineno))
    ours = [(path, line) for path, line in frames
            if Path(path).is_relative_to(project) and "site-packages" not in path]  # fmt: skip
    path, line = ours[-1] if ours else (str(file), None)
    name = Path(path).relative_to(project) if file.parent.name in METHOD_FOLDERS else shown(Path(path))
    return f"{name}, line {line}," if line else str(name)


def line_of(error: BaseException) -> str | None:
    """The innermost line of a method in the traceback of `error`: `selectors/mine.py, line 27`; None if there is none.

    Code that calls methods, or that many of them share, is skipped, since the fault is seldom there; it is still in the
    traceback.
    """
    package = Path(__file__).parents[2]
    ours = [
        (Path(frame.filename).relative_to(package), frame.lineno)
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(package)
    ]
    from_outside = [
        f"{_short(Path(frame.f_code.co_filename))}, line {line}"
        for frame, line in traceback.walk_tb(error.__traceback__)
        if frame.f_globals.keys() & set(MARKS)
        and not Path(frame.f_code.co_filename).is_relative_to(package)
        and not frame.f_code.co_filename.startswith("<")  # code that dataclasses generate
    ]
    if from_outside:
        return from_outside[-1]
    for room in METHOD_PACKAGES:
        methods = Path(room), Path(room) / "proxies"
        lines = [(path, line) for path, line in ours if path.parent in methods]
        if lines:
            return f"{lines[-1][0].as_posix()}, line {lines[-1][1]}"
    return None


def require_valid_name(kind: str, name: str, file: Path) -> None:
    """Raise UsageError for a method name that cannot be typed on the command line."""
    if name == "all" or not _NAME.fullmatch(name):
        raise UsageError(
            f"{shown(file)}: {name!r} is not a valid {kind} name: use lower-case letters, digits and single hyphens,"
            " but not `all`."
        )


def shown(file: Path) -> str:
    """The name of a method file in messages: `selectors/magnitude.py`; for a file elsewhere, its path from here."""
    if file.parent.name in METHOD_FOLDERS:
        return _short(file)
    with suppress(OSError, ValueError):  # a working directory that is gone, or a file that is not below it
        return file.relative_to(Path.cwd()).as_posix()
    return str(file)


def _short(file: Path) -> str:
    """`folder/file.py`, which is the same wherever the folder lies."""
    return f"{file.parent.name}/{file.name}"


def kind(value: object) -> str:
    """What a value is, for messages: the name of its class, or `the class NAME` if it is a class."""
    return f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__


def require_texts(method: object, names: tuple[str, ...], file: Path) -> None:
    """Raise UsageError unless each of these attributes of a method is a non-empty string."""
    for name in names:
        text = getattr(method, name, None)
        if not isinstance(text, str) or not text.strip():
            raise UsageError(f"{shown(file)}: `{name}` must be a non-empty string, not {text!r}.")
