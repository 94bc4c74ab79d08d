"""The section on single scores: each criterion's score of every operation on every edge, beside the oracle."""

from functools import partial

from nas_selection_bench.reports.data.material import Material
from nas_selection_bench.reports.data.results import ONE_DRAW_SAID
from nas_selection_bench.reports.data.text import from_to
from nas_selection_bench.reports.figures.score_maps import score_map_figure, score_maps
from nas_selection_bench.reports.sections.blocks import Section
from nas_selection_bench.reports.sections.pictures import picture
from nas_selection_bench.reports.sections.titles import headings, titled


def score_maps_section(source: Material) -> Section:
    """One figure per recipe, and one for the criteria that read no supernet."""
    section = Section("maps", "The scores, edge by edge", folded=True, link="Score maps")
    for dataset in source.datasets:
        section.blocks += headings(source, dataset)
        for setting, name, order in _scored(source, dataset):
            maps = score_maps(source.results, dataset, setting, order)
            if maps:
                title = titled(source, dataset, f"{name}: the 6 × 5 scores beside the oracle")
                caption = (
                    "Rows: edges; columns: operations. Scores are standardised per edge and averaged over selections"
                    f" (n = {from_to([m.n for m in maps])}). Dot: the operation chosen most often. The first two panels"
                    f" show the oracle of the table.{'' if setting else f' {ONE_DRAW_SAID}'}"
                )
                draw = partial(score_map_figure, maps, source.table, dataset)
                section.blocks.append(picture(source, f"scores-{dataset}-{name}", title, caption, draw))
    return section


def _scored(source: Material, dataset: str) -> list[tuple[str | None, str, list[str]]]:
    """(Setting, name, methods) of each figure; methods that read no supernet share one, whose setting is None."""
    settings, order = source.results.settings, source.focus(dataset)
    checkpoint_free = [method for method in order if method in source.results.checkpoint_free]
    if len(settings) == 1 or not checkpoint_free:
        return [(setting, setting, order) for setting in settings]
    reading = [method for method in order if method not in checkpoint_free]
    return [*((setting, setting, reading) for setting in settings), (None, "every recipe", checkpoint_free)]
