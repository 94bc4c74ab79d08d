"""Standard streams that end before the program: `| head`, a full disk, a closed terminal."""

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, TextIO, cast

from nas_selection_bench.bench.errors import DataError

_GONE = {errno.EPIPE, errno.EIO, errno.EBADF}
"""Errors of a write whose reader has left, or whose terminal was closed."""


class ClosableStream:
    """An output stream that accepts and drops everything once its reader has gone.

    Where it cannot be written for another reason (a full disk) it raises DataError, unless it `must_not_fail`.
    """

    def __init__(self, stream: TextIO, must_not_fail: bool = False) -> None:
        self._stream, self._must_not_fail = stream, must_not_fail

    def write(self, text: str) -> int:
        """How many characters of `text` were taken: all; those that its encoding lacks are spelled out."""
        try:
            text.encode(self._stream.encoding or "utf-8", self._stream.errors or "strict")
            encodable = text
        except UnicodeEncodeError:
            encodable = text.encode("ascii", "backslashreplace").decode()
        self._tried(lambda: self._stream.write(encodable))
        return len(text)

    def flush(self) -> None:
        """Hand on what is still held."""
        self._tried(self._stream.flush)

    def _tried(self, act: Callable[[], object]) -> None:
        try:
            act()
        except OSError as error:
            # What is still held goes nowhere, or Python would try again, and fail, at its end.
            sink = os.open(os.devnull, os.O_WRONLY)
            os.dup2(sink, self._stream.fileno())
            os.close(sink)
            if error.errno not in _GONE and not self._must_not_fail:
                raise DataError(f"Standard output cannot be written ({error.strerror}); send it elsewhere.") from error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def stdout_may_close() -> Iterator[None]:
    """The exit code is right even where stdout is not read to its end: `--check ... | head -1`."""
    stream = ClosableStream(sys.stdout)
    with redirect_stdout(cast(TextIO, stream)):
        try:
            yield
        finally:
            stream.flush()


@contextmanager
def stderr_may_close() -> Iterator[None]:
    """A run whose terminal was closed still ends as it should; what it prints then is dropped."""
    with redirect_stderr(cast(TextIO, ClosableStream(sys.stderr, must_not_fail=True))):
        yield
