"""Which of the selected architectures is drawn for all of them."""

import pytest

from reports.choices import typical

ACCURACY = {"a": 10.0, "b": 94.0, "c": 90.0, "d": 92.0}


@pytest.mark.parametrize(
    ("texts", "shown", "said"),
    [
        (["a", "b", "c"], "c", "all 3 differ, median 90.00 %"),
        (["a", "b", "c", "d"], "c", "all 4 differ, median 90.00 %"),
        (["a", "b", "b"], "b", "2 of 3 · 94.00 %"),
        (["a", "a", "b", "b", "c"], "a", "2 of them 2 times each, median 10.00 %"),
        (["d"], "d", "1 of 1 · 92.00 %"),
    ],
)
def test_the_most_frequent_else_the_median_one(texts: list[str], shown: str, said: str) -> None:
    for order in (texts, texts[::-1]):
        assert typical(order, ACCURACY.__getitem__) == (shown, said)
