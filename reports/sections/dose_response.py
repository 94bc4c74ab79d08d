"""The section on imposed collapse: up to which share of an operation does a criterion find a good architecture?"""

from collections.abc import Mapping
from functools import partial
from html import escape

from nas_selection_bench.bench.errors import joined
from nas_selection_bench.bench.problem.space import EDGES, as_architecture
from nas_selection_bench.reports.data.doses import EVEN, IMPOSED, Response, holds_up_to, imposed, responses
from nas_selection_bench.reports.data.material import Material
from nas_selection_bench.reports.data.text import criteria, from_to, listed, number
from nas_selection_bench.reports.figures.axes import AXIS_SAID
from nas_selection_bench.reports.figures.dose_response import SMALL, dose_figure
from nas_selection_bench.reports.figures.svg import NotDrawn
from nas_selection_bench.reports.sections.blocks import Block, Column, Field, Row, Section, Table
from nas_selection_bench.reports.sections.pictures import picture
from nas_selection_bench.reports.sections.titles import titled

CALLED = {
    "skip": "skip connections", "conv_1x1": "1×1 convolutions", "conv_3x3": "3×3 convolutions",
    "avg_pool": "average pooling",
}  # fmt: skip
FOLLOWS = "magnitude"


def sentences(source: Material, dataset: str) -> list[str]:
    """The dose-response of each operation in words; none where no share was imposed."""
    frame = source.results.final_of(dataset)
    told = []
    for option in imposed(frame):
        test, percentiles = (responses(frame, option, measure) for measure in ("test", "percentile"))
        told.append(summary_sentence(_reading(source, test), percentiles, option))
    return [sentence for sentence in told if sentence]


def first_dose(source: Material, dataset: str) -> str:
    """The figure of the operation with most doses, for the first screen, as HTML; empty where no share was imposed."""
    frame = source.results.final_of(dataset)
    for option in imposed(frame)[:1]:
        title = f"What is chosen when {CALLED[option]} take over"
        found, floors = _reading(source, responses(frame, option)), floors_of(source, dataset, option)
        try:
            drawing = dose_figure(found, source.optimum(dataset), CALLED[option], floors, SMALL)
        except NotDrawn:
            return ""
        return f'<figure class="doses"><h2>{escape(title)}</h2>{drawing.markup(title)}</figure>'
    return ""


def _reading(source: Material, found: list[Response]) -> list[Response]:
    """Those of criteria that read the supernet: the others choose alike at every dose."""
    return [response for response in found if response.method not in source.results.alike]


def dose_section(source: Material) -> Section | None:
    """A figure, a sentence and a table per data set and operation; None where no share was imposed."""
    section = Section("doses", "When the supernet has collapsed", link="Collapse")
    for dataset in source.datasets:
        frame = source.results.final_of(dataset)
        for option in imposed(frame):
            section.blocks += _response(source, dataset, option, responses(frame, option))
    return section if section.blocks else None


def _response(source: Material, dataset: str, option: str, found: list[Response]) -> list[Block]:
    floors = floors_of(source, dataset, option)
    found = _reading(source, found)
    percentiles = responses(source.results.final_of(dataset), option, "percentile")
    seeds = from_to([response.n for response in found])
    caption = (
        f"Alphas are fixed so that {CALLED[option]} hold this share on every edge while the weights are trained; the"
        f" others share the rest, and at {EVEN:g} all weigh the same (blank). Large: mean over supernet seeds (n ="
        f" {seeds}); small: each seed. Criteria that chose alike share a line; those that read no supernet are left"
        f" out. {AXIS_SAID}"
    )
    return [
        picture(
            source, f"doses-{dataset}-{option}",
            titled(source, dataset, f"who recovers when {CALLED[option]} take over?"), caption,
            partial(dose_figure, found, source.optimum(dataset), CALLED[option], floors),
        ),
        _table(dataset, option, found, percentiles),
    ]  # fmt: skip


def floors_of(source: Material, dataset: str, option: str) -> dict[str, float]:
    """What magnitude chooses where the operation leads, random architectures of two kinds: test accuracy."""
    accuracy = source.table.accuracy(dataset)
    alone = as_architecture([IMPOSED[option]] * len(EDGES))
    convolutions = {stick.name: stick.test for stick in source.sticks[dataset]}["random-conv"]
    return {
        f"nothing but {CALLED[option]}": float(accuracy[source.table.position(alone)]),
        "a random architecture": float(accuracy.mean()),
        "a random one of convolutions": convolutions,
    }


def summary_sentence(found: list[Response], percentiles: list[Response], option: str) -> str:
    """The dose-response in two or three sentences: how deep magnitude falls, who holds how far, how many nowhere."""
    methods = sorted({response.method for response in found})
    doses = sorted({response.dose for response in found})
    held: dict[float | None, list[str]] = {}
    for method in methods:
        applied = [response for response in found if response.method == method]
        if applied[-1].dose == doses[-1] and method != FOLLOWS:
            held.setdefault(holds_up_to(percentiles, method), []).append(method)
    deepest = [r for r in found if r.method == FOLLOWS and r.dose == doses[-1]]
    text = ""
    if deepest:
        text = (
            f"When {CALLED[option]} hold {doses[-1]:g} of the weight on every edge, {FOLLOWS} reaches"
            f" {number(deepest[0].mean)} % (n = {deepest[0].n}). "
        )
    doses_held = sorted((dose for dose in held if dose is not None), reverse=True)
    parts = [f"up to a share of {dose:g}: {listed(held[dose])}" for dose in doses_held]
    parts += [f"not even at their lowest share: {criteria(len(held[None]))}"] if None in held else []
    if parts:
        told = {method for of in held.values() for method in of}
        seeds = from_to([response.n for response in found if response.method in told])
        text += (
            f"In the better half of the space on every seed (n = {seeds} a share; shares tried:"
            f" {joined([f'{dose:g}' for dose in doses])}), {'; '.join(parts)}."
        )
    return text.strip()


def _table(dataset: str, option: str, found: list[Response], percentiles: list[Response]) -> Table:
    doses = sorted({response.dose for response in found})
    by_place: Mapping[tuple[str, float], Response] = {(r.method, r.dose): r for r in found}
    methods = sorted({r.method for r in found}, key=lambda m: (-_deepest(found, m), m))
    rows = []
    for method in methods:
        cells = [Field(method, "name")]
        for dose in doses:
            response = by_place.get((method, dose))
            if response is None:
                cells.append(Field("–"))
                continue
            each = ", ".join(number(value) for value in response.values)
            cells.append(Field(f"{number(response.mean)} ({response.n})", title=each))
        held = holds_up_to(percentiles, method)
        cells.append(Field("–" if held is None else f"{held:g}"))
        rows.append(Row(cells))
    columns = [
        Column("selector", numeric=False), *(Column(f"{dose:g}", f"share of {CALLED[option]}") for dose in doses),
        Column("holds up to", "the largest share up to which, at each that was tried, every seed is in the better half"
               " of the space"),
    ]  # fmt: skip
    return Table(
        f"doses-{dataset}-{option}",
        "Mean test accuracy, % (supernet seeds), by share; each seed on hover.", columns, rows,
    )  # fmt: skip


def _deepest(found: list[Response], method: str) -> float:
    return [response.mean for response in found if response.method == method][-1]
