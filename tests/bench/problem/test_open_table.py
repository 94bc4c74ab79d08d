"""Tables from CSV, and recognition of the formats."""

from pathlib import Path

import numpy as np
import pytest

from nas_selection_bench.bench.commands.convert_table import main
from nas_selection_bench.bench.errors import DataError
from nas_selection_bench.bench.problem.open_table import open_table
from nas_selection_bench.bench.problem.space import N_ARCHITECTURES, architecture_of, to_string
from tests.as_command import as_command
from tests.bench.synthetic_table import accuracies, class_table, write_csv

pytestmark = pytest.mark.thorough

ORDER = np.random.default_rng(3).permutation(N_ARCHITECTURES)


def full_columns() -> dict[str, object]:
    index = np.empty(N_ARCHITECTURES, dtype=int)
    index[ORDER] = np.arange(N_ARCHITECTURES)
    first = [f"{value!r}" for value in accuracies(1).tolist()]
    third = ["" if position % 2 else text for position, text in enumerate(first)]
    return {
        "index": index.tolist(),
        "own_data_test": accuracies(0).tolist(),
        "own_data_valid": accuracies(2).tolist(),
        "own_data_test_777": first,
        "own_data_test_999": third,
        "own_data_test_12": ["never read"] * N_ARCHITECTURES,
        "own_data_params": list(range(N_ARCHITECTURES)),
        "own_data_flops": list(range(N_ARCHITECTURES)),
        "remark": [""] * N_ARCHITECTURES,
        "trials_only_test_0": first,
        "trials_only_test_1": third,
    }


@pytest.fixture(scope="module", params=["table.csv", "table.csv.gz"])
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("csv") / request.param
    write_csv(made, full_columns(), ORDER)
    return made


def test_a_csv_is_read_whatever_the_order_of_its_rows(path: Path) -> None:
    table = open_table(path)
    assert table.name == "table"
    assert table.datasets == ("own_data", "trials_only")
    np.testing.assert_array_equal(table.accuracy("own_data"), accuracies(0))
    np.testing.assert_array_equal(table.accuracy("own_data", "valid"), accuracies(2))
    np.testing.assert_array_equal(table.parameters("own_data"), np.arange(N_ARCHITECTURES))
    np.testing.assert_array_equal(table.index[ORDER], np.arange(N_ARCHITECTURES))


def test_single_trials_are_read_and_averaged_where_no_mean_is_stated(path: Path) -> None:
    table = open_table(path)
    third = accuracies(1)
    third[1::2] = np.nan
    for dataset in table.datasets:
        np.testing.assert_array_equal(table.trials(dataset), np.stack([accuracies(1), third], axis=1))
    np.testing.assert_allclose(table.accuracy("trials_only"), accuracies(1))


def test_without_an_index_the_rows_count(tmp_path: Path) -> None:
    write_csv(tmp_path / "t.csv", {"d_test": accuracies().tolist()}, ORDER)
    table = open_table(tmp_path / "t.csv")
    assert np.flatnonzero(table.index == 17).tolist() == [ORDER[17]]


def spoil(tmp_path: Path, change) -> Path:  # type: ignore[no-untyped-def]
    path = tmp_path / "spoiled.csv"
    write_csv(path, {"d_test": accuracies().tolist()})
    lines = path.read_text().splitlines()
    change(lines)
    path.write_text("\n".join(lines))
    return path


