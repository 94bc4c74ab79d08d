"""The section on imposed collapse: up to which share of one operation does a criterion find a good architecture?"""

from collections.abc import Mapping
from functools import partial
from html import escape

import pandas as pd

from nas_selection_bench.bench.errors import joined
from nas_selection_bench.bench.problem.space import EDGES, as_architecture
from nas_selection_bench.reports.data.doses import (
    EVEN,
    IMPOSED,
    Response,
    dosed_options,
    holds_up_to,
    responses,
    rows_with_doses,
)
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
REFERENCE = "magnitude"


def dose_response_sentences(source: Material, dataset: str) -> list[str]:
    """The dose-response of each operation in words; empty if no share was imposed."""
    frame = rows_with_doses(source.results, dataset)
    told = []
    for option in dosed_options(frame):
        test, percentiles = (responses(frame, option, measure) for measure in ("test", "percentile"))
        told.append(summary_sentence(test, percentiles, option))
    return [sentence for sentence in told if sentence]


def first_dose(source: Material, dataset: str) -> str:
    """The figure of the operation with most doses, for the first screen, as HTML; empty if no share was imposed."""
    frame = rows_with_doses(source.results, dataset)
    for option in dosed_options(frame)[:1]:
        title = f"What is chosen when {CALLED[option]} take over"
        found, floors = responses(frame, option), floors_of(source, dataset, option)
        try:
            drawing = dose_figure(found, source.optimum(dataset), CALLED[option], floors, SMALL)
        except NotDrawn:
            return ""
        return f'<figure class="doses"><h2>{escape(title)}</h2>{drawing.markup(title)}</figure>'
    return ""


def dose_section(source: Material) -> Section | None:
    """A figure and a table per data set and operation; None if no share was imposed."""
    section = Section("doses", "When the supernet has collapsed", link="Collapse")
    for dataset in source.datasets:
        frame = rows_with_doses(source.results, dataset)
        for option in dosed_options(frame):
            section.blocks += _response(source, dataset, option, frame)
    return section if section.blocks else None


def _response(source: Material, dataset: str, option: str, frame: pd.DataFrame) -> list[Block]:
    floors = floors_of(source, dataset, option)
    found, percentiles = responses(frame, option), responses(frame, option, "percentile")
    seeds = from_to([response.n for response in found])
    caption = (
        f"While the weights are trained, the alphas are fixed so that {CALLED[option]} hold this share on every edge;"
        f" the other operations share the rest, and at {EVEN:g} all weigh the same (blank). Large marks: means over"
        f" supernet seeds (n = {seeds}); small marks: single seeds. Criteria that made the same choices share a line;"
        f" those that need no trained supernet are left out. {AXIS_SAID}"
    )
    return [
        picture(
            source, f"doses-{dataset}-{option}",
            titled(source, dataset, f"which criteria recover when {CALLED[option]} take over?"), caption,
            partial(dose_figure, found, source.optimum(dataset), CALLED[option], floors),
        ),
        _table(dataset, option, found, percentiles),
    ]  # fmt: skip


def floors_of(source: Material, dataset: str, option: str) -> dict[str, float]:
    """Test accuracies to compare with, by label: the operation on every edge, and two kinds of random architectures.

    The operation on every edge is what magnitude chooses once the operation leads everywhere.
    """
    accuracy = source.table.accuracy(dataset)
    alone = as_architecture([IMPOSED[option]] * len(EDGES))
    convolutions = {yardstick.name: yardstick.test for yardstick in source.yardsticks[dataset]}["random-conv"]
    return {
        f"nothing but {CALLED[option]}": float(accuracy[source.table.position(alone)]),
        "a random architecture": float(accuracy.mean()),
        "random, convolutions only": convolutions,
    }


def summary_sentence(found: list[Response], percentiles: list[Response], option: str) -> str:
    """The dose-response in a few sentences: how far magnitude falls, and up to which share the others hold.

    Only criteria tried at every share are judged here; the others are counted.
    """
    doses = sorted({response.dose for response in found})
    tried: dict[str, list[float]] = {}
    for response in found:
        tried.setdefault(response.method, []).append(response.dose)
    held: dict[float | None, list[str]] = {}
    for method in sorted(tried):
        if tried[method] == doses and method != REFERENCE:
            held.setdefault(holds_up_to(percentiles, method), []).append(method)
    some = sum(of_method != doses for method, of_method in tried.items() if method != REFERENCE)
    deepest = [r for r in found if r.method == REFERENCE and r.dose == doses[-1]]
    text = ""
    if deepest:
        text = (
            f"When {CALLED[option]} hold {doses[-1]:g} of the weight on every edge, {REFERENCE} reaches"
            f" {number(deepest[0].mean)} % (n = {deepest[0].n}). "
        )
    doses_held = sorted((dose for dose in held if dose is not None), reverse=True)
    parts = [f"up to a share of {dose:g} for {listed(held[dose])}" for dose in doses_held]
    nowhere = len(held.get(None, ()))
    parts += [f"and not even at {doses[0]:g} for {criteria(nowhere)}"] if nowhere else []
    if held:
        told = {method for of in held.values() for method in of}
        seeds = from_to([response.n for response in found if response.method in told])
        basis = f"n = {seeds} per share; shares tried: {joined([f'{dose:g}' for dose in doses])}"
        half = "in the better half of the space"
        if doses_held:
            text += f"On every seed ({basis}), the choice is {half} {'; '.join(parts)}."
        else:
            text += f"Not even at {doses[0]:g} is the choice of {criteria(nowhere)} {half} on every seed ({basis})."
    if some and text:
        text += f" Tried at some of these shares only, and not counted here: {criteria(some)}."
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
        Column("holds up to", "the largest share such that, at this and every smaller share tried, the choice is in the"
               " better half of the space on every seed"),
    ]  # fmt: skip
    return Table(
        f"doses-{dataset}-{option}",
        "Mean test accuracy, % (number of supernet seeds), by share; hover to see each seed.", columns, rows,
    )  # fmt: skip


def _deepest(found: list[Response], method: str) -> float:
    return [response.mean for response in found if response.method == method][-1]
