"""The page as a reader uses it: sort, filter, hide a series, copy, change the baseline."""

import csv
import io
import json
import re
from pathlib import Path

import pytest

from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.reports.page.page import write_report
from tests.reports.page.browser import act, chromium, in_a_browser
from tests.reports.synthetic import write_results

pytestmark = in_a_browser


def test_columns_sort_both_ways_and_say_so(page: Path, tmp_path: Path) -> None:
    seen = act(page, tmp_path, """
        const table = find('table[data-name="main-cifar10"]');
        const regret = column(table, "regret");
        const head = all("thead th", table)[regret];
        const read = () => all("tbody tr", table).map((row) => parseFloat(row.cells[regret].textContent));
        find("button", head).click();
        const down = read(), said = head.getAttribute("aria-sort");
        find("button", head).click();
        return { down, said, up: read(), then: head.getAttribute("aria-sort"), address: location.hash };
    """)  # fmt: skip
    assert seen["down"] == sorted(seen["down"]), "the first click sorts the best first, here the lowest"
    assert seen["up"] == sorted(seen["up"], reverse=True)
    assert (seen["said"], seen["then"]) == ("ascending", "descending")
    assert "sort-main-cifar10" in seen["address"]


def test_times_sort_by_their_length_not_their_digits(page: Path, tmp_path: Path) -> None:
    seen = act(page, tmp_path, """
        const table = find('table[data-name="main-cifar10"]'), cost = column(table, "cost");
        find("button", all("thead th", table)[cost]).click();
        return all("tbody tr", table).map((row) => row.cells[cost].textContent);
    """)  # fmt: skip
    assert seen[0].startswith("0.01")
    assert [text for text in seen if text != "–"][-1].endswith("min")
    assert seen[-1] == "–"


def test_sorting_works_from_the_keyboard(page: Path, tmp_path: Path) -> None:
    seen = act(page, tmp_path, """
        const head = all('table[data-name="main-cifar10"] thead th')[0], button = find("button", head);
        button.focus();
        return { focused: document.activeElement === button, tag: button.tagName, tab: button.tabIndex };
    """)  # fmt: skip
    assert seen == {"focused": True, "tag": "BUTTON", "tab": 0}


def test_rows_can_be_filtered_and_columns_switched(page: Path, tmp_path: Path) -> None:
    seen = act(page, tmp_path, """
        const table = find('table[data-name="main-cifar10"]');
        const box = find("input[type=search]", table.closest("figure"));
        box.value = "pt DARTS";
        box.dispatchEvent(new Event("input"));
        const rows = names(table);
        const boxes = all('.choices input', table.closest("figure"));
        boxes[1].click();
        return { rows, hidden: getComputedStyle(table.tHead.rows[0].cells[1]).display };
    """)  # fmt: skip
    assert set(seen["rows"]) == {"darts-pt", "darts-pt-loss"}
    assert seen["hidden"] == "none"


def test_a_table_is_copied_in_three_forms(page: Path, tmp_path: Path) -> None:
    seen = act(page, tmp_path, """
        const figure = find('table[data-name="main-cifar10"]').closest("figure");
        for (const form of ["CSV", "Markdown", "LaTeX"]) click(figure, `copy ${form}`);
        await new Promise((done) => setTimeout(done, 50));
        return copied;
    """)  # fmt: skip
    csv, markdown, latex = seen
    assert csv.startswith(
        'criterion,test %,"test %, incomplete",n,"test %, 95 % interval low","test %, 95 % interval high",'
    )
    assert markdown.splitlines()[1].startswith("| :-- | --: |")
    assert latex.count("\\\\\n") == len(csv.splitlines())
    assert all("darts-pt-loss" in text for text in seen)


def test_a_series_can_be_hidden_and_shown(page: Path, tmp_path: Path) -> None:
    seen = act(page, tmp_path, """
        const figure = find("#epochs-cifar10");
        const count = () => all('[data-series="magnitude"]', figure).filter(shown).length;
        const before = count();
        click(figure, "magnitude");
        const hidden = count(), pressed = all(".legend button", figure)[0].getAttribute("aria-pressed");
        click(figure, "magnitude");
        return { before, hidden, pressed, after: count() };
    """)  # fmt: skip
    assert seen["before"] == seen["after"] > 0
    assert (seen["hidden"], seen["pressed"]) == (0, "false")


def test_pointing_at_a_mark_names_the_selection_and_its_pairs(page: Path, tmp_path: Path) -> None:
    seen = act(page, tmp_path, """
        const mark = find('#accuracy-cifar10 [data-points="cifar10|darts|ostr"] path');
        mark.dispatchEvent(new PointerEvent("pointermove", { bubbles: true, clientX: 300, clientY: 300 }));
        return { said: find(".tip").textContent, lit: all("#accuracy-cifar10 path.lit").length };
    """)  # fmt: skip
    assert "ostr on darts" in seen["said"]
    assert "supernet seed 0, selector seed 0" in seen["said"]
    assert "|~" not in seen["said"]
    assert seen["lit"] == 12  # eight selectors on this supernet, four of them with two seeds


