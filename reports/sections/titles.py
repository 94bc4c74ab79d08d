"""Titles that name the data set only if the page has several."""

from nas_selection_bench.reports.data.material import Material
from nas_selection_bench.reports.sections.blocks import Heading


def titled(source: Material, dataset: str, question: str) -> str:
    """`cifar10: all pairs`, or `All pairs`; for a question about one name, `cifar10, darts: who?` or `darts: who?`."""
    named = ": " in question
    if len(source.datasets) > 1:
        return f"{dataset}{', ' if named else ': '}{question}"
    return question if named else f"{question[0].upper()}{question[1:]}"


def headings(source: Material, dataset: str) -> list[Heading]:
    """The heading of a data set within a section; empty if the page has only one data set."""
    return [Heading(dataset)] if len(source.datasets) > 1 else []
