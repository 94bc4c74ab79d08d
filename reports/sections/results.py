"""Sections on outcomes: the main table, the strips of all seeds, and the sources of variation."""

from collections.abc import Iterator, Sequence
from functools import partial
from html import escape

import numpy as np

from nas_selection_bench.bench.errors import counted
from nas_selection_bench.bench.problem.space import Architecture
from nas_selection_bench.bench.yardsticks.floors import Yardstick
from nas_selection_bench.bench.yardsticks.intervals import ROUGH_BELOW
from nas_selection_bench.reports.data.contests import Contest
from nas_selection_bench.reports.data.costs import seconds_per_selection
from nas_selection_bench.reports.data.material import Material
from nas_selection_bench.reports.data.results import INCOMPLETE_SAID, ONE_DRAW_SAID
from nas_selection_bench.reports.data.summary import Summary, promise
from nas_selection_bench.reports.data.text import duration, interval_text, number, spread, trainings_text
from nas_selection_bench.reports.figures.axes import AXIS_SAID
from nas_selection_bench.reports.figures.strips import accuracy_figure
from nas_selection_bench.reports.sections.blocks import (
    Block,
    Column,
    Field,
    Heading,
    Prose,
    Row,
    Section,
    Table,
    without_empty_columns,
)
from nas_selection_bench.reports.sections.families import FOLDED_SAID, families_in, folded
from nas_selection_bench.reports.sections.methods import place_of
from nas_selection_bench.reports.sections.pictures import picture
from nas_selection_bench.reports.sections.titles import headings, titled


def group_name(group: int) -> str:
    """Return A for the leader's tie group (0), then B, C, ..., and numbers after Z."""
    return chr(ord("A") + group) if group < 26 else str(group + 1)


def _mean(summaries: Sequence[Summary]) -> float | None:
    """Return the mean over settings; None without any."""
    return float(np.mean([summary.mean for summary in summaries])) if summaries else None


def main_table(source: Material, contest: Contest) -> Table:
    """Build the table with one row per method and yardstick of a data set, best first."""
    dataset = contest.dataset
    settings = [s for s in source.results.settings if any(x.dataset == dataset and x.setting == s for x in source.test)]
    families = families_in(source, dataset)
    rows = dict(_method_rows(source, contest, settings))
    accuracies = {standing.method: standing.mean for standing in contest.standings}
    first: dict[Architecture, str] = {}  # the floor under whose row others with the same architecture are folded
    for yardstick in source.yardsticks.get(dataset, []):
        rows[f" {yardstick.name}"] = _yardstick_row(yardstick, len(settings))
        accuracies[f" {yardstick.name}"] = yardstick.test
        representative = (
            yardstick.name
            if yardstick.architecture is None
            else first.setdefault(yardstick.architecture, yardstick.name)
        )
        if representative != yardstick.name:
            families[f" {yardstick.name}"] = (f" {representative}", False)
    best_first = sorted(rows, key=lambda name: -accuracies[name])
    columns = _main_columns(settings)
    columns, shown = without_empty_columns(
        columns, folded(columns, {name: rows[name] for name in best_first}, families)
    )
    caption = f"{_groups_said(contest)} Italics: floors and ceilings."
    if families:
        caption += f" {FOLDED_SAID}"
    if any(cell.partial for row in shown for cell in row.cells):
        caption += f" {INCOMPLETE_SAID}"
    if any(standing.method in source.results.checkpoint_free for standing in contest.standings):
        caption += f" {ONE_DRAW_SAID}"
    return Table(f"main-{dataset}", caption, columns, shown)


def _main_columns(settings: Sequence[str]) -> list[Column]:
    many = len(settings) > 2
    return [
        Column("criterion", "floors and ceilings of the table in italics", numeric=False),
        Column("test %", "mean test accuracy: over selector seeds, then supernet seeds, then recipes"),
        Column("n", "checkpoints: recipes × supernet seeds; supernet seeds for a selector that does not read the"
               " checkpoint, since it has one result for all recipes"),
        Column("95 % interval", "of the mean, Welch's t over supernet seeds, one variance per recipe; ~ = rough, fewer"
               f" than {ROUGH_BELOW} seeds in all; – = one seed, all values equal, or few of which some collapsed"),
        Column("collapsed", "of the n, choices from the worst tenth of the space; hover for the 95 % interval of their"
               " share (Clopper and Pearson)", low=True),
        Column("regret", "best test accuracy of the space minus this one, points", low=True, hidden=many),
        Column("cost", "mean time of one selection: scoring and fine-tuning", low=True),
        Column("group", "tie group: A is the leader and all that are not shown worse than it, B the same among the"
               " rest; ? = too few seeds to rank it", numeric=False),
        Column("founders", "tie group among only the founding papers' criteria and their controls", numeric=False),
        Column("percentile", "share of architectures with strictly lower test accuracy, %", hidden=many),
        Column("worth", "in trainings: how many random architectures one would have to train, keeping the best by"
               " validation accuracy, to expect the mean test accuracy"),
        Column("τ mean", "τ-b with the oracle of mean accuracies, mean over edges and recipes"),
        Column("τ edge", "agreement on what is particular to each edge; one order for all edges scores 0"),
        Column("τ best", "τ-b with the oracle of best accuracies, mean over edges and recipes: mostly noise of"
               " training", hidden=many),
        *(Column(setting, f"test accuracy on {setting} supernets: mean ± standard deviation over seeds"
                 " (number of seeds)")
          for setting in settings),
    ]  # fmt: skip


