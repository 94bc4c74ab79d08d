"""The section on what was chosen: drawings of the cells, their operations, and which selectors score alike."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from html import escape
from itertools import combinations

from nas_selection_bench.bench.problem.space import parse
from nas_selection_bench.bench.yardsticks.resemblance import agreement
from nas_selection_bench.reports.data.founders import FOUNDERS
from nas_selection_bench.reports.data.material import Material
from nas_selection_bench.reports.data.text import from_to, number
from nas_selection_bench.reports.figures import cell_diagrams as cells
from nas_selection_bench.reports.figures.costs_and_operations import operation_figure
from nas_selection_bench.reports.sections.blocks import (
    Block,
    Column,
    Field,
    Heading,
    Picture,
    Prose,
    Row,
    Section,
    Table,
    shade,
)
from nas_selection_bench.reports.sections.pictures import picture
from nas_selection_bench.reports.sections.titles import headings, titled
from nas_selection_bench.reports.sections.who_beats_whom import FEW_COLUMNS


def chosen_section(source: Material) -> Section:
    """The architectures that were selected, for every data set."""
    section = Section("chosen", "What was chosen", folded=True, link="Choices")
    section.blocks.append(Prose(cells.definitions() + cells.key()))
    for dataset in source.datasets:
        order = source.focus(dataset)
        frame = source.results.final_of(dataset)
        places = zip(frame.index.tolist(), frame["method"].tolist(), strict=True)
        draws = {(method, *source.results.draw(method, i)) for i, method in places}
        counts = Counter(method for method, *_ in draws)
        shown = [counts[method] for method in order]
        section.blocks += [
            *headings(source, dataset),
            _cell_table(source, dataset, order, source.left_out(dataset)),
            picture(
                source, f"operations-{dataset}", titled(source, dataset, "which operations does each selector choose?"),
                "Share of each operation among the six edges of all architectures selected at the last checkpoint (n ="
                f" {from_to(shown)} per selector). Orange: skip connections, which a collapsed search prefers."
                + source.left_out(dataset),
                partial(operation_figure, source.results, dataset, order),
            ),
        ]  # fmt: skip
        section.blocks += _agreement(source, dataset, order)
        section.blocks += _two_criteria(source, dataset)
    return section


def _cell_table(source: Material, dataset: str, order: list[str], left_out: str) -> Table:
    frame = source.results.final_of(dataset)
    settings = [setting for setting in source.results.settings if (frame["setting"] == setting).any()]
    accuracy = source.table.accuracy(dataset)
    rows = []
    chosen: dict[str, dict[str, list[str]]] = {}
    for method, setting, text in zip(frame["method"], frame["setting"], frame["architecture"], strict=True):
        chosen.setdefault(method, {}).setdefault(setting, []).append(text)
    for method in order:
        row = [Field(method, "name")]
        distinct = {text for texts in chosen[method].values() for text in texts}
        for setting in settings:
            texts = chosen[method].get(setting)
            if not texts:
                row.append(Field("–"))
                continue
            text, said = typical(texts, lambda text: float(accuracy[source.table.position(parse(text))]))
            markup = f'{cells.draw(parse(text))}<span class="quiet">{said}</span>'
            row.append(Field(markup, "drawing", markup=True))
        row.append(Field(str(len(distinct))))
        rows.append(Row(row))
    columns = [
        Column("selector", numeric=False), *(Column(setting, numeric=False) for setting in settings),
        Column("distinct", "different architectures among all selections of the data set"),
    ]  # fmt: skip
    caption = (
        "The architecture that each selector chose most often at the last checkpoint, the number of selections that"
        " chose it, and its test accuracy; of several chosen equally often, the one of median accuracy, or the lower of"
        f" the middle two. Input on the left, output on the right.{left_out}"
    )
    return Table(f"cells-{dataset}", caption, columns, rows)


def typical(texts: Sequence[str], accuracy: Callable[[str], float]) -> tuple[str, str]:
    """The selected architecture to show for all, and how it was found; among ties, that of (lower) median accuracy."""
    counted = Counter(texts)
    most = max(counted.values())
    tied = sorted((text for text, n in counted.items() if n == most), key=lambda text: (accuracy(text), text))
    text = tied[(len(tied) - 1) // 2]
    reached = f"{number(accuracy(text))} %"
    if len(tied) == 1:
        return text, f"{most} of {len(texts)} · {reached}"
    how = f"all {len(texts)} differ" if most == 1 else f"{len(tied)} chosen {most} times each"
    return text, f"{how}, {'' if len(tied) % 2 else 'lower '}median {reached}"


def _agreement(source: Material, dataset: str, order: list[str]) -> list[Block]:
    """Agreement between selectors: tau between their scores on the same checkpoint, averaged over checkpoints."""
    places = source.results.scored_at(dataset)
    methods = [method for method in order if method in places]
    if len(methods) < 2:
        return []
    taus: dict[tuple[str, str], float] = {}
    sizes = []
    for a, b in combinations(methods, 2):
        if shared := source.results.shared_checkpoints(places, a, b):
            sizes.append(len(shared))
            one, other = (source.results.signs[[places[name][p] for p in shared]] for name in (a, b))
            taus[a, b] = taus[b, a] = agreement(one, other)
    head = "".join(f'<th scope="col"><span>{escape(name)}</span></th>' for name in methods[:-1])
    body = []
    for number_of_row, a in enumerate(methods):
        row_cells = "".join(
            f'<td class="{shade(taus[a, b])}" data-tip="τ {number(taus[a, b])}">'
            f"{number(taus[a, b]) if len(methods) <= FEW_COLUMNS else ''}</td>"
            if (a, b) in taus
            else "<td></td>"
            for b in methods[:number_of_row]
        )
        if not number_of_row:
            continue
        body.append(f'<tr><th scope="row">{escape(a)}</th>{row_cells}</tr>')
    grid = (
        f'<div class="scroll"><table class="matrix tau"><thead><tr><td></td>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )
    caption = (
        "Kendall's τ-b between the scores of two selectors, averaged over edges and shared checkpoints (n ="
        f" {from_to(sizes)}), selector seed 0. Blue: they rank the operations alike; orange: in opposite"
        f" orders.{source.left_out(dataset)}"
    )
    return [Picture(f"agreement-{dataset}", titled(source, dataset, "which selectors score alike?"), caption, grid)]


def _two_criteria(source: Material, dataset: str) -> list[Block]:
    """What the mean of the scores of two founding criteria chooses, as a table; empty if no pair is stored."""
    found = [
        pair for pair in source.two_criteria if pair.dataset == dataset and {pair.first, pair.second} <= {*FOUNDERS}
    ]
    if not found:
        return []
    rows = [
        Row([
            Field(pair.first, "name"), Field(pair.second, "name"), Field(str(pair.n)), Field(number(pair.tau)),
            Field(number(pair.of_first)), Field(number(pair.of_second)), Field(number(pair.of_mean), "strong"),
            Field(number(pair.lowest)),
        ])
        for pair in sorted(found, key=lambda pair: -pair.of_mean)
    ]  # fmt: skip
    columns = [
        Column("selector", numeric=False), Column("and", numeric=False), Column("n", "checkpoints"),
        Column("τ", "between their scores, mean over edges and checkpoints"), Column("test %", "of the first"),
        Column("test % ", "of the second"), Column("mean of both", "test accuracy of what the sum of their standardised"
               " scores chooses, %"), Column("lowest", "lowest test accuracy among the choices of the mean, %"),
    ]  # fmt: skip
    caption = (
        "Pairs of founding criteria on the same checkpoints, and what the mean of their scores chooses. Exploratory,"
        " without tests. tables/two_criteria.csv has every pair of main forms."
    )
    return [Heading(titled(source, dataset, "two criteria together")), Table(f"two-{dataset}", caption, columns, rows)]
