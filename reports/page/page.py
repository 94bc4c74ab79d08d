"""report.html: the whole report in one file that works offline; the same records give the same bytes."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import jinja2
from markupsafe import Markup

from nas_selection_bench.bench.files import write_whole
from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.bench.work.store import Store
from nas_selection_bench.bench.yardsticks.kendall import reuse_memory
from nas_selection_bench.reports.data.contests import Contest
from nas_selection_bench.reports.data.material import Material
from nas_selection_bench.reports.data.results import Results
from nas_selection_bench.reports.figures.svg import style_sheet
from nas_selection_bench.reports.files.tables import write_tables
from nas_selection_bench.reports.page.page_data import page_data
from nas_selection_bench.reports.sections.advice import advice_section
from nas_selection_bench.reports.sections.appendix import glossary_section, provenance_section, published_section
from nas_selection_bench.reports.sections.behaviour import (
    bias_section,
    cost_section,
    ranking_section,
    training_section,
    transfer_section,
)
from nas_selection_bench.reports.sections.blocks import Picture, Section, gathered
from nas_selection_bench.reports.sections.chosen_cells import chosen_section
from nas_selection_bench.reports.sections.dose_response import dose_section, first_dose
from nas_selection_bench.reports.sections.factorial import factorial_section
from nas_selection_bench.reports.sections.failures import failures_section
from nas_selection_bench.reports.sections.finding import details_section
from nas_selection_bench.reports.sections.gaps import gaps
from nas_selection_bench.reports.sections.headline import conditions, headline, lead, named, note
from nas_selection_bench.reports.sections.methods import methods_section
from nas_selection_bench.reports.sections.overview import markup, overview, small_figure
from nas_selection_bench.reports.sections.pictures import write_figure
from nas_selection_bench.reports.sections.results import results_section, strips_section
from nas_selection_bench.reports.sections.score_maps import score_maps_section
from nas_selection_bench.reports.sections.stopping import stopping_section
from nas_selection_bench.reports.sections.who_beats_whom import pairs_section

LIMIT = 1_980_000
"""Largest size of the page in bytes, so that it can be mailed."""

DRAWN_WITH = ("numpy", "scipy", "pandas", "jinja2")
"""Packages whose versions affect the bytes of the page; the page names them."""

BEGINNING = re.compile(
    rb'<svg xmlns="[^"]+" viewBox="[^"]+" width="[^"]+" height="[^"]+" class="figure">\n<style>|dataset,'
)
"""Pattern of the first bytes of figures and CSV tables of a report."""

SCRIPTS = ("controls.js", "point_at_marks.js", "pair_details.js")
"""Parts of the page's script, in order: they share one scope, and later parts use the definitions of earlier ones."""

TOGETHER = re.compile(
    r"(?<=[\d)]) (?=(?:%|points?|s|min|h)(?![\w%]))|(?<=\b[nNp]) (?=[=≤<] ?[\d−])|(?<=\b[nNp] [=≤]) (?=[\d−])"
)
"""Pattern of spaces at which a line must not break: between a number and its unit, and in `n = 3`."""

WHERE_RUN = (transfer_section, dose_section, stopping_section, factorial_section)
"""Sections that need data which not every output folder holds."""

KEPT_FIRST = ("accuracy-", "tau-", "epochs-", "cost-", "operations-", "ranking-", "scores-")
"""Prefixes of the figures that may be left out if the page would exceed LIMIT; earlier ones are kept longer."""


def write_report(out: Path, table: GroundTruth, store: Store | None = None) -> Path:
    """Write tables/, figures/ and report.html in `out` from its records.csv, scores.csv, costs.csv and run.json.

    `store` holds the records if they were already read. Returns the path of the page; raises DataError for a folder
    without results.
    """
    reuse_memory()
    results = Results.read(out, store)
    source = Material(results, table, out / "figures")
    tables = write_tables(source, out / "tables")
    page = out / "report.html"
    write_whole(page, render(source))
    drop_stale(out / "tables", tables)
    drop_stale(out / "figures", {f"{name}.svg" for name in source.drawn})
    if store is not None and not store.gathered_before:  # else writing would drop what gathering computed
        store.agreements.write(out)
    return page


def drop_stale(folder: Path, written: set[str]) -> None:
    """Remove files of earlier reports from `folder`: those not in `written` that begin like a file of a report."""
    for path in folder.glob("[!.]*"):
        if path.name not in written and path.is_file() and BEGINNING.match(path.read_bytes()):
            path.unlink()


