"""Whether the cells of supernets run in Triton's kernels on a GPU: where NAS_BENCH_TRITON is 1, and only there.

Not wherever Triton is installed, and not from the day on which results/gpu holds a record: these kernels give other
last digits than torch's, and what a command computes must follow from the command. Nor by default, as long as no GPU
has run them. Who asks for them asks for other hardware, as keys and records see it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version

from nas_selection_bench.bench.errors import UsageError

VARIABLE = "NAS_BENCH_TRITON"


def wants_triton() -> bool:
    """Whether this process is asked for them."""
    return os.environ.get(VARIABLE) == "1"


def described() -> str:
    """The addition to a GPU's name in keys and records: nothing, or Triton's version. UsageError without one."""
    asked = os.environ.get(VARIABLE, "0")
    if asked not in ("", "0", "1"):
        raise UsageError(f"{VARIABLE}={asked}: it must be 1 (Triton's kernels) or 0.")
    if not wants_triton():
        return ""
    installed = triton_version()
    if installed is None:
        raise UsageError(f"{VARIABLE}=1, but Triton is not installed: pip install triton, or unset it.")
    return f", Triton {installed}"


def triton_version() -> str | None:
    """Of the Triton that is installed."""
    try:
        return version("triton")
    except PackageNotFoundError:
        return None


@contextmanager
def triton_wanted(wanted: bool = True) -> Iterator[None]:
    """Inside, this process is asked for Triton's kernels, or is not."""
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = "1" if wanted else "0"
    try:
        yield
    finally:
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before
