"""A target of fuzzing: a reader, good files for it, and the outcomes allowed for any other file.

A reader accepts a file or raises a BenchError of one sentence. Anything else counts as an escape.
"""

import os
import random
import shutil
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from nas_selection_bench.bench.errors import BenchError
from nas_selection_bench.bench.work.cells import key
from tests.fuzz.inputs import CANARY, Sign, inputs

ACCEPTED, REFUSED = "accepted", "refused"


@dataclass(frozen=True)
class Target:
    """A reader, and good files for it."""

    name: str
    file: str
    """Path of the fuzzed file, below the folder of the attempt."""
    good: Callable[[], list[bytes]]
    read: Callable[[Path], object]
    """Reads the file from the folder."""
    around: Callable[[], Path] | None = None
    """A folder; every attempt gets its own copy."""
    as_json: bool = False
    """Whether the content is JSON, which is then restructured too."""
    sign: Sign | None = None
    """Adds the digest to such content."""
    share: float = 1.0
    """Relative number of inputs; smaller for slow readers."""
    whole_files: Callable[[], st.SearchStrategy[bytes]] | None = None
    """Well-formed files of other content than expected, if the content is not JSON."""


class Escaped(Exception):
    """Raised if a reader neither accepted nor refused."""


@contextmanager
def without_warnings() -> Iterator[None]:
    """Raise Escaped for a warning: it would be a second sentence on the user's screen."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for hidden in (ResourceWarning, DeprecationWarning):  # as Python does by default
            warnings.simplefilter("ignore", hidden)
        try:
            yield
        finally:  # also if a refusal follows the warning
            if said:
                raise Escaped(f"{said[0].category.__name__}: {said[0].message}")


def attempt(target: Target, content: bytes, folder: Path) -> str:
    """Return ACCEPTED or REFUSED.

    Raises AssertionError if a refusal is not one sentence or if foreign code ran, and whatever else escapes.
    """
    if target.around is not None:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(target.around(), folder)
    path = folder / target.file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    try:
        with without_warnings():
            target.read(folder)
        outcome = ACCEPTED
    except BenchError as error:
        text = str(error)
        assert "\n" not in text and 0 < len(text) < 2000 and text.isprintable(), f"{target.name}: {text[:300]!r}"
        outcome = REFUSED
    assert not (folder / CANARY).exists() and not Path(CANARY).exists(), f"{target.name}: foreign code ran"
    return outcome


def fuzz(target: Target, folder: Path, count: int, number: int) -> tuple[Counter[str], BaseException | None]:
    """Outcomes of `count` inputs drawn with the seed `number`, and the error that escaped, shrunk, or None."""
    outcomes: Counter[str] = Counter()

    # Determined by the number alone, not by anything that an earlier run left.
    @seed(number)
    @settings(
        max_examples=count, database=None, derandomize=False, deadline=None, report_multiple_bugs=True,
        phases=(Phase.generate, Phase.shrink), suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(inputs(target.good(), target.as_json, target.sign, target.whole_files and target.whole_files()))
    def once(content: bytes) -> None:
        outcomes["inputs"] += 1
        outcomes[attempt(target, content, folder)] += 1

    before, state = os.getcwd(), random.getstate()
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder.parent)  # where a hostile file would leave traces
    try:
        once()
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return outcomes, error
    finally:
        os.chdir(before)
        random.setstate(state)
    return outcomes, None


def signed(content: dict[str, Any]) -> dict[str, Any]:
    """`content` with its right digest."""
    return {**content, "digest": key({name: value for name, value in content.items() if name != "digest"})}


def contents(folder: Callable[[], Path], file: str) -> Callable[[], list[bytes]]:
    """A function that returns the content of `file` in a folder; the folder is created on first use."""
    return lambda: [(folder() / file).read_bytes()]
