"""Finds methods by their files; one that cannot be imported, or defines no method, is reported in one sentence."""

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
"""A name that can be typed on the command line, beside other names and globs; there, `all` means all of them."""

MARKS = {"SELECTOR": "selector", "VARIANTS": "selector", "RECIPE": "recipe", "RULE": "stopping rule"}
"""The names that modules of methods define, and the kind of each."""

ROOMS = ("selectors", "supernets")
"""The packages of methods; the first uses the second."""

FOLDERS = (*ROOMS, "proxies", "stopping")
"""The folders that hold methods and little else: their files are named without what lies above."""


class FaultyFile(UsageError):
    """A file of methods that cannot be used; the sentence names it, whoever imported it."""


def modules(package: str) -> Iterator[tuple[Path, ModuleType]]:
    """Every module of a package, with its file; raises UsageError for one that cannot be imported."""
    for folder in map(Path, import_module(package).__path__):
        for found in pkgutil.iter_modules([str(folder)]):
            if not found.ispkg:
                file = folder / f"{found.name}.py"
                with reading(file):
                    module = import_module(f"{package}.{found.name}")
                yield file, module


@contextmanager
def reading(file: Path) -> Iterator[None]:
    """Raises FaultyFile, one sentence that names file and line, for whatever the code of `file` raises in here."""
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
    """The line that raised: of `file`, or of a file of the project that it imports."""
    project = file.parents[2 if file.parent.name == "proxies" else 1]
    frames = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)
              if frame.name == "<module>"]  # fmt: skip
    if isinstance(error, SyntaxError) and error.filename is not None:
        frames.append((error.filename, error.lineno))
    ours = [(path, line) for path, line in frames
            if Path(path).is_relative_to(project) and "site-packages" not in path]  # fmt: skip
    path, line = ours[-1] if ours else (str(file), None)
    name = Path(path).relative_to(project) if file.parent.name in FOLDERS else shown(Path(path))
    return f"{name}, line {line}," if line else str(name)


def line_of(error: BaseException) -> str | None:
    """The innermost line of a method that the error came through: `selectors/mine.py, line 27`; None for none.

    Code that calls methods, or that many of them share, is skipped: the fault is seldom there. The traceback has it.
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
        and not frame.f_code.co_filename.startswith("<")  # what dataclasses write
    ]
    if from_outside:
        return from_outside[-1]
    for room in ROOMS:
        methods = Path(room), Path(room) / "proxies"
        lines = [(path, line) for path, line in ours if path.parent in methods]
        if lines:
            return f"{lines[-1][0].as_posix()}, line {lines[-1][1]}"
    return None


def spelled_well(kind: str, name: str, file: Path) -> None:
    """Raises UsageError for a name that cannot be typed."""
    if name == "all" or not _NAME.fullmatch(name):
        raise UsageError(
            f"{shown(file)}: {name!r} is not a valid name of a {kind}: use lower-case letters, digits and single"
            " hyphens, and not `all`."
        )


def shown(file: Path) -> str:
    """The name of a file for messages: `selectors/magnitude.py`; of one that lies elsewhere, its path from here."""
    if file.parent.name in FOLDERS:
        return _short(file)
    with suppress(OSError, ValueError):  # a working directory that is gone, or a file that is not below it
        return file.relative_to(Path.cwd()).as_posix()
    return str(file)


def _short(file: Path) -> str:
    """Its name and that of its folder: the same wherever they lie."""
    return f"{file.parent.name}/{file.name}"


def kind(value: object) -> str:
    """The kind of a value, for a sentence: its class, or which class it is itself."""
    return f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__


def require_texts(method: object, names: tuple[str, ...], file: Path) -> None:
    """Raises UsageError unless each of these attributes of a method is a non-empty string."""
    for name in names:
        text = getattr(method, name, None)
        if not isinstance(text, str) or not text.strip():
            raise UsageError(f"{shown(file)}: `{name}` must be a non-empty string, not {text!r}.")
