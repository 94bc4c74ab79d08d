const root = document.documentElement;
const data = JSON.parse(document.getElementById("data").textContent);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const make = (tag, attributes = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), attributes);
  element.append(...children);
  return element;
};
const fixed = (value, decimals) => (value === null ? "–" : value.toFixed(decimals).replace("-", "−"));

// The address keeps the reader's choices, so that a view can be shared: #sort-main-cifar10=2.descending&theme=dark
const state = new Map();
const sections = new Set(all("section").map((section) => section.id));
const remember = (key, value) => {
  if (value) state.set(key, value);
  else state.delete(key);
  const text = [...state].map(([k, v]) => `${k}=${encodeURIComponent(v)}`).join("&");
  try { history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search); } catch { /* a sandboxed page cannot change its address */ }
};

// Light and dark themes.
const themes = ["automatic", "light", "dark"];
const theme = make("button", { type: "button", id: "theme" });
const setTheme = (name) => {
  root.classList.remove("light", "dark");
  if (name !== "automatic") root.classList.add(name);
  theme.textContent = `Colours: ${name}`;
  theme.dataset.theme = name;
};
theme.onclick = () => {
  const next = themes[(themes.indexOf(theme.dataset.theme) + 1) % themes.length];
  setTheme(next);
  remember("theme", next === "automatic" ? "" : next);
};
// With very many selectors, the page holds only those that its figures show; the link says so.
const held = Object.entries(data.left_out).map(([name, said]) => `${name}: ${said}`).join("\n");
const download = make("a", { textContent: held ? "Figure data (JSON)" : "Data (JSON)", title: held, href: "#", download: "report.json" });
download.onclick = () => {
  download.href = URL.createObjectURL(new Blob([JSON.stringify(data)], { type: "application/json" }));
};
document.body.prepend(make("div", { className: "themes" }, download, theme));
setTheme("automatic");

