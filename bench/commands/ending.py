"""How a command ends: with the exit code of what happened, and what happened in one sentence."""

import sys
import traceback
from collections.abc import Callable

from nas_selection_bench.bench.commands.stdout import stderr_may_close, stdout_may_close
from nas_selection_bench.bench.errors import BenchError, ExitCode
from nas_selection_bench.bench.interruption import like_ctrl_c


def ended(name: str, act: Callable[[], int]) -> int:
    """The exit code of `act`, for the command `name`.

    A BenchError ends in one line on stderr and the exit code of its kind, a signal in INTERRUPTED.
    """
    with like_ctrl_c() as interrupted, stderr_may_close():
        try:
            with stdout_may_close():
                return act()
        except BenchError as error:
            print(f"{name}: {error}", file=sys.stderr)
            return error.exit_code
        except BaseException as error:
            if interrupted.came or isinstance(error, KeyboardInterrupt):  # libraries turn it into errors of their own
                print("\nInterrupted.", file=sys.stderr)
                return ExitCode.INTERRUPTED
            if not isinstance(error, Exception):
                raise
            # A script must not take a fault of the program for cells that failed.
            traceback.print_exc()
            print(f"{name}: this is a fault of the program, not of its input; what was finished stays."
                  " Please report the lines above.", file=sys.stderr)  # fmt: skip
            return ExitCode.FAULT
