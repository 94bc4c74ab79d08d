"""Recipes are found by their files and named with options; every one says what it is."""

import pytest
import torch

from bench.errors import UsageError
from supernets.contract import Recipe
from supernets.registry import find, names, recipes, spelled


def test_the_first_three_are_there() -> None:
    assert {"darts", "blank", "darts-minus"} <= set(names())


@pytest.mark.parametrize("name", names())
def test_every_recipe_describes_itself(name: str) -> None:
    recipe = recipes()[name]
    assert isinstance(recipe, Recipe)
    assert recipe.name == name == name.lower()
    for text in (recipe.paper, recipe.equation, recipe.offers, recipe.differs, type(recipe).__doc__):
        assert text and text.strip()
    assert any(year in recipe.paper for year in map(str, range(2015, 2027)))
    assert recipe.version >= 1
    start = recipe.initial_alphas(torch.Generator().manual_seed(0))
    said, _, words = recipe.alpha_start.partition(" x ".join(map(str, start.shape)))
    assert not said and words[0] in ", ", "the shape of the alphas comes first"
    assert recipe.tunes_alphas or not recipe.alpha_update


def test_options_have_the_type_of_their_default() -> None:
    assert find("darts-minus[beta=2]").beta == 2.0  # type: ignore[attr-defined]
    assert find("darts-minus").beta == 1.0  # type: ignore[attr-defined]


def test_one_recipe_has_one_name() -> None:
    assert spelled("gdas") == spelled("gdas[tau_max=10]") == spelled(" gdas[ tau_max = 10.0 ]") == "gdas"
    assert spelled("gdas[tau_max=5]") == spelled("gdas[tau_max=5.0]") == "gdas[tau_max=5]"
    assert find(spelled("darts-minus[beta=0.25]")) == find("darts-minus[beta=.25]")


def test_mistakes_are_answered_with_what_exists() -> None:
    with pytest.raises(UsageError, match="did you mean darts"):
        find("dart")
    with pytest.raises(UsageError, match="its options are beta"):
        find("darts-minus[gamma=1]")
    with pytest.raises(UsageError, match="type float"):
        find("darts-minus[beta=much]")
    with pytest.raises(UsageError, match="it has none"):
        find("darts[beta=1]")
