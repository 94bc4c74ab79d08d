"""Switches the cells of supernets to Triton kernels on a GPU, only if the environment variable NAS_BENCH_TRITON is 1.

Neither an installed Triton nor a record in results/gpu switches them on: these kernels differ from torch's in the last
digits, and what a command computes must follow from the command. They are not the default either, as long as no GPU
has run them. In keys and records they count as different hardware.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version

from nas_selection_bench.bench.errors import UsageError

VARIABLE = "NAS_BENCH_TRITON"


def wants_triton() -> bool:
    """Whether this process should use Triton kernels."""
    return os.environ.get(VARIABLE) == "1"


def described() -> str:
    """The suffix of a GPU's name in keys and records: empty, or Triton's version.

    Raises UsageError if the variable has another value than 0 or 1, or if Triton is wanted but not installed.
    """
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
    """Version of the installed Triton; None if it is not installed."""
    try:
        return version("triton")
    except PackageNotFoundError:
        return None


@contextmanager
def triton_wanted(wanted: bool = True) -> Iterator[None]:
    """Switch Triton kernels on, or off, for this process inside the context."""
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = "1" if wanted else "0"
    try:
        yield
    finally:
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before
