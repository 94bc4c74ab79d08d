"""The readers of what comes from outside, fuzzed for a short time; `python -m tests.fuzz.test_outside COUNT SEED`."""

import resource
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest

from tests.fuzz import targets_outside


@pytest.fixture(autouse=True)
def little_memory():  # type: ignore[no-untyped-def]
    """Room for 3 GB more than the process has: a file that asks for more must be refused before it is given it."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").exists() else 2**20
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 3 * 2**30, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def escaped(outcomes: Counter[tuple[str, str]]) -> list[tuple[str, str]]:
    return [key for key in outcomes if key[1].startswith("escaped")]


def test_damaged_files_are_read_or_refused_in_one_sentence(tmp_path: Path) -> None:
    outcomes = targets_outside.run(tmp_path, 600, seed=1)
    assert not escaped(outcomes)
    for target in targets_outside.TARGETS:
        assert outcomes[target.name, "refused"], f"no input damaged {target.name}"


def test_hostile_files_are_refused_by_every_reader(tmp_path: Path) -> None:
    outcomes = Counter(targets_outside.every_hostile_input(tmp_path))
    assert not escaped(outcomes)
    assert sum(outcomes.values()) == len(targets_outside.TARGETS) * len(targets_outside.hostile())


def test_good_files_are_good_so_that_damage_is_what_is_tested(tmp_path: Path) -> None:
    accepted = {
        target.name
        for target in targets_outside.TARGETS
        for content in target.good()
        if targets_outside.attempt(target, content, tmp_path) == "accepted"
    }
    assert {"own description", "own images", "own labels", "pack", "spelling"} <= accepted


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        for (name, outcome), times in sorted(
            targets_outside.run(Path(place), int(sys.argv[1]), int(sys.argv[2])).items()
        ):
            print(f"{name:<16} {outcome:<9} {times:>7}")
