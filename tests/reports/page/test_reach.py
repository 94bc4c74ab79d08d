"""The page for every reader, in a real headless Chromium: by keyboard, by taps, on a phone, scrolled far down."""

from pathlib import Path

from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.reports.page.page import write_report
from tests.reports.page.browser import act, in_a_browser
from tests.reports.synthetic import FEW, write_results

pytestmark = in_a_browser


def test_the_matrix_speaks_to_keys_and_taps(table: GroundTruth, tmp_path: Path) -> None:
    out = write_results(tmp_path / "out", table, datasets=("cifar10",), recipes=("a", "b", "c"), seeds=3,
                        selectors=FEW, failures=False, ranking=False)  # fmt: skip
    seen = act(write_report(out, table), tmp_path, """
        const table = find("table.matrix[data-dataset]"), cell = table.tBodies[0].rows[0].cells[2];
        const said = () => find(".tip").textContent.split("\\n")[0];
        const event = (key) => new KeyboardEvent("keydown", { key, bubbles: true });
        const press = (key) => document.activeElement.dispatchEvent(event(key));
        cell.focus();  // as a tap does
        const first = said();
        press("ArrowDown");
        const below = document.activeElement === table.tBodies[0].rows[1].cells[2];
        press("ArrowLeft");
        const second = said(), tabs = all("[tabindex='0']", table).length;
        press("Escape");
        const [heads, rows] = ["thead th", "tbody th"].map((of) => all(of, table).map((head) => head.textContent));
        return { first, below, second, tabs, after: said(), heads, rows };
    """)  # fmt: skip
    assert seen["first"].startswith(f"{seen['rows'][0]} − {seen['heads'][1]}: ")
    assert seen["second"].startswith(f"{seen['rows'][1]} − {seen['heads'][0]}: ")
    assert (seen["below"], seen["tabs"], seen["after"]) == (True, 1, "")


def test_the_strips_speak_to_keys_and_taps(page: Path, tmp_path: Path) -> None:
    seen = act(page, tmp_path, """
        const svg = find("#accuracy-cifar10 svg"), marks = all("[data-points] path", svg), tip = find(".tip");
        const press = (key) => svg.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
        const said = () => tip.textContent.split("\\n").slice(0, 2).join(", ");
        svg.focus();
        const focused = document.activeElement === svg;
        press("ArrowRight");
        const first = said();
        press("ArrowRight");
        const second = said();
        press("ArrowDown");
        const third = said();
        press("Escape");
        const closed = said();
        const box = find('[data-points="cifar10|darts|ostr"] path', svg).getBoundingClientRect();
        svg.dispatchEvent(new MouseEvent("click", { bubbles: true, clientX: box.left + 4, clientY: box.top + 3 }));
        return { focused, first, second, third, closed, tapped: said() };
    """)  # fmt: skip
    selector = seen["first"].split(",")[0]
    assert seen["focused"] and selector == seen["second"].split(",")[0] != seen["third"].split(",")[0]
    assert seen["first"] != seen["second"]
    assert seen["closed"] == ""
    assert seen["tapped"].startswith("ostr on darts")


def test_heads_and_contents_stay_in_sight(page: Path, tmp_path: Path) -> None:
    seen = act(page, tmp_path, """
        await new Promise((done) => setTimeout(done, 300));
        const table = find('table[data-name="variance"]'), row = [...table.tBodies[0].rows].at(-1);
        scrollTo({ top: scrollY + row.getBoundingClientRect().top - 120, behavior: "instant" });
        const head = find("thead th", table).getBoundingClientRect(), bar = find("nav").getBoundingClientRect();
        return { top: head.top, bar: bar.bottom, start: bar.top, row: row.getBoundingClientRect().top,
                 body: table.getBoundingClientRect().top };
    """)  # fmt: skip
    assert seen["body"] < 0 < seen["row"], "the table is longer than what was scrolled past"
    assert seen["start"] == 0
    assert 0 < seen["bar"] - 4 <= seen["top"] <= seen["bar"] + 1


def test_a_telephone_shows_it_all(page: Path, tmp_path: Path) -> None:
    # A frame of that width, since windows have a minimum; its copy of the page is already set up and runs no script.
    seen = act(page, tmp_path, """
        const frame = document.createElement("iframe");
        frame.sandbox = "allow-same-origin";
        frame.style = "width:420px; height:800px; border:0";
        frame.srcdoc = document.documentElement.outerHTML.replaceAll("scroll fits", "scroll");
        const loaded = new Promise((done) => { frame.onload = done; });
        document.body.append(frame);
        await loaded;
        const inside = frame.contentDocument;
        const heights = all("svg.figure text", inside).map((text) => text.getBoundingClientRect())
          .map((box) => Math.min(box.width, box.height)).filter((least) => least > 0).sort((a, b) => a - b);
        return { wide: inside.documentElement.scrollWidth, middle: heights[Math.floor(heights.length / 2)] };
    """)  # fmt: skip
    assert seen["wide"] <= 420
    assert seen["middle"] >= 7, "figures have text that can be read"
