"""Reference sections for reviewers: published numbers, provenance and glossary."""

import csv
import shlex
from collections.abc import Iterator
from html import escape
from importlib.resources import files
from typing import Any

from nas_selection_bench.bench.work.presets import PUBLISHED
from nas_selection_bench.bench.work.record import DONE
from nas_selection_bench.bench.work.run_file import commands
from nas_selection_bench.bench.yardsticks.comparisons import FEWEST_WITH_COLLAPSES
from nas_selection_bench.bench.yardsticks.intervals import ROUGH_BELOW
from nas_selection_bench.reports.data.in_figures import MOST
from nas_selection_bench.reports.data.material import Material
from nas_selection_bench.reports.data.papers import ARXIV, address_of
from nas_selection_bench.reports.data.simulate_coverage import CHANCE, COLLAPSE, SIMULATIONS, SPREAD
from nas_selection_bench.reports.data.summary import Summary, written_coverage
from nas_selection_bench.reports.data.text import spread
from nas_selection_bench.reports.figures.axes import REGRET_FLOOR
from nas_selection_bench.reports.sections.blocks import Column, Field, Heading, Prose, Row, Section, Table
from nas_selection_bench.reports.sections.failures import code
from nas_selection_bench.reports.sections.size import presets, size

GLOSSARY = (
    ("test, valid", "test and validation accuracy of the selected architecture trained alone, %: the mean over the"
     " trials in the table, never imputed, never a random trial. NAS-Bench-201: 200 epochs, 1 to 3 trials (those of"
     " version 1.1; trials added later serve only the margin and “two trainings”); cifar10: test is ori-test after"
     " training on all 50,000 images, valid is x-valid after training on half of them; cifar100 and imagenet16: x-test"
     " and x-valid. Other data sets: the training of their own table. Selection never reads test images"),
    ("regret", "best test accuracy of the space minus test, points"),
    ("percentile", "share of the 15,625 architectures with strictly lower test accuracy, %; a random architecture"
     " averages 50. Comparisons with random architectures are in percentiles, since most of the space lies above its"
     " mean accuracy"),
    ("gain", "(test − mean of the space) / (best − mean of the space)"),
    ("oracle", "the worth of an operation on an edge: the best, or the mean, test accuracy of all architectures that"
     " have it there"),
    ("τ best, τ mean", "for each edge, Kendall's τ-b over the five operations between the scores at the checkpoint,"
     " before any decision, and the oracle of best or of mean accuracies; then the mean over the six edges. A fully"
     " tied edge counts as 0"),
    ("τ space", "τ-b over architectures between the criterion's score of whole architectures (its own, or the sum"
     " over edges of its standardised scores) and test accuracy"),
    ("two trainings", "how well the oracle from one training per architecture agrees with the oracle from another"
     " (test-retest): the noise of the table, not a ceiling. Criteria are compared with the mean over the stored"
     " trainings, which is less noisy, so they can exceed it, as the parameter count does"),
    ("group", "A: the leader and every selector not shown worse than it, with Holm's correction over the pairs of main"
     " forms; B: the same among the rest; and so on. Two selectors of one group may still differ. ?: too few results to"
     " be distinguished from any other; such a selector cannot lead. There are no groups if fewer than half of the"
     " selectors could be distinguished from another, since places would go to those with the most results. Pairs that"
     " no outcome could have made significant take no part in the correction. founders: the same among only the"
     " criteria of the founding papers (DARTS, DARTS-PT, OStr-DARTS, Zero-Cost-PT) and their controls"),
    ("random pick", "pt-random: DARTS-PT's order and fine-tuning, with the operation drawn at random"),
    ("differs, median within the margin", "significant, but the median of the differences is no larger than the median"
     " gap between two trainings of one architecture. This does not prove that the two selectors are equal"),
    ("95 % interval", "of a mean: Student's t with one variance per recipe and Welch's degrees of freedom, after"
     " averaging over selector seeds. There is none if all values are equal, or if some of fewer than"
     f" {FEWEST_WITH_COLLAPSES} results collapsed, since so few say too little about how often that happens. It is not"
     f" cut off at the best of the space. ~: fewer than {ROUGH_BELOW} results, too few if they are skewed. Of a share:"
     " Clopper and Pearson's"),
    ("P(better)", "probability of improvement: share of shared checkpoints on which one selector is above the other,"
     " ties counted half"),
    ("collapsed", "of a selection: chose from the worst tenth of the space. Of a supernet: skip connections take over"),
    ("p (Holm), p (signs)", "two tests of a paired difference, each corrected over its family by Holm's method: the"
     " sign-flip test asks whether the mean differs from 0, the sign test which of the two is above more often. Near"
     " the optimum, differences have one long tail, which affects only the first"),
    ("could show", "the true mean difference that the test detects in four of five repetitions, with as many pairs and"
     " the same spread, at the first step of Holm's correction. “No difference shown” does not rule out smaller ones"),
    ("worth", "in trainings: how many different random architectures one would have to train, keeping the best by"
     " validation accuracy, to expect the same test accuracy; exact, from the table. For a selector, of its mean"),
    ("τ edge", "one τ-b over all 30 scores (ranks per edge) and mean accuracies (standardised per edge), after the"
     " mean of each operation is taken out of both: what the criterion captures that is particular to each edge. One"
     " order for all edges scores exactly 0"),
    ("shown in figures", f"figures have room for {MOST} selectors: the criteria of the founding papers, then the main"
     " form of every criterion, then the best variants; of selectors that always make the same choices, only one. The"
     " main table and the CSV files hold all selectors"),
    ("accuracy axis", "stretched towards the best architecture of the space: its scale is the logarithm of the distance"
     f" to that plus {REGRET_FLOOR} points. In brackets: points below it"),
    ("checkpoint", "one trained supernet at one epoch: recipe, supernet seed, epoch. All selectors see the same"
     " checkpoints"),
    ("one draw per seed (†)", "a selector that does not read the checkpoint (a zero-cost score of untrained"
     " networks) gives one result per supernet seed, whatever the recipe and epoch. Its n counts seeds; in a"
     " comparison, its differences are first averaged over recipes, since they are a single observation"),
    ("cell", "of results: one selector on one checkpoint, with one selector seed. “Cells per stage” are those of the"
     " network"),
    ("criterion, main form, variant", "a criterion is called selector on the command line, in the code and in the"
     " CSV files. Main form: a criterion as its paper defines it. Variant: the same with options, or a scheme with a"
     " zero-cost proxy other than its paper's. Schemes turn a proxy into a criterion: zero-cost-pt, disc-zc,"
     " zero-cost-rank"),
    ("blank", "a supernet whose architecture parameters are never trained: all operations weigh the same or, as in"
     " blank[skip=0.6], one of them has a fixed share on every edge"),
    ("skipped", "the selector does not apply to the recipe; this is not a failure, and the reason is given. For"
     " example, a selector that decides by alphas alone, on a supernet whose alphas are never trained"),
    ("missing", "requested by a command that wrote to this folder, but not run yet"),
)  # fmt: skip


