"""Survives a closed pipe (`| head`)."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any, TextIO, cast


class ClosableStream:
    """An output stream that takes everything and tells nobody once its reader has gone, as `| head` does."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """How many characters of `text` were taken: all."""
        self._tried(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        """Hand on what is still held."""
        self._tried(self._stream.flush)

    def _tried(self, act: Callable[[], object]) -> None:
        try:
            act()
        except BrokenPipeError:
            sink = os.open(os.devnull, os.O_WRONLY)
            os.dup2(sink, self._stream.fileno())
            os.close(sink)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def stdout_may_close() -> Iterator[None]:
    """The exit code says what was found even where nobody reads stdout to its end: `--check ... | head -1`."""
    stream = ClosableStream(sys.stdout)
    with redirect_stdout(cast(TextIO, stream)):
        try:
            yield
        finally:
            stream.flush()
