"""Exit codes, the errors that a user can correct, and helpers that word their messages.

Each exit code has one meaning, so that a script or a CI job can tell a regression from a check
that measured nothing.
"""

import csv
import gzip
import lzma
import pickle
import struct
import tarfile
import tokenize
import zipfile
import zlib
from collections.abc import Sequence
from enum import IntEnum

DAMAGE = (
    ValueError, TypeError, LookupError, AttributeError, ArithmeticError, AssertionError, EOFError, MemoryError,
    BufferError, NotImplementedError, RuntimeError, SyntaxError, csv.Error, gzip.BadGzipFile, lzma.LZMAError,
    pickle.UnpicklingError, struct.error, tarfile.TarError, tokenize.TokenError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""The exceptions that the standard library, NumPy and PyTorch raise when they read malformed bytes.

Every file reader catches these. OSError is caught separately, since it means that the file could not be read at all.
RuntimeError includes RecursionError, and ValueError includes the errors of JSON and of text decoding.
"""


class ExitCode(IntEnum):
    """The exit codes of the command line; each has one meaning."""

    OK = 0
    SOME_CELLS_FAILED = 1
    USAGE = 2
    DIFFERS = 3
    NOTHING_MEASURED = 4
    FAULT = 70
    """A bug in the program itself, reported with its traceback; the number is EX_SOFTWARE of sysexits.h."""
    INTERRUPTED = 130


def counted(number: int, noun: str) -> str:
    """A number with its noun, plural unless it is 1: `1 cell`, `1,702 cells`."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def joined(words: Sequence[str], last: str = "and") -> str:
    """The words as a list in English, `a, b and c`; empty if there are none."""
    return f"{', '.join(words[:-1])} {last} {words[-1]}" if len(words) > 1 else "".join(words)


def in_brief(error: BaseException | str, most: int = 200) -> str:
    """The message of an exception, or a text, as one printable line that fits into a sentence.

    It is cut after `most` characters. An exception without a message is represented by the name of its class.
    """
    text = text_of(error)
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text[: 4 * most]).split())
    line = line if len(line) <= most else line[:most] + "..."
    return line or type(error).__name__


def text_of(error: BaseException | str) -> str:
    """The message of an exception; empty if it cannot be converted to a string."""
    try:
        return str(error)
    except BaseException as another:
        if isinstance(another, KeyboardInterrupt):
            raise
        return ""


def storable(text: str, most: int) -> str:
    """`text` in a form that UTF-8 can encode, cut after `most` characters.

    Python decodes file names in other encodings to surrogates, which UTF-8 cannot encode; these are escaped.
    """
    whole = text[:most].encode("utf-8", "backslashreplace").decode()
    return whole if len(text) <= most else f"{whole}... ({len(text):,} characters)"


class BenchError(Exception):
    """An error that the user can correct. Its message is one sentence: what is wrong, where, and what to do.

    Unprintable characters in the message (from a file name or a damaged file) are escaped.
    """

    exit_code: ExitCode = ExitCode.USAGE

    def __init__(self, message: str) -> None:
        super().__init__("".join(sign if sign.isprintable() or sign == "\n" else ascii(sign)[1:-1] for sign in message))


class UsageError(BenchError):
    """The command line asks for something that does not exist or does not fit together."""


class DataError(BenchError):
    """A file is missing, damaged, of the wrong shape, or cannot be written."""


class MissingData(DataError):
    """Data that the user has to provide is missing."""


class SkipCell(Exception):
    """Raised by a method that does not apply to a cell; the message is stored in the record as the reason."""
