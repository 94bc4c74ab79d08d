"""The location of a failure in its one-line reason."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nas_selection_bench.bench.check.fresh import compare_runs
from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.work.record import KEY_COLUMNS
from nas_selection_bench.bench.work.tasks import failure
from nas_selection_bench.selectors.proxies import ProxyFailure

PACKAGE = Path(__file__).parents[3] / "nas_selection_bench"


def through(file: str, call: Callable[[], object]) -> Callable[[], object]:
    """A function that calls `call` from line 4 of `file`."""
    place: dict[str, Any] = {"call": call}
    exec(compile("def work():\n\n\n    return call()", str(PACKAGE / file), "exec"), place)
    return lambda: place["work"]()


def reason(error: Exception, *files: str) -> str:
    """The reason of a cell whose error passed through `files`, innermost last."""

    def call() -> object:
        raise error

    for file in reversed(files):
        call = through(file, call)  # type: ignore[assignment]
    with pytest.raises(type(error)) as caught:
        call()
    return failure(caught.value, 0.0).explained


@pytest.mark.parametrize(
    ("files", "line"),
    [
        (
            ("selectors/parts/apply.py", "selectors/parts/schedule.py", "selectors/zz_boom.py"),
            " (selectors/zz_boom.py, line 4)",
        ),
        (
            ("selectors/zz_boom.py", "selectors/parts/view.py", "supernets/network/supernet.py"),
            " (selectors/zz_boom.py, line 4)",
        ),
        (("selectors/op_snip.py", "selectors/proxies/snip.py"), " (selectors/proxies/snip.py, line 4)"),
        (
            ("bench/work/tasks.py", "supernets/training/loop.py", "supernets/zz_boom.py"),
            " (supernets/zz_boom.py, line 4)",
        ),
        (
            ("supernets/zz_boom.py", "supernets/parts/recipe.py", "supernets/network/supernet.py"),
            " (supernets/zz_boom.py, line 4)",
        ),
        (("bench/work/tasks.py", "selectors/parts/apply.py", "bench/problem/validate.py"), ""),
        (("tests/selectors/zz_boom.py", "elsewhere/selectors/zz_boom.py"), ""),
    ],
)
def test_a_failure_names_the_line_of_the_method(files: tuple[str, ...], line: str) -> None:
    assert reason(KeyError("conv_3x3"), *files) == f"KeyError: 'conv_3x3'{line}"
    assert reason(ValueError(), *files) == f"ValueError{line}"


@pytest.mark.parametrize(
    ("error", "told"),
    [(UsageError("a sentence."), "a sentence."), (ProxyFailure("a sentence."), "ProxyFailure: a sentence.")],
)
def test_what_says_all_in_a_sentence_stays_as_it_is(error: Exception, told: str) -> None:
    assert reason(error, "selectors/parts/apply.py", "selectors/zz_boom.py") == told


def test_a_full_disk_is_nobodys_line() -> None:
    assert reason(OSError(28, "No space left on device"), "supernets/zz_boom.py").endswith("left on device")


def test_a_failure_that_moved_by_some_lines_is_the_same_failure() -> None:
    def row(reason: str, where: str) -> dict[str, str]:
        return {**dict.fromkeys(KEY_COLUMNS, "1"), "state": "failed", "reason": reason, "where": where,
                "architecture": ""}  # fmt: skip

    def differing(old: dict[str, str], new: dict[str, str]) -> int:
        return len(compare_runs([old], [new], [], [])[1])

    stored = row("KeyError: 'a'", "selectors/mine.py, line 3")
    assert differing(stored, row("KeyError: 'a'", "selectors/mine.py, line 12")) == 0
    assert differing(row("KeyError: 'a'", ""), stored) == 0, "stored before lines were told"
    assert differing(stored, row("KeyError: 'b'", "selectors/mine.py, line 3")) == 1
