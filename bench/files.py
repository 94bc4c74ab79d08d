"""Files that are whole or absent: written beside their place, synced, renamed; and one writer per folder."""

import argparse
import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from nas_selection_bench.bench.errors import DataError, UsageError, in_brief

USERS_CACHE = "~/.cache/nas-selection-bench"
"""Where data, trained supernets and what methods declare are kept unless another place is named."""

_TEMPORARY = ".part"
_HALF_WRITTEN = re.compile(rf"\..+\.\d+{re.escape(_TEMPORARY)}", re.DOTALL)
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NO_LOCKS = {errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOLCK}
_NO_ACCESS = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST}


def write_whole(path: Path, content: str | bytes) -> None:
    """Write `content` to `path` so that a reader, or a kill at any moment, sees the old file or the new one.

    Raises DataError when the disk is full or the place cannot be written.
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


def unreadable(path: Path, error: OSError, cure: str = "check that it is there and that you may read it") -> DataError:
    """The error for a `path` that could not be read because of `error`; `cure` says what to do."""
    return DataError(f"{path} cannot be read ({error.strerror or in_brief(error)}); {cure}.")


def unwritable(path: Path, error: OSError) -> DataError:
    """The error for a `path` that could not be written because of `error`."""
    if isinstance(error, shutil.Error):  # of many files: its text has the reason of the first
        full = any(os.strerror(number) in str(error) for number in _NO_ROOM)
        error = OSError(errno.ENOSPC if full else None, in_brief(error))
    if error.errno in _NO_ROOM:
        return DataError(f"The disk is full: {path} could not be written; make room and run the same command again.")
    if error.errno in _NO_ACCESS:
        return DataError(f"{path} cannot be written ({error.strerror}); choose another folder.")
    if error.errno in _NO_LOCKS:
        return DataError(
            f"The file system of {path.parent} has no file locks ({error.strerror}), which keep two runs apart; choose"
            " a folder on a local disk."
        )
    return DataError(f"{path} could not be written ({error.strerror or error}); choose another folder.")


def is_disk_trouble(error: BaseException) -> bool:
    """Whether `error`, or its cause, means that no file can be written any more."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in _NO_ROOM | {errno.EROFS}:
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def make_folder(path: Path) -> None:
    """Make `path` and prove that it can be written; raises DataError where it cannot."""
    probe = path / f".probe.{os.getpid()}{_TEMPORARY}"
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise unwritable(path, error) from error


def sweep(folder: Path) -> None:
    """Remove what a killed writer left half-written in `folder`; only the folder's one writer may call it."""
    for left in folder.glob(f".*{_TEMPORARY}"):
        if _HALF_WRITTEN.fullmatch(left.name) and left.is_file():  # hidden files of other programs stay
            left.unlink(missing_ok=True)


@contextmanager
def only_writer(path: Path, wait: bool) -> Iterator[None]:
    """Hold the lock file `path`; with `wait` until its holder is gone, else DataError at once.

    The lock goes with the process, however it ends, so a killed run leaves nothing to clean up.
    """
    lock = held_lock(path, wait)
    if lock is None:
        raise DataError(
            f"Another run (process {_holder(path)}) is writing {path.parent}; wait for it or choose another --out."
        )
    with suppress(OSError):  # only for the message above
        path.write_text(str(os.getpid()))
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink()  # while it is still held: who waits for it sees that it is gone and makes another
        lock.release()


def held_lock(path: Path, wait: bool) -> FileLock | None:
    """The lock of the file `path`, held; None where another has it and this is not to `wait`.

    It is held until its `release`, or until the process ends. Raises DataError where the file cannot be written, or
    lies on a file system without locks.
    """
    lock = FileLock(path, thread_local=False, fallback_to_soft=False)
    try:
        lock.acquire(blocking=wait)
    except Timeout:
        return None
    except OSError as error:
        raise unwritable(path, error) from error
    return lock


def leave_no_lock(path: Path) -> None:
    """Remove the lock file `path` that a killed holder left; one that is held stays."""
    if path.exists():
        with suppress(DataError), only_writer(path, wait=False):
            pass


def expanded(path: str | Path) -> Path:
    """A path that a user gave, with `~` in front for the home folder; no other function expands it.

    Raises UsageError where there is no such home, and for an empty path.
    """
    if not os.fspath(path):
        raise UsageError("the path is empty; write . for the current folder.")
    text = os.path.expanduser(path)
    if os.fspath(path).startswith("~") and text == os.fspath(path):
        raise UsageError(f"{path}: there is no such home folder; write the path out, or set HOME.")
    return Path(text)


def given_path(text: str) -> Path:
    """`expanded` for argparse."""
    try:
        return expanded(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _holder(path: Path) -> str:
    """The process that wrote its number into a lock file."""
    try:
        number = path.read_text()
    except (OSError, UnicodeDecodeError):
        return "unknown"
    return number if number.isdecimal() and len(number) < 20 else "unknown"
