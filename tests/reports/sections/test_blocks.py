"""Figures that are not drawn are reported once per reason."""

from nas_selection_bench.reports.sections.blocks import Block, Heading, Picture, Prose, gathered


def missing(title: str, reason: str = "left out") -> Picture:
    return Picture(title, title, "A mark is one of many.", "", reason)


def test_figures_not_drawn_for_one_reason_are_one_sentence() -> None:
    drawn = Picture("d", "darts: the scores", "A mark is one of many.", "<svg></svg>")
    other = missing("darts: the cost", "no seconds are stored")
    blocks: list[Block] = [
        Heading("h"), missing("a<b: the scores"), drawn, missing("snas: the scores"), other, missing("rsps: the scores")
    ]  # fmt: skip
    found = gathered(blocks)
    assert found[0] == blocks[0] and found[2:] == [drawn, other]
    said = found[1]
    assert isinstance(said, Prose)
    assert "The scores: 3 figures not drawn (a&lt;b; snas; rsps): left out." in said.markup


def test_two_reasons_are_two_sentences_and_a_single_one_keeps_its_caption() -> None:
    one, two = missing("a: scores"), missing("b: scores", "nothing to show")
    assert gathered([one, two]) == [one, two]
