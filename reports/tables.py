"""tables/accuracy and tables/kendall_tau: mean, spread and n of every method, with floors and ceilings.

The CSV holds one line per data set, setting, method and measure with exact numbers; Markdown and LaTeX show
the same as `mean ± standard deviation over supernet seeds (n)`.
"""

from collections.abc import Sequence
from pathlib import Path

from bench.storage import write_whole
from reports.source import Source
from reports.summary import Line
from reports.text import Cell, number, spread, to_csv, to_latex, to_markdown

HEADER = (
    "dataset", "recipe", "selector", "kind", "measure", "mean", "sd_over_supernets", "lowest", "highest",
    "interval_low", "interval_high", "supernet_seeds", "selector_seeds", "sd_selector_seeds",
)  # fmt: skip
ACCURACY = ("test", "valid", "regret", "percentile", "gain")
KENDALL_TAU = ("tau_best", "tau_mean", "tau_best_no_none", "tau_mean_no_none", "tau_space")
NO_RECIPE = "(table)"
NOISE_CEILING = "noise ceiling"


def _line_row(line: Line, measure: str) -> list[Cell]:
    interval, components = line.interval, line.components
    return [
        line.dataset, line.setting, line.method, "selector", measure, line.mean, line.deviation, line.low, line.high,
        None if interval is None else interval.low, None if interval is None else interval.high,
        line.n, line.selector_seeds, None if components is None else components.selector,
    ]  # fmt: skip


def _ceiling(source: Source, dataset: str, measure: str) -> float | None:
    """The noise ceiling of a measure; accuracies have none."""
    value = source.ceilings[dataset].get(measure)
    return value if isinstance(value, float) else None


def _exact(source: Source, measures: Sequence[str]) -> str:
    rows: list[list[Cell]] = []
    for measure in measures:
        rows += [_line_row(line, measure) for line in source.lines(measure)]
        for dataset, sticks in source.sticks.items():
            for stick in sticks:
                value = getattr(stick, measure)
                if value is not None:
                    rows.append([dataset, NO_RECIPE, stick.name, "yardstick", measure, value, *[None] * 8])
            ceiling = _ceiling(source, dataset, measure)
            if ceiling is not None:
                rows.append([dataset, NO_RECIPE, NOISE_CEILING, "ceiling", measure, ceiling, *[None] * 8])
    return to_csv(HEADER, rows)


def _readable(source: Source, measures: Sequence[str], decimals: int) -> tuple[list[str], list[list[str]]]:
    """Header and rows: one row per setting and method, one column per data set and measure."""
    columns = [(dataset, measure) for dataset in source.datasets for measure in measures]
    header = ["recipe", "selector", *(f"{d} {m}" if len(measures) > 1 else d for d, m in columns)]
    cells: dict[tuple[str, str], dict[tuple[str, str], str]] = {}
    means: dict[tuple[str, str], float] = {}
    for measure in measures:
        for line in source.lines(measure):
            place = (line.setting, line.method)
            cells.setdefault(place, {})[line.dataset, measure] = spread(line.mean, line.deviation, line.n, decimals)
            means.setdefault(place, line.mean)
    # Best first inside a recipe, by the first data set and measure that the method has.
    order = sorted(cells, key=lambda place: (place[0], -means[place], place[1]))
    rows = [[*place, *(cells[place].get(column, "–") for column in columns)] for place in order]
    names = dict.fromkeys(stick.name for sticks in source.sticks.values() for stick in sticks)
    for name in names:
        values = {
            (dataset, measure): number(getattr(stick, measure), decimals)
            for dataset, sticks in source.sticks.items()
            for stick in sticks
            for measure in measures
            if stick.name == name
        }
        if any(value != "–" for value in values.values()):
            rows.append([NO_RECIPE, name, *(values.get(column, "–") for column in columns)])
    ceilings = [_ceiling(source, dataset, measure) for dataset, measure in columns]
    if any(ceiling is not None for ceiling in ceilings):
        rows.append([NO_RECIPE, NOISE_CEILING, *(number(ceiling, decimals) for ceiling in ceilings)])
    return header, rows


def write_tables(source: Source, folder: Path) -> None:
    """Write accuracy and kendall_tau as .csv, .md and .tex into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, exact, shown, decimals in (
        ("accuracy", ACCURACY, ("test",), 2),
        ("kendall_tau", KENDALL_TAU, ("tau_best", "tau_mean"), 3),
    ):
        header, rows = _readable(source, shown, decimals)
        write_whole(folder / f"{name}.csv", _exact(source, exact))
        write_whole(folder / f"{name}.md", to_markdown(header, rows, left=2))
        write_whole(folder / f"{name}.tex", to_latex(header, rows, left=2))
