const captionOf = (table) => document.getElementById(`caption-${table.dataset.name}`);
// Comparisons: the baseline can be changed, and the matrix explains its signs.
const mirror = { 0: 1, 1: 0 };
const pairs = new Map();
for (const [dataset, list] of Object.entries(data.pairs)) {
  for (const [a, b, n, differing, mean, low, high, median, better, betterLow, betterHigh, rough, pAll, all, signsAll, couldAll, p, verdict, signs, could, pBack, back, signsBack, couldBack] of list) {
    const first = data.selectors[a], second = data.selectors[b], tilde = rough ? "~" : "";
    const turned = (value, total) => (value === null ? null : total - value);
    // For the pair (first, second), `p` and `verdict` belong to the family that has the second as its baseline.
    pairs.set([dataset, first, second].join("|"), { n, differing, mean, low, high, median, better, betterLow, betterHigh, tilde, pAll, all, p, verdict, signs, could });
    pairs.set([dataset, second, first].join("|"), { n, differing, mean: -mean, low: turned(high, 0), high: turned(low, 0), median: -median, better: 1 - better, betterLow: turned(betterHigh, 1), betterHigh: turned(betterLow, 1), tilde, pAll, all: mirror[all] ?? all, p: pBack, verdict: back, signs: signsBack, could: couldBack });
  }
}
const untold = ["?", "="]; // signs of verdicts without a p value
const interval = (low, high, tilde) => (low === null || low === high ? "–" : `${tilde}[${fixed(low, 2)}, ${fixed(high, 2)}]`);
for (const [dataset, { captions, of }] of Object.entries(data.baselines)) {
  const table = document.querySelector(`table[data-name="pairs-${CSS.escape(dataset)}"]`);
  if (!table) continue;
  const members = data.standings[dataset].map((index) => data.selectors[index]);
  const heading = table.closest("figure").previousElementSibling;
  // The original rows of the page hold every selector; the script may have fewer.
  const first = { baseline: table.dataset.baseline, rows: [...table.tBodies[0].rows], caption: captionOf(table).textContent };
  const choose = make("select", { ariaLabel: `baseline on ${dataset}` });
  choose.append(...Object.keys(of).map((name) => make("option", { value: name, textContent: name })));
  choose.value = first.baseline;
  const rowOf = (name, c) => {
    const [words, css, sign] = data.verdicts[c.verdict];
    const judged = !untold.includes(sign), small = (value) => (!judged ? "–" : value < 0.001 ? "<0.001" : fixed(value, 3));
    const values = [name, `${sign} ${words}`, c.n, c.differing, fixed(c.mean, 2), interval(c.low, c.high, c.tilde), fixed(c.median, 2), fixed(c.better, 2), interval(c.betterLow, c.betterHigh, c.tilde), small(c.p), small(c.signs), judged && c.could !== null ? fixed(c.could, 2) : "–"];
    const classes = ["name word", `${css} word`, "", "", "", "quiet", "", "", "quiet"];
    return make("tr", {}, ...values.map((value, index) => make("td", { textContent: value, className: classes[index] || "" })));
  };
  const compare = (baseline) => {
    const asFirst = baseline === first.baseline;
    const judged = members.map((name) => [name, pairs.get([dataset, name, baseline].join("|"))]).filter(([, c]) => c && c.p !== null);
    table.tBodies[0].replaceChildren(...(asFirst ? first.rows : judged.map(([name, c]) => rowOf(name, c))));
    captionOf(table).textContent = asFirst ? first.caption : captions[of[baseline]];
    table.dispatchEvent(new Event("refilled"));
    heading.textContent = heading.textContent.replace(/against .*$/, `against ${baseline}`);
  };
  choose.onchange = () => { compare(choose.value); remember(`baseline-${dataset}`, choose.value); };
  table.closest("figure").querySelector(".tools").prepend(make("label", {}, "compare with ", choose));
  restorers.set(`baseline-${dataset}`, (value) => { if (value in of) { choose.value = value; compare(value); } });
}

