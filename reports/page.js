"use strict";
(() => {
  const root = document.documentElement;
  const data = JSON.parse(document.getElementById("data").textContent);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const make = (tag, attributes = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), attributes);
    element.append(...children);
    return element;
  };
  const fixed = (value, decimals) => (value === null ? "–" : value.toFixed(decimals).replace("-", "−"));

  // The address keeps what the reader chose, so that a view can be sent: #sort-main-cifar10=2.descending&theme=dark
  const state = new Map();
  const sections = new Set(all("section").map((section) => section.id));
  const remember = (key, value) => {
    if (value) state.set(key, value);
    else state.delete(key);
    const text = [...state].map(([k, v]) => `${k}=${encodeURIComponent(v)}`).join("&");
    try { history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search); } catch { /* a sandboxed page keeps no address */ }
  };

  // Light and dark.
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
  const download = make("a", { textContent: "Data (JSON)", href: "#", download: "report.json" });
  download.onclick = () => {
    download.href = URL.createObjectURL(new Blob([JSON.stringify(data)], { type: "application/json" }));
  };
  document.body.prepend(make("div", { className: "themes" }, download, theme));
  setTheme("automatic");

  // Tables: sort, search, choose columns, copy.
  const textOf = (cell) => (cell.querySelector("svg") ? `${cell.querySelector("svg").getAttribute("aria-label")} ${cell.textContent}` : cell.textContent).trim();
  const numberOf = (text) => {
    const found = text.replace(/−/g, "-").replace(/(\d),(?=\d{3})/g, "$1").match(/-?\d+(\.\d+)?(e-?\d+)?/);
    if (!found) return NaN;
    const unit = text.match(/(\d) (min|h|s)$/);
    return Number(found[0]) * (unit ? { s: 1, min: 60, h: 3600 }[unit[2]] : 1);
  };
  const sortBy = (table, column, direction) => {
    const body = table.tBodies[0];
    const numeric = table.tHead.rows[0].cells[column].classList.contains("number");
    const sign = direction === "ascending" ? 1 : -1;
    const keyed = [...body.rows].map((row) => {
      const text = textOf(row.cells[column]);
      return { row, text, value: numeric ? numberOf(text) : 0 };
    });
    keyed.sort((a, b) => {
      if (!numeric) return sign * a.text.localeCompare(b.text, "en");
      // Rows without a number stay at the end, whichever the direction.
      if (Number.isNaN(a.value) || Number.isNaN(b.value)) return Number.isNaN(a.value) - Number.isNaN(b.value);
      return sign * (a.value - b.value);
    });
    body.append(...keyed.map((entry) => entry.row));
    all("th", table.tHead).forEach((head, index) => {
      if (index === column) head.setAttribute("aria-sort", direction);
      else head.removeAttribute("aria-sort");
    });
  };
  const visible = (table) => [...table.tHead.rows[0].cells].map((head, index) => (head.classList.contains("off") ? -1 : index)).filter((index) => index >= 0);
  const grid = (table) => {
    const columns = visible(table);
    const rows = [table.tHead.rows[0], ...[...table.tBodies[0].rows].filter((row) => !row.classList.contains("gone"))];
    return rows.map((row) => columns.map((index) => textOf(row.cells[index])));
  };
  const quoted = (text) => (/[",\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text);
  const escapes = { "\\": "\\textbackslash{}", "&": "\\&", "%": "\\%", $: "\\$", "#": "\\#", _: "\\_", "{": "\\{", "}": "\\}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "±": "$\\pm$", "<": "$<$", ">": "$>$", "−": "$-$", "–": "--", "×": "$\\times$", "τ": "$\\tau$", "·": "$\\cdot$", "†": "$\\dagger$", "|": "$|$" };
  const tex = (text) => text.replace(/[\\&%$#_{}~^±<>−–×τ·†|]/g, (character) => escapes[character]);
  const formats = {
    CSV: (rows) => rows.map((row) => row.map((text) => quoted(text.replace(/^−/, "-"))).join(",")).join("\n") + "\n",
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
      // Pages opened from disk may not use the clipboard directly.
      const area = make("textarea", { value: text });
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    button.textContent = "copied";
    setTimeout(() => { button.textContent = said; }, 900);
  };
  const tables = new Map();
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
        const first = head.classList.contains("number") ? "descending" : "ascending";
        const other = first === "ascending" ? "descending" : "ascending";
        sort(column, head.getAttribute("aria-sort") === first ? other : first);
      };
      head.append(button);
    });
    const show = (column, on) => {
      for (const row of [table.tHead.rows[0], ...table.tBodies[0].rows]) row.cells[column].classList.toggle("off", !on);
    };
    const search = (text) => {
      const wanted = text.toLowerCase().split(/\s+/).filter(Boolean);
      for (const row of table.tBodies[0].rows) {
        const content = row.textContent.toLowerCase();
        row.classList.toggle("gone", !wanted.every((word) => content.includes(word)));
      }
    };
    const tools = make("div", { className: "tools" });
    if (table.classList.contains("searchable") && table.tBodies[0].rows.length > 5) {
      const input = make("input", { type: "search", placeholder: "filter rows", ariaLabel: `filter rows of ${name}` });
      input.oninput = () => { search(input.value); remember(`filter-${name}`, input.value); };
      tools.append(input);
      tables.set(`filter-${name}`, (value) => { input.value = value; search(value); });
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
    tables.set(`sort-${name}`, (value) => {
      const [column, direction] = value.split(".");
      if (heads[column] && ["ascending", "descending"].includes(direction)) sort(Number(column), direction);
    });
    return tools;
  };
  all("table.data").forEach(setUp);

  // One tooltip for everything.
  const tip = make("div", { className: "tip gone", role: "status" });
  document.body.append(tip);
  const say = (text, x, y) => {
    tip.textContent = text;
    tip.classList.toggle("gone", !text);
    const box = tip.getBoundingClientRect();
    tip.style.left = `${Math.min(x + 14, innerWidth - box.width - 8)}px`;
    tip.style.top = `${Math.max(8, y - box.height - 12)}px`;
  };

  // Marks of the strips: which selection it is, and what else was selected on the same supernet.
  const rows = new Map();
  for (const row of data.rows) {
    const key = [data.datasets[row[0]], data.recipes[row[1]], data.selectors[row[2]]].join("|");
    if (!rows.has(key)) rows.set(key, []);
    rows.get(key).push(row);
  }
  for (const svg of all("svg.figure")) {
    const groups = all("[data-points]", svg);
    if (!groups.length) continue;
    const marks = new Map();
    for (const group of groups) {
      const of = rows.get(group.dataset.points) || [];
      all("use", group).forEach((mark, index) => { if (of[index]) marks.set(mark, of[index]); });
    }
    const light = (chosen) => {
      for (const [mark, row] of marks) {
        const same = chosen && row[0] === chosen[0] && row[1] === chosen[1] && row[3] === chosen[3];
        mark.classList.toggle("lit", Boolean(same));
        mark.classList.toggle("dim", Boolean(chosen) && !same);
      }
    };
    svg.addEventListener("pointermove", (event) => {
      const row = marks.get(event.target.closest("use"));
      light(row);
      if (!row) { say("", 0, 0); return; }
      const [text, index] = data.architectures[row[5]];
      say(`${data.selectors[row[2]]} on ${data.recipes[row[1]]}\nsupernet seed ${row[3]}, selector seed ${row[4]}\ntest ${fixed(data.accuracy[data.datasets[row[0]]][row[5]], 2)} %, τ best ${fixed(row[6], 2)}, τ mean ${fixed(row[7], 2)}\n#${index} ${text}`, event.clientX, event.clientY);
    });
    svg.addEventListener("pointerleave", () => { light(null); say("", 0, 0); });
  }

  // Series that can be hidden.
  for (const svg of all("svg.figure")) {
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
    svg.before(legend);
  }

  // Comparisons: the baseline can be changed, and the matrix says what lies behind a sign.
  const mirror = { 0: 1, 1: 0 };
  const pairs = new Map();
  for (const [dataset, list] of Object.entries(data.pairs)) {
    for (const [a, b, n, differing, median, low, high, better, betterLow, betterHigh, pAll, all, p, verdict, pBack, back] of list) {
      const first = data.selectors[a], second = data.selectors[b];
      const turned = (value, total) => (value === null ? null : total - value);
      // Seen from the first, `p` and `verdict` are those of the family with the second as baseline.
      pairs.set([dataset, first, second].join("|"), { n, differing, median, low, high, better, betterLow, betterHigh, pAll, all, p, verdict });
      pairs.set([dataset, second, first].join("|"), { n, differing, median: -median, low: turned(high, 0), high: turned(low, 0), better: 1 - better, betterLow: turned(betterHigh, 1), betterHigh: turned(betterLow, 1), pAll, all: mirror[all] ?? all, p: pBack, verdict: back });
    }
  }
  const interval = (low, high, tilde) => (low === null ? "–" : `${tilde}[${fixed(low, 2)}, ${fixed(high, 2)}]`);
  for (const dataset of Object.keys(data.pairs)) {
    const table = document.querySelector(`table[data-name="pairs-${CSS.escape(dataset)}"]`);
    if (!table) continue;
    const tilde = table.textContent.includes("~[") ? "~" : "";
    const names = [...new Set(data.pairs[dataset].flatMap((pair) => [data.selectors[pair[0]], data.selectors[pair[1]]]))];
    const heading = table.closest("figure").previousElementSibling;
    const choose = make("select", { ariaLabel: `baseline on ${dataset}` });
    choose.append(...names.map((name) => make("option", { value: name, textContent: name })));
    choose.value = table.dataset.baseline;
    const compare = (baseline) => {
      const others = names.filter((name) => (pairs.get([dataset, name, baseline].join("|")) || { p: null }).p !== null);
      table.tBodies[0].replaceChildren(...others.map((name) => {
        const c = pairs.get([dataset, name, baseline].join("|"));
        const [words, css, sign] = data.verdicts[c.verdict];
        const values = [name, `${sign} ${words}`, fixed(c.median, 2), interval(c.low, c.high, tilde), fixed(c.better, 2), interval(c.betterLow, c.betterHigh, tilde), c.p < 0.001 ? "<0.001" : fixed(c.p, 3), c.n, c.differing];
        const classes = ["name word", `${css} word`, "", "quiet", "", "quiet"];
        return make("tr", {}, ...values.map((value, index) => make("td", { textContent: value, className: classes[index] || "" })));
      }));
      all("th", table.tHead).forEach((head) => head.removeAttribute("aria-sort"));
      heading.textContent = `${dataset}: against ${baseline}`;
    };
    choose.onchange = () => { compare(choose.value); remember(`baseline-${dataset}`, choose.value); };
    table.closest("figure").querySelector(".tools").prepend(make("label", {}, "compare with ", choose));
    tables.set(`baseline-${dataset}`, (value) => { if (names.includes(value)) { choose.value = value; compare(value); } });
  }
  for (const table of all("table.matrix[data-dataset]")) {
    const columns = all("thead th", table).map((head) => head.textContent);
    table.addEventListener("pointermove", (event) => {
      const cell = event.target.closest("tbody td");
      const name = cell && cell.parentElement.querySelector("th").textContent;
      const other = cell && columns[cell.cellIndex - 1];
      const c = cell && pairs.get([table.dataset.dataset, name, other].join("|"));
      if (!c) { say("", 0, 0); return; }
      say(`${name} − ${other}: ${data.verdicts[c.all][0]}\nmedian ${fixed(c.median, 2)} points ${interval(c.low, c.high, "")}\nP(better) ${fixed(c.better, 2)}, p ${c.pAll} after correction over all pairs, n ${c.n} (${c.differing} differing)`, event.clientX, event.clientY);
    });
    table.addEventListener("pointerleave", () => say("", 0, 0));
  }

  // What the address asks for; a plain #section is left to the browser.
  const asked = location.hash.slice(1);
  if (!sections.has(asked)) {
    for (const part of asked.split("&")) {
      const [key, value] = [part.slice(0, part.indexOf("=")), decodeURIComponent(part.slice(part.indexOf("=") + 1))];
      if (key === "theme" && themes.includes(value)) { setTheme(value); remember(key, value); }
      else if (tables.has(key)) { tables.get(key)(value); remember(key, value); }
    }
  }
  addEventListener("beforeprint", () => all("details").forEach((element) => { element.open = true; }));
})();
