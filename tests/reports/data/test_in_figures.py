"""The selectors that a figure shows if it has no room for all."""

from hypothesis import given
from hypothesis import strategies as st

from nas_selection_bench.reports.data.in_figures import focus, is_variant, left_out_sentence

NAMES = ["zero-cost-pt-zen", "darts-pt", "darts-pt-loss", "zero-cost-pt", "zero-cost-pt-snip", "ostr", "magnitude",
         "ostr[order=random]", "magnitude · bn running"]  # fmt: skip


def test_main_forms_come_before_variants_and_keep_their_order() -> None:
    names = [f"x-{name}" for name in NAMES]  # none is a criterion of the founding papers
    assert focus(names, most=4) == [f"x-{name}" for name in ("darts-pt", "zero-cost-pt", "ostr", "magnitude")]
    assert focus(names, most=5)[0] == "x-zero-cost-pt-zen" and len(focus(names, most=5)) == 5
    assert focus(NAMES, most=len(NAMES)) == NAMES


def test_the_founding_papers_criteria_come_first_and_clones_last() -> None:
    assert focus(NAMES, most=5) == ["darts-pt", "darts-pt-loss", "zero-cost-pt", "ostr", "magnitude"]
    assert focus(NAMES, {"ostr"}, most=5) == ["zero-cost-pt-zen", "darts-pt", "darts-pt-loss", "zero-cost-pt",
                                              "magnitude"]  # fmt: skip


def test_a_variant_has_an_ending_or_options() -> None:
    variants = {
        "zero-cost-pt-zen",
        "darts-pt-loss",
        "zero-cost-pt-snip",
        "ostr[order=random]",
        "magnitude · bn running",
    }
    assert {name for name in NAMES if is_variant(name, NAMES)} == variants
    assert not is_variant("ostracised", ["ostr", "ostracised"])


@given(st.lists(st.text("ab-[", min_size=1), unique=True), st.integers(1, 6))
def test_no_more_than_fit_and_all_where_they_do(names: list[str], most: int) -> None:
    shown = focus(names, most=most)
    assert len(shown) == min(len(names), most)
    assert shown == [name for name in names if name in shown]


def test_captions_say_what_is_not_drawn() -> None:
    assert left_out_sentence(5, 5) == ""
    assert "32 of 108" in left_out_sentence(32, 108)
