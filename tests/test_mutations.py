"""The mutations still fit the code and their outcomes are judged correctly; the runs themselves take minutes."""

from pathlib import Path

import pytest

from nas_selection_bench.bench.check.exact import EXACT, TIGHT
from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.problem.table import GroundTruth
from tests import mutations
from tests.mutations import MUTATIONS, ROOT, TABLE, UNBROKEN, Mutation, Verdict, change_best, try_all


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_what_a_mutation_replaces_stands_in_the_code_once(mutation: Mutation) -> None:
    if mutation.file != TABLE:
        assert (ROOT / mutation.file).read_text(encoding="utf-8").count(mutation.old) == 1
        assert mutation.old != mutation.new


def test_a_copy_of_the_code_runs_its_own_rooms() -> None:
    with mutations.copy_of_the_code() as copy:
        for room in ("bench", "selectors", "supernets", "reports"):
            assert (copy / "nas_selection_bench" / room).resolve() == (copy / room).resolve()
            assert list((copy / room).glob("*.py"))


def test_a_text_that_is_gone_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1 + 1")
    for old in ("2", "1"):
        with pytest.raises(UsageError, match="not once"):
            Mutation("m", "", TIGHT, "a.py", old, "3").apply(tmp_path)
    Mutation("m", "", TIGHT, "a.py", "1 + 1", "3").apply(tmp_path)
    assert (tmp_path / "a.py").read_text() == "x = 3"


def test_the_changed_table_is_whole_and_differs_in_one_architecture(tmp_path: Path) -> None:
    path = tmp_path / "table.npz"
    before = GroundTruth.load(ROOT / TABLE)
    before.save(path)
    change_best(path)
    after = GroundTruth.load(path)
    assert after.sha256 != before.sha256
    changed = (after.accuracy("digits") != before.accuracy("digits")).nonzero()[0]
    assert changed.tolist() == [before.accuracy("digits").argmax()]


@pytest.mark.parametrize(("code", "fine"), [(3, True), (0, False), (2, False), (4, False)])
def test_only_a_difference_counts_as_noticed(code: int, fine: bool, capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[str] = []

    def look(root: Path, level: str) -> Verdict:
        seen.append((root / "selectors" / "ostr.py").read_text())
        assert level == TIGHT and not (root / ".git").exists()
        return Verdict(code, "a | b")

    assert try_all([mutation for mutation in MUTATIONS if mutation.name == "ostr-sign"], look) is fine
    assert "return -gradients" in seen[0]
    assert f"| tight | {code} | a \\| b |" in capsys.readouterr().out


@pytest.mark.parametrize(("code", "fine"), [(0, True), (3, False), (4, False)])
def test_the_unbroken_code_has_to_hold(code: int, fine: bool) -> None:
    assert try_all(UNBROKEN[:1], lambda root, level: Verdict(code, level)) is fine


def test_an_unknown_mutation_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert mutations.main(["ostr"]) == 2
    assert "ostr-sign" in capsys.readouterr().err
    assert {mutation.level for mutation in MUTATIONS} == {EXACT, TIGHT}
