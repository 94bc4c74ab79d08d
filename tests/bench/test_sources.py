"""Cached results are valid only for the sources that computed them: only changes of these invalidate them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas_selection_bench.bench import sources
from nas_selection_bench.bench.sources import digest, program

ROOMS = ("bench", "reports/data")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("bench/measures.py", "bench/deep/taus.py", "reports/data/results.py", "reports/page.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"# {name}\n")
    monkeypatch.setattr(sources, "_PACKAGE", tmp_path)
    return tmp_path


EDITS: dict[str, Callable[[Path], object]] = {
    "a line": lambda package: (package / "bench/deep/taus.py").write_text("# another\n"),
    "a new file": lambda package: (package / "reports/data/new.py").touch(),
    "a file less": lambda package: (package / "bench/measures.py").unlink(),
    "a new name": lambda package: (package / "bench/measures.py").rename(package / "bench/measure.py"),
    "a new place": lambda package: (package / "bench/measures.py").rename(package / "reports/data/measures.py"),
}
OTHERS: dict[str, Callable[[Path], object]] = {
    "another room": lambda package: (package / "reports/page.py").write_text("# another\n"),
    "no source": lambda package: (package / "bench/notes.md").write_text("notes\n"),
    "compiled": lambda package: (package / "bench/measures.pyc").write_bytes(b"\0"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_every_edit_of_a_source_is_seen(edit: str, package: Path) -> None:
    before = program(*ROOMS)
    EDITS[edit](package)
    assert program(*ROOMS) != before


@pytest.mark.parametrize("edit", OTHERS)
def test_what_computes_no_number_is_not_looked_at(edit: str, package: Path) -> None:
    before = program(*ROOMS)
    OTHERS[edit](package)
    assert program(*ROOMS) == before


def test_the_same_package_elsewhere_is_the_same_program(
    package: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = program(*ROOMS)
    monkeypatch.setattr(sources, "_PACKAGE", package.rename(tmp_path_factory.mktemp("elsewhere") / "package"))
    assert program(*ROOMS) == before


@given(st.lists(st.binary(max_size=9), max_size=5), st.lists(st.binary(max_size=9), max_size=5))
def test_a_digest_tells_where_parts_end(first: list[bytes], second: list[bytes]) -> None:
    assert (digest(first) == digest(second)) == (first == second)
