"""The README's results come from stored ones."""

from pathlib import Path

import pytest

from bench.errors import DataError, ExitCode
from bench.problem.table import GroundTruth
from reports.files import readme


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
    # Magnitude has no result on blank, and cells of disc-acc are missing.
    for name in ("magnitude", "disc-acc"):
        assert next(line for line in lines if f"| {name} |" in line).split("|")[2].endswith("* ")
    assert text.count(readme.PARTIAL_SAID) == 1
    assert readme.main([str(page.parent), str(target)]) == ExitCode.OK
    assert target.read_text() == text


def test_the_picture_is_where_it_says(page: Path, tmp_path: Path) -> None:
    target = page.parent.parent / "README.md"
    text = readme.block(page.parent, target, "cifar100")
    link = text[text.index("](") + 2 : text.index(")\n")]
    assert (target.parent / link).is_file()
    assert link.endswith("accuracy-cifar100.svg")


def test_of_many_selectors_those_in_focus_are_shown(tmp_path: Path) -> None:
    names = [f"proxy-{i:02}" for i in range(30)]
    names = [*names, *(f"{name}-post" for name in names), "magnitude"]
    (tmp_path / "tables").mkdir()
    header = "dataset,recipe,selector,measure,mean,sd_over_supernets,supernet_seeds,one_draw_per_seed"
    rows = [f"c,blank,{name},test,{90 - 0.1 * i},0.5,3,{'yes' if i == 2 else ''}" for i, name in enumerate(names)]
    rows.append("c,(table),params,test,93.76,,,")
    (tmp_path / "tables" / "accuracy.csv").write_text("\n".join([header, *rows]) + "\n")
    text = readme.block(tmp_path, tmp_path / "README.md")
    shown = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")][2:]
    assert shown == ["*params*", "proxy-00", "proxy-01", "proxy-02 †", *names[3 : readme.MOST - 1], "magnitude"]
    assert "45 more selectors are in [the whole table](./tables/accuracy.md)" in text
    assert "† one draw per supernet seed, the same for every recipe." in text
    assert readme.PARTIAL_SAID not in text


def test_what_was_shown_of_all_is_counted(tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    rows = "c,blank,a,test,90,0.5,3,\nc,blank,b,test,80,0.5,3,\n"
    header = "dataset,recipe,selector,measure,mean,sd_over_supernets,supernet_seeds,one_draw_per_seed\n"
    (tmp_path / "tables" / "accuracy.csv").write_text(header + rows)
    compared = [
        ("c", "all pairs", "a", "constant-order", "better"),
        ("d", "main", "a", "constant-order", "better"),
        ("c", "main", "a", "constant-order", "no difference shown"), ("c", "main", "b", "constant-order", "worse"),
        ("c", "main", "a", "random", "better"), ("c", "main", "b", "random", "same choices"),
        ("c", "main", "a", "params", "better"), ("c", "founding", "a", "random", "worse"),
    ]  # fmt: skip
    lines = "".join(f"c,{','.join(row)}\n" for row in compared)
    (tmp_path / "tables" / "comparisons.csv").write_text("dataset,lookup,family,first,second,verdict\n" + lines)
    text = readme.block(tmp_path, tmp_path / "README.md")
    assert (
        "**Of the main forms, after Holm's correction: none better and 1 worse than the constant order of operations"
        " (2 of 2 judged); 1 better and none worse than a random architecture (1 of 2 judged).**"
    ) in text


def test_the_repository_shows_the_stored_results() -> None:
    """What `python -m reports.files.readme results/cifar10-lite README.md` would write stands there already."""
    root = Path(__file__).parents[3]
    text = (root / "README.md").read_text(encoding="utf-8")
    assert text == readme.replace_block(text, readme.block(root / "results" / "cifar10-lite", root / "README.md"))


def test_what_is_missing_is_named(page: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no lines"):
        readme.replace_block("nothing here", "x")
    with pytest.raises(DataError, match="no results on svhn"):
        readme.block(page.parent, tmp_path / "README.md", "svhn")
    assert readme.main([str(tmp_path), str(tmp_path / "README.md")]) == ExitCode.USAGE
    assert readme.main([str(page.parent), str(tmp_path / "README.md")]) == ExitCode.USAGE, "there is no README"