// Tables: sort, search, choose columns, copy.
const textOf = (cell) => (cell.querySelector("button.fold") ? cell.lastChild.textContent : cell.querySelector("svg") ? `${cell.querySelector("svg").getAttribute("aria-label")} ${cell.textContent}` : cell.textContent).trim();
const numberOf = (text) => {
  const found = text.replace(/−/g, "-").replace(/(\d),(?=\d{3})/g, "$1").match(/-?\d+(\.\d+)?(e-?\d+)?/);
  if (!found) return NaN;
  const unit = text.match(/(\d) (min|h|s)$/);
  const below = text.startsWith("<") ? 0.5 : 1; // "<0.001" sorts before 0.001
  return Number(found[0]) * below * (unit ? { s: 1, min: 60, h: 3600 }[unit[2]] : 1);
};
const sortBy = (table, column, direction) => {
  const body = table.tBodies[0];
  const numeric = table.tHead.rows[0].cells[column].classList.contains("number");
  const sign = direction === "ascending" ? 1 : -1;
  const keyed = (rows) => {
    const found = rows.map((row) => {
      const text = textOf(row.cells[column]);
      return { row, text, value: numeric ? numberOf(text) : 0 };
    });
    found.sort((a, b) => {
      if (!numeric) return sign * a.text.localeCompare(b.text, "en");
      // Rows without a number stay at the end in both directions.
      if (Number.isNaN(a.value) || Number.isNaN(b.value)) return Number.isNaN(a.value) - Number.isNaN(b.value);
      return sign * (a.value - b.value);
    });
    return found.map((entry) => entry.row);
  };
  // Folded rows stay below their head row.
  const rows = [...body.rows];
  const inside = (head) => keyed(rows.filter((row) => row.dataset.of === head.dataset.head));
  for (const row of keyed(rows.filter((other) => !other.dataset.of))) {
    body.append(row, ...(row.dataset.head ? inside(row) : []));
  }
  all("th", table.tHead).forEach((head, index) => {
    if (index === column) head.setAttribute("aria-sort", direction);
    else head.removeAttribute("aria-sort");
  });
};
const visible = (table) => [...table.tHead.rows[0].cells].map((head, index) => (head.classList.contains("off") ? -1 : index)).filter((index) => index >= 0);
const grid = (table) => {
  const columns = visible(table);
  // Folded rows are copied too; their head row holds medians, not data.
  const rows = [table.tHead.rows[0], ...[...table.tBodies[0].rows].filter((row) => !row.classList.contains("gone") && !row.classList.contains("family"))];
  return rows.map((row) => columns.map((index) => textOf(row.cells[index])));
};
// A table as numbers: intervals and spreads become columns, times become seconds, marks are left out.
const patterns = [
  [/^(?<mean>\S+?)(?: ± (?<sd>\S+))? \((?<n>\d+)\)\*?$/, ["mean", "sd", "n"]],
  [/^(?<mean>[\d.]+)±(?<sd>[\d.]+)$/, ["mean", "sd"]],
  [/^~?\[(?<low>[^,]+), (?<high>[^\]]+)\]$/, ["low", "high"]],
  [/^(?<low>[\d.]+) to (?<high>[\d.]+)$/, ["low", "high"]],
];
const plain = (text) => (text === "–" ? "" : text.replace(/^−/, "-").replace(/^</, "").replace(/(\d),(?=\d{3})/g, "$1").replace(/ †$|\*$|(?<=\d) %$/, "").replace("∞", "inf"));
const times = /^[\d.]+ (min|h|s)$/;
const columnOf = (title, texts) => {
  const marked = texts.some((text) => /\d\*$/.test(text)) ? [[`${title}, incomplete`, ...texts.map((text) => (text.endsWith("*") ? "yes" : ""))]] : [];
  const [pattern, names] = patterns.find(([one]) => texts.some((text) => one.test(text))) || [];
  // A single number among spreads is a mean; among ranges, it is both ends.
  const part = (text, name) => text.match(pattern)?.groups[name] ?? (/^[\d.]+$/.test(text) && !["sd", "n"].includes(name) ? text : "");
  if (pattern) return [...names.map((name) => [`${title} ${name}`, ...texts.map((text) => plain(part(text, name)))]), ...marked];
  if (texts.some((text) => times.test(text))) return [[`${title}, s`, ...texts.map((text) => (times.test(text) ? String(numberOf(text)) : ""))]];
  const most = texts.some((text) => text.startsWith("<")) ? " (at most)" : "";
  return [[`${title}${most}`, ...texts.map(plain)], ...marked];
};
const asNumbers = ([heads, ...rows]) => {
  // An interval is named after the column to which it belongs.
  const owner = (index) => heads.slice(0, index).findLast((head) => head.trim() !== "n");
  const titles = heads.map((head, index) => (head.trim() === "95 % interval" && index ? `${owner(index).trim()}, 95 % interval` : head.trim()));
  const columns = titles.flatMap((title, index) => columnOf(title, rows.map((row) => row[index])));
  return columns[0].map((_, line) => columns.map((column) => column[line]));
};
const quoted = (text) => (/[",\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text);
const escapes = { "\\": "\\textbackslash{}", "&": "\\&", "%": "\\%", $: "\\$", "#": "\\#", _: "\\_", "{": "\\{", "}": "\\}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "±": "$\\pm$", "<": "$<$", ">": "$>$", "−": "$-$", "–": "--", "×": "$\\times$", "τ": "$\\tau$", "·": "$\\cdot$", "†": "$\\dagger$", "|": "$|$" };
const tex = (text) => text.replace(/[\\&%$#_{}~^±<>−–×τ·†|]/g, (character) => escapes[character]);
const formats = {
  CSV: (rows) => asNumbers(rows).map((row) => row.map(quoted).join(",")).join("\n") + "\n",
  Markdown: ([head, ...rows]) => [head, head.map((_, index) => (index ? "--:" : ":--")), ...rows].map((row) => `| ${row.map((text) => text.replace(/\|/g, "\\|")).join(" | ")} |`).join("\n") + "\n",
  LaTeX: ([head, ...rows]) => {
    const line = (row) => `${row.map(tex).join(" & ")} \\\\\n`;
    return `% needs \\usepackage{booktabs}\n\\begin{tabular}{l${"r".repeat(head.length - 1)}}\n\\toprule\n${line(head)}\\midrule\n${rows.map(line).join("")}\\bottomrule\n\\end{tabular}\n`;
  },
};
const copy = async (text, button) => {
  const said = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // A page opened from disk may not use the clipboard directly.
    const area = make("textarea", { value: text });
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  button.textContent = "copied";
  setTimeout(() => { button.textContent = said; }, 900);
};
const restorers = new Map();
const setUp = (table) => {
  const name = table.dataset.name;
  const heads = [...table.tHead.rows[0].cells];
  const sort = (column, direction) => {
    sortBy(table, column, direction);
    remember(`sort-${name}`, `${column}.${direction}`);
  };
  heads.forEach((head, column) => {
    const button = make("button", { type: "button", title: head.title }, ...head.childNodes);
    button.onclick = () => {
      const first = head.classList.contains("number") && !("low" in head.dataset) ? "descending" : "ascending";
      const other = first === "ascending" ? "descending" : "ascending";
      sort(column, head.getAttribute("aria-sort") === first ? other : first);
    };
    head.append(button);
  });
  const show = (column, on) => {
    for (const row of [table.tHead.rows[0], ...table.tBodies[0].rows]) row.cells[column].classList.toggle("off", !on);
  };
  const opened = new Set();
  const fold = (wanted = []) => {
    for (const row of table.tBodies[0].rows) {
      if (row.dataset.of) row.classList.toggle("folded", !wanted.length && !opened.has(row.dataset.of));
      const button = row.querySelector("button.fold");
      if (button) {
        button.textContent = opened.has(row.dataset.head) ? "▾" : "▸";
        button.setAttribute("aria-expanded", String(opened.has(row.dataset.head)));
      }
    }
  };
  const setUpFolds = () => {
    for (const row of table.tBodies[0].rows) {
      if (!row.dataset.head || row.querySelector("button.fold")) continue;
      const button = make("button", { type: "button", className: "fold", ariaLabel: `rows of ${row.dataset.head}` });
      button.onclick = () => {
        opened[opened.has(row.dataset.head) ? "delete" : "add"](row.dataset.head);
        fold();
      };
      row.cells[0].prepend(button);
    }
    fold();
  };
  const search = (text) => {
    const wanted = text.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of table.tBodies[0].rows) {
      const content = row.textContent.toLowerCase();
      row.classList.toggle("gone", !wanted.every((word) => content.includes(word)));
    }
    fold(wanted);
  };
  const tools = make("div", { className: "tools" });
  // New rows come in their own order; filters and hidden columns stay in force.
  table.addEventListener("refilled", () => {
    heads.forEach((head, column) => {
      head.removeAttribute("aria-sort");
      show(column, !head.classList.contains("off"));
    });
    setUpFolds();
    search(tools.querySelector("input[type=search]")?.value || "");
    remember(`sort-${name}`, "");
  });
  if (table.classList.contains("searchable") && table.tBodies[0].rows.length > 5) {
    const input = make("input", { type: "search", placeholder: "filter rows", ariaLabel: `filter rows of ${name}` });
    input.oninput = () => { search(input.value); remember(`filter-${name}`, input.value); };
    tools.append(input);
    restorers.set(`filter-${name}`, (value) => { input.value = value; search(value); });
  }
  if (heads.length > 7) {
    const choices = make("div", { className: "choices" });
    heads.forEach((head, column) => {
      const box = make("input", { type: "checkbox", checked: !head.classList.contains("off") });
      box.onchange = () => show(column, box.checked);
      choices.append(make("label", {}, box, ` ${head.textContent}`));
    });
    tools.append(make("details", {}, make("summary", { textContent: "columns" }), choices));
  }
  for (const [format, write] of Object.entries(formats)) {
    const button = make("button", { type: "button", textContent: `copy ${format}` });
    button.onclick = () => copy(write(grid(table)), button);
    tools.append(button);
  }
  table.closest("figure").prepend(tools);
  setUpFolds();
  restorers.set(`sort-${name}`, (value) => {
    const [column, direction] = value.split(".");
    if (heads[column] && ["ascending", "descending"].includes(direction)) sort(Number(column), direction);
  });
  return tools;
};
all("table.data").forEach(setUp);

// If a table fits, its head stays at the top of the window; a wider one scrolls in its own box.
const fitting = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const box = target.closest(".scroll");
    box.classList.toggle("fits", target.offsetWidth <= box.parentElement.clientWidth);
  }
});
all(".scroll > table.data").forEach((table) => fitting.observe(table));
