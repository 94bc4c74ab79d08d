"""The README's results come from stored ones."""

from pathlib import Path

import pytest

from bench.errors import DataError, ExitCode
from bench.table import GroundTruth
from reports import readme


def test_the_block_is_replaced_and_the_rest_kept(page: Path, table: GroundTruth, tmp_path: Path) -> None:
    target = tmp_path / "README.md"
    target.write_text(f"# Title\n{readme.BEGIN}\nold\n{readme.END}\nend\n")
    assert readme.main([str(page.parent), str(target)]) == ExitCode.OK
    text = target.read_text()
    assert text.startswith("# Title\n")
    assert text.endswith("\nend\n")
    assert "old" not in text
    assert f"*{table.accuracy('cifar10').max():.2f}*" in text
    lines = [line for line in text.splitlines() if line.startswith("| ") and "–" not in line.split("|")[2]]
    means = [float(line.split("|")[2].strip().strip("*")) for line in lines[2:]]
    assert means == sorted(means, reverse=True)
    assert readme.main([str(page.parent), str(target)]) == ExitCode.OK
    assert target.read_text() == text


def test_the_picture_is_where_it_says(page: Path, tmp_path: Path) -> None:
    target = page.parent.parent / "README.md"
    text = readme.block(page.parent, target, "cifar100")
    link = text[text.index("](") + 2 : text.index(")\n")]
    assert (target.parent / link).is_file()
    assert link.endswith("accuracy-cifar100.svg")


def test_what_is_missing_is_named(page: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no lines"):
        readme.replace_block("nothing here", "x")
    with pytest.raises(DataError, match="no results on svhn"):
        readme.block(page.parent, tmp_path / "README.md", "svhn")
    assert readme.main([str(tmp_path), str(tmp_path / "README.md")]) == ExitCode.USAGE