// Matrices: a cell is explained if it is pointed at, tapped, or reached with the arrow keys.
for (const table of all("table.matrix")) {
  const columns = all("thead th", table).map((head) => head.textContent);
  const explain = (cell, x, y) => {
    const name = cell && cell.parentElement.querySelector("th").textContent;
    const other = cell && columns[cell.cellIndex - 1];
    const c = cell && pairs.get([table.dataset.dataset, name, other].join("|"));
    if (cell?.dataset.tip) { say(`${name}, ${other}\n${cell.dataset.tip}`, x, y); return; }
    if (!c) { say("", 0, 0); return; }
    const unit = data.in_percentiles.includes(other) ? "percentiles" : "points";
    say(`${name} − ${other}: ${data.verdicts[c.all][0]}\nmean ${fixed(c.mean, 2)}, median ${fixed(c.median, 2)} ${unit} ${interval(c.low, c.high, c.tilde)}\nP(better) ${fixed(c.better, 2)}, p ${c.pAll} after Holm's correction, n ${c.n} (${c.differing} differing)`, x, y);
  };
  const cells = all("tbody td", table);
  cells.forEach((cell, index) => { cell.tabIndex = index ? -1 : 0; });
  const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  table.addEventListener("keydown", (event) => {
    const cell = event.target.closest("tbody td"), [down, right] = steps[event.key] || [];
    if (event.key === "Escape") say("", 0, 0);
    if (!cell || down === undefined) return;
    event.preventDefault();
    const row = table.rows[cell.parentElement.rowIndex + down];
    const next = row && row.rowIndex > 0 && row.cells[cell.cellIndex + right];
    if (next && next.tagName === "TD") next.focus();
  });
  // A tap focuses a cell as the keyboard does.
  table.addEventListener("focusin", (event) => {
    const cell = event.target.closest("tbody td");
    if (!cell) return;
    cells.forEach((other) => { other.tabIndex = other === cell ? 0 : -1; });
    const box = cell.getBoundingClientRect();
    explain(cell, box.right, box.top);
  });
  table.addEventListener("focusout", () => say("", 0, 0));
  table.addEventListener("pointermove", (event) => explain(event.target.closest("tbody td"), event.clientX, event.clientY));
  table.addEventListener("pointerleave", (event) => { if (event.pointerType !== "touch") say("", 0, 0); });
}

addEventListener("beforeprint", () => all("section details").forEach((element) => { element.open = true; }));

// A link unfolds its target.
const openAt = (id) => {
  const target = document.getElementById(id);
  if (!target) return;
  const folded = target.querySelector(":scope > details") || target.closest("details");
  if (folded) folded.open = true;
  target.scrollIntoView();
};
addEventListener("click", (event) => {
  const link = event.target.closest('a[href^="#"]');
  if (link && link.hash.length > 1) openAt(link.hash.slice(1));
});
addEventListener("hashchange", () => openAt(location.hash.slice(1)));
// The navigation bar varies in height; link targets must appear below it.
new ResizeObserver(([entry]) => root.style.setProperty("--bar", `${entry.target.offsetHeight}px`)).observe(document.querySelector("nav"));

// Of several data sets, the first is shown; tabs lead to the others.
const firsts = all(".first");
if (firsts.length > 1) {
  const tabs = make("div", { className: "tabs", role: "tablist" });
  const show = (dataset) => {
    firsts.forEach((first) => first.classList.toggle("gone", first.dataset.dataset !== dataset));
    all("button", tabs).forEach((tab) => tab.setAttribute("aria-selected", String(tab.textContent === dataset)));
  };
  for (const { dataset: { dataset } } of firsts) {
    const tab = make("button", { type: "button", textContent: dataset, role: "tab" });
    tab.onclick = () => { show(dataset); remember("dataset", dataset === firsts[0].dataset.dataset ? "" : dataset); };
    tabs.append(tab);
  }
  tabs.addEventListener("keydown", ({ key }) => {
    const others = [...tabs.children], step = { ArrowRight: 1, ArrowLeft: -1 }[key];
    const next = step && others[others.indexOf(document.activeElement) + step];
    if (next) { next.focus(); next.click(); }
  });
  firsts[0].before(tabs);
  show(firsts[0].dataset.dataset);
  restorers.set("dataset", show);
}

// Restore the view in the address, or open the section that it names.
const asked = location.hash.slice(1);
if (!sections.has(asked)) {
  for (const part of asked.split("&")) {
    const [key, value] = [part.slice(0, part.indexOf("=")), decodeURIComponent(part.slice(part.indexOf("=") + 1))];
    if (key === "theme" && themes.includes(value)) { setTheme(value); remember(key, value); }
    else if (restorers.has(key)) { restorers.get(key)(value); remember(key, value); }
  }
}
if (sections.has(asked) || document.getElementById(asked)) openAt(asked);
