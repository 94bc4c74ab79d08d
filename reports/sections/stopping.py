"""The section on when to stop: every stopping rule with every criterion, on the stored checkpoints."""

from collections.abc import Mapping

import pandas as pd

from nas_selection_bench.reports.data.courses import Stops, courses, outcomes
from nas_selection_bench.reports.data.material import Material
from nas_selection_bench.reports.data.text import from_to, number
from nas_selection_bench.reports.sections.blocks import Column, Field, Row, Section, Table
from nas_selection_bench.reports.sections.titles import headings
from nas_selection_bench.reports.stopping._rule import rules, stops


def stopping_section(source: Material) -> Section | None:
    """One table per data set; None if no criterion was applied to all checkpoints of a supernet."""
    section = Section("stopping", "When to stop", folded=True, link="Stopping")
    for dataset in source.datasets:
        known = courses(source.results, dataset)
        said = stops(known)
        frame = outcomes(source.results, dataset, known, said)
        if len(frame) and frame["rule"].nunique() > 1:
            section.blocks += [*headings(source, dataset), _table(dataset, frame, said)]
    return section if section.blocks else None


def _table(dataset: str, frame: pd.DataFrame, stopped: Mapping[str, Stops]) -> Table:
    told = [name for name in rules() if (frame["rule"] == name).any()]
    by_row: dict[tuple[str, str], dict[str, tuple[float, float, int]]] = {}
    columns = (frame[name].tolist() for name in ("setting", "method", "rule", "mean", "epoch", "n"))
    for setting, method, rule, mean, epoch, n in zip(*columns, strict=True):
        by_row.setdefault((setting, method), {})[rule] = mean, epoch, n
    rows = []
    for (setting, method), by_rule in sorted(by_row.items()):
        means = {mean for mean, _, _ in by_rule.values()}
        cells = [Field(method, "name"), Field(setting)]
        for name in told:
            if name not in by_rule:
                cells.append(Field("–"))
                continue
            mean, epoch, _ = by_rule[name]
            bold = "best" if mean == max(means) and len(means) > 1 else ""
            cells.append(Field(number(mean), bold, title=f"stopped at epoch {number(epoch, 1)} on average"))
        cells.append(Field(str(next(n for _, _, n in by_rule.values()))))
        rows.append(Row(cells))
    head = [
        Column("selector", numeric=False), Column("recipe", numeric=False),
        *(Column(name.replace("-", " "), rules()[name].formula) for name in told), Column("n", "supernet seeds"),
    ]  # fmt: skip
    epochs = "; ".join(
        f"{name.replace('-', ' ')} {from_to(sorted(set(stopped[name].values())))}" for name in told if name in stopped
    )
    caption = (
        "Mean test accuracy, %, of what each criterion chooses at the checkpoint at which each rule stops, on the same"
        f" supernets. Epochs at which the rules stop: {epochs}. The rules read stored results; if one differs from"
        " its paper, its file in reports/stopping says how."
    )
    return Table(f"stopping-{dataset}", caption, head, rows)
