"""Sections on how criteria behave: agreement with the truth, choices along training, cost, size bias and transfer."""

from functools import partial
from html import escape

from nas_selection_bench.bench.errors import counted
from nas_selection_bench.bench.yardsticks.comparisons import Comparison
from nas_selection_bench.bench.yardsticks.kendall import tau_b
from nas_selection_bench.bench.yardsticks.resemblance import ACCURACY, Trait, trait_correlations, traits
from nas_selection_bench.reports.data.contests import Contest
from nas_selection_bench.reports.data.material import Material
from nas_selection_bench.reports.data.results import INCOMPLETE_SAID, ONE_DRAW_SAID
from nas_selection_bench.reports.data.text import (
    duration,
    from_to,
    interval_text,
    number,
    p_text,
    trainings_text,
)
from nas_selection_bench.reports.figures.along_training import along_epochs, epoch_figure
from nas_selection_bench.reports.figures.axes import AXIS_SAID
from nas_selection_bench.reports.figures.costs_and_operations import cost_figure, selection_costs
from nas_selection_bench.reports.figures.strips import tau_figure
from nas_selection_bench.reports.sections.blocks import (
    Block,
    Column,
    Field,
    Heading,
    Prose,
    Row,
    Section,
    Table,
    shade,
    without_empty_columns,
)
from nas_selection_bench.reports.sections.families import families_in, folded
from nas_selection_bench.reports.sections.pictures import picture
from nas_selection_bench.reports.sections.rankings import ranking_blocks
from nas_selection_bench.reports.sections.titles import headings, titled
from nas_selection_bench.reports.sections.who_beats_whom import MARKS


def ranking_section(source: Material) -> Section:
    """How well the scores agree with the ground truth."""
    section = Section("ranking", "Do the scores agree with the truth?", link="Scores")
    for dataset in source.datasets:
        retraining = source.retrainings[dataset]
        taus, how = retraining.taus, retraining.how
        noise = (
            f"Two trainings of every architecture agree with a τ of {number(taus['tau_best'])} on the best accuracies"
            f" and of {number(taus['tau_mean'])} on the means ({how}); this is not a ceiling, since criteria are"
            " compared with the mean over trainings."
            if taus
            else f"How well two trainings agree is unknown: {how}."
        )
        drawn = [line.n for line in source.in_focus(source.tau_best) if line.dataset == dataset]
        caption = (
            "Kendall's τ-b between a criterion's scores of the five operations on an edge, before any decision, and the"
            " best test accuracy with each operation, averaged over the six edges. One mark per selection; tick and"
            f" bar: mean and 95 % interval over supernet seeds (n = {from_to(drawn)}). Hollow marks: the mean τ with"
            " the mean accuracies instead of the best."
            f" {noise}{source.left_out(dataset)}"
        )
        section.blocks += [
            *headings(source, dataset),
            picture(
                source, f"tau-{dataset}", titled(source, dataset, "do scores rank operations as the table does?"),
                caption,
                partial(
                    tau_figure, source.in_focus(source.tau_best), source.in_focus(source.tau_mean), dataset,
                    source.results.settings,
                    source.yardsticks[dataset], taus.get("tau_best"),
                ),
            ),
        ]  # fmt: skip
        section.blocks += ranking_blocks(source, dataset)
    return section


def training_section(source: Material) -> Section:
    """How choices change while the supernet is trained."""
    section = Section("training", "Along training", folded=True, link="Training")
    for dataset in source.datasets:
        frame = along_epochs(source.results, dataset)
        seeds = frame["supernet_seed"].nunique() if len(frame) else 0
        section.blocks.append(
            picture(
                source, f"epochs-{dataset}", titled(source, dataset, "does the choice collapse during training?"),
                "From top to bottom: the shares of skip connections and of none among the six edges, test accuracy, and"
                f" τ-b with the mean accuracies. Thick lines: mean over {counted(seeds, 'supernet seed')}; thin lines:"
                f" single seeds. {AXIS_SAID}",
                partial(epoch_figure, source.results, dataset, source.optimum(dataset)),
            )
        )  # fmt: skip
    section.blocks += _supernet_quality(source)
    return section


def _supernet_quality(source: Material) -> list[Block]:
    """Whether a more accurate supernet leads to a more accurate selection, as a table; empty if nothing is known."""
    if not source.supernet_quality:
        return []
    rows = [
        Row([
            Field(q.dataset), Field(q.setting), Field(str(q.supernets)),
            Field(f"{number(q.lowest, 1)} to {number(q.highest, 1)}"), Field(str(q.selectors)),
            Field(number(q.tau)), Field(p_text(q.p)),
        ])
        for q in source.supernet_quality
    ]  # fmt: skip
    columns = [
        Column("data set", numeric=False), Column("recipe", numeric=False), Column("supernets", "seeds"),
        Column("their accuracy, %", "on the selection images"),
        Column("selectors", "those whose choices differ between the supernets"),
        Column("τ", "mean over selectors of τ-b between the accuracy of a supernet and that of the choice on it"),
        Column("p", "permutation test: share of the orders of the supernets with a mean τ at least as far from 0; not"
               " corrected", low=True),
    ]  # fmt: skip
    caption = (
        "Kendall's τ, over the seeds of a recipe, between the accuracy of a supernet and that of the architecture"
        " chosen on it, averaged over the selectors that read it. All selectors see the same supernets, so n counts"
        " supernets."
    )
    return [
        Heading("Does a better supernet mean a better selection?"),
        Table("supernet-quality", caption, columns, rows, searchable=False),
    ]


