"""report.html: one file that shows everything, offline, the same bytes for the same records."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from bench.space import parse, to_string
from bench.statistics import Verdict
from bench.storage import write_whole
from bench.table import GroundTruth
from reports.appendix import failures_section, provenance_section, published_section
from reports.behaviour import (
    bias_section,
    chosen_section,
    cost_section,
    ranking_section,
    training_section,
    transfer_section,
)
from reports.blocks import Section
from reports.finding import findings, gaps
from reports.outcome import pairs_section, results_section, strips_section
from reports.results import Results
from reports.source import Source
from reports.tables import write_tables

LIMIT = 2_000_000
"""Bytes that the page should stay under, so that it can be mailed."""


def write_report(out: Path, table: GroundTruth) -> Path:
    """Draw tables/, figures/ and report.html in `out` from its records.csv, scores.csv, costs.csv and run.json.

    Returns the path of the page. Raises DataError for a folder without results.
    """
    results = Results.read(out)
    source = Source(results, table, out / "figures")
    write_tables(results, table, out / "tables")
    page = out / "report.html"
    write_whole(page, render(source))
    return page


def sections(source: Source) -> list[Section]:
    """The sections in reading order; those that need results are left out where there are none."""
    if not source.datasets:
        return [failures_section(source), provenance_section(source)]
    return [
        results_section(source),
        strips_section(source),
        pairs_section(source),
        ranking_section(source),
        chosen_section(source),
        training_section(source),
        cost_section(source),
        bias_section(source),
        transfer_section(source),
        failures_section(source),
        published_section(source),
        provenance_section(source),
    ]


def render(source: Source) -> str:
    """The page as text; figures are written to `source.figures` on the way."""
    folder = files("reports")
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string(folder.joinpath("page.html").read_text(encoding="utf-8"))
    data = json.dumps(page_data(source), separators=(",", ":"), sort_keys=True, allow_nan=False)
    return template.render(
        sections=sections(source),
        gaps=[Markup(text) for text in gaps(source)],
        findings=[Markup(text) for text in findings(source)],
        counts=source.results.counts(),
        run=source.results.run,
        datasets=source.results.datasets,
        settings=source.results.settings,
        style=Markup(folder.joinpath("page.css").read_text(encoding="utf-8")),
        script=Markup(folder.joinpath("page.js").read_text(encoding="utf-8")),
        # Inside a script element only "</" could end it early.
        data=Markup(data.replace("</", "<\\/")),
    )


def page_data(source: Source) -> dict[str, Any]:
    """What the page's script reads and the reader can download: one row per selection, and all comparisons."""
    final = source.results.final.sort_values(
        ["dataset", "setting", "method", "supernet_seed", "selector_seed"], kind="stable"
    )
    final = final[final["dataset"].isin(source.datasets)]
    architectures = sorted(set(final["architecture"]))
    place = {text: number for number, text in enumerate(architectures)}
    pairs = {
        contest.dataset: [
            [
                c.first, c.second, c.n, c.differing, _rounded(c.median),
                *([_rounded(c.median_interval.low), _rounded(c.median_interval.high)] if c.median_interval else [None] * 2),
                _rounded(c.improvement),
                *(
                    [_rounded(c.improvement_interval.low), _rounded(c.improvement_interval.high)]
                    if c.improvement_interval
                    else [None] * 2
                ),
                float(f"{c.p_holm:.3g}"), list(Verdict).index(c.verdict),
            ]
            for c in contest.comparisons
        ]
        for contest in source.contests
    }  # fmt: skip
    return {
        "architectures": [[to_string(parse(text)), int(source.table.index[source.table.position(text)])]
                          for text in architectures],
        "accuracy": {
            name: [_rounded(source.table.accuracy(name)[source.table.position(text)], 4) for text in architectures]
            for name in source.datasets
        },
        "columns": ["dataset", "recipe", "selector", "supernet_seed", "selector_seed", "architecture", "tau_best",
                    "tau_mean"],
        "rows": [
            [row.dataset, row.setting, row.method, int(row.supernet_seed), int(row.selector_seed),
             place[row.architecture], _rounded(row.tau_best), _rounded(row.tau_mean)]
            for row in final.itertuples()
        ],
        "pair_columns": ["first", "second", "n", "differing", "median", "median_low", "median_high", "p_better",
                         "p_better_low", "p_better_high", "p_holm", "verdict"],
        "pairs": pairs,
        "verdicts": [str(verdict) for verdict in Verdict],
    }  # fmt: skip


def _rounded(value: float, decimals: int = 3) -> float:
    # Adding zero turns -0.0 into 0.0.
    return round(float(value), decimals) + 0.0
