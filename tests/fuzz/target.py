"""What is fuzzed: a reader, good files for it, and what may come of any other file.

A reader accepts a file or raises a BenchError of one sentence. Anything else has escaped it.
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
    """One reader, with good files for it."""

    name: str
    file: str
    """Where the bytes go, below the folder of the attempt."""
    good: Callable[[], list[bytes]]
    read: Callable[[Path], object]
    """Reads from the folder."""
    around: Callable[[], Path] | None = None
    """A folder of which every attempt has a copy of its own."""
    as_json: bool = False
    """Whether its content is JSON, which is restructured too."""
    sign: Sign | None = None
    """Gives such content its digest."""
    share: float = 1.0
    """How many of the inputs it gets, against the others: less for what takes long."""
    whole_files: Callable[[], st.SearchStrategy[bytes]] | None = None
    """Whole files of other content than it should be, where the content is no JSON."""


class Escaped(Exception):
    """A reader neither accepted nor refused."""


@contextmanager
def without_warnings() -> Iterator[None]:
    """A warning is a second sentence on the user's screen: it counts as an escape."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for hidden in (ResourceWarning, DeprecationWarning):  # as Python does, unless it is asked
            warnings.simplefilter("ignore", hidden)
        try:
            yield
        finally:  # a refusal with a warning before it is one too
            if said:
                raise Escaped(f"{said[0].category.__name__}: {said[0].message}")


def attempt(target: Target, content: bytes, folder: Path) -> str:
    """ACCEPTED or REFUSED; raises AssertionError for a refusal that is no sentence, and whatever escapes."""
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
    """How `count` inputs ended, drawn with the seed `number`, and what escaped, shrunk, where anything did."""
    outcomes: Counter[str] = Counter()

    # Reproduced by the number, and by nothing that an earlier run left.
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
    os.chdir(folder.parent)  # where a hostile file would leave its traces
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
    """With the digest that belongs to it."""
    return {**content, "digest": key({name: value for name, value in content.items() if name != "digest"})}


def contents(folder: Callable[[], Path], file: str) -> Callable[[], list[bytes]]:
    """Of a file in a folder that is made when it is first needed."""
    return lambda: [(folder() / file).read_bytes()]
