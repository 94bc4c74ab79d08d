"""The picture and the table of a README, from stored results: `python -m reports.files.readme results/NAME README.md`.

Replaces what stands between the lines `<!-- results -->` and `<!-- /results -->`, so that nobody edits numbers by
hand. Reads tables/accuracy.csv of the stored results and refers to their figure; no ground truth is needed. Of many
selectors the table shows those in focus (reports/data/in_figures.py) and the baselines, and says where the others are.
"""

import argparse
import csv
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.errors import BenchError, DataError, ExitCode
from bench.files import write_whole
from bench.yardsticks.comparisons import UNTOLD, Verdict
from reports.data.contests import BASELINES
from reports.data.founders import Level
from reports.data.in_figures import focus
from reports.data.results import ONE_DRAW, ONE_DRAW_SAID
from reports.data.text import number, spread, to_markdown
from reports.files.tables import NO_RECIPE

BEGIN, END = "<!-- results -->", "<!-- /results -->"
FLOORS = ("optimum", "constant-order", "params", "random")
PARTIAL_SAID = "* mean over what is there: recipes are missing, or some selections failed."
CALLED = {"constant-order": BASELINES["constant-order"], "random": "a random architecture"}
MOST = 16
"""Selectors that a table in a README can show."""


def block(folder: Path, readme: Path, dataset: str | None = None) -> str:
    """Markdown for the results in `folder`, with paths relative to `readme`; the first data set unless one is named."""
    path = folder / "tables" / "accuracy.csv"
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            rows = [row for row in csv.DictReader(stream) if row["measure"] == "test"]
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); draw the report of {folder} first.") from error
    chosen = dataset or next((row["dataset"] for row in rows), "")
    rows = [row for row in rows if row["dataset"] == chosen]
    if not rows:
        raise DataError(f"{path} holds no results{f' on {dataset}' if dataset else ''}.")
    recipes = sorted({row["recipe"] for row in rows} - {NO_RECIPE})
    entries, left_out = _selectors([row for row in rows if row["recipe"] != NO_RECIPE], recipes)
    for row in rows:
        if row["recipe"] == NO_RECIPE and row["selector"] in FLOORS:
            mean = float(row["mean"])
            entries.append((mean, [f"*{row['selector']}*", f"*{number(mean)}*", *("" for _ in recipes)]))
    entries.sort(key=lambda entry: (-entry[0], entry[1][0]))
    here = os.path.relpath(folder, readme.parent).replace(os.sep, "/")
    table = to_markdown(["selector", "mean", *recipes], [cells for _, cells in entries])
    said = "".join(
        f" {note}"
        for mark, note in ((ONE_DRAW, ONE_DRAW_SAID), ("*", PARTIAL_SAID))
        if any(cell.endswith(mark) and not cell.startswith("*") for _, cells in entries for cell in cells)
    )
    rest = f"{left_out} more selectors are in [the whole table]({here}/tables/accuracy.md); the" if left_out else "The"
    return (
        f"![Test accuracy of every selection on {chosen}]({here}/figures/accuracy-{chosen}.svg)\n\n"
        f"Test accuracy on {chosen}, %: mean over recipes, then per recipe mean ± standard deviation over supernet"
        f" seeds (seeds); italics are floors and ceilings of the table alone.{said} {rest} report is in"
        f" [{here}]({here}).{_verdicts(folder, chosen)}\n\n{table}"
    )


def _verdicts(folder: Path, dataset: str) -> str:
    """How many of all selectors were shown to differ from the floors; nothing where no comparison is stored."""
    path = folder / "tables" / "comparisons.csv"
    if not path.is_file():
        return ""
    with path.open(newline="", encoding="utf-8") as stream:
        every = list(csv.DictReader(stream))
    level = Level.MAIN if any(row["family"] == Level.MAIN for row in every) else Level.FOUNDING
    rows = [row for row in every if (row["dataset"], row["lookup"], row["family"]) == (dataset, dataset, level)]
    parts = []
    for floor in ("constant-order", "random"):
        verdicts = [Verdict(row["verdict"]) for row in rows if row["second"] == floor]
        judged = sum(verdict not in UNTOLD for verdict in verdicts)
        if judged:
            better, worse = (verdicts.count(verdict) or "none" for verdict in (Verdict.BETTER, Verdict.WORSE))
            parts.append(f"{better} better and {worse} worse than {CALLED[floor]} ({judged} of {len(verdicts)} judged)")
    return f"\n\n**Of the main forms, after Holm's correction: {'; '.join(parts)}.**" if parts else ""


def _selectors(rows: Sequence[Mapping[str, str]], recipes: Sequence[str]) -> tuple[list[tuple[float, list[str]]], int]:
    """Mean and cells of each selector that is shown, and how many are not."""
    lines: dict[str, dict[str, Mapping[str, str]]] = {}
    for row in rows:
        lines.setdefault(row["selector"], {})[row["recipe"]] = row
    means = {name: sum(float(row["mean"]) for row in of.values()) / len(of) for name, of in lines.items()}
    best_first = sorted(means, key=lambda name: (-means[name], name))
    shown = {*focus(best_first, most=MOST), *(name for name in best_first if name in BASELINES)}
    entries = []
    for name in best_first:
        if name in shown:
            of = lines[name]
            partial = len(of) < len(recipes) or any(row.get("cells_without_result") for row in of.values())
            marked = name + ONE_DRAW if any(row.get("one_draw_per_seed") for row in of.values()) else name
            cells = [_spread(of[recipe]) if recipe in of else "–" for recipe in recipes]
            entries.append((means[name], [marked, number(means[name]) + ("*" if partial else ""), *cells]))
    return entries, len(lines) - len(shown)


def _spread(row: Mapping[str, str]) -> str:
    deviation = float(row["sd_over_supernets"]) if row["sd_over_supernets"] else None
    lost = "*" if row.get("cells_without_result") else ""
    return spread(float(row["mean"]), deviation, int(row["supernet_seeds"])) + lost


def replace_block(text: str, content: str) -> str:
    """`text` with `content` between the two marks; raises DataError where they are missing."""
    before, found, rest = text.partition(BEGIN)
    _, closed, after = rest.partition(END)
    if not found or not closed:
        raise DataError(f"The README has no lines {BEGIN} and {END} to put the results between.")
    return f"{before}{BEGIN}\n{content}{END}{after}"


def _text(readme: Path) -> str:
    try:
        return readme.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{readme} cannot be read ({error}).") from error


def main(arguments: list[str] | None = None) -> int:
    """The command; answers with an exit code."""
    parser = argparse.ArgumentParser(prog="python -m reports.files.readme", description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, help="folder of stored results")
    parser.add_argument("readme", type=Path, help="file to write into")
    parser.add_argument("--dataset", help="which data set (the first)")
    options = parser.parse_args(arguments)
    try:
        content = block(options.results, options.readme, options.dataset)
        write_whole(options.readme, replace_block(_text(options.readme), content))
    except BenchError as error:
        print(f"reports.files.readme: {error}", file=sys.stderr)
        return error.exit_code
    return ExitCode.OK


if __name__ == "__main__":
    sys.exit(main())
