"""report.html: offline, small, deterministic, complete, and honest about gaps."""

import json
import re
import shutil
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from nas_selection_bench.bench.errors import DataError
from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.reports.page.page import LIMIT, unbroken, write_report
from tests.reports.synthetic import FEW, SELECTORS, invented_table, write_results

SECTIONS = ["advice", "finding", "results", "seeds", "pairs", "ranking", "maps", "chosen", "training", "cost", "bias",
            "transfer", "stopping", "failures", "published", "methods", "glossary", "provenance"]  # fmt: skip
VOID = {"meta", "br", "input", "img", "link", "hr"}


class Reader(HTMLParser):
    """Collects ids, checks that elements nest, and keeps the text of captions."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.captions: list[str] = []
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id" and value:
                self.ids.append(value)
            if name in ("src", "href", "action") and value and not value.startswith(("#", "data:")):
                (self.links if (tag, name) == ("a", "href") else self.loaded).append(value)
        if tag == "figcaption":
            self.captions.append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> at line {self.getpos()[0]}")

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "figcaption":
            self.captions[-1] += data


@pytest.fixture(scope="module")
def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def reader(text: str) -> Reader:
    found = Reader()
    found.feed(text)
    return found


@pytest.mark.parametrize("name", ["tables", "figures"])
def test_a_file_in_place_of_a_folder_is_named(name: str, tmp_path: Path, table: GroundTruth) -> None:
    out = write_results(tmp_path / "out", table, recipes=("a",), selectors=FEW)
    (out / name).write_text("a file")
    with pytest.raises(DataError, match=str(out / name)):
        write_report(out, table)
    assert (out / name).read_text() == "a file"


def test_it_is_one_offline_file_under_two_megabytes(text: str, reader: Reader) -> None:
    assert len(text.encode()) < LIMIT < 2_000_000
    assert reader.loaded == [], "nothing is fetched"
    assert all(re.match(r"https://(arxiv\.org/abs|proceedings\.mlr\.press)/", address) for address in reader.links)
    assert "@import" not in text


def test_it_is_well_formed(reader: Reader) -> None:
    assert reader.faults == []
    assert reader.open == []
    assert len(reader.ids) == len(set(reader.ids))


def test_references_inside_figures_lead_somewhere(text: str, reader: Reader) -> None:
    asked = set(re.findall(r'(?:url\(#|href="#)([^")]+)', text))
    assert asked <= set(reader.ids)


def test_sections_stand_in_reading_order(text: str) -> None:
    assert re.findall(r'<section id="(\w+)"', text) == SECTIONS


def test_every_figure_has_a_caption(reader: Reader) -> None:
    assert len(reader.captions) >= 12
    assert all(caption.strip() for caption in reader.captions)


def test_the_same_records_give_the_same_bytes(page: Path, table: GroundTruth, tmp_path: Path) -> None:
    out = Path(shutil.copytree(page.parent, tmp_path / "elsewhere" / "out"))
    shutil.rmtree(out / "figures")
    again = write_report(out, table)
    assert again.read_bytes() == page.read_bytes()
    for figure in sorted((page.parent / "figures").iterdir()):
        assert (out / "figures" / figure.name).read_bytes() == figure.read_bytes()


def test_what_the_headline_rests_on_is_told_first_where_it_is_missing(text: str) -> None:
    gaps = text[text.index('class="gaps"') : text.index("<h1>")]
    assert "cells failed: <b>darts-pt</b>" in gaps, "a founding criterion"
    slight = text[text.index('class="conditions"') : text.index('class="lead"')]
    assert "cells not run yet</a>" in slight and "disc-acc" not in gaps, "of which they say nothing"


def test_the_finding_stands_before_all_else_and_its_figure_before_the_sections(text: str) -> None:
    assert text.index("<h1>") < text.index('class="overview"') < text.index("<nav") < text.index("<main>")
    before = re.sub(r"<[^>]*>", " ", text[text.index("<header>") : text.index('class="overview"')])
    assert len(before.split()) < 200, "words before the first figure"


def test_every_criterion_is_in_the_first_figure(text: str) -> None:
    figure = text[text.index('class="overview"') : text.index('class="first" data-dataset="cifar100"')]
    assert {*re.findall(r'<tr class="[^"]*"><th scope="row">([\w-]+)', figure)} == {*SELECTORS}


def test_failures_tell_the_command(text: str) -> None:
    failures = text[text.index('<section id="failures"') : text.index('<section id="published"')]
    assert "RuntimeError: out of memory" in failures
    assert "the recipe does not train alphas" in failures
    narrowed = "run_bench.py --out out --retry-failed"
    assert re.findall("run_bench.py [^\n<]*", failures) == [narrowed], "one command, of what is left and no more"


def test_the_head_tells_how_small_the_supernets_are(text: str) -> None:
    head = unescape(text[text.index("<header>") : text.index("</header>")]).replace("\N{NO-BREAK SPACE}", " ")
    assert "2 recipes × 2–3 seeds" in head and "preset lite" in head and "accuracy 62 %" in head


def test_no_line_ends_between_a_number_and_its_unit(text: str) -> None:
    # Cells of tables are never broken at a space.
    body = re.sub(r"<(script|svg|pre|thead|tbody).*?</\1>|<[^>]+>", " ", text[text.index("<body>") :], flags=re.S)
    assert re.search("\\d\N{NO-BREAK SPACE}%", body) and re.search("n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}\\d", body)
    assert re.findall(r"\d %|\bn =|\bn = ", body) == []


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("55.91 % on average (n = 3), 0.61 points below", "55.91~% on average (n~=~3), 0.61~points below"),
        ("too few seeds for p ≤ 0.05", "too few seeds for p~≤~0.05"),
        ("12 selectors, 3 hours", "12 selectors, 3 hours"),
        ("python run_bench.py --seeds 3 --selectors x", "python run_bench.py --seeds 3 --selectors x"),
    ],
)  # fmt: skip
def test_unbroken(said: str, kept: str) -> None:
    assert unbroken(said) == kept.replace("~", "\N{NO-BREAK SPACE}")


def test_every_command_and_how_to_cite_stand_in_the_provenance(text: str, page: Path) -> None:
    provenance = unescape(text[text.index('<section id="provenance"') :])
    assert "run_bench.py --datasets cifar10,cifar100 --preset lite --selectors 'all,!darts-pt*'\n" in provenance
    assert "run_bench.py --datasets cifar10,cifar100 --preset lite</code>" in provenance
    assert provenance.count("'all,!darts-pt*'") == 1, "not a second time in the table of run.json"
    assert "@software{nas_selection_bench," in provenance and "note    = {commit 0123456789abcdef}" in provenance
    counted = [int(n) for n in re.findall(rf"(?:{0:040x}|{1:040x}|before commits were recorded\)): (\d+)", provenance)]
    done = (page.parent / "records.csv").read_text().count(",done,")
    assert len(counted) == 3 and sum(counted) == done, "each selection at the commit that computed it"


def test_its_data_are_in_the_page(text: str) -> None:
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, flags=re.S)[1])
    assert len(data["rows"]) == 128
    first = dict(zip(data["columns"], data["rows"][0], strict=True))
    assert data["selectors"][first["selector"]] in SELECTORS
    assert data["architectures"][first["architecture"]][0].startswith("|")
    assert all(len(pair) == len(data["pair_columns"]) for pairs in data["pairs"].values() for pair in pairs)


def test_numbers_in_figures_are_not_rounded_away(text: str, table: GroundTruth) -> None:
    figure = re.search(r'id="accuracy-cifar10">(.*?)</figure>', text, flags=re.S)[1]
    assert f">{table.accuracy('cifar10').max():.2f}</text>" in figure


def test_published_numbers_are_marked(text: str) -> None:
    published = text[text.index('<section id="published"') : text.index('<section id="methods"')]
    assert "cifar10 published" in published
    assert "table 9 of EEEA-Net" in published
    assert "smaller supernets (cifar10: preset lite, 8 channels" in unescape(published)
    assert '<tr class="quiet">' in published


def test_names_cannot_smuggle_markup(table: GroundTruth, tmp_path: Path) -> None:
    evil = {"<script>alert(1)</script>": SELECTORS["ostr"], "magnitude": SELECTORS["magnitude"]}
    out = write_results(tmp_path / "out", table, datasets=("cifar10",), selectors=evil, failures=False, ranking=False)
    text = write_report(out, table).read_text(encoding="utf-8")
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text


def test_one_seed_is_drawn_and_said_to_be_one(table: GroundTruth, tmp_path: Path) -> None:
    few = {name: SELECTORS[name] for name in ("magnitude", "ostr")}
    out = write_results(tmp_path / "out", table, datasets=("cifar10",), recipes=("darts",), seeds=1, epochs=(3,),
                        selectors=few, failures=False, ranking=False)  # fmt: skip
    text = write_report(out, table).read_text(encoding="utf-8")
    assert "too few seeds to say how much results vary" in text
    assert 'class="gaps"' not in text, "all that was asked for is there"
    assert "Not drawn: no method was applied to more than one checkpoint" in text
    assert "ranks whole architectures" in text


def test_nothing_done_still_gives_a_page(table: GroundTruth, tmp_path: Path) -> None:
    out = write_results(tmp_path / "out", table, datasets=("cifar10",), recipes=("blank",),
                        selectors={"magnitude": SELECTORS["magnitude"]}, failures=False)  # fmt: skip
    text = write_report(out, table).read_text(encoding="utf-8")
    assert "Nothing has been measured yet" in text


def test_a_large_run_stays_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import nas_selection_bench.reports.page.page

    many = {f"selector-{i:02}": (0.05 * i, 0.3, 0.1, 1.0, 2, 2.0 + i) for i in range(12)}
    table = invented_table(("cifar10",))
    out = write_results(tmp_path / "out", table, recipes=("blank", "gdas[tau=5]"), seeds=4, selectors=many)
    monkeypatch.setattr(nas_selection_bench.reports.page.page, "LIMIT", 200_000)
    page = write_report(out, table)
    text = page.read_text(encoding="utf-8")
    assert page.stat().st_size <= 200_000
    assert "selector-11" in text
    # Figures that had to be left out are named, and lie in a folder beside the page.
    assert "see the folder figures" in text
    assert "The 6 × 5 scores beside the oracle: 2 figures not drawn (blank; gdas[tau=5]):" in text
    assert (out / "figures" / "scores-cifar10-gdas_tau_5_.svg").is_file()


def test_every_figure_may_give_way_that_of_all_seeds_last(
    tmp_path: Path, table: GroundTruth, monkeypatch: pytest.MonkeyPatch
) -> None:
    import nas_selection_bench.reports.page.page

    out = write_results(tmp_path / "out", table, datasets=("cifar10",), seeds=2, ranking=False)

    def drawn(limit: int) -> tuple[list[str], int, str]:
        """Figures on a page limited to `limit` bytes, the size of the page, and its data on the selections."""
        monkeypatch.setattr(nas_selection_bench.reports.page.page, "LIMIT", limit)
        text = write_report(out, table).read_text(encoding="utf-8")
        figures = re.findall(r'id="([a-z]+)-cifar10[^>]*>\n<h4>[^<]*</h4>\n<div class="scroll"><svg', text)
        (data,) = re.findall('<script type="application/json" id="data">(.*?)</script>', text)
        return figures, len(text.encode()), json.dumps(json.loads(data)["rows"], separators=(",", ":"))

    everything, size, rows = drawn(10**9)
    assert {"accuracy", "tau", "scores", "operations", "epochs", "cost"} <= {*everything}
    nothing, bare, none = drawn(1)
    assert not {*everything} & {*nothing}
    assert none == "[]" != rows, "the numbers of marks go too"
    without_numbers, least, none = drawn(size - 1)
    assert none == "[]" and without_numbers == everything and least < size, "and before any figure"
    one_figure = (out / "figures" / "accuracy-cifar10.svg").stat().st_size
    last, small, _ = drawn(bare + one_figure)
    assert "accuracy" in last and "scores" not in last and small <= bare + one_figure < size
    others, _, _ = drawn(least - 1)
    assert len(others) == len(everything) - 1 and "accuracy" in others, "what is a little too large costs one figure"


def test_what_an_earlier_drawing_left_goes_and_files_of_the_user_stay(tmp_path: Path, table: GroundTruth) -> None:
    out = tmp_path / "out"
    write_results(out, table, recipes=("a",), seeds=2, selectors=FEW)
    write_report(out, table)
    drawn = {path.relative_to(out) for folder in ("tables", "figures") for path in (out / folder).iterdir()}
    figure, *_ = (out / "figures").glob("overview-*.svg")
    figure.with_name("of-a-section-that-went.svg").write_bytes(figure.read_bytes())
    (out / "tables" / "of-before.csv").write_text("dataset,mean\ncifar10,1\n")
    users = [out / "figures" / "mine.svg", out / "tables" / "notes.md", out / "figures" / ".hidden.svg"]
    for path in users:
        path.write_text("<svg>of the user</svg>")
    write_report(out, table)
    left = {path.relative_to(out) for folder in ("tables", "figures") for path in (out / folder).iterdir()}
    assert left == drawn | {path.relative_to(out) for path in users}
