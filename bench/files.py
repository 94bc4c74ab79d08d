"""Atomic writes, lock files that keep each folder to one writer, and errors for files that cannot be used.

A file is written under a temporary name beside its target, synced and renamed, so it is either whole or absent.
"""

import argparse
import errno
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from nas_selection_bench.bench.errors import BenchError, DataError, UsageError, in_brief

USERS_CACHE = "~/.cache/nas-selection-bench"
"""Default folder for data, trained supernets and the cached declarations of methods."""

_TEMPORARY = ".part"
_HALF_WRITTEN = re.compile(rf"\..+\.\d+{re.escape(_TEMPORARY)}", re.DOTALL)
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NO_LOCKS = {errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOLCK}
_NO_ACCESS = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST}


def write_whole(path: Path, content: str | bytes) -> None:
    """Write `content` to `path` atomically: even if the process is killed, readers see the old file or the new one.

    Raises DataError if the disk is full or `path` cannot be written.
    """
    data = content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name}.{os.getpid()}{_TEMPORARY}")
    try:
        with temporary.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise unwritable(path, error) from error
        raise


def unreadable(path: Path, error: OSError, cure: str = "check that it exists and that you may read it") -> DataError:
    """The error for a `path` that could not be read because of `error`; `cure` tells the user what to do."""
    return DataError(f"{path} cannot be read ({error.strerror or in_brief(error)}); {cure}.")


def unwritable(path: Path, error: OSError) -> DataError:
    """The error for a `path` that could not be written because of `error`."""
    if isinstance(error, shutil.Error):  # about many files: its text has the first one's reason
        full = any(os.strerror(number) in str(error) for number in _NO_ROOM)
        error = OSError(errno.ENOSPC if full else None, in_brief(error))
    if error.errno in _NO_ROOM:
        return DataError(f"The disk is full: {path} could not be written; make room and run the same command again.")
    if error.errno in _NO_ACCESS:
        return DataError(f"{path} cannot be written ({error.strerror}); choose another folder.")
    if error.errno in _NO_LOCKS:
        return DataError(
            f"The file system of {path.parent} does not support file locks ({error.strerror}), which keep two runs from"
            " writing the same folder; choose a folder on a local disk."
        )
    return DataError(f"{path} could not be written ({error.strerror or error}); choose another folder.")


def is_disk_trouble(error: BaseException) -> bool:
    """Whether `error`, or an exception that caused it, means that no more files can be written (full or read-only)."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in _NO_ROOM | {errno.EROFS}:
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def make_folder(path: Path) -> None:
    """Make the folder `path` and check that files can be written in it; raises DataError if not."""
    probe = path / f".probe.{os.getpid()}{_TEMPORARY}"
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise unwritable(path, error) from error


def sweep(folder: Path) -> None:
    """Remove half-written files that a killed writer left in `folder`; only for the holder of the folder's lock."""
    for left in folder.glob(f".*{_TEMPORARY}"):
        if _HALF_WRITTEN.fullmatch(left.name) and left.is_file():  # hidden files of other programs stay
            left.unlink(missing_ok=True)


@contextmanager
def named_as(copies: Mapping[Path, Path]) -> Iterator[None]:
    """Make the errors raised in the `with` block name the files of which copies are read: copy -> original."""
    try:
        yield
    except BenchError as error:
        error.args = (originals_named(str(error), copies),)
        raise


def originals_named(text: str, copies: Mapping[Path, Path]) -> str:
    """`text` with the path of each copy replaced by that of its original."""
    for copy, original in copies.items():
        text = text.replace(str(copy), str(original))
    return text


@contextmanager
def only_writer(path: Path, wait: bool) -> Iterator[None]:
    """Hold the lock file `path` inside the `with` block.

    If another process holds it, wait for that process with `wait`, else raise DataError at once. The lock is released
    when this process ends, however it ends, so a killed run leaves nothing to clean up.
    """
    lock = held_lock(path, wait)
    if lock is None:
        raise DataError(
            f"Another run (process {_holder(path)}) is writing {path.parent}; wait for it, or choose another folder."
        )
    with suppress(OSError):  # the process id serves only the message above
        path.write_text(str(os.getpid()))
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink()  # while the lock is held: a process that waits for it notices, and makes a new file
        lock.release()


def held_lock(path: Path, wait: bool) -> FileLock | None:
    """The acquired lock of the file `path`; None if another process holds it and `wait` is false.

    It is held until its `release` is called or the process ends. Raises DataError if the file cannot be written or is
    on a file system without locks.
    """
    lock = FileLock(path, thread_local=False, fallback_to_soft=False)
    try:
        lock.acquire(blocking=wait)
    except Timeout:
        return None
    except OSError as error:
        raise unwritable(path, error) from error
    return lock


def remove_stale_lock(path: Path) -> None:
    """Remove the lock file `path` if a killed process left it; a lock that is held stays."""
    if path.exists():
        with suppress(DataError), only_writer(path, wait=False):
            pass


def expanded(path: str | Path) -> Path:
    """A path from the user, with a leading `~` expanded to the home folder; no other function expands it.

    Raises UsageError if there is no such home folder, and for an empty path.
    """
    if not os.fspath(path):
        raise UsageError("the path is empty; write . for the current folder.")
    text = os.path.expanduser(path)
    user = os.fspath(path).partition(os.sep)[0]
    if user.startswith("~") and (text == os.fspath(path) or (user == "~" and os.environ.get("HOME") == "")):
        raise UsageError(f"{path}: there is no such home folder; write the path out, or set HOME.")
    return Path(text)


def given_path(text: str) -> Path:
    """`expanded` as a type for argparse, which needs errors of its own class."""
    try:
        return expanded(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _holder(path: Path) -> str:
    """The process id in a lock file, or `unknown`."""
    try:
        number = path.read_text()
    except (OSError, UnicodeDecodeError):
        return "unknown"
    return number if number.isdecimal() and len(number) < 20 else "unknown"
