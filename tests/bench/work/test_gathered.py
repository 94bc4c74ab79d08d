"""Nothing is gathered twice, and a change of anything that gathering depends on repeats it."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nas_selection_bench.bench.commands import others
from nas_selection_bench.bench.errors import ExitCode
from nas_selection_bench.bench.files import only_writer
from nas_selection_bench.bench.sources import program
from nas_selection_bench.bench.work import gather, gathered
from nas_selection_bench.bench.work.pack import as_stored, main, unpack
from nas_selection_bench.bench.work.store import GATHERED_FILE, Store
from nas_selection_bench.reports.data.results import Results
from tests.bench import fake_bench
from tests.bench.fake_bench import places, results


@pytest.fixture
def gatherings(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders that were gathered, in order."""
    found: list[Path] = []
    whole = gather.gather

    def counted(store: Store, *rest: object) -> object:
        found.append(store.folder)
        return whole(store, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(gather, "gather", counted)
    return found


@pytest.fixture
def out(place: list[str], tmp_path: Path) -> Path:
    assert fake_bench.run(*place, "--selectors", "random,ranks,fails") == ExitCode.SOME_CELLS_FAILED
    return tmp_path / "out"


def redrawn(place: list[str]) -> ExitCode:
    return fake_bench.run(*places(place), "--report-only")


def test_drawing_again_gathers_nothing_again(place: list[str], out: Path, gatherings: list[Path]) -> None:
    before = results(out)
    assert [redrawn(place) for _ in range(3)] == [ExitCode.SOME_CELLS_FAILED] * 3
    assert gatherings == [out]
    assert results(out) == before


def test_a_packed_folder_is_gathered_once_as_well(place: list[str], out: Path, gatherings: list[Path]) -> None:
    before = results(out)
    assert main([str(out)]) == ExitCode.OK
    for _ in range(2):
        assert redrawn(place) == ExitCode.SOME_CELLS_FAILED
    assert gatherings == [out] and not (out / "scores.csv").exists()
    with only_writer(out / ".lock", wait=False):
        unpack(out, print)
    assert results(out) == before


def first(folder: Path) -> Path:
    return min(folder.iterdir())


def without(name: str) -> Callable[[Path], object]:
    return lambda out: (out / name).unlink()


def longer(name: str) -> Callable[[Path], object]:
    return lambda out: (out / name).write_text((out / name).read_text() + "\n")


@pytest.mark.parametrize(
    "change",
    [
        lambda out: first(out / "records").unlink(),
        lambda out: first(out / "costs").unlink(),
        lambda out: first(out / "records").write_bytes(first(out / "records").read_bytes() + b"\n"),
        longer("plan.json"),
        *(how(name) for how in (without, longer) for name in ("records.csv", "scores.csv", "costs.csv")),
        without(GATHERED_FILE),
        lambda out: (out / GATHERED_FILE).write_text("{}"),
        lambda out: (out / GATHERED_FILE).write_text("["),
        lambda out: (out / "agreements.bin").write_bytes(b"others"),
    ],
)  # fmt: skip
def test_a_change_is_gathered(
    place: list[str], out: Path, gatherings: list[Path], change: Callable[[Path], object]
) -> None:
    redrawn(place)
    change(out)
    redrawn(place)
    assert len(gatherings) == 2
    stored = results(out)
    (out / GATHERED_FILE).unlink(missing_ok=True)
    redrawn(place)
    assert len(gatherings) == 3 and results(out) == stored


def test_another_version_of_the_program_gathers_again(
    place: list[str], out: Path, gatherings: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    redrawn(place)
    monkeypatch.setattr(gathered, "program", lambda *rooms: [*program(*rooms), b"bench/measures.py", b""])
    redrawn(place)
    assert len(gatherings) == 2


def test_a_warning_is_repeated(
    place: list[str], out: Path, gatherings: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    first(out / "records").write_text("{}")
    capsys.readouterr()
    redrawn(place)
    said = capsys.readouterr().err
    redrawn(place)
    assert capsys.readouterr().err == said and "damaged" in said
    assert len(gatherings) == 2


@pytest.mark.parametrize("packed", [False, True])
def test_what_was_gathered_before_reads_like_its_records(place: list[str], out: Path, packed: bool) -> None:
    redrawn(place)
    if packed:
        main([str(out)])
    fresh, before = as_stored(out), as_stored(out)
    before.gathered_before = True
    read, quickly = Results.read(out, fresh), Results.read(out, before)
    np.testing.assert_array_equal(quickly.scores, read.scores)
    assert np.isfinite(read.scores).any()
    assert quickly.ranked == read.ranked and len(read.ranked) == 2
    assert others.failures(before, None) == others.failures(fresh, None) != []
    assert len(before._known) < len(fresh._known)


def test_the_note_counts_cells(place: list[str], out: Path) -> None:
    redrawn(place)
    noted = json.loads((out / GATHERED_FILE).read_text())
    assert noted["cells"] == dict(sorted(fake_bench.states(out).items()))
