"""The ways in which a run can end, and the errors that a user can mend.

Each exit code has one meaning, so that a script or a CI job can tell a regression from a gate
that measured nothing.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """What the command line answers; each number has one meaning."""

    OK = 0
    SOME_CELLS_FAILED = 1
    USAGE = 2
    DIFFERS = 3
    NOTHING_MEASURED = 4
    FAULT = 70
    """A fault of the program itself, with its traceback; the number is that of sysexits.h."""
    INTERRUPTED = 130


class BenchError(Exception):
    """Something that the user can mend. Its message is one sentence: what is wrong, where, what to do."""

    exit_code: ExitCode = ExitCode.USAGE


class UsageError(BenchError):
    """The command line asks for something that does not exist or does not fit together."""


class DataError(BenchError):
    """A file is missing, damaged, of the wrong shape, or cannot be written."""


class SkipCell(Exception):
    """Raised by a method that does not apply to a cell; the message is the reason that the record keeps."""
