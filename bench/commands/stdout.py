"""Handling of standard streams that end before the program, or were never open: `| head`, a full disk, `>&-`."""

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, TextIO, cast

from nas_selection_bench.bench.errors import DataError

_GONE = {errno.EPIPE, errno.EIO, errno.EBADF}
"""Error numbers of a write whose reader is gone, or whose terminal was closed."""


class ClosableStream:
    """An output stream that accepts and discards everything once its reader is gone.

    If it cannot be written for another reason (a full disk), it raises DataError, unless it `must_not_fail`.
    """

    def __init__(self, stream: TextIO, must_not_fail: bool = False) -> None:
        self._stream, self._must_not_fail = stream, must_not_fail

    def write(self, text: str) -> int:
        """Write `text` and return its length; if the encoding lacks a character, all non-ASCII ones are escaped."""
        try:
            text.encode(self._stream.encoding or "utf-8", self._stream.errors or "strict")
            encodable = text
        except UnicodeEncodeError:
            encodable = text.encode("ascii", "backslashreplace").decode()
        self._tried(lambda: self._stream.write(encodable))
        return len(text)

    def flush(self) -> None:
        """Flush the underlying stream."""
        self._tried(self._stream.flush)

    def _tried(self, act: Callable[[], object]) -> None:
        try:
            act()
        except OSError as error:
            # Discard what is still buffered; else Python would try to write it again at exit, and fail.
            sink = os.open(os.devnull, os.O_WRONLY)
            os.dup2(sink, self._stream.fileno())
            os.close(sink)
            if error.errno not in _GONE and not self._must_not_fail:
                raise DataError(f"Standard output cannot be written ({error.strerror}); send it elsewhere.") from error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def open_closed_streams() -> None:
    """Put the null device in place of standard streams that were closed before the program started.

    Python has None for them, and gives their numbers to the next files it opens: what a library writes to stdout or
    stderr would end up in a result.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):  # in the order of their numbers
        if getattr(sys, name) is None:
            sink = os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is that of the stream
            os.set_inheritable(sink, True)
            setattr(sys, name, os.fdopen(sink, mode))


@contextmanager
def stdout_may_close() -> Iterator[None]:
    """Keep the exit code right even if stdout is not read to its end: `--check ... | head -1`."""
    open_closed_streams()
    stream = ClosableStream(sys.stdout)
    with redirect_stdout(cast(TextIO, stream)):
        try:
            yield
        finally:
            stream.flush()


@contextmanager
def stderr_may_close() -> Iterator[None]:
    """Let a run end as it should even if its terminal was closed; what it prints after that is discarded."""
    open_closed_streams()
    with redirect_stderr(cast(TextIO, ClosableStream(sys.stderr, must_not_fail=True))):
        yield