def _linked(source: str) -> str:
    """The source of a number as markup, with links to arXiv papers."""
    return ARXIV.sub(lambda found: f'<a href="{address_of(found[0])}">{found[0]}</a>', escape(source))


def published_section(source: Material) -> Section | None:
    """Published numbers beside ours; None if the papers report nothing on the data sets of this run."""
    with files("nas_selection_bench.reports.data").joinpath("published.csv").open(encoding="utf-8") as stream:
        published = list(csv.DictReader(stream))
    datasets = [name for name in ("cifar10", "cifar100", "imagenet16") if name in source.datasets]
    if not datasets:
        return None
    section = Section("published", "Published numbers beside ours", folded=True, link="Published")
    small = [name for name in datasets if presets(source.results, name) != [PUBLISHED.preset]]
    ours: dict[tuple[str, str, str], dict[str, Summary]] = {}
    for line in source.test:
        (recipe, *place), (selector, *mode) = line.setting.split(" · "), line.method.split(" · ")
        ours.setdefault((line.dataset, recipe, selector), {})[", ".join([*place, *mode])] = line
    rows = []
    for entry in published:
        if not any(entry[name] for name in datasets):
            continue
        cells = [Field(entry["method"], "name", entry["note"]), Field(entry["searched_on"])]
        for name in datasets:
            found = ours.get((name, entry["recipe"], entry["selector"]), {})
            told = [f"{of}: " * bool(of) + spread(x.mean, x.deviation, x.n) for of, x in found.items()]
            cells += [Field(entry[name] or "–"), Field("; ".join(told) or "–", "strong")]
        shorter = bool(entry["training_length"] and small)
        cells += [
            Field(f"{entry['recipe']} + {entry['selector']}" if entry["recipe"] else "–"),
            Field("the claim depends on the length of training" if shorter else "", "wrap"),
            Field(_linked(entry["source"]), "quiet wrap", markup=True),
            Field(entry["run_by"], "quiet wrap"),
        ]
        rows.append(Row(cells, "quiet" if shorter else ""))
    columns = [Column("published as", numeric=False), Column("searched on", numeric=False)]
    for name in datasets:
        columns += [Column(f"{name} published"), Column(f"{name} ours")]
    columns += [
        Column("ours is", numeric=False), Column("not comparable", numeric=False),
        Column("source", "where the number was read", numeric=False),
        Column("run by", "whose result it is, as far as the source says", numeric=False),
    ]  # fmt: skip
    caption = (
        "Test accuracy, %. Published numbers come from other supernets, splits, batch-norm modes and seeds, often from"
        " a single search on CIFAR-10: they are context, not competitors. Ours: mean ± standard deviation over seeds"
        " (number of seeds), if the same criterion was applied to the same kind of supernet."
    )
    if any(row.css for row in rows):
        sizes = "; ".join(f"{name}: {size(source.results, name)}" for name in small)
        caption += (
            f" Grey: claims about long training, such as the collapse of DARTS, which our smaller supernets ({sizes})"
            " do not test."
        )
    section.blocks.append(Table("published-numbers", caption, columns, rows))
    return section


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list) and value and all(isinstance(inner, list) for inner in value):
        for number, inner in enumerate(value, start=1):
            yield from _flat(inner, f"{name} {number}")
    elif isinstance(value, list):
        # Command lines as a shell reads them; lists of names are no command.
        join = shlex.join if name.partition(" ")[0] in ("argv", "commands") else " ".join
        yield name, join(map(str, value))
    else:
        yield name, str(value)


