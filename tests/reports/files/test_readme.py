"""The README's results are those of stored runs."""

import csv
import re
from pathlib import Path

import pytest

from nas_selection_bench.bench.errors import DataError, ExitCode
from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.reports.files import readme
from tests.as_command import as_command

answer = as_command("readme", readme.main)


def test_the_block_is_replaced_and_the_rest_kept(page: Path, table: GroundTruth, tmp_path: Path) -> None:
    target = tmp_path / "README.md"
    target.write_text(f"# Title\n{readme.BEGIN}\nold\n{readme.END}\nend\n")
    assert readme.main([str(page.parent), str(target)]) == ExitCode.OK
    text = target.read_text()
    assert text.startswith("# Title\n")
    assert text.endswith("\nend\n")
    assert "old" not in text
    assert "figures/overview-cifar10.svg" in text and "On CIFAR-10, " in text
    assert readme.main([str(page.parent), str(target)]) == ExitCode.OK
    assert target.read_text() == text


def test_the_picture_is_where_it_says(page: Path, tmp_path: Path) -> None:
    target = page.parent.parent / "README.md"
    text = readme.block(page.parent, target, "cifar100")
    link = text[text.index("](") + 2 : text.index(")\n")]
    assert (target.parent / link).is_file()
    assert link.endswith("overview-cifar100.svg")


def test_what_was_shown_is_counted_as_on_the_page(tmp_path: Path) -> None:
    """A criterion has the verdict of the narrowest family to which it belongs."""
    (tmp_path / "tables").mkdir()
    rows = "".join(f"c,blank,{name},test,90\n" for name in "abd")
    rows += "c,(table),constant-order,test,93.756\nc,(table),all-3x3,test,93.756\n"
    (tmp_path / "tables" / "accuracy.csv").write_text("dataset,recipe,selector,measure,mean\n" + rows)
    compared = [
        ("c", "all pairs", "b", "constant-order", "better"),
        ("e", "main", "a", "constant-order", "better"),
        ("c", "main", "a", "constant-order", "too few seeds to tell"), ("c", "main", "b", "constant-order", "worse"),
        ("c", "founding", "a", "constant-order", "worse"), ("c", "exploratory", "d", "constant-order", "same choices"),
        ("c", "main", "a", "random", "better"), ("c", "main", "b", "random", "same choices"),
    ]  # fmt: skip
    lines = "".join(f"c,{','.join(row)}\n" for row in compared)
    (tmp_path / "tables" / "comparisons.csv").write_text("dataset,lookup,family,first,second,verdict\n" + lines)
    text = readme.block(tmp_path, tmp_path / "README.md")
    assert "**On c, no criterion is shown better than always taking 3×3 convolutions (93.76 %).**" in text
    assert "Of 3 criteria, 2 are shown worse than that baseline and 1 always chooses it; the only criterion" in text
    assert "that could be judged against a random architecture is shown better." in text


def test_the_repository_shows_the_stored_results() -> None:
    """The README agrees with the output of `python -m nas_selection_bench readme results/cifar10-lite README.md`."""
    root = Path(__file__).parents[3]
    text = (root / "README.md").read_text(encoding="utf-8")
    assert text == readme.replace_block(text, readme.block(root / "results" / "cifar10-lite", root / "README.md"))


def test_what_is_missing_is_named(page: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no lines"):
        readme.replace_block("nothing here", "x")
    with pytest.raises(DataError, match=r"ABOUT\.md has no lines"):
        readme.replace_block("nothing here", "x", Path("ABOUT.md"))
    with pytest.raises(DataError, match="no results on svhn"):
        readme.block(page.parent, tmp_path / "README.md", "svhn")
    assert answer([str(tmp_path), str(tmp_path / "README.md")]) == ExitCode.USAGE
    assert answer([str(page.parent), str(tmp_path / "README.md")]) == ExitCode.USAGE, "there is no README"


def test_what_the_readme_says_of_thirteen_seeds_is_stored() -> None:
    root = Path(__file__).parents[3]
    (said,) = re.findall(r"(\d+) of (\d+) are shown worse than the baseline", (root / "README.md").read_text("utf-8"))
    with (root / "results" / "cifar10-training-free" / "tables" / "comparisons.csv").open(newline="") as stream:
        rows = [
            row for row in csv.DictReader(stream) if row["second"] == "constant-order" and row["lookup"] == "cifar10"
        ]
    worse = {row["first"] for row in rows if row["verdict"] == "worse"}
    assert (str(len(worse)), str(len({row["first"] for row in rows}))) == said and "zero-cost-pt" in worse


def test_what_the_readme_says_of_the_papers_size_is_stored() -> None:
    root = Path(__file__).parents[3]
    text = (root / "README.md").read_text("utf-8")
    (said,) = re.findall(r"stays ([\d.]+) points below the baseline \(n = (\d+), p = ([\d.]+) corrected", text)
    with (root / "results" / "cifar10-paper" / "tables" / "comparisons.csv").open(newline="") as stream:
        (row,) = (
            row for row in csv.DictReader(stream)
            if (row["first"], row["second"], row["lookup"], row["family"])
            == ("zero-cost-pt", "constant-order", "cifar10", "main")
        )  # fmt: skip
    assert row["verdict"] == "worse"
    assert said == (f"{-float(row['mean']):.2f}", row["n"], f"{float(row['p_corrected']):.3f}".lstrip("0"))


def test_what_the_readme_says_of_single_recipes_is_stored() -> None:
    root = Path(__file__).parents[3]
    text = (root / "README.md").read_text("utf-8")
    number = r"([\d.]+)"
    (said,) = re.findall(
        rf"magnitude reaches {number} %, the control pt-magnitude {number} and DARTS-PT {number};"
        rf" on DARTS supernets they reach {number}, {number} and {number} \(n = (\d+) each",
        text,
    )
    with (root / "results" / "cifar10-lite" / "tables" / "accuracy.csv").open(newline="") as stream:
        rows = {(row["recipe"], row["selector"]): row for row in csv.DictReader(stream) if row["measure"] == "test"}
    stored = [rows[r, s] for r in ("darts-minus", "darts") for s in ("magnitude", "pt-magnitude", "darts-pt")]
    assert [*said[:-1]] == [f"{float(row['mean']):.2f}" for row in stored]
    assert {row["supernet_seeds"] for row in stored} == {said[-1]}


def test_what_the_readme_says_of_another_data_set_is_stored() -> None:
    root = Path(__file__).parents[3]
    text = (root / "README.md").read_text("utf-8")
    (said,) = re.findall(r"the same choices of five main forms \(([^)]*)\) are shown better than always 3×3", text)
    with (root / "results" / "cifar10-lite" / "tables" / "comparisons.csv").open(newline="") as stream:
        better = {
            row["first"] for row in csv.DictReader(stream)
            if (row["second"], row["lookup"], row["family"], row["verdict"])
            == ("constant-order", "imagenet16", "main", "better")
        }  # fmt: skip
    assert {*said.split(", ")} == better and len(better) == 5
