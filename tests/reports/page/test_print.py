"""The page on paper: a small document with the page's own styles, printed by a real Chromium."""

import re
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest

from nas_selection_bench.reports.data.material import Material
from nas_selection_bench.reports.figures.svg import Drawing
from nas_selection_bench.reports.sections.blocks import TALL, WIDE, Column, Table
from nas_selection_bench.reports.sections.pictures import picture
from tests.reports.page.browser import chromium, in_a_browser

CSS = files("nas_selection_bench.reports.page").joinpath("style.css").read_text(encoding="utf-8")
PAGES = rb"/Type\s*/Page\b"

pytestmark = in_a_browser


def printed(folder: Path, body: str) -> Path:
    source, target = folder / "small.html", folder / "small.pdf"
    source.write_text(f"<!DOCTYPE html><meta charset=utf-8><style>{CSS}</style><body>{body}", encoding="utf-8")
    chromium(folder, f"--print-to-pdf={target}", "--no-pdf-header-footer", source.as_uri())
    return target


def table_of(columns: int, rows: int) -> str:
    head = "".join(f"<th><button>head{i}</button></th>" for i in range(columns))
    row = f"<tr>{''.join(f'<td>93.5{i} ± 0.22 (3)</td>' for i in range(columns))}</tr>"
    return f"<table class=data><thead><tr>{head}</tr></thead><tbody>{row * rows}</tbody></table>"


def figure_of(height: int) -> str:
    drawn = f'<svg viewBox="0 0 700 {height}" class="figure" style="--wide:922px"><path d="M0 0H700V{height}"/></svg>'
    caption = "<figcaption>Said.</figcaption>"
    return f'<figure class="picture"><h4>Title</h4><div class="scroll">{drawn}</div>{caption}</figure>'


@pytest.mark.skipif(not shutil.which("pdftotext"), reason="needs pdftotext")
def test_the_head_of_a_long_table_is_on_every_page(tmp_path: Path) -> None:
    target = printed(tmp_path, f"<figure class=table><div class=scroll>{table_of(4, 200)}</div></figure>")
    text = subprocess.run(["pdftotext", "-layout", target, "-"], capture_output=True, text=True, check=True).stdout
    sheets = [sheet for sheet in text.split("\f") if sheet.strip()]
    assert len(sheets) > 2
    assert all("head0" in sheet for sheet in sheets)


def test_wide_tables_are_printed_across(tmp_path: Path) -> None:
    content = printed(
        tmp_path, f'<figure class="table wide"><div class=scroll>{table_of(30, 3)}</div></figure>'
    ).read_bytes()
    boxes = [tuple(map(float, box)) for box in re.findall(rb"/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]", content)]
    assert any(width > height for width, height in boxes)


def test_a_figure_fits_beneath_its_heading(tmp_path: Path) -> None:
    content = printed(tmp_path, f"<section><h2>Every seed</h2><h3>cifar10</h3>{figure_of(1200)}</section>").read_bytes()
    assert len(re.findall(PAGES, content)) == 1


def test_what_is_wide_and_what_is_tall(source: Material) -> None:
    columns = [Column(str(i)) for i in range(WIDE)]
    assert not Table("t", "", columns, []).wide
    assert not Table("t", "", [*columns, Column("hidden", hidden=True)], []).wide
    assert Table("t", "", [*columns, Column("one more")], []).wide
    for height, tall in ((100 * TALL - 1, False), (100 * TALL + 1, True)):
        assert picture(source, "p", "", "", lambda height=height: Drawing(100, height)).tall is tall  # type: ignore[misc]
