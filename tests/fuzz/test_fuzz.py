"""Every reader, fuzzed briefly; `make fuzz` takes minutes."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fuzz import limits, own_files
from tests.fuzz.inputs import hostile
from tests.fuzz.outside import TARGETS
from tests.fuzz.target import ACCEPTED, REFUSED, attempt, fuzz

pytestmark = pytest.mark.thorough


@pytest.fixture(autouse=True)
def little() -> Iterator[None]:
    with limits.little_memory():
        yield


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_files_from_outside_are_read_or_refused_in_one_sentence(target, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    outcomes, error = fuzz(target, tmp_path / "attempt", round(40 * target.share), 1)
    assert error is None, error
    assert outcomes[REFUSED], "no input damaged it"
    for content in hostile():
        attempt(target, content, tmp_path / "attempt")


def test_own_files_are_read_or_refused_in_one_sentence(tmp_path: Path) -> None:
    outcomes: Counter[str] = Counter()
    for target in own_files.targets():
        found, error = fuzz(target, tmp_path / "attempt", round(6 * target.share) or 1, 1)
        assert error is None, (target.name, error)
        outcomes += found
    assert outcomes[ACCEPTED] > 20 and outcomes[REFUSED] > 20, "of both kinds"


def test_good_files_are_good_so_that_damage_is_what_is_tested(tmp_path: Path) -> None:
    accepted = {
        target.name
        for target in (*TARGETS, *own_files.targets())
        for content in target.good()
        if attempt(target, content, tmp_path / "attempt") == ACCEPTED
    }
    # Small parts of large files, refused for their number of entries; and a lock that is already held.
    assert {target.name for target in (*TARGETS, *own_files.targets())} - accepted == {
        "cifar batch", "official pth", "nats pbz2", "official results", "csv", "compact", "download", "lock",
    }  # fmt: skip
