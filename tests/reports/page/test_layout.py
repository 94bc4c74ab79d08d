"""The look of the page: colours, widths, labels that do not overlap, print."""

import re
from pathlib import Path

import pytest

from tests.reports.page.browser import act, chromium, in_a_browser

pytestmark = in_a_browser


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_has_contrast(page: Path, tmp_path: Path, theme: str) -> None:
    seen = act(page, tmp_path, """
        const channels = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).map(Number);
        const linear = (v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        const luminance = (colour) => {
          const [red, green, blue] = channels(colour).map((v) => linear(v / 255));
          return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
        };
        const ground = luminance(getComputedStyle(document.body).backgroundColor);
        const ratio = (selector) => {
          const ink = luminance(getComputedStyle(find(selector)).color);
          return (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05);
        };
        const looked = ["p", "figcaption", "td.quiet", "tr.yardstick td", ".gaps", "nav a", ".conditions"];
        return Object.fromEntries(looked.map((selector) => [selector, ratio(selector)]));
    """, f"#theme={theme}")  # fmt: skip
    assert all(ratio >= 4.5 for ratio in seen.values()), seen


def test_nothing_overflows_the_page_sideways(page: Path, tmp_path: Path) -> None:
    seen = act(page, tmp_path, "return [document.documentElement.scrollWidth, innerWidth];")
    assert seen[0] <= seen[1]


def test_labels_of_figures_do_not_overlap(page: Path, tmp_path: Path) -> None:
    seen = act(page, tmp_path, """
        const clashes = [];
        for (const svg of all("svg.figure")) {
          const boxes = all("text", svg).map((text) => [text.textContent, text.getBoundingClientRect()]);
          for (let i = 0; i < boxes.length; i++) for (let j = i + 1; j < boxes.length; j++) {
            const [a, one] = boxes[i], [b, other] = boxes[j];
            const wide = Math.min(one.right, other.right) - Math.max(one.left, other.left);
            const high = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
            if (wide > 2 && high > 3) clashes.push([svg.getAttribute("aria-label"), a, b]);
          }
        }
        return clashes;
    """)  # fmt: skip
    assert seen == []


def test_the_main_table_shows_result_n_and_cost_without_scrolling(page: Path, tmp_path: Path) -> None:
    seen = act(page, tmp_path, """
        const table = find('table[data-name="main-cifar10"]'), box = table.closest(".scroll").getBoundingClientRect();
        const right = (title) => all("thead th", table)[column(table, title)].getBoundingClientRect().right;
        return { titles: all("thead th", table).map((head) => head.textContent), edge: box.right,
                 ends: ["test %", "n", "95 % interval", "cost"].map(right),
                 above: captionOf(table).getBoundingClientRect().bottom <= table.tHead.getBoundingClientRect().top };
    """)  # fmt: skip
    assert all(end <= seen["edge"] for end in seen["ends"])
    assert seen["titles"].index("n") == seen["titles"].index("test %") + 1
    assert seen["titles"][-2:] == ["blank", "darts"]
    assert seen["above"]


def test_it_prints(page: Path, tmp_path: Path) -> None:
    target = tmp_path / "report.pdf"
    chromium(tmp_path, f"--print-to-pdf={target}", "--no-pdf-header-footer", page.as_uri())
    content = target.read_bytes()
    assert content.startswith(b"%PDF")
    assert 5 <= len(re.findall(rb"/Type\s*/Page\b", content)) <= 60


def test_names_stay_in_sight_beside_their_numbers(page: Path, tmp_path: Path) -> None:
    seen = act(page, tmp_path, """
        const table = find('table[data-name="main-cifar10"]'), box = table.closest(".scroll");
        const row = table.tBodies[0].rows[0];
        box.style.width = "350px";
        await new Promise((done) => setTimeout(done, 200));
        box.scrollLeft = 400;
        return { name: row.cells[0].getBoundingClientRect().left - box.getBoundingClientRect().left,
                 second: all("thead th", table)[1].textContent, captionInside: Boolean(find("caption", table)) };
    """)  # fmt: skip
    assert abs(seen["name"]) <= 1
    assert seen["second"] == "test %" and not seen["captionInside"]


def test_long_names_of_variants_keep_clear_of_their_numbers(page: Path, tmp_path: Path) -> None:
    seen = act(page, tmp_path, """
        const row = find(".dots tbody tr"), name = row.cells[0];
        (find("a", name) || name).textContent = "darts-pt[order=once,renormalise=yes,tune=0]";
        const written = document.createRange();
        written.selectNodeContents(name);
        return [written.getBoundingClientRect().right, row.cells[1].getBoundingClientRect().left];
    """)  # fmt: skip
    assert seen[0] <= seen[1]