def test_a_mark_whose_numbers_had_to_go_still_has_its_name(page: Path, tmp_path: Path) -> None:
    text = page.read_text(encoding="utf-8")
    (data,) = re.findall('<script type="application/json" id="data">(.*?)</script>', text)
    bare = json.dumps({**json.loads(data), "rows": [], "architectures": [], "accuracy": {}})
    large = tmp_path / "large.html"
    large.write_text(text.replace(data, bare.replace("<", "\\u003c")), encoding="utf-8")
    said = act(large, tmp_path, """
        const mark = find('#accuracy-cifar10 [data-points="cifar10|darts|ostr"] path');
        mark.dispatchEvent(new PointerEvent("pointermove", { bubbles: true, clientX: 300, clientY: 300 }));
        return find(".tip").textContent;
    """)  # fmt: skip
    assert said == "ostr on darts"


def test_the_baseline_can_be_changed(page: Path, tmp_path: Path) -> None:
    text = page.read_text(encoding="utf-8")
    # The page keeps the rows of its own baseline; for the same baseline under another name, the script must write them.
    assert text.count('data-baseline="constant-order"') == 2
    other = tmp_path / "other.html"
    other.write_text(text.replace('data-baseline="constant-order"', 'data-baseline="random"'), encoding="utf-8")
    seen = act(other, tmp_path, """
        const table = find('table[data-name="pairs-cifar10"]'), choose = find("select", table.closest("figure"));
        const cells = (row) => [...row.cells].map((cell) => [cell.textContent, cell.className.trim()]);
        const read = () => all("tbody tr", table).map(cells);
        const before = read();
        choose.value = "ostr";
        choose.dispatchEvent(new Event("change"));
        const rows = names(table), heading = table.closest("figure").previousElementSibling.textContent;
        choose.value = "constant-order";
        choose.dispatchEvent(new Event("change"));
        return { before, rows, heading, again: read() };
    """)  # fmt: skip
    assert "ostr" not in seen["rows"]
    assert "darts-pt" in seen["rows"]
    assert seen["heading"].endswith("against ostr")
    # The script must write the rows that the page had before.
    assert sorted(seen["again"]) == sorted(seen["before"])


def test_the_first_baseline_comes_back_with_every_row(page: Path, tmp_path: Path) -> None:
    """The script may hold fewer selectors than the page: the original rows of the page must not be lost."""
    text = page.read_text(encoding="utf-8")
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, flags=re.S)[1])
    lost = data["selectors"].index("pt-random")
    held = [pair for pair in data["pairs"]["cifar10"] if lost not in pair[:2]]
    data["pairs"]["cifar10"] = held
    data["baselines"]["cifar10"]["captions"].append("another caption")
    data["baselines"]["cifar10"]["of"]["ostr"] = len(data["baselines"]["cifar10"]["captions"]) - 1
    data["left_out"] = {"cifar10": "The figure shows 7 of 8 selectors."}
    fewer = tmp_path / "fewer.html"
    spelled = json.dumps(data).replace("<", "\\u003c")
    fewer.write_text(re.sub(r'(?<=id="data">).*?(?=</script>)', lambda _: spelled, text, flags=re.S), encoding="utf-8")
    seen = act(fewer, tmp_path, """
        const table = find('table[data-name="pairs-cifar10"]'), figure = table.closest("figure");
        const choose = find("select", figure), filter = find("input[type=search]", figure);
        const read = () => all("tbody tr", table).map((row) => [...row.cells].map((cell) => cell.textContent));
        const change = (value) => { choose.value = value; choose.dispatchEvent(new Event("change")); };
        const before = read(), caption = captionOf(table).textContent;
        change("ostr");
        const other = { names: names(table), caption: captionOf(table).textContent };
        all(".choices input", figure)[2].click();
        filter.value = "darts";
        filter.dispatchEvent(new Event("input"));
        find("thead button", table).click();
        change("constant-order");
        const filtered = names(table), off = getComputedStyle(table.tBodies[0].rows[0].cells[2]).display;
        filter.value = "";
        filter.dispatchEvent(new Event("input"));
        const sorted = Boolean(find("[aria-sort]", table)), link = find(".themes a").textContent;
        return { before, caption, other, again: read(), then: captionOf(table).textContent, filtered, off, sorted, link,
                 address: location.hash };
    """)  # fmt: skip
    assert seen["again"] == seen["before"] and len(seen["before"]) == 8
    assert seen["then"] == seen["caption"]
    assert "pt-random" not in seen["other"]["names"] and len(seen["other"]["names"]) == 6
    assert seen["other"]["caption"] == "another caption"
    assert set(seen["filtered"]) == {"darts-pt", "darts-pt-loss"} and seen["off"] == "none"
    assert not seen["sorted"] and "sort-pairs" not in seen["address"]
    assert seen["link"] == "Figure data (JSON)"


