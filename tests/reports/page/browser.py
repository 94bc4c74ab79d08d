"""A real headless Chromium that shows the page.

A copy of the page gets a script that acts like a reader and writes what it saw into the document; `chromium --dump-dom`
prints it. Tests are skipped if there is no Chromium.
"""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), ""
)
needs_chromium = pytest.mark.skipif(not CHROMIUM, reason="needs Chromium (apt-get install chromium)")
in_a_browser = [needs_chromium, pytest.mark.thorough]

PROLOGUE = """<script>
window.faults = [];
addEventListener("error", (event) => faults.push(event.message));
window.copied = [];
Object.defineProperty(navigator, "clipboard", { value: { writeText: async (text) => { copied.push(text); } } });
</script>"""
EPILOGUE = """<script>
(async () => {
  const find = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const shown = (element) => getComputedStyle(element).display !== "none";
  const names = (table) => all("tbody tr", table).filter(shown).map((row) => row.cells[0].textContent);
  const click = (within, text) => all("button", within).find((button) => button.textContent === text).click();
  const captionOf = (table) => find(`#caption-${table.dataset.name}`);
  const column = (table, title) => all("thead th", table).findIndex((head) => head.textContent === title);
  let seen;
  if (OPENED) for (const part of all("section > details")) part.open = true;
  try { seen = await (async () => { SCRIPT })(); } catch (error) { faults.push(String(error)); }
  const result = document.createElement("pre");
  result.id = "seen";
  result.textContent = JSON.stringify({ seen, faults });
  document.body.append(result);
})();
</script>"""


def chromium(folder: Path, *arguments: str) -> str:
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1280,900",
               "--virtual-time-budget=4000", f"--user-data-dir={folder / 'profile'}", *arguments]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


def act(page: Path, folder: Path, script: str, address: str = "", opened: bool = True) -> Any:
    """The result of `script`, the body of an async function, run after the page is set up and its sections are open."""
    text = page.read_text(encoding="utf-8").replace("<head>", "<head>" + PROLOGUE, 1)
    copy = folder / "page.html"
    copy.write_text(
        text.replace("</body>", EPILOGUE.replace("SCRIPT", script).replace("OPENED", str(opened).lower()) + "</body>"),
        encoding="utf-8",
    )
    dom = chromium(folder, "--dump-dom", copy.as_uri() + address)
    found = re.search(r'<pre id="seen">(.*?)</pre>', dom, flags=re.S)
    assert found, dom[-2000:]
    result = json.loads(html.unescape(found[1]))
    assert result["faults"] == []
    return result["seen"]
