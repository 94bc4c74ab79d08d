"""The finding in a README, from stored results: `python -m nas_selection_bench readme results/NAME README.md`.

The command replaces the text between the lines `<!-- results -->` and `<!-- /results -->`, so that no number is edited
by hand. It reads the tables of the stored results and links to their figure; it needs no ground truth.
"""

import csv
import os
from collections.abc import Sequence
from pathlib import Path

from nas_selection_bench.bench.errors import DAMAGE, DataError, ExitCode, in_brief, joined
from nas_selection_bench.bench.files import given_path, unreadable, write_whole
from nas_selection_bench.bench.parser import Parser
from nas_selection_bench.bench.yardsticks.comparisons import UNJUDGED, Verdict
from nas_selection_bench.bench.yardsticks.floors import RANDOM
from nas_selection_bench.reports.data.founders import Level
from nas_selection_bench.reports.data.text import number
from nas_selection_bench.reports.files.tables import NO_RECIPE
from nas_selection_bench.reports.sections.headline import (
    ALWAYS_3X3,
    FLOOR,
    display_name,
    headline_sentence,
    random_said,
)

BEGIN, END = "<!-- results -->", "<!-- /results -->"
LAST_WORD = tuple(reversed(Level))
"""The families in ascending priority: a criterion in several of them has the verdict of the last, as on the page."""


def block(folder: Path, readme: Path, dataset: str | None = None) -> str:
    """Markdown for the results in `folder` on `dataset` (default: the first), with paths relative to `readme`.

    Raises DataError if the tables of the report are missing or damaged, or hold no results.
    """
    try:
        return _block(folder, readme, dataset)
    except DAMAGE as error:
        raise DataError(f"{folder / 'tables'} is damaged ({in_brief(error)}); redraw its report.") from error


def _block(folder: Path, readme: Path, dataset: str | None) -> str:
    rows = _rows(folder / "tables" / "accuracy.csv", folder)
    rows = [row for row in rows if row["measure"] == "test"]
    chosen = dataset or next((row["dataset"] for row in rows), "")
    rows = [row for row in rows if row["dataset"] == chosen]
    if not rows:
        raise DataError(f"{folder / 'tables'} holds no results{f' on {dataset}' if dataset else ''}.")
    floors = {row["selector"]: float(row["mean"]) for row in rows if row["recipe"] == NO_RECIPE}
    criteria = {row["selector"] for row in rows if row["recipe"] != NO_RECIPE}
    compared = _rows(folder / "tables" / "comparisons.csv", folder)
    compared = [row for row in compared if row["dataset"] == row["lookup"] == chosen]
    here = os.path.relpath(folder, readme.parent).replace(os.sep, "/")
    figure = f"{here}/figures/overview-{chosen}.svg"
    return (
        f"**{_headline(chosen, floors, _verdicts(compared, FLOOR))}**"
        f" {_counts(len(criteria), _verdicts(compared, FLOOR), _verdicts(compared, RANDOM))}\n\n"
        f"![Mean test accuracy of every criterion in its main form]({figure})\n\n"
        f"Mean test accuracy on {display_name(chosen)} and its 95 % interval over supernet seeds, of every criterion in"
        " its main form and of a few variants; orange: shown worse than all 3×3, the baseline (paired tests, Holm's"
        " correction). All criteria,"
        f" seed by seed: [{here}/report.html]({here}/report.html), one file that opens offline, or"
        f" [the table]({here}/tables/accuracy.md).\n"
    )


def _rows(path: Path, folder: Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            return list(csv.DictReader(stream))
    except OSError as error:
        raise unreadable(path, error, f"draw the report of {folder} first") from error


def _verdicts(compared: Sequence[dict[str, str]], baseline: str) -> dict[str, Verdict]:
    """Criterion -> its verdict against `baseline`, family by family as in LAST_WORD, then in the order of the table."""
    return {
        row["first"]: Verdict(row["verdict"])
        for level in LAST_WORD
        for row in compared
        if row["second"] == baseline and row["family"] == level
    }


def _headline(dataset: str, floors: dict[str, float], verdicts: dict[str, Verdict]) -> str:
    """The headline of the page, with the accuracy of the floor."""
    floor = f"{ALWAYS_3X3} ({number(floors.get(FLOOR))} %)"
    better = [name for name, verdict in verdicts.items() if verdict is Verdict.BETTER]
    return headline_sentence(dataset, better, any(verdict not in UNJUDGED for verdict in verdicts.values()), floor)


def _counts(n: int, floor: dict[str, Verdict], chance: dict[str, Verdict]) -> str:
    """The sentence that counts the criteria by their verdict against the floor and against a random choice."""
    of_floor, of_chance = [*floor.values()], [*chance.values()]
    parts = [
        _number(of_floor.count(verdict), one, many)
        for verdict, one, many in (
            (Verdict.WORSE, "is shown worse than that baseline", "are shown worse than that baseline"),
            (
                Verdict.SMALL,
                "differs from it, in the median by less than the noise of training",
                "differ from it, in the median by less than the noise of training",
            ),
            (Verdict.OPEN, "shows no difference", "show no difference"),
            (Verdict.SAME, "always chooses it", "always choose it"),
            (Verdict.TOO_FEW, "has too few seeds to judge", "have too few seeds to judge"),
        )
        if verdict is Verdict.WORSE or verdict in of_floor
    ]
    judged = sum(verdict not in UNJUDGED for verdict in of_chance)
    above = f"; {random_said(judged, of_chance.count(Verdict.BETTER), of_chance.count(Verdict.WORSE))}" * bool(judged)
    return f"Of {n} criteria, {joined(parts)}{above}."


def _number(n: int, one: str, many: str) -> str:
    """A count with its singular or plural phrase: `none are ...`, `1 is ...`."""
    return f"{n or 'none'} {one if n == 1 else many}"


def replace_block(text: str, content: str, readme: Path = Path("README.md")) -> str:
    """The `text` of `readme` with `content` between BEGIN and END; raises DataError if either is missing."""
    before, found, rest = text.partition(BEGIN)
    _, closed, after = rest.partition(END)
    if not found or not closed:
        raise DataError(f"{readme} has no lines {BEGIN} and {END} to put the results between; add them.")
    return f"{before}{BEGIN}\n{content}{END}{after}"


def _text(readme: Path) -> str:
    try:
        return readme.read_text(encoding="utf-8")
    except OSError as error:
        raise unreadable(readme, error) from error
    except UnicodeDecodeError as error:
        raise DataError(f"{readme} is not UTF-8 text ({error}); check the path.") from error


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = Parser(prog="python -m nas_selection_bench readme", description=__doc__.splitlines()[0])
    parser.add_argument("results", type=given_path, help="folder of stored results")
    parser.add_argument("readme", type=given_path, help="file to write into")
    parser.add_argument("--dataset", metavar="NAME", help="data set to report (the first of the results)")
    options = parser.parse_args(arguments)
    content = block(options.results, options.readme, options.dataset)
    write_whole(options.readme, replace_block(_text(options.readme), content, options.readme))
    return ExitCode.OK