def test_the_address_restores_a_view(page: Path, tmp_path: Path) -> None:
    script = """
        const table = find('table[data-name="main-cifar10"]');
        return { dark: document.documentElement.classList.contains("dark"), first: names(table)[0],
                 ground: getComputedStyle(document.body).backgroundColor };
    """
    seen = act(page, tmp_path, script, "#theme=dark&sort-main-cifar10=1.ascending")
    assert seen["dark"]
    assert sum(map(int, re.findall(r"\d+", seen["ground"])[:3])) < 120
    plain = act(page, tmp_path, script)
    assert not plain["dark"]
    assert plain["first"] != seen["first"]


def test_without_script_everything_is_there(page: Path, tmp_path: Path) -> None:
    text = re.sub(r"<script>.*?</script>", "", page.read_text(encoding="utf-8"), flags=re.S)
    copy = tmp_path / "plain.html"
    copy.write_text(text, encoding="utf-8")
    dom = chromium(tmp_path, "--dump-dom", copy.as_uri())
    assert dom.count('class="figure"') == text.count('class="figure"') > 10
    assert 'data-name="main-cifar10"' in dom


@pytest.mark.parametrize("place", ["provenance", "glossary", "methods"])
def test_a_link_to_what_is_folded_opens_it(page: Path, tmp_path: Path, place: str) -> None:
    script = f"""
        const before = find("#{place} details").open;
        if (!before) find('nav a[href="#{place}"]').click();
        return {{ before, after: find("#{place} details").open }};
    """
    assert act(page, tmp_path, script, opened=False) == {"before": False, "after": True}
    assert act(page, tmp_path, script, f"#{place}", opened=False) == {"before": True, "after": True}


def test_every_mark_of_every_figure_has_a_name(page: Path, tmp_path: Path) -> None:
    seen = act(page, tmp_path, """
        const said = {};
        for (const figure of all("figure.picture")) {
          const mark = find(".marks path, .hollow path, [data-tip]", figure);
          if (!mark) continue;
          mark.dispatchEvent(new PointerEvent("pointermove", { bubbles: true, clientX: 300, clientY: 300 }));
          said[figure.id] = find(".tip").textContent;
        }
        all(".overview [data-tip]").slice(0, 3).forEach((mark, index) => {
          mark.focus();
          said[index] = find(".tip").textContent;
        });
        return said;
    """)  # fmt: skip
    assert len(seen) > 10
    assert [figure for figure, text in seen.items() if not text] == []


def test_a_copy_can_be_read_as_numbers(page: Path, tmp_path: Path) -> None:
    seen = act(page, tmp_path, """
        click(find('table[data-name="main-cifar10"]').closest("figure"), "copy CSV");
        await new Promise((done) => setTimeout(done, 50));
        return copied;
    """)  # fmt: skip
    header, *rows = csv.reader(io.StringIO(seen[0]))
    assert {"cost, s", "darts mean", "darts sd", "darts n"} <= {*header}
    numeric = [
        i for i, title in enumerate(header) if title not in ("criterion", "group", "founders", "test %, incomplete")
    ]
    cells = [row[i] for row in rows for i in numeric if row[i] not in ("", "exact")]
    assert cells and all(float(cell) == float(cell) for cell in cells)
    assert len({*header}) == len(header)
    assert {row[header.index("test %, incomplete")] for row in rows} == {"", "yes"}


def test_a_scheme_is_one_row_that_opens(table: GroundTruth, tmp_path: Path) -> None:
    names = ["zero-cost-pt", *(f"zero-cost-pt-{proxy}" for proxy in ("zen", "snip", "meco", "params")), "ostr"]
    many = {name: (0.3 + 0.1 * i, 0.5, 0.0, 1.0, 1, 1.0) for i, name in enumerate(names)}
    out = write_results(tmp_path / "out", table, datasets=("cifar10",), recipes=("darts",), selectors=many,
                        failures=False, ranking=False)  # fmt: skip
    seen = act(write_report(out, table), tmp_path, """
        const table = find('table[data-name="main-cifar10"]'), head = find('tr[data-head="zero-cost-pt"]', table);
        const members = () => all('tr[data-of="zero-cost-pt"]', table).filter(shown).length;
        const before = members(), name = head.cells[0].lastChild.textContent;
        find("button.fold", head).click();
        const opened = members(), next = head.nextElementSibling.dataset.of;
        find("thead button", table).click();
        return { before, name, opened, next, after: head.nextElementSibling.dataset.of,
                 matrix: all(".proxies tbody tr").length, dots: all(".dots tbody tr").length };
    """)  # fmt: skip
    assert seen["name"] == "zero-cost-pt × 4 proxies"
    assert (seen["before"], seen["opened"]) == (0, 4)
    assert seen["next"] == seen["after"] == "zero-cost-pt", "sorted or not, they stand behind their head"
    assert (seen["matrix"], seen["dots"]) == (5, 2), "the main form of the scheme stands in the list too"
