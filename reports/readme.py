"""The picture and the table of a README, from stored results: `python -m reports.readme results/NAME README.md`.

Replaces what stands between the lines `<!-- results -->` and `<!-- /results -->`, so that nobody edits numbers by
hand. Reads tables/accuracy.csv of the stored results and refers to their figure; no ground truth is needed.
"""

import argparse
import csv
import os
import sys
from pathlib import Path

from bench.errors import BenchError, DataError, ExitCode
from bench.storage import write_whole
from reports.tables import NO_RECIPE
from reports.text import number, spread, to_markdown

BEGIN, END = "<!-- results -->", "<!-- /results -->"
FLOORS = ("optimum", "constant-order", "params", "random")


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
    lines: dict[str, dict[str, str]] = {}
    means: dict[str, list[float]] = {}
    for row in rows:
        if row["recipe"] != NO_RECIPE:
            deviation = float(row["sd_over_supernets"]) if row["sd_over_supernets"] else None
            shown = spread(float(row["mean"]), deviation, int(row["supernet_seeds"]))
            lines.setdefault(row["selector"], {})[row["recipe"]] = shown
            means.setdefault(row["selector"], []).append(float(row["mean"]))
    entries = [
        (sum(of) / len(of), [name, number(sum(of) / len(of)), *(lines[name].get(recipe, "–") for recipe in recipes)])
        for name, of in means.items()
    ]
    for row in rows:
        if row["recipe"] == NO_RECIPE and row["selector"] in FLOORS:
            mean = float(row["mean"])
            entries.append((mean, [f"*{row['selector']}*", f"*{number(mean)}*", *("" for _ in recipes)]))
    entries.sort(key=lambda entry: (-entry[0], entry[1][0]))
    here = os.path.relpath(folder, readme.parent).replace(os.sep, "/")
    table = to_markdown(["selector", "mean", *recipes], [cells for _, cells in entries])
    return (
        f"![Test accuracy of every selection on {chosen}]({here}/figures/accuracy-{chosen}.svg)\n\n"
        f"Test accuracy on {chosen}, %: mean over recipes, then per recipe mean ± standard deviation over supernet"
        " seeds (seeds); italics are floors and ceilings of the table alone."
        f" More in [{here}]({here}).\n\n{table}"
    )


def replace_block(text: str, content: str) -> str:
    """`text` with `content` between the two marks; raises DataError where they are missing."""
    before, found, rest = text.partition(BEGIN)
    _, closed, after = rest.partition(END)
    if not found or not closed:
        raise DataError(f"The README has no lines {BEGIN} and {END} to put the results between.")
    return f"{before}{BEGIN}\n{content}{END}{after}"


def main(arguments: list[str] | None = None) -> int:
    """The command; answers with an exit code."""
    parser = argparse.ArgumentParser(prog="python -m reports.readme", description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, help="folder of stored results")
    parser.add_argument("readme", type=Path, help="file to write into")
    parser.add_argument("--dataset", help="which data set (the first)")
    options = parser.parse_args(arguments)
    try:
        content = block(options.results, options.readme, options.dataset)
        write_whole(options.readme, replace_block(options.readme.read_text(encoding="utf-8"), content))
    except BenchError as error:
        print(f"reports.readme: {error}", file=sys.stderr)
        return error.exit_code
    return ExitCode.OK


if __name__ == "__main__":
    sys.exit(main())
