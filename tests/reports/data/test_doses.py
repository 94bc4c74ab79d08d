"""Doses are read from the names of recipes; responses are means per seed."""

import pandas as pd
import pytest

from nas_selection_bench.reports.data.doses import IMPOSED, Response, dose, dosed_options, holds_up_to, responses
from nas_selection_bench.supernets.blank import IMPOSED as OPTIONS

ROWS = pd.DataFrame(
    [
        (recipe, recipe, "a", seed, value + draw)
        for recipe, values in {"blank": (90, 92), "blank[skip=0.4]": (80, 84), "blank[skip=0.8]": (50, 95),
                               "blank[conv_1x1=0.6]": (70, 71), "darts": (1, 2)}.items()
        for seed, value in enumerate(values) for draw in (-1, 1)
    ],
    columns=["recipe", "setting", "method", "supernet_seed", "test"],
)  # fmt: skip


def test_the_options_are_those_of_the_recipe() -> None:
    assert OPTIONS == IMPOSED


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [("blank[skip=0.6]", ("skip", 0.6)), ("blank", None), ("darts[alpha_rate=0.001]", None),
     ("blank[avg_pool=1e-05]", ("avg_pool", 1e-5))],
)  # fmt: skip
def test_doses_are_read_off_names(recipe: str, expected: object) -> None:
    assert dose(recipe) == expected


def test_responses_are_per_seed_means_and_blank_is_the_even_dose_of_any_operation() -> None:
    assert dosed_options(ROWS) == ["skip", "conv_1x1"]
    assert dosed_options(ROWS[ROWS["recipe"] != "blank"]) == ["skip"]
    assert responses(ROWS, "skip") == [
        Response("a", 0.2, (90, 92)), Response("a", 0.4, (80, 84)), Response("a", 0.8, (50, 95)),
    ]  # fmt: skip
    assert [(r.dose, r.mean, r.n) for r in responses(ROWS, "conv_1x1")] == [(0.2, 91, 2), (0.6, 70.5, 2)]


def test_supernets_of_two_sizes_have_responses_of_their_own() -> None:
    large = ROWS.assign(setting=ROWS["recipe"] + " · preset paper", test=ROWS["test"] + 5)
    small = ROWS.assign(setting=ROWS["recipe"] + " · preset lite")
    found = responses(pd.concat([small, large]), "conv_1x1")
    assert [(r.method, r.dose, r.mean) for r in found] == [
        ("a · preset lite", 0.2, 91), ("a · preset lite", 0.6, 70.5),
        ("a · preset paper", 0.2, 96), ("a · preset paper", 0.6, 75.5),
    ]  # fmt: skip


@pytest.mark.parametrize(("down", "dose"), [(45, None), (35, 0.2), (10, 0.4), (-1, 0.8)])
def test_a_criterion_holds_as_long_as_every_seed_is_in_the_better_half(down: float, dose: float | None) -> None:
    lower = ROWS.assign(percentile=ROWS["test"] - down)
    assert holds_up_to(responses(lower, "skip", "percentile"), "a") == dose
