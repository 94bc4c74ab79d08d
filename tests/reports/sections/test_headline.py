"""The first sentence of the page and of a README."""

import pytest

from nas_selection_bench.reports.sections.headline import headline_sentence


@pytest.mark.parametrize(
    ("better", "said"),
    [
        ("a", "a is shown better"),
        ("ab", "a and b are shown better"),
        ("abc", "a, b and c are shown better"),
        ("abcd", "a, b and 2 more are shown better"),
    ],
)
def test_who_is_better_is_named_while_they_are_few(better: str, said: str) -> None:
    assert headline_sentence("cifar10", [*better], True, "the floor") == f"On CIFAR-10, {said} than the floor."


def test_nobody_better_and_nobody_judged_are_told_apart() -> None:
    assert (
        headline_sentence("digits", [], True, "the floor") == "On digits, no criterion is shown better than the floor."
    )
    assert headline_sentence("digits", [], False, "the floor") == (
        "On digits, there are too few seeds to tell any criterion from the floor."
    )
