"""Numbers and tables as text: fixed decimals, CSV with exact floats, Markdown, LaTeX."""

import csv
import io
import math
from collections.abc import Iterable, Sequence
from html import escape

from nas_selection_bench.bench.errors import joined
from nas_selection_bench.bench.yardsticks.intervals import Interval

Value = str | float | int | None

_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$", "<": r"$<$", ">": r"$>$", "−": "$-$",
    "–": "--", "×": r"$\times$", "τ": r"$\tau$", "·": r"$\cdot$", "†": r"$\dagger$",
}  # fmt: skip


def number(value: float | None, decimals: int = 2) -> str:
    """`value` with fixed decimals and a true minus sign, never -0.00; an en dash for None or nan."""
    if value is None or math.isnan(value):
        return "–"
    text = f"{value:.{decimals}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", "−")


def signed(value: float) -> str:
    """A number with its sign: `+0.04`, `−15.92`; zero has none."""
    text = number(value)
    return text if text.startswith("−") or not float(text) else f"+{text}"


def criteria(number: int) -> str:
    """A number of criteria: `1 criterion`, `27 criteria`."""
    return "1 criterion" if number == 1 else f"{number} criteria"


def from_to(values: Sequence[int]) -> str:
    """The range of `values`: `3`, or `3 to 9`; an en dash for no values."""
    if not values:
        return "–"
    low, high = min(values), max(values)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def p_text(p: float) -> str:
    """A p value with three decimals, or `<0.001`."""
    return "<0.001" if p < 0.001 else number(p, 3)


def p_said(p: float) -> str:
    """`p = 0.417`, or `p < 0.001`."""
    return f"p {p_text(p).replace('<', '< ') if p < 0.001 else f'= {p_text(p)}'}"


def trainings_text(worth: float | None) -> str:
    """A number of trainings: an infinity sign if no number suffices, an en dash if it is unknown."""
    if worth is None or math.isnan(worth):
        return "–"
    return "∞" if worth == float("inf") else f"{worth:,.0f}"


def spread(mean: float, deviation: float | None, n: int, decimals: int = 2) -> str:
    """`mean ± deviation (n)`, or `mean (n)` without a deviation."""
    around = "" if deviation is None else f" ± {number(deviation, decimals)}"
    return f"{number(mean, decimals)}{around} ({n})"


def interval_text(interval: Interval | None) -> str:
    """`[low, high]`, with a tilde if it is rough; an en dash for None and for an interval of zero width."""
    if interval is None or interval.low == interval.high:
        return "–"
    return f"{'~' if interval.rough else ''}[{number(interval.low)}, {number(interval.high)}]"


def duration(seconds: float | None) -> str:
    """Seconds in readable units: 0.03 s, 4.2 s, 12 s, 4.2 min, 1.3 h; an en dash for None, nan and 0."""
    if seconds is None or math.isnan(seconds) or seconds == 0:
        return "–"
    for unit, size in (("h", 3600.0), ("min", 60.0)):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.1f} {unit}"
    if seconds >= 1:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    return f"{seconds:.2g} s"


def to_csv(header: Sequence[str], rows: Iterable[Sequence[Value]]) -> str:
    """CSV with floats that read back exactly; None is an empty field."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return stream.getvalue()


def to_markdown(header: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """A Markdown table with the first `left` columns left-aligned and the others right-aligned."""
    ruler = [":--" if i < left else "--:" for i in range(len(header))]
    lines = [header, ruler, *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def latex(text: str) -> str:
    """`text` with LaTeX's special characters escaped."""
    return "".join(_LATEX.get(character, character) for character in text)


def to_latex(header: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """A LaTeX tabular, with the first `left` columns left-aligned; it needs the package booktabs."""
    columns = "l" * left + "r" * (len(header) - left)
    body = "".join(" & ".join(map(latex, row)) + r" \\" + "\n" for row in rows)
    return (
        f"% needs \\usepackage{{booktabs}}\n\\begin{{tabular}}{{{columns}}}\n\\toprule\n"
        + " & ".join(map(latex, header))
        + f" \\\\\n\\midrule\n{body}\\bottomrule\n\\end{{tabular}}\n"
    )


def some(names: Sequence[str], most: int) -> str:
    """`a, b and c`, or `a, b and 3 more` for more than `most` + 1 names."""
    if len(names) > most + 1:
        return ", ".join(names[:most]) + f" and {len(names) - most} more"
    return joined(names)


def listed(names: Sequence[str], most: int = 6) -> str:
    """The names as in `some`, as HTML, each in bold up to its opening bracket."""
    parts = (name.partition(" (") for name in names)
    return some([f"<b>{escape(name)}</b>{bracket}{escape(rest)}" for name, bracket, rest in parts], most)
