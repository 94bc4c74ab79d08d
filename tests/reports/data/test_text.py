"""Numbers and tables as text."""

import csv
import io

import pytest

from nas_selection_bench.reports.data import text


@pytest.mark.parametrize(
    ("value", "decimals", "expected"),
    [(93.755, 2, "93.75"), (-0.5, 1, "−0.5"), (-0.001, 2, "0.00"), (None, 2, "–"), (float("nan"), 2, "–"), (7, 0, "7")],
)
def test_number(value: float | None, decimals: int, expected: str) -> None:
    assert text.number(value, decimals) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.0, "–"),
        (0.0312, "0.031 s"),
        (4.0, "4.0 s"),
        (12.4, "12 s"),
        (89.0, "89 s"),
        (300.0, "5.0 min"),
        (9000.0, "2.5 h"),
    ],
)
def test_duration(seconds: float, expected: str) -> None:
    assert text.duration(seconds) == expected


def test_csv_gives_floats_back_exactly() -> None:
    row = ["a,b", 0.1 + 0.2, 3, None]
    back = next(csv.reader(io.StringIO(text.to_csv(["x", "y", "z", "w"], [row]).split("\n", 1)[1])))
    assert back[0] == "a,b"
    assert float(back[1]) == 0.1 + 0.2
    assert back[2:] == ["3", ""]


def test_latex_escapes_what_it_would_read_as_commands() -> None:
    out = text.to_latex(["a_b", "n"], [["50 % & more", "1 ± 2"]])
    assert r"a\_b & n \\" in out
    assert r"50 \% \& more & 1 $\pm$ 2 \\" in out
    assert out.count("{") == out.count("}")


def test_markdown_escapes_bars() -> None:
    assert text.to_markdown(["a", "b"], [["x|y", "1"]]) == "| a | b |\n| :-- | --: |\n| x\\|y | 1 |\n"


def test_a_range_is_one_number_where_all_are_equal() -> None:
    assert [text.from_to(values) for values in ([], [3], [9, 3, 3], [6746, 100])] == [
        "–",
        "3",
        "3 to 9",
        "100 to 6,746",
    ]
