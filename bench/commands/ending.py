"""The end of a command: an exit code and, if something went wrong, one sentence about it."""

import sys
import traceback
from collections.abc import Callable

from nas_selection_bench.bench.commands.stdout import stderr_may_close, stdout_may_close
from nas_selection_bench.bench.errors import BenchError, ExitCode
from nas_selection_bench.bench.interruption import like_ctrl_c


def ended(name: str, act: Callable[[], int]) -> int:
    """Run `act` for the command `name`, and return the exit code.

    A BenchError becomes one line on stderr and the exit code of its class; a signal becomes INTERRUPTED; any other
    error becomes a traceback and FAULT.
    """
    with like_ctrl_c() as interrupted, stderr_may_close():
        try:
            with stdout_may_close():
                return act()
        except BenchError as error:
            print(f"{name}: {error}", file=sys.stderr)
            return error.exit_code
        except BaseException as error:
            if interrupted.came or isinstance(error, KeyboardInterrupt):  # libraries turn it into other errors
                print("\nInterrupted.", file=sys.stderr)
                return ExitCode.INTERRUPTED
            if not isinstance(error, Exception):
                raise
            # A script must not mistake a bug in the program for failed cells.
            traceback.print_exc()
            print(f"{name}: this is a bug in the program, not in its input; finished work is kept."
                  " Please report the lines above.", file=sys.stderr)  # fmt: skip
            return ExitCode.FAULT
