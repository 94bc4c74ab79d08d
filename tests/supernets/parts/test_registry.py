"""Recipes are found by their files and named with options; each describes itself."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from nas_selection_bench import supernets
from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.supernets.parts.recipe import Recipe
from nas_selection_bench.supernets.parts.registry import RECIPES, find, names, recipes
from tests.canonical_names import canonical_name


@pytest.mark.parametrize("name", names())
def test_every_recipe_describes_itself(name: str) -> None:
    recipe = recipes()[name]
    assert isinstance(recipe, Recipe)
    assert recipe.name == name == name.lower()
    for field in ("paper", "equation", "offers", "differs", "__doc__"):
        text = getattr(recipe, field)
        assert text and text.strip(), f"{name}: its {field} says nothing"
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
    assert (
        canonical_name(RECIPES, "gdas")
        == canonical_name(RECIPES, "gdas[tau_max=10]")
        == canonical_name(RECIPES, " gdas[ tau_max = 10.0 ]")
        == "gdas"
    )
    assert (
        canonical_name(RECIPES, "gdas[tau_max=5]") == canonical_name(RECIPES, "gdas[tau_max=5.0]") == "gdas[tau_max=5]"
    )
    assert find(canonical_name(RECIPES, "darts-minus[beta=0.25]")) == find("darts-minus[beta=.25]")


def test_mistakes_are_answered_with_what_exists() -> None:
    with pytest.raises(UsageError, match="did you mean darts"):
        find("dart")
    with pytest.raises(UsageError, match="its options are alpha_rate, alpha_decay, beta"):
        find("darts-minus[gamma=1]")
    with pytest.raises(UsageError, match="must be a number"):
        find("darts-minus[beta=much]")
    with pytest.raises(UsageError, match="it has none"):
        find("drnas[beta=1]")


GOOD = """
from dataclasses import dataclass
from nas_selection_bench.supernets.parts.recipe import Recipe

@dataclass(frozen=True)
class Mine(Recipe):
    name = "mine"
    paper = "none"
    equation = "as darts"

RECIPE = Mine()
"""


@pytest.fixture
def with_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """A function that writes `supernets/my_own.py`, in a second folder of that name."""
    folder = tmp_path / "supernets"
    folder.mkdir()

    def forget() -> None:
        sys.modules.pop("nas_selection_bench.supernets.my_own", None)
        importlib.invalidate_caches()
        RECIPES._known.clear()

    def add(text: str) -> None:
        (folder / "my_own.py").write_text(text)
        forget()

    monkeypatch.setattr(supernets, "__path__", [*supernets.__path__, str(folder)])
    yield add
    forget()


def test_a_file_is_all_that_a_recipe_takes(with_file: Callable[[str], None], tmp_path: Path) -> None:
    with_file(GOOD)
    assert find("mine").paper == "none"
    assert RECIPES.file_of("mine") == tmp_path / "supernets" / "my_own.py"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = = 3", "supernets/my_own.py, line 1, cannot be read (SyntaxError: invalid syntax"),
        ("\nimport no_such_module", "supernets/my_own.py, line 2, cannot be read (ModuleNotFoundError: No module"),
        ("RECIPE = 3", "supernets/my_own.py: RECIPE must be a Recipe, not int."),
        (GOOD.replace("Mine()", "Mine"), "supernets/my_own.py: RECIPE must be a Recipe, not the class Mine."),
        (
            GOOD.replace("    name = ", "    rate: float = 1.0\n    name = "),
            "the field rate of 'mine' cannot be set by name",
        ),
        (GOOD.replace('    name = "mine"\n', ""), "supernets/my_own.py: `name` must be a non-empty string"),
        (GOOD.replace('    paper = "none"\n', ""), "supernets/my_own.py: `paper` must be a non-empty string"),
        (
            GOOD.replace('"mine"', '"darts"'),
            "supernets/darts.py and supernets/my_own.py both define the recipe 'darts'; rename yours.",
        ),
        ("import no.such", "install no, or correct the import"),
        (
            GOOD.replace("    name =", '    rate: float = option("abc", number, "x")\n    name =').replace(
                "Recipe\n\n", "Recipe\nfrom nas_selection_bench import number, option\n\n"
            ),
            "supernets/my_own.py: 'mine' cannot be used: the default of its option rate is 'abc'",
        ),
        (GOOD.replace('"mine"', '"My recipe"'), "supernets/my_own.py: 'My recipe' is not a valid recipe name"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_in_a_sentence(
    with_file: Callable[[str], None], text: str, said: str
) -> None:
    with_file(text)
    with pytest.raises(UsageError) as error:
        names()
    assert said in str(error.value)
    assert "\n" not in str(error.value)
