"""The section on when to stop: every stopping rule with every criterion, from the checkpoints that are stored."""

import pandas as pd

from nas_selection_bench.reports.data.courses import courses, outcomes, rules, stops
from nas_selection_bench.reports.data.material import Material
from nas_selection_bench.reports.data.text import from_to, number
from nas_selection_bench.reports.sections.blocks import Block, Column, Field, Heading, Row, Section, Table


def stopping_section(source: Material) -> Section | None:
    """A table per data set; None where nothing was applied to all checkpoints of a supernet."""
    section = Section("stopping", "When to stop")
    for dataset in source.datasets:
        frame = outcomes(source.results, dataset)
        if len(frame) and frame["rule"].nunique() > 1:
            section.blocks += [Heading(dataset), *_tables(source, dataset, frame)]
    return section if section.blocks else None


def _tables(source: Material, dataset: str, frame: pd.DataFrame) -> list[Block]:
    known = stops(courses(source.results, dataset))
    told = [name for name in rules() if (frame["rule"] == name).any()]
    rows = []
    for (setting, method), group in frame.groupby(["setting", "method"], sort=True):
        by_rule = group.set_index("rule")
        means = {name: float(by_rule.loc[name, "mean"]) for name in told if name in by_rule.index}  # type: ignore[arg-type]
        best = max(means.values())
        cells = [Field(str(method), "name"), Field(str(setting))]
        for name in told:
            if name not in means:
                cells.append(Field("–"))
                continue
            mean, epoch = means[name], float(by_rule.loc[name, "epoch"])  # type: ignore[arg-type]
            bold = "best" if mean == best and len(set(means.values())) > 1 else ""
            cells.append(Field(number(mean), bold, title=f"stopped at epoch {number(epoch, 1)} on average"))
        cells.append(Field(str(int(group["n"].iloc[0]))))
        rows.append(Row(cells))
    columns = [
        Column("selector", numeric=False), Column("recipe", numeric=False),
        *(Column(name.replace("-", " "), rules()[name].formula) for name in told), Column("n", "supernet seeds"),
    ]  # fmt: skip
    epochs = "; ".join(
        f"{name.replace('-', ' ')} {from_to(sorted(set(known[name].values())))}" for name in told if name in known
    )
    caption = (
        "Mean test accuracy, %, of what each criterion chooses at the checkpoint at which each rule stops; the rules"
        " read what is stored; nothing was trained or scored again. The rules of a row are compared on the same"
        f" supernets. Epochs at which they stop: {epochs}. Where a rule differs from its paper, its file in"
        " reports/stopping says so."
    )
    return [Table(f"stopping-{dataset}", caption, columns, rows)]
