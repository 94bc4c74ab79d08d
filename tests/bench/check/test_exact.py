"""The exact check notices deliberate faults and names them; the results are invented, the benchmark code is real."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nas_selection_bench.bench.check import exact as check
from nas_selection_bench.bench.errors import DataError, ExitCode
from nas_selection_bench.bench.problem.space import N_ARCHITECTURES
from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.bench.work.curvature_file import eigenvalues
from nas_selection_bench.bench.work.gather import gather
from nas_selection_bench.bench.work.methods_file import read_described
from nas_selection_bench.bench.work.store import Store
from nas_selection_bench.bench.yardsticks import agreements
from nas_selection_bench.bench.yardsticks.agreements import Agreements
from tests.bench.invented import draw, store, truth


def test_an_untouched_result_holds_exactly(stored: Path, table: GroundTruth) -> None:
    outcomes = check.check(stored, table, draw)
    assert [str(d) for o in outcomes for d in o.differences] == []
    assert outcomes[0].compared == 12
    assert check.exit_code(outcomes) is ExitCode.OK


def test_a_value_edited_by_hand_is_named(stored: Path, table: GroundTruth, tmp_path: Path) -> None:
    out = Path(shutil.copytree(stored, tmp_path / "digits"))
    lines = (out / "records.csv").read_text().splitlines()
    column = lines[0].split(",").index("test")
    cells = lines[3].split(",")
    before, cells[column] = cells[column], "99.9"
    lines[3] = ",".join(cells)
    (out / "records.csv").write_text("\n".join(lines) + "\n")
    (difference,) = (d for d in check.check(out, table, draw)[0].differences if d.column == "test")
    assert (difference.stored, difference.fresh) == ("99.9", before)
    said = str(difference)
    assert "digits" in said
    assert "magnitude" in said or "ostr" in said
    assert "test: stored 99.9" in said
    assert check.exit_code(check.check(out, table, draw)) is ExitCode.DIFFERS


def test_a_changed_cell_of_the_table_is_noticed(stored: Path, table: GroundTruth) -> None:
    chosen = next(int(p) for p in range(N_ARCHITECTURES) if p == table.accuracy("digits").argmax())
    differences = check.check_exact(stored, truth(changed=chosen), draw).differences
    assert differences[0].column == "table sha256"
    # The optimum changed, and with it every regret.
    assert sum(d.column == "regret" for d in differences) == 12


def test_a_changed_measure_is_noticed(stored: Path, table: GroundTruth, monkeypatch: pytest.MonkeyPatch) -> None:
    import nas_selection_bench.bench.work.gather

    original = nas_selection_bench.bench.work.gather.measures

    def off(*arguments: object) -> list[dict[str, object]]:
        found = original(*arguments)  # type: ignore[arg-type]
        return [{**values, "tau_best": float(values["tau_best"]) + 0.01} for values in found]  # type: ignore[arg-type]

    monkeypatch.setattr(nas_selection_bench.bench.work.gather, "measures", off)
    columns = {d.column for d in check.check_exact(stored, table, draw).differences}
    assert "tau_best" in columns
    assert "tau_mean" not in columns


def test_a_changed_report_is_noticed_unless_drawn_with_other_versions(stored: Path, table: GroundTruth) -> None:
    def other_text(records: Store, table: GroundTruth) -> Path:
        page = draw(records, table)
        page.write_text(page.read_text() + "!")
        return page

    def other_version(records: Store, table: GroundTruth) -> Path:
        page = other_text(records, table)
        page.write_text(page.read_text().replace("v1", "v2"))
        return page

    (difference,) = check.check_exact(stored, table, other_text).differences
    assert difference.file == "report.html"
    outcome = check.check_exact(stored, table, other_version)
    assert outcome.differences == []
    assert "drawn with v1, here with v2" in outcome.notes[0]


def test_an_emptied_page_is_noticed(stored: Path, table: GroundTruth, tmp_path: Path) -> None:
    copy = shutil.copytree(stored, tmp_path / "copy")
    (copy / "report.html").write_text("")
    (outcome,) = check.check(copy, table, draw)
    assert outcome.exit_code == ExitCode.DIFFERS
    assert [d.file for d in outcome.differences] == ["report.html"]


def test_rows_in_another_order_or_twice_are_noticed(stored: Path, table: GroundTruth, tmp_path: Path) -> None:
    out = Path(shutil.copytree(stored, tmp_path / "digits"))
    head, first, second, *rest = (out / "scores.csv").read_text().splitlines()
    for lines, told in (([head, second, first, *rest], "line 2"), ([head, first, second, *rest, rest[-1]], "lines")):
        (out / "scores.csv").write_text("\n".join(lines) + "\n")
        (difference,) = check.check_exact(out, table, draw).differences
        assert (difference.file, difference.column) == ("scores.csv", told)


def test_files_on_one_side_only_are_noticed(stored: Path, table: GroundTruth, tmp_path: Path) -> None:
    out = Path(shutil.copytree(stored, tmp_path / "digits"))
    for folder in ("tables", "figures"):
        (out / folder).mkdir()
        (out / folder / "old.svg").write_text("of a report of before")
    (out / "figures" / ".DS_Store").write_text("")
    (out / "costs.csv").unlink()
    found = [(d.file, d.stored) for d in check.check_exact(out, table, draw).differences]
    assert found == [("costs.csv", "missing"), ("tables/old.svg", "present"), ("figures/old.svg", "present")]


def test_a_changed_comparison_is_named() -> None:
    row = {"dataset": "digits", "family": "all pairs", "first": "a", "second": "b", "p_holm": "0.04"}
    (found,) = check._row_differences("tables/comparisons.csv", [row], [{**row, "p_holm": "0.06"}])
    assert str(found) == "tables/comparisons.csv: digits, all pairs, a, against b, p_holm: stored 0.04, fresh 0.06"


def test_a_damaged_or_missing_record_is_noticed(stored: Path, table: GroundTruth, tmp_path: Path) -> None:
    out = Path(shutil.copytree(stored, tmp_path / "digits"))
    first, second = sorted((out / "records").iterdir())[:2]
    first.write_text(first.read_text().replace("50.0", "51.0"))
    second.unlink()
    rows = [d for d in check.check_exact(out, table, draw).differences if d.column == "row" and d.file == "records.csv"]
    assert [(d.stored, d.fresh) for d in rows] == [("present", "absent")] * 2


def test_a_damaged_record_is_named_where_it_lies(stored: Path, table: GroundTruth, tmp_path: Path) -> None:
    out = Path(shutil.copytree(stored, tmp_path / "digits"))
    record = min((out / "records").iterdir())
    record.write_text("{}")
    assert any(str(record) in note for note in check.check_exact(out, table, draw).notes)


@pytest.mark.parametrize("name", ["plan.json", "methods.json", "curvature.csv", "a record"])
def test_a_file_that_cannot_be_used_is_named_where_it_lies(
    name: str, stored: Path, table: GroundTruth, tmp_path: Path
) -> None:
    def reads_all(records: Store, table: GroundTruth) -> Path:
        read_described(records.folder)
        eigenvalues(records.folder)
        return draw(records, table)

    out = Path(shutil.copytree(stored, tmp_path / "digits"))
    damaged = out / name
    if name == "a record":
        damaged = min((out / "records").iterdir())
    damaged.write_text('{"schema": 99}')
    with pytest.raises(DataError) as caught:
        check.check(out, table, reads_all)
    assert str(damaged) in str(caught.value)


def test_nothing_measured_is_not_all_right(table: GroundTruth, tmp_path: Path) -> None:
    out = store(tmp_path / "digits", table, done=False)
    outcomes = check.check(out, table, draw)
    assert check.exit_code(outcomes) is ExitCode.NOTHING_MEASURED
    assert "nothing was compared" in check.summary(outcomes)


def test_a_difference_wins_over_nothing_measured(table: GroundTruth, tmp_path: Path) -> None:
    out = store(tmp_path / "digits", table, done=False)
    (out / "records.csv").write_text((out / "records.csv").read_text().replace("broken", "mended"))
    assert check.exit_code(check.check(out, table, draw)) is ExitCode.DIFFERS


def test_a_folder_without_results_is_an_error(table: GroundTruth, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no results"):
        check.check(tmp_path, table, draw)


def test_what_is_no_text_is_told_by_its_size() -> None:
    told = check._first_line("agreements.bin", b"\0\xff", b"\0\xfe\n")
    assert (told.file, told.column, told.stored, told.fresh) == ("agreements.bin", "bytes", "2", "3 different ones")
    assert check._first_line("a.md", b"one\ntwo", b"one\nten").column == "line 2"


class Wrong(Agreements):
    """Stores a number other than the computed one."""

    def number(self, compute: Callable[[], float], name: str, *content: np.ndarray | bytes) -> float:
        return super().number(lambda: compute() / 2, name, *content)


@pytest.mark.parametrize("edited", ["the program", "nothing"])
def test_agreements_of_another_program_are_computed_again_and_those_of_this_one_in_part(
    edited: str, stored: Path, table: GroundTruth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = Path(shutil.copytree(stored, tmp_path / "digits"))
    written = Store(out)
    written.agreements = Wrong()
    gather(written, table, print)
    written.agreements.write(out)
    if edited == "the program":
        monkeypatch.setattr(agreements, "_program", lambda: b"edited")
    else:
        monkeypatch.setattr(check, "AUDITED", 2)
    outcome = check.check_exact(out, table, draw)
    columns = {difference.column for difference in outcome.differences}
    assert columns == {"tau_space"}
    assert len(outcome.differences) == 12 if edited == "the program" else 0 < len(outcome.differences) < 12