def _coverage() -> Table:
    rows = [
        Row([Field(row["interval"]), Field(row["results"]),
             *(Field(row[name]) for name in ("recipes", "seeds_per_recipe")),
             *(Field(f"{100 * float(row[name]):.0f} %" if row[name] else "–") for name in ("shown", "covered"))])
        for row in written_coverage()
    ]  # fmt: skip
    columns = [
        Column("interval of", numeric=False), Column("results", numeric=False), Column("recipes"),
        Column("seeds per recipe"), Column("shown", "share of the runs in which an interval is given"),
        Column("covered", "of those, the share in which it contained the true value"),
    ]  # fmt: skip
    caption = (
        f"How often a 95 % interval contained the true value in {SIMULATIONS:,} simulated runs per case. Normal: spread"
        f" {SPREAD:g} points. Skewed: an exponential tail of the same spread. With collapses: normal, but"
        f" {COLLAPSE:g} points lower with probability {CHANCE:g}; if one of fewer than {FEWEST_WITH_COLLAPSES} results"
        " collapsed, no interval is given."
    )
    return Table("coverage", caption, columns, rows, searchable=False)


def _citation(run: dict[str, Any]) -> str:
    """How to cite the page, as BibTeX: the program and its commit, and the table."""
    commit = run.get("git_commit")
    note = f",\n  note    = {{commit {commit}}}" if commit else ""
    return (
        "@software{nas_selection_bench,\n"
        "  title   = {nas-selection-bench: architecture selection criteria on the same NAS-Bench-201 supernets},\n"
        f"  year    = {{2026}}{note}\n}}\n"
        "@inproceedings{dong2020nasbench201,\n"
        "  title     = {NAS-Bench-201: Extending the Scope of Reproducible Neural Architecture Search},\n"
        "  author    = {Dong, Xuanyi and Yang, Yi},\n  booktitle = {ICLR},\n  year      = {2020}\n}"
    )


def _computed_by(source: Material) -> Iterator[str]:
    """The number of selections that each commit of the program computed, most first; `git_commit` is the last run's."""
    known = source.results.commits
    for commit, n in sorted(known.items(), key=lambda item: (-item[1], item[0])):
        yield f"{commit}: {n:,}"
    unknown = source.results.counts()[DONE] - sum(known.values())
    if known and unknown > 0:
        yield f"an unknown commit (from before commits were recorded): {unknown:,}"


def provenance_section(source: Material) -> Section:
    """How the results were made: commands, citation, ground truth, run.json and commits."""
    section = Section("provenance", "Provenance", folded=True)
    lines = commands(source.results.run)
    if lines:
        section.blocks.append(Prose(f"<p>Made by</p>{code(lines)}"))
    section.blocks.append(Prose(f"<p>To cite:</p><pre><code>{escape(_citation(source.results.run))}</code></pre>"))
    table = source.table
    rows = [Row([Field("ground truth", "name"), Field(f"{table.name}, sha256 {table.sha256}", "wrap")])]
    stored = source.results.run.get("table", {})
    if isinstance(stored, dict) and stored.get("sha256") not in (None, table.sha256):
        rows.append(
            Row([Field("ground truth of the run", "bad"), Field(f"sha256 {stored['sha256']}: another table!", "bad")])
        )
    told = {key: value for key, value in source.results.run.items() if key != "commands" or not lines}
    rows += [Row([Field(key, "name"), Field(value, "wrap")]) for key, value in _flat(told)]
    rows += [Row([Field("selections computed by", "name"), Field(said, "wrap")]) for said in _computed_by(source)]
    columns = [Column("what", numeric=False), Column("value", numeric=False)]
    section.blocks.append(Table("run", "run.json, and the table that the report was made with.", columns, rows))
    return section


def glossary_section() -> Section:
    """The terms that the page uses, and how often its intervals contain the true value."""
    section = Section("glossary", "Glossary", folded=True)
    terms = "".join(f"<dt>{escape(term)}</dt><dd>{escape(meaning)}</dd>" for term, meaning in GLOSSARY)
    section.blocks += [Prose(f"<dl>{terms}</dl>"), Heading("What the intervals cover"), _coverage()]
    return section