def test_what_is_wrong_with_a_csv_is_named_by_line(tmp_path: Path) -> None:
    def missing(lines: list[str]) -> None:
        del lines[9]

    def twice(lines: list[str]) -> None:
        lines.append(lines[9])

    def malformed(lines: list[str]) -> None:
        lines[9] = lines[9].replace("~0", "~7", 1)

    def no_number(lines: list[str]) -> None:
        lines[9] = lines[9].split(",")[0] + ",n/a"

    def cut(lines: list[str]) -> None:
        del lines[9000:]
        lines[-1] = lines[-1].split(",")[0]

    def empty(lines: list[str]) -> None:
        lines[9] = lines[9].split(",")[0] + ","

    for change, reason in (
        (missing, f"1 of the 15625 architectures are missing, the first is {to_string(architecture_of(8))}"),
        (twice, "line 15627: architecture .* is already in line 10"),
        (malformed, "line 10: architecture .* edge 1<-0"),
        (no_number, "line 10, column d_test: 'n/a' is not a number"),
        (cut, "line 9000: 1 values for 2 columns; the file is truncated"),
        (empty, "line 10, column d_test: '' is not a number"),
    ):
        pattern = reason if ".*" in reason else None
        with pytest.raises(DataError, match=pattern) as caught:
            open_table(spoil(tmp_path, change))
        assert pattern or reason in str(caught.value)


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    with pytest.raises(DataError, match="no column `arch`"):
        open_table(tmp_path / "a.csv")
    (tmp_path / "b.csv").write_text("")
    with pytest.raises(DataError, match="it is empty"):
        open_table(tmp_path / "b.csv")
    (tmp_path / "c.csv.gz").write_bytes(b"\x1f\x8bnot gzip at all")
    with pytest.raises(DataError, match="truncated or damaged"):
        open_table(tmp_path / "c.csv.gz")
    (tmp_path / "d.txt").write_text("")
    with pytest.raises(DataError, match="must end in"):
        open_table(tmp_path / "d.txt")
    with pytest.raises(DataError, match="does not exist"):
        open_table(tmp_path / "nowhere.csv")
    write_csv(tmp_path / "e.csv", {"remark": [0] * N_ARCHITECTURES})
    with pytest.raises(DataError, match="holds no accuracies"):
        open_table(tmp_path / "e.csv")


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").symlink_to("/proc/self/mem")
    with pytest.raises(DataError, match=r"t\.csv cannot be read"):
        open_table(tmp_path / "t.csv")


def test_a_truncated_gzip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv.gz"
    write_csv(path, {"d_test": accuracies().tolist()})
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(DataError, match="truncated or damaged"):
        open_table(path)


def test_converting_says_what_was_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, dest = tmp_path / "t.csv", tmp_path / "t.npz"
    write_csv(source, {"d_test": accuracies().tolist()}, ORDER)
    assert main([str(source), str(dest)]) == 0
    said = capsys.readouterr().out
    table = open_table(dest)
    assert table.sha256 == open_table(source).sha256
    assert table.sha256 in said and f"{accuracies().mean():.2f}" in said and to_string(table.best("d")) in said


@pytest.mark.parametrize(
    ("source", "dest", "reason"),
    [
        ("nowhere.csv", "t.npz", "nowhere.csv does not exist"),
        ("t.csv", "t.csv", "must end in .npz"),
        ("t.csv", "no/folder/t.npz", "there is no folder"),
        ("t.csv", "folder.npz", "is a folder"),
    ],
)
def test_converting_refuses_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], source: str, dest: str, reason: str
) -> None:
    (tmp_path / "folder.npz").mkdir()
    assert as_command("convert-table", main)([str(tmp_path / source), str(tmp_path / dest)]) == 2
    error = capsys.readouterr().err
    assert reason in error and error.count("\n") == 1


def test_a_schedule_cannot_be_chosen_of_a_compact_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    class_table().save(tmp_path / "t.npz")
    line = [str(tmp_path / "t.npz"), str(tmp_path / "again.npz")]
    assert main(line) == 0
    assert as_command("convert-table", main)([*line, "--hp", "12"]) == 2
    assert "convert its source" in capsys.readouterr().err


def test_a_compact_file_is_opened_as_it_is(tmp_path: Path) -> None:
    class_table().save(tmp_path / "t.npz")
    assert open_table(tmp_path / "t.npz").sha256 == class_table().sha256