def sections(source: Material) -> list[Section]:
    """The sections in reading order; without results, only failures and provenance."""
    if not source.datasets:
        return [failures_section(source), provenance_section(source)]
    return [
        advice_section(source),
        details_section(source),
        results_section(source),
        strips_section(source),
        pairs_section(source),
        ranking_section(source),
        score_maps_section(source),
        chosen_section(source),
        training_section(source),
        cost_section(source),
        bias_section(source),
        *_there(source, *WHERE_RUN),
        failures_section(source),
        *_there(source, published_section),
        methods_section(source),
        glossary_section(),
        provenance_section(source),
    ]


def _there(source: Material, *of: Callable[[Material], Section | None]) -> Iterator[Section]:
    """The sections that are not None for this material."""
    return (section for one in of if (section := one(source)) is not None)


def render(source: Material) -> str:
    """The page as text; as a side effect, figures are written to `source.figures`."""
    folder = files("nas_selection_bench.reports.page")
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["unbroken"] = unbroken
    template = environment.from_string(folder.joinpath("template.html").read_text(encoding="utf-8"))
    shown = sections(source)
    around, data = _around(source), page_data(source)
    tables: dict[str, Markup] = {}  # rendered tables, reused when figures are left out and the page is rendered again
    while True:
        told = [replace(section, blocks=gathered(section.blocks)) for section in shown]
        script = json.dumps(data, separators=(",", ":"), sort_keys=True, allow_nan=False)
        # "<" must not occur inside a script element; JSON can escape it.
        page = template.render(sections=told, tables=tables, data=Markup(script.replace("<", "\\u003c")), **around)
        beyond = len(page.encode()) - LIMIT
        if beyond <= 0:
            return page
        if data["rows"]:
            data |= {"rows": [], "architectures": [], "accuracy": {}}  # data of single marks, also in records.csv
        elif not leave_out(shown, beyond):
            return page


def leave_out(shown: list[Section], size: int) -> bool:
    """Replace figures of `size` bytes or more in total by references to their files; False if there are none.

    The figures that fit into the remaining bytes are kept, in the order of KEPT_FIRST and then smallest first.
    """
    places = sorted(
        (rank, len(block.markup.encode()), number, place)
        for number, section in enumerate(shown)
        for place, block in enumerate(section.blocks)
        if isinstance(block, Picture) and block.markup
        for rank, beginning in enumerate(KEPT_FIRST)
        if block.name.startswith(beginning)
    )
    room = sum(weight for _, weight, *_ in places) - size
    for _, weight, number, place in places:
        if weight <= room:
            room -= weight
            continue
        picture = shown[number].blocks[place]
        assert isinstance(picture, Picture)
        reason = "left out to keep this page small enough to mail; see the folder figures"
        shown[number].blocks[place] = replace(picture, markup="", reason=reason)
    return bool(places)


def unbroken(text: str) -> str:
    """`text` with non-breaking spaces for those that match TOGETHER; safe for markup, since no tag has such a space."""
    return type(text)(TOGETHER.sub("\N{NO-BREAK SPACE}", text))


def _around(source: Material) -> dict[str, object]:
    """The variables of the template beside the sections."""
    folder = files("nas_selection_bench.reports.page")
    missing = gaps(source, named(source))
    return {
        "generator": ", ".join(f"{name} {version(name)}" for name in DRAWN_WITH),
        "notes": [Markup(text) for dataset in source.datasets if (text := note(source, dataset))],
        "grave": [Markup(gap.said) for gap in missing if gap.grave],
        "slight": [Markup(gap.briefly or gap.said) for gap in missing if not gap.grave],
        "firsts": [_first(source, contest) for contest in source.contests if contest.standings],
        "style": Markup(style_sheet() + folder.joinpath("style.css").read_text(encoding="utf-8")),
        "script": Markup("\n".join(folder.joinpath(name).read_text(encoding="utf-8").rstrip() for name in SCRIPTS)),
    }


def _first(source: Material, contest: Contest) -> dict[str, object]:
    """The first screen of one data set; a small figure, of the main forms alone, is written to `source.figures`."""
    found = overview(source, contest)
    if found.main:
        write_figure(source, f"overview-{contest.dataset}", small_figure(found))
    return {
        "dataset": contest.dataset,
        "headline": headline(contest),
        "conditions": conditions(source, contest),
        "lead": [Markup(sentence) for sentence in lead(source, contest)],
        "figure": Markup(markup(found, first_dose(source, contest.dataset))),
    }
