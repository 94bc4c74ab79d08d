"""One bit flipped in a file of an output folder gives the same results or an error, never other results silently."""

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nas_selection_bench.bench.errors import DataError, ExitCode
from nas_selection_bench.bench.work.json_files import DIGEST, digest_of, read_json, write_json
from tests.bench import fake_bench

KINDS = {
    "records": "out/records/*alphas*.json", "records of failures": "out/records/*fails*.json",
    "costs": "out/costs/*random*.json", "costs of training": "out/costs/*e8..*.json", "plan": "out/plan.json",
    "run": "out/run.json", "methods": "out/methods.json", "records.csv": "out/records.csv",
    "scores.csv": "out/scores.csv", "costs.csv": "out/costs.csv", "page": "out/report.html", "logs": "out/logs/*.txt",
    "archive": "packed/cells.tar.xz",
}  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table, a cache, an output folder `out`, and a packed copy of that folder."""
    from nas_selection_bench.bench.work.pack import pack

    folder = tmp_path_factory.mktemp("whole")
    fake_bench.make_table(folder / "table.npz")
    assert fake_bench.run(*command(folder)) == ExitCode.SOME_CELLS_FAILED
    shutil.copytree(folder / "out", folder / "packed")
    pack(folder / "packed")
    return folder


def command(folder: Path, out: str = "out") -> list[str]:
    return ["--device", "cpu", "--jobs", "1", "--threads", "1", "--table", str(folder / "table.npz"), "-q",
            "--out", str(folder / out), "--cache", str(folder / "cache"), "--data-root", str(folder / "data"),
            "--supernets", "steady", "--selectors", "random,alphas,fails,blind", "--seeds", "1"]  # fmt: skip


def numbers(out: Path) -> dict[str, bytes]:
    """All files with results; costs are excluded, since a cell's cost is lost if its file is damaged."""
    found = fake_bench.results(out)
    return {name: content for name, content in found.items() if name != "plan.json"}


@pytest.mark.thorough
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_changes_no_number_without_a_word(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, place: float, bit: int
) -> None:
    folder = tmp_path / "copy"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(whole, folder)
    file = next(folder.glob(KINDS[kind]))
    content = bytearray(file.read_bytes())
    content[int(place * len(content))] ^= 1 << bit
    file.write_bytes(content)
    capsys.readouterr()
    out = file.relative_to(folder).parts[0]
    code = fake_bench.run(*command(folder, out))
    said = capsys.readouterr().err
    if code == ExitCode.USAGE:
        assert file.name in said and len(said.splitlines()) == 1
    else:
        assert code == ExitCode.SOME_CELLS_FAILED
        assert numbers(folder / out) == numbers(whole / "out")
        assert costs(folder / out) <= costs(whole / "out"), "a cost that is not as it was written is none"


def costs(out: Path) -> set[str]:
    """Lines of costs.csv, except those of `alphas`, which is recomputed if its record is lost."""
    lines = (out / "costs.csv").read_text().splitlines()
    return {line for line in lines if "alphas" not in line}


@pytest.mark.parametrize("missing", [kind for kind in KINDS if kind != "archive"])
def test_every_file_but_the_records_can_be_lost(whole: Path, tmp_path: Path, missing: str) -> None:
    shutil.copytree(whole, tmp_path / "copy")
    for file in (tmp_path / "copy").glob(KINDS[missing]):
        file.unlink()
    assert fake_bench.run(*command(tmp_path / "copy")) == ExitCode.SOME_CELLS_FAILED
    assert numbers(tmp_path / "copy" / "out") == numbers(whole / "out")


def test_json_of_before_there_was_a_digest_is_read(tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    path.write_text('{"a": 1}')
    assert read_json(path, dict, {}) == {"a": 1}
    write_json(path, {"a": 2}, indent=1)
    assert read_json(path, dict, {}) == {"a": 2}
    path.write_text(path.read_text().replace("2,", "3,"))
    with pytest.raises(DataError, match="has changed since it was written"):
        read_json(path, dict, {})


def test_an_edited_file_can_be_given_its_digest(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    write_json(path, {"a": [1.5, None]}, indent=0)
    assert read_json(path, dict, {}) == {"a": [1.5, None]}
    path.write_text(f'{{"a": 7, "{DIGEST}": "{digest_of({"a": 7})}"}}')
    assert read_json(path, dict, {}) == {"a": 7}