def cost_section(source: Material) -> Section:
    """What a selection costs."""
    section = Section("cost", "What a selection costs", folded=True, link="Cost")
    for contest in source.contests:
        dataset = contest.dataset
        costs = selection_costs(source.results, contest)
        unread = source.results.checkpoint_free.intersection(costs["method"])
        caption = (
            "One mark per selector: mean test accuracy over recipes"
            f" (n = {from_to(costs['n'].tolist())} {'checkpoint' if costs['n'].eq(1).all() else 'checkpoints'}"
            f"{'; seeds for †' if unread else ''}) and its 95 % interval, against the mean"
            " time of scoring and fine-tuning on the machine named under Provenance. The line joins the Pareto front,"
            " which may differ with other seeds."
            + ("" if costs["whole"].all() else " Hollow marks: means over fewer recipes, left out of the front.")
            + f" The training of the supernet is not included{'; † needs none' if unread else ''}. {AXIS_SAID}"
        )
        section.blocks.append(
            picture(
                source, f"cost-{dataset}", titled(source, dataset, "what does accuracy cost?"), caption,
                partial(cost_figure, costs, source.optimum(dataset)),
            )
        )  # fmt: skip
        on_gpu = bool(costs["peak_memory_bytes"].notna().any())
        # Every mark that the line in the figure joins has a row, whether its selector is in focus or not.
        costs = costs[costs["method"].isin(source.focus(dataset)) | costs["front"]]
        incomplete = {method for of, _, method in source.results.lost if of == dataset}
        rows = [
            Row([
                Field(source.results.marked(row["method"]), "name"), Field(duration(row["scoring_seconds"])),
                Field(duration(row["tuning_seconds"])),
                *([Field(number(row["peak_memory_bytes"] / 2**20, 0))] if on_gpu else []),
                Field(number(row["test"]) + ("*" if row["method"] in incomplete or not row["whole"] else "")),
                Field(str(row["n"])),
                Field(interval_text(contest.of(row["method"]).interval), "quiet"), Field("yes" if row["front"] else ""),
            ])
            for _, row in costs.sort_values("seconds", kind="stable").iterrows()
        ]  # fmt: skip
        columns = [
            Column("selector", numeric=False), Column("scoring", low=True), Column("tuning", low=True),
            *([Column("peak memory, MiB", "of the CUDA allocator during the selection")] if on_gpu else []),
            Column("test %"),
            Column("n", "checkpoints; supernet seeds for a selector that does not read the checkpoint"),
            Column("95 % interval", "of the mean, Welch's t over supernet seeds; ~ = rough"),
            Column("Pareto", "on the line in the figure", numeric=False),
        ]  # fmt: skip
        if rows:
            said = "Means over recipes, as in the figure; costs.csv lists every selection."
            if on_gpu and costs["peak_memory_bytes"].isna().any():
                said += " Peak memory is measured on GPUs only."
            said += (
                f" {INCOMPLETE_SAID}" if incomplete.intersection(costs["method"]) or not costs["whole"].all() else ""
            )
            said += f" {ONE_DRAW_SAID}" if source.results.checkpoint_free.intersection(costs["method"]) else ""
            left_out = source.left_out(dataset).removesuffix(".")
            said += f"{left_out}, and the Pareto front." if left_out else ""
            section.blocks.append(Table(f"costs-{dataset}", said, columns, rows))
    trained = source.results.supernets
    if len(trained):
        means = trained.groupby(["dataset", "recipe"])["training_seconds"].agg(["mean", "count"])
        said = "; ".join(
            f"{d} {r} {duration(mean)} (n = {count:.0f})"
            for (d, r), mean, count in zip(means.index.tolist(), means["mean"], means["count"], strict=True)
        )
        section.blocks.append(Prose(f"<p>Mean time to train one supernet: {escape(said)}.</p>"))
    return section


