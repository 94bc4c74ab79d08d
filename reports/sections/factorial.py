"""The section on the factorial: how much of a method's gain is due to its rule, edge order and fine-tuning."""

from nas_selection_bench.bench.yardsticks.intervals import LEVEL
from nas_selection_bench.bench.yardsticks.statistics import SIGNIFICANCE
from nas_selection_bench.reports.data.factorial import FACTORS, Design, Effect, Term, analysed, design
from nas_selection_bench.reports.data.material import Material
from nas_selection_bench.reports.data.text import listed, number, p_text
from nas_selection_bench.reports.sections.blocks import Block, Column, Field, Prose, Row, Section, Table
from nas_selection_bench.reports.sections.titles import headings


def factorial_section(source: Material) -> Section | None:
    """Tables of terms and effects per data set and batch-norm mode; None if no full factorial was run."""
    section = Section("factorial", "Rule, order and tuning, as one experiment", link="Factorial")
    for dataset in source.datasets:
        frame = source.results.final_of(dataset)
        modes = sorted(set(frame["bn"]))
        designs = {mode: found for mode in modes if (found := design(frame[frame["bn"] == mode])) is not None}
        if designs:
            section.blocks += headings(source, dataset)
        for mode, found in designs.items():
            several = len(modes) > 1
            section.blocks += _blocks(f"{dataset}-{mode}" if several else dataset, found, f"bn {mode}: " * several)
    return section if section.blocks else None


def _blocks(name: str, found: Design, prefix: str) -> list[Block]:
    terms = analysed(found)
    sentence = prefix + summary_sentence(found, terms)
    return [Prose(f"<p>{sentence}</p>"), _terms(name, found, terms), _effects(name, terms)]


def summary_sentence(found: Design, terms: list[Term]) -> str:
    """The size of the design, and which terms are shown to have an effect."""
    shown = [term for term in terms if term.p_corrected < SIGNIFICANCE]
    size = " × ".join(str(len(levels)) for levels in found.levels)
    told = listed([f"{_name(term)} ({number(100 * term.share, 0)} % of the variance within checkpoints)"
                   for term in sorted(shown, key=lambda term: -term.share)])  # fmt: skip
    return f"{size} combinations of {listed(list(FACTORS))}, all on the same {len(found.blocks)} checkpoints. " + (
        f"Significant at a corrected p&nbsp;&lt;&nbsp;{SIGNIFICANCE:.2g}: {told}."
        if shown
        else "No effect and no interaction is shown."
    )


def _name(term: Term) -> str:
    return " × ".join(term.factors)


def _terms(name: str, found: Design, terms: list[Term]) -> Table:
    rows = [
        Row([Field(_name(term), "name"), Field(number(100 * term.share, 1)), Field(p_text(term.p)),
             Field(p_text(term.p_corrected))]) for term in terms
    ]  # fmt: skip
    columns = [
        Column("term", numeric=False), Column("share, %", "of the sum of squares within checkpoints"),
        Column("p", "repeated-measures F test with checkpoints as blocks and Greenhouse and Geisser's degrees of"
               " freedom", low=True),
        Column("corrected", "p after Holm's correction over the terms", low=True),
    ]  # fmt: skip
    caption = (
        f"Repeated-measures analysis of variance of test accuracy; n = {len(found.blocks)} checkpoints."
        " The remainder to 100 % is residual: effects that differ between checkpoints."
    )
    return Table(f"factorial-{name}", caption, columns, rows)


def _effects(name: str, terms: list[Term]) -> Table:
    rows = [_row(term, effect) for term in terms if len(term.factors) < len(FACTORS) for effect in term.effects]
    columns = [
        Column("term", numeric=False), Column("level", numeric=False), Column("points", "of test accuracy"),
        Column("interval", f"{100 * LEVEL:.0f} %, Student's t over checkpoints, not corrected", numeric=False),
    ]  # fmt: skip
    caption = (
        "Points of test accuracy. Main effects: a level compared with the mean of all combinations. Interactions: a"
        " combination of levels compared with the sum of their main effects."
    )
    return Table(f"effects-{name}", caption, columns, rows)


def _row(term: Term, effect: Effect) -> Row:
    return Row([
        Field(_name(term), "name"), Field(" × ".join(effect.levels)), Field(number(effect.mean)),
        Field(f"[{number(effect.low)}, {number(effect.high)}]", "quiet"),
    ])  # fmt: skip
