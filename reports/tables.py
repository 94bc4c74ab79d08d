"""tables/accuracy and tables/kendall_tau: mean, spread and n of every method, with floors and ceilings.

The CSV holds one line per data set, setting, method and measure with exact numbers; Markdown and LaTeX show
the same as `mean ± standard deviation over supernet seeds (n)`.
"""

from collections.abc import Sequence
from pathlib import Path

from bench.storage import write_whole
from bench.table import GroundTruth
from bench.yardsticks import Yardstick, floors_and_ceilings
from reports.results import Results
from reports.summary import Line, lines
from reports.text import Cell, number, spread, to_csv, to_latex, to_markdown

HEADER = (
    "dataset", "recipe", "selector", "kind", "measure", "mean", "sd_over_supernets", "lowest", "highest",
    "interval_low", "interval_high", "supernet_seeds", "selector_seeds", "sd_selector_seeds",
)  # fmt: skip
ACCURACY = ("test", "valid", "regret", "percentile", "gain")
KENDALL_TAU = ("tau_best", "tau_mean", "tau_best_no_none", "tau_mean_no_none", "tau_space")
NO_RECIPE = "(table)"


def yardsticks(results: Results, table: GroundTruth) -> dict[str, list[Yardstick]]:
    """Floors and ceilings of every data set of the results that the table knows."""
    return {name: floors_and_ceilings(table, name) for name in results.datasets if name in table.datasets}


def _line_row(line: Line, measure: str) -> list[Cell]:
    interval, components = line.interval, line.components
    return [
        line.dataset, line.setting, line.method, "selector", measure, line.mean, line.deviation, line.low, line.high,
        None if interval is None else interval.low, None if interval is None else interval.high,
        line.n, line.selector_seeds, None if components is None else components.selector,
    ]  # fmt: skip


def _exact(results: Results, found: dict[str, list[Yardstick]], measures: Sequence[str]) -> str:
    rows: list[list[Cell]] = []
    for measure in measures:
        rows += [_line_row(line, measure) for line in lines(results, measure)]
        for dataset, sticks in found.items():
            for stick in sticks:
                value = getattr(stick, measure)
                if value is not None:
                    rows.append([dataset, NO_RECIPE, stick.name, "yardstick", measure, value, *[None] * 7, None])
    return to_csv(HEADER, rows)


def _readable(
    results: Results, found: dict[str, list[Yardstick]], measures: Sequence[str], decimals: int
) -> tuple[list[str], list[list[str]]]:
    """Header and rows: one row per setting and method, one column per data set and measure."""
    columns = [(dataset, measure) for dataset in results.datasets for measure in measures]
    header = ["recipe", "selector", *(f"{d} {m}" if len(measures) > 1 else d for d, m in columns)]
    cells: dict[tuple[str, str], dict[tuple[str, str], str]] = {}
    means: dict[tuple[str, str], float] = {}
    for measure in measures:
        for line in lines(results, measure):
            place = (line.setting, line.method)
            cells.setdefault(place, {})[line.dataset, measure] = spread(line.mean, line.deviation, line.n, decimals)
            means.setdefault(place, line.mean)
    # Best first inside a recipe, by the first data set and measure that the method has.
    order = sorted(cells, key=lambda place: (place[0], -means[place], place[1]))
    rows = [[*place, *(cells[place].get(column, "–") for column in columns)] for place in order]
    names = dict.fromkeys(stick.name for sticks in found.values() for stick in sticks)
    for name in names:
        values = {
            (dataset, measure): number(getattr(stick, measure), decimals)
            for dataset, sticks in found.items()
            for stick in sticks
            for measure in measures
            if stick.name == name
        }
        if any(value != "–" for value in values.values()):
            rows.append([NO_RECIPE, name, *(values.get(column, "–") for column in columns)])
    return header, rows


def write_tables(results: Results, table: GroundTruth, folder: Path) -> None:
    """Write accuracy and kendall_tau as .csv, .md and .tex into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    found = yardsticks(results, table)
    for name, exact, shown, decimals in (
        ("accuracy", ACCURACY, ("test",), 2),
        ("kendall_tau", KENDALL_TAU, ("tau_best", "tau_mean"), 3),
    ):
        header, rows = _readable(results, found, shown, decimals)
        write_whole(folder / f"{name}.csv", _exact(results, found, exact))
        write_whole(folder / f"{name}.md", to_markdown(header, rows, left=2))
        write_whole(folder / f"{name}.tex", to_latex(header, rows, left=2))
