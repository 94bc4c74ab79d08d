// One tooltip for everything; its role makes screen readers read it aloud.
const tip = make("div", { className: "tip gone", role: "status" });
document.body.append(tip);
const say = (text, x, y) => {
  tip.textContent = text;
  tip.classList.toggle("gone", !text);
  const box = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(8, Math.min(x + 14, innerWidth - box.width - 8))}px`;
  tip.style.top = `${Math.max(8, y - box.height - 12)}px`;
};

// Marks of the strips: show the selection, and highlight the other selections on the same supernet; for a selector
// that reads no supernet, highlight the same draw beside the other recipes.
const unread = new Set(data.one_draw_per_seed);
const related = (row, of) => (unread.has(row[2])
  ? of[0] === row[0] && of[2] === row[2] && of[3] === row[3] && of[4] === row[4]
  : of[0] === row[0] && of[1] === row[1] && of[3] === row[3] && !unread.has(of[2]));
const selections = new Map();
for (const row of data.rows) {
  const key = [data.datasets[row[0]], data.recipes[row[1]], data.selectors[row[2]]].join("|");
  if (!selections.has(key)) selections.set(key, []);
  selections.get(key).push(row);
}
// A large page does not hold the numbers of its marks.
const nameOf = (mark) => mark?.closest("[data-series]")?.dataset.series || (mark?.closest("[data-points]")?.dataset.points || "").split("|").slice(1).reverse().join(" on ");
const FINGER = 24; // Largest distance from a tap to the mark that it selects, in pixels.
for (const svg of all("svg.figure")) {
  const marks = new Map();
  for (const group of all("[data-points]", svg)) {
    const of = selections.get(group.dataset.points) || [];
    all("path", group).forEach((mark, index) => marks.set(mark, of[index] || null));
  }
  for (const mark of all("[data-tip]", svg)) marks.set(mark, null);
  if (!marks.size) continue;
  const show = (mark, x, y) => {
    const row = marks.get(mark);
    for (const [other, of] of marks) {
      const same = row && of && related(row, of);
      other.classList.toggle("lit", Boolean(same));
      other.classList.toggle("dim", Boolean(row) && !same);
    }
    if (!row) { say(mark?.dataset.tip || nameOf(mark), x, y); return; }
    const [text, index] = data.architectures[row[5]];
    say(`${data.selectors[row[2]]} ${unread.has(row[2]) ? "beside every recipe" : `on ${data.recipes[row[1]]}`}\nsupernet seed ${row[3]}, selector seed ${row[4]}\ntest ${fixed(data.accuracy[data.datasets[row[0]]][row[5]], 2)} %, τ best ${fixed(row[6], 2)}, τ mean ${fixed(row[7], 2)}\n#${index} ${text}`, x, y);
  };
  const middle = (mark) => {
    const box = mark.getBoundingClientRect();
    return [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
  };
  svg.addEventListener("pointermove", (event) => show(event.target.closest("[data-points] path, [data-tip], [data-series] path"), event.clientX, event.clientY));
  svg.addEventListener("pointerleave", (event) => { if (event.pointerType !== "touch") show(null); });
  // A finger is wider than a mark: a tap selects the nearest one.
  svg.addEventListener("click", (event) => {
    const near = [...marks.keys()].map((mark) => [Math.hypot(middle(mark)[0] - event.clientX, middle(mark)[1] - event.clientY), mark]);
    const [far, mark] = near.reduce((one, other) => (other[0] < one[0] ? other : one));
    show(far <= FINGER ? mark : null, event.clientX, event.clientY);
  });
  // Left and right move from mark to mark, up and down from selector to selector.
  const order = [...marks.keys()];
  let at = -1;
  svg.setAttribute("tabindex", "0");
  svg.addEventListener("keydown", (event) => {
    const of = (index) => order[index].closest("[data-points], [data-series], g");
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") show(null);
    if (!step) return;
    event.preventDefault();
    const group = at < 0 ? null : of(at);
    do at = (at + step + order.length) % order.length;
    while (["ArrowUp", "ArrowDown"].includes(event.key) && of(at) === group && order.some((mark, index) => of(index) !== group));
    order[at].scrollIntoView({ block: "nearest", inline: "nearest" });
    show(order[at], ...middle(order[at]));
  });
  svg.addEventListener("blur", () => show(null));
}

// Buttons that hide series; the figure on the first screen has no room for them.
for (const svg of all(".scroll > svg.figure")) {
  const names = [...new Set(all("[data-series]", svg).map((group) => group.dataset.series))];
  if (names.length < 2) continue;
  const legend = make("div", { className: "legend" }, "show or hide:");
  for (const name of names) {
    const button = make("button", { type: "button", textContent: name, ariaPressed: "true" });
    button.onclick = () => {
      const on = button.ariaPressed !== "true";
      button.ariaPressed = String(on);
      all("[data-series]", svg).filter((group) => group.dataset.series === name).forEach((group) => group.classList.toggle("gone", !on));
    };
    legend.append(button);
  }
  svg.closest(".scroll").before(legend);
}

// Tooltips of cells and rows of the first figure.
for (const element of all(".overview [data-tip]")) {
  const tell = () => { const box = element.getBoundingClientRect(); say(element.dataset.tip, box.left + box.width / 2, box.top); };
  element.tabIndex = 0;
  element.addEventListener("pointerenter", tell);
  element.addEventListener("focus", tell);
  for (const leave of ["pointerleave", "blur"]) element.addEventListener(leave, () => say("", 0, 0));
}