def _method_rows(source: Material, contest: Contest, settings: Sequence[str]) -> Iterator[tuple[str, Row]]:
    """Yield each method and its row, best mean first."""
    dataset = contest.dataset
    costs = seconds_per_selection(source.results, dataset)["seconds"]
    for standing in contest.standings:
        method = standing.method
        per_setting = {x.setting: x for x in source.summaries_of("test", dataset, method)}
        fewer = standing.settings < contest.settings
        lost = {s for s in settings if source.results.lost.get((dataset, s, method))}
        cells = [
            _name(source, method),
            _starred(
                number(standing.mean), fewer or bool(lost), "strong",
                f"over {standing.settings} of {contest.settings} recipes" if fewer else "",
            ),
            Field(str(standing.n)),
            Field(interval_text(standing.interval), "quiet"),
            Field(str(standing.collapsed), "", interval_text(standing.collapses)),
            Field(number(source.optimum(dataset) - standing.mean)),
            Field(duration(float(costs[method])) if method in costs else "–"),
            Field("?" if standing.group is None else group_name(standing.group)),
            Field(_among_founders(contest, method)),
            Field(number(_mean(source.summaries_of("percentile", dataset, method)), 1)),
            Field(trainings_text(source.worth(dataset, standing.mean))),
            *(
                Field(number(_mean(source.summaries_of(tau, dataset, method))))
                for tau in ("tau_mean", "tau_edge", "tau_best")
            ),
            *(
                _starred(spread(x.mean, x.deviation, x.n), setting in lost)
                if (x := per_setting.get(setting))
                else Field("–")
                for setting in settings
            ),
        ]  # fmt: skip
        yield method, Row(cells, "leader" if standing.group == 0 else "")


def _starred(text: str, partial: bool, css: str = "", title: str = "") -> Field:
    """Make a cell of a number, with a star if it lacks recipes or cells."""
    return Field(text + "*" * partial, css, title, partial=partial)


def _yardstick_row(yardstick: Yardstick, settings: int) -> Row:
    """Make the row of a floor or ceiling, with a dash for each of so many settings."""
    cells = [
        Field(yardstick.name, "name", yardstick.note), Field(number(yardstick.test), "strong"),
        Field("–"), Field("exact", "quiet"), Field("–"), Field(number(yardstick.regret)),
        Field("–"), Field(""), Field(""), Field(number(yardstick.percentile, 1)),
        Field(trainings_text(yardstick.worth)),
        *(Field(number(tau)) for tau in (yardstick.tau_mean, yardstick.tau_edge, yardstick.tau_best)),
        *([Field("–")] * settings),
    ]  # fmt: skip
    return Row(cells, "yardstick")


def _among_founders(contest: Contest, method: str) -> str:
    if method not in contest.founders:
        return ""
    places = [place for place, group in enumerate(contest.founder_groups) if method in group]
    return group_name(places[0]) if places else "?"


def _groups_said(contest: Contest) -> str:
    """Say what the tie groups of a main table are, and which selectors are in none."""
    if contest.leader is None:
        if len(contest.standings) == 1:
            return "There is no other criterion to compare with."
        if not contest.placeable:
            return "There are no tie groups: there are too few seeds to show any difference."
        few = f"only {contest.placeable} of the {counted(len(contest.ranked), 'main form')}"
        return (
            f"There are no tie groups: {few} {'has' if contest.placeable == 1 else 'have'} enough seeds to be"
            f" distinguished from another (corrected over {contest.family})."
        )
    said = (
        f"Shaded: the leader, {contest.leader}, and all that are not shown worse (paired sign-flip tests, Holm's"
        f" correction over {contest.family})."
    )
    above = contest.unplaced_above
    if above:
        names = ", ".join(f"{s.method} (n = {s.n})" for s in above)
        said += f" {'A higher mean' if len(above) == 1 else 'Higher means'}, but too few seeds to be ranked: {names}."
    return said


def _name(source: Material, method: str) -> Field:
    """Make the cell with the name of a criterion, linked to its description on the page."""
    shown, what = source.results.marked(method), source.results.what(method)
    if not source.results.described["selectors"]:
        return Field(shown, "name", what)
    return Field(f'<a href="#{place_of(method)}">{escape(shown)}</a>', "name", what, markup=True)


