"""Figures for papers from stored results: `python -m nas_selection_bench figures results/NAME --to DIR`.

There are four kinds per data set, each drawn if the results hold its data: criteria-DATASET (mean accuracy and
interval, with floors), proxies-DATASET (zero-cost proxies by schemes), doses-DATASET-OPERATION (if a share was imposed)
and agreement-DATASET (Kendall's tau against accuracy). The same results give the same bytes.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from nas_selection_bench.bench.commands import resolve
from nas_selection_bench.bench.commands.options import parse_options
from nas_selection_bench.bench.errors import ExitCode
from nas_selection_bench.bench.files import given_path, make_folder, unwritable
from nas_selection_bench.bench.parser import Parser
from nas_selection_bench.bench.problem.datasets import data_root
from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.bench.work.pack import opened
from nas_selection_bench.bench.work.run_file import run_of
from nas_selection_bench.reports.data.contests import FLOOR, Contest
from nas_selection_bench.reports.data.doses import dosed_options, responses, rows_with_doses
from nas_selection_bench.reports.data.material import Material
from nas_selection_bench.reports.data.results import Results
from nas_selection_bench.reports.figures import for_papers
from nas_selection_bench.reports.sections.dose_response import CALLED, floors_of
from nas_selection_bench.reports.sections.overview import Overview, forms, overview, round_ticks
from nas_selection_bench.reports.sections.who_beats_whom import MARKS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

IN_FIGURE = (FLOOR, "params")
"""Floors shown in the figure of agreement; random choices agree with nothing, so they are left out."""


def figures(source: Material) -> Iterator[tuple[str, "Figure"]]:
    """(name without suffix, figure) of every figure that the results allow; consume it within `plain_style`."""
    for contest in source.contests:
        if not contest.standings:
            continue
        dataset, found = contest.dataset, overview(source, contest)
        if found.main:
            ticks = round_ticks(found.axis)
            yield f"criteria-{dataset}", for_papers.criteria(*forms(found), found.axis.optimum, ticks)
        if found.matrix:
            yield f"proxies-{dataset}", for_papers.proxies(*matrix(found))
        frame = rows_with_doses(source.results, dataset)
        for option in dosed_options(frame):
            read = responses(frame, option)
            if read:
                floors = floors_of(source, dataset, option)
                yield f"doses-{dataset}-{option}", for_papers.doses(read, CALLED[option], floors)
        points = agreements(source, contest)
        if points:
            floors_at = {
                yardstick.name: (yardstick.tau_mean, yardstick.test)
                for yardstick in source.yardsticks[dataset]
                if yardstick.name in IN_FIGURE and yardstick.tau_mean is not None
            }
            yield f"agreement-{dataset}", for_papers.agreement(points, floors_at, found.axis.optimum)


def matrix(found: Overview) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Mean accuracies and verdict signs, proxies by schemes; nan and "" for combinations without a criterion."""
    entries = {
        proxy: {scheme: of.get(scheme) for scheme in found.schemes} for proxy, of in found.matrix.items()
    }  # fmt: skip
    means = {p: {s: np.nan if e is None else e.standing.mean for s, e in of.items()} for p, of in entries.items()}
    signs = {
        p: {s: f" {MARKS[e.verdict][1]}" if e is not None and e.verdict else "" for s, e in of.items()}
        for p, of in entries.items()
    }
    return tuple(pd.DataFrame.from_dict(of, orient="index", columns=found.schemes) for of in (means, signs))  # type: ignore[return-value]


def agreements(source: Material, contest: Contest) -> list[for_papers.Agreement]:
    """Mean tau and mean accuracy of each criterion over its selections, best mean accuracy first."""
    taus: dict[str, list[float]] = {}
    for line in source.tau_mean:
        if line.dataset == contest.dataset:
            taus.setdefault(line.method, []).append(line.mean)
    main = set(contest.ranked)
    return [
        for_papers.Agreement(s.method, float(np.mean(taus[s.method])), s.mean, s.method in main)
        for s in contest.standings
        if s.method in taus
    ]


def draw(folder: Path, table: GroundTruth, to: Path, kind: str = "pdf") -> list[Path]:
    """Write the figures of the results in `folder`, packed or not, to `to` and return their paths.

    Raises DataError if the folder holds no readable results or a figure cannot be written.
    """
    with opened(folder) as whole:
        source = Material(Results.read(whole), table, to)
        make_folder(to)
        written = []
        with for_papers.plain_style():
            for name, figure in figures(source):
                path = to / f"{name}.{kind}"
                try:
                    for_papers.save(figure, path)
                except OSError as error:
                    raise unwritable(path, error) from error
                written.append(path)
    return written


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    os.environ["MPLBACKEND"] = "agg"  # draw to files only, whatever backend a notebook or a desktop sets
    parser = Parser(prog="python -m nas_selection_bench figures", description=__doc__.splitlines()[0])
    parser.add_argument("results", type=given_path, help="folder of stored results")
    parser.add_argument("--to", type=given_path, required=True, metavar="DIR", help="folder to write into")
    parser.add_argument("--format", choices=for_papers.FORMATS, default="pdf", help="file format (pdf)")
    parser.add_argument(
        "--table", type=given_path, metavar="FILE", help="the ground truth that the results were looked up in"
    )
    given = parser.parse_args(arguments)
    options = parse_options([] if given.table is None else ["--table", str(given.table)])
    table = resolve.find_table(options, list(run_of(given.results)["datasets"]), data_root(needed=False))
    written = draw(given.results, table, given.to, given.format)
    for path in written:
        print(path)
    return int(ExitCode.OK if written else ExitCode.NOTHING_MEASURED)
