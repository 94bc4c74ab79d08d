"""Numbers computed earlier are found by the content of their inputs, and only intact files are used."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas_selection_bench.bench.yardsticks import agreements
from nas_selection_bench.bench.yardsticks.agreements import AGREEMENTS_FILE, Agreements, entries_of, fingerprint


class Asked:
    """A computation that counts its calls."""

    def __init__(self, value: float):
        self.value, self.times = value, 0

    def __call__(self) -> float:
        self.times += 1
        return self.value


def test_a_number_is_computed_once_and_kept(tmp_path: Path) -> None:
    scores, computed = np.arange(30.0), Asked(0.25)
    known = Agreements.read(tmp_path)
    assert [known.number(computed, "tau", scores) for _ in range(2)] == [0.25, 0.25]
    known.write(tmp_path)
    again = Agreements.read(tmp_path)
    assert again.number(computed, "tau", scores.copy()) == 0.25
    assert computed.times == 1


def test_another_name_or_content_is_another_number(tmp_path: Path) -> None:
    scores, known = np.arange(30.0), Agreements()
    contents = [
        ("tau", scores), ("share", scores), ("tau", scores + 1), ("tau", scores[:15], scores[15:]),
        ("tau", scores, fingerprint(scores)), ("tau",),
    ]  # fmt: skip
    for number, (name, *content) in enumerate(contents):
        assert known.number(lambda told=number: float(told), name, *content) == number
    known.write(tmp_path)
    for number, (name, *content) in enumerate(contents):
        assert Agreements.read(tmp_path).number(Asked(-1.0), name, *content) == number


def test_what_nobody_asked_for_is_dropped_and_the_order_of_asking_leaves_no_trace(tmp_path: Path) -> None:
    names = ["a", "b", "c"]
    texts = []
    for place, asked in (("one", names), ("two", names[::-1]), ("three", [*names, "d"]), ("three", names)):
        folder = tmp_path / place
        folder.mkdir(exist_ok=True)
        known = Agreements.read(folder)
        for name in asked:
            known.number(lambda told=name: float(ord(told)), name)
        known.write(folder)
        texts.append((folder / AGREEMENTS_FILE).read_bytes())
    assert texts[0] == texts[1] == texts[3] != texts[2]


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 23), st.integers(0, 7), st.booleans())
def test_a_damaged_file_is_not_believed(
    tmp_path_factory: pytest.TempPathFactory, byte: int, bit: int, cut: bool
) -> None:
    folder = tmp_path_factory.mktemp("kept")
    known = Agreements()
    known.number(Asked(0.5), "tau", np.arange(3.0))
    known.write(folder)
    whole = bytearray((folder / AGREEMENTS_FILE).read_bytes())
    assert len(whole) == 24
    whole[byte] ^= 1 << bit
    (folder / AGREEMENTS_FILE).write_bytes(whole[:byte] if cut else whole)
    assert Agreements.read(folder).number(Asked(0.75), "tau", np.arange(3.0)) == 0.75


def kept(folder: Path, numbers: int) -> None:
    known = Agreements()
    for number in range(numbers):
        known.number(Asked(0.5), str(number))
    known.write(folder)


def test_what_another_program_computed_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept(tmp_path, 1)
    here = (tmp_path / AGREEMENTS_FILE).read_bytes()
    monkeypatch.setattr(agreements, "_program", lambda: b"edited")
    assert Agreements.read(tmp_path).number(Asked(0.75), "0") == 0.75
    kept(tmp_path, 1)
    there = (tmp_path / AGREEMENTS_FILE).read_bytes()
    assert here != there and entries_of(here) == entries_of(there)


def test_one_in_so_many_is_computed_again(tmp_path: Path) -> None:
    kept(tmp_path, 1000)
    for audited, fewest, most in ((None, 0, 0), (1, 1000, 1000), (4, 150, 350)):
        computed, known = Asked(0.5), Agreements.read(tmp_path, audited)
        for number in range(1000):
            known.number(computed, str(number))
        assert fewest <= computed.times <= most