def bias_section(source: Material) -> Section:
    """Whether the scores of a criterion mostly reflect the size of architectures."""
    section = Section("bias", "Is it only counting convolutions?", folded=True, link="Size bias")
    known = source.results.store.agreements
    for dataset in source.datasets:
        of = traits(source.table, dataset)
        size = next(iter(of))
        prepared = {name: Trait.of(values) for name, values in of.items()}
        frame = source.results.final_of(dataset)
        ranking = source.rankings(dataset)
        rows: dict[str, Row] = {}
        larger = 0
        places_of = frame.groupby("method").groups
        for method in source.order(dataset):
            places = places_of[method].to_numpy()
            places = places[source.results.scored[places]]
            if not len(places):
                continue
            measured = frame.loc[places, "tau_space"].tolist() if method not in ranking else None
            found = trait_correlations(source.results.scores[places], prepared, measured, known)
            larger += found[size] > found[ACCURACY]
            n = len({source.results.draw(method, place) for place in places.tolist()})
            rows[method] = Row([Field(source.results.marked(method), "name"), *_shaded(found), Field(str(n))])
        if rows:
            itself = {name: tau_b(prepared[ACCURACY].ranked, trait.ranked) for name, trait in prepared.items()}
            row = Row([Field(f"{ACCURACY} itself", "name"), *_shaded(itself), Field("–")], "yardstick")
            have = "has" if 1 in (larger, len(rows)) else "have"
            said = f" {larger} of {counted(len(rows), 'selector')} {have} a higher τ with {size} than with {ACCURACY}."
            said += f" {ONE_DRAW_SAID}" if source.results.checkpoint_free.intersection(rows) else ""
            rows[""] = row
        else:
            said = ""
        columns = [
            Column("selector", numeric=False), *(Column(name) for name in of), Column("n", "independent selections"),
        ]  # fmt: skip
        shown = folded(columns, rows, families_in(source, dataset))
        dropped = source.table.flops(dataset) is not None and "FLOPs" not in of
        caption = (
            "Kendall's τ-b over all 15,625 architectures between the sum of a selection's scores, standardised per"
            " edge, and the property named in the column; depth: the most convolutions on any one path. Criteria that"
            " rank whole architectures enter with their scores of single operations."
            + (" FLOPs rank the architectures exactly as parameters do." if dropped else "")
            + (f" The table holds no sizes, so {size} are counted from the cell." if size.startswith("conv") else "")
            + said
        )
        section.blocks += [*headings(source, dataset), Table(f"bias-{dataset}", caption, columns, shown)]
    return section


def _shaded(taus: dict[str, float]) -> list[Field]:
    return [Field(number(tau), f"shade {shade(tau)}") for tau in taus.values()]


def transfer_section(source: Material) -> Section | None:
    """Choices made on one data set and looked up on the others, with the floors there; None if there are no others."""
    if not source.transfers:
        return None
    section = Section("transfer", "Transfer: selected here, looked up there", folded=True, link="Transfer")
    for contest in source.transfers:
        heading = Heading(f"Selected on {contest.dataset}, looked up on {contest.lookup}")
        section.blocks += [heading, transfer_table(source, contest)]
    return section


def _verdict(c: Comparison) -> Field:
    css, sign = MARKS[c.verdict]
    return Field(f"{sign} {c.verdict}", css)


def transfer_table(source: Material, contest: Contest) -> Table:
    """One row per method and floor: the accuracy of its choices on the other data set, and verdicts against floors."""
    judged = {floor: {c.first: c for c in contest.against(floor)} for floor in contest.floors}
    optimum = source.truths[contest.lookup].best
    rows: dict[str, Row] = {}
    accuracies: dict[str, float] = {}
    for standing in contest.standings:
        cells = [
            Field(source.results.marked(standing.method), "name"), Field(number(standing.mean), "strong"),
            Field(str(standing.n)), Field(interval_text(standing.interval), "quiet"), Field(str(standing.collapsed)),
            Field(number(optimum - standing.mean)), Field(trainings_text(source.worth(contest.lookup, standing.mean))),
            *(_verdict(of_floor[standing.method]) for of_floor in judged.values()),
        ]  # fmt: skip
        rows[standing.method], accuracies[standing.method] = Row(cells), standing.mean
    for yardstick in source.all_yardsticks[contest.lookup]:
        cells = [
            Field(yardstick.name, "name", yardstick.note), Field(number(yardstick.test), "strong"),
            Field("–"), Field("exact", "quiet"), Field("–"), Field(number(yardstick.regret)),
            Field(trainings_text(yardstick.worth)), *(Field("") for _ in judged),
        ]  # fmt: skip
        rows[f" {yardstick.name}"], accuracies[f" {yardstick.name}"] = Row(cells, "yardstick"), yardstick.test
    ordered = {name: rows[name] for name in sorted(rows, key=lambda name: -accuracies[name])}
    counts = ", ".join(
        f"{sum(c.judged for c in of_floor.values())} of {len(of_floor)} against {floor}"
        for floor, of_floor in judged.items()
    )
    columns = [
        Column("selector", numeric=False), Column("test %"), Column("n", "checkpoints; supernet seeds for †"),
        Column("95 % interval", "of the mean, Welch's t over supernet seeds"),
        Column("collapsed", "of the n, how many chose from the worst tenth of the space there", low=True),
        Column("regret", low=True),
        Column("worth", "trainings"), *(Column(f"against {floor}", numeric=False) for floor in judged),
    ]  # fmt: skip
    caption = (
        f"The architectures selected on {contest.dataset}, judged by their test accuracy on {contest.lookup}, where no"
        " search is run. Paired sign-flip tests, Holm's correction per baseline and family; against random"
        f" architectures, percentiles are compared. Judged: {counts}. tables/comparisons.csv has the numbers."
    )
    columns, shown = without_empty_columns(columns, folded(columns, ordered, families_in(source, contest.dataset)))
    return Table(f"transfer-{contest.dataset}-{contest.lookup}", caption, columns, shown)