def yardstick_table(dataset: str, yardsticks: Sequence[Yardstick]) -> Table:
    """Build the table of floors and ceilings, with three decimals and their descriptions."""
    columns = [
        Column("yardstick", numeric=False), Column("test %"), Column("valid %"), Column("regret", low=True),
        Column("percentile"),
        Column("gain", "0 = mean of the space, 1 = its best", hidden=True),
        Column("worth", "in trainings: how many random architectures one would have to train to expect as much"),
        Column("above", "architectures with a higher test accuracy", low=True),
        Column("beyond margin", "those of them that lie above by more than two trainings of one architecture differ"
               " at that level; – = the table stores no separate trainings", low=True),
        Column("τ mean"), Column("τ mean, 3 ops", "over skip, 1x1 and 3x3 alone", hidden=True), Column("τ edge"),
        Column("τ best"), Column("τ space", hidden=True),
        Column("what it is", numeric=False),
    ]  # fmt: skip
    rows = [
        Row([
            Field(yardstick.name, "name"), Field(number(yardstick.test, 3)), Field(number(yardstick.valid, 3)),
            Field(number(yardstick.regret, 3)), Field(number(yardstick.percentile)), Field(number(yardstick.gain, 3)),
            Field(trainings_text(yardstick.worth)), Field(f"{yardstick.above:,}"),
            Field("–" if yardstick.above_margin is None else f"{yardstick.above_margin:,}"),
            Field(number(yardstick.tau_mean, 3)), Field(number(yardstick.tau_mean_ops, 3)),
            Field(number(yardstick.tau_edge, 3)), Field(number(yardstick.tau_best, 3)),
            Field(number(yardstick.tau_space, 3)),
            Field(yardstick.note, "quiet wrap"),
        ])
        for yardstick in yardsticks
    ]  # fmt: skip
    caption = (
        "Floors and ceilings (yardsticks), computed from the ground-truth table alone; the one called the baseline is"
        " constant-order."
    )
    return Table(f"yardsticks-{dataset}", caption, columns, rows, searchable=False)


def results_section(source: Material) -> Section:
    """Build the section with the main tables and the floors and ceilings."""
    section = Section("results", "Results")
    for contest in source.contests:
        section.blocks += [*headings(source, contest.dataset), main_table(source, contest)]
        section.blocks.append(yardstick_table(contest.dataset, source.yardsticks.get(contest.dataset, [])))
    return section


def strips_section(source: Material) -> Section:
    """Build the section that shows every selection as a mark."""
    section = Section("seeds", "Every seed", folded=True)
    for contest in source.contests:
        dataset = contest.dataset
        here = [summary for summary in source.test if summary.dataset == dataset]
        seeds = max((summary.n for summary in here), default=0)
        repeats = max((summary.selector_seeds for summary in here), default=0)
        unread = (
            f" Hollow: {ONE_DRAW_SAID}" if source.results.checkpoint_free.intersection(source.focus(dataset)) else ""
        )
        caption = (
            f"One mark per selection (up to {counted(seeds, 'supernet seed')} per recipe and"
            f" {counted(repeats, 'selector seed')} for each); tick and bar: mean and 95 % interval over supernet seeds."
            f"{f' {promise(seeds)}' if seeds > 1 else ''} Faint lines join the selections on one supernet; point at a"
            f" mark to follow its line.{unread}"
            f" Diamonds: floors and ceilings; dashed: a random architecture and the optimum. {AXIS_SAID}"
            + source.left_out(dataset)
        )
        draw = partial(
            accuracy_figure, source.in_focus(source.test), source.optimum(dataset), dataset, source.results.settings,
            source.yardsticks.get(dataset, []), source.results.checkpoint_free,
        )  # fmt: skip
        title = titled(source, dataset, "what accuracy does each selector reach, seed by seed?")
        section.blocks.append(picture(source, f"accuracy-{dataset}", title, caption, draw))
    section.blocks += _variance(source)
    return section


def _variance(source: Material) -> list[Block]:
    rows = []
    for summary in source.test:
        parts = summary.components
        if parts is not None:
            rows.append(
                Row([
                    Field(summary.dataset), Field(summary.setting), Field(summary.method, "name"),
                    Field(number(parts.supernet)),
                    Field(number(parts.selector)), Field(str(parts.supernets)), Field(str(parts.values)),
                ])
            )  # fmt: skip
    if not rows:
        return [Prose("<p>Every selector ran once per supernet, so its own randomness cannot be separated from that of"
                      " the supernet.</p>")]  # fmt: skip
    columns = [
        Column("data set", numeric=False), Column("recipe", numeric=False), Column("selector", numeric=False),
        Column("sd between supernets", "standard deviation between supernet seeds, without the selector's own noise"),
        Column("sd between selector seeds", "standard deviation between selector seeds on one checkpoint"),
        Column("supernets"), Column("values"),
    ]  # fmt: skip
    caption = (
        "Where the spread of test accuracy, in points, comes from: supernet seeds or the selector's own randomness"
        " (one-way random-effects analysis of variance; 0 where the estimate is negative)."
    )
    return [Heading("Two sources of variation"), Table("variance", caption, columns, rows)]
