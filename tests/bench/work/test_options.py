"""Options of methods: parsing, bounds, spelling and help."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.work.options import (
    SWITCHES,
    Configurable,
    above,
    as_text,
    at_least,
    between,
    inside,
    not_negative,
    number,
    one_of,
    option,
    or_all,
    or_preset,
    positive,
    share,
    whole,
    yes_or_no,
)
from nas_selection_bench.selectors import proxies
from nas_selection_bench.selectors.parts import registry as selectors
from nas_selection_bench.supernets.parts import registry as recipes
from tests.canonical_names import canonical_name

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True, kw_only=True)
class Part(Configurable):
    rate: float = option(0.5, inside(0, 1), "how fast")


@dataclass(frozen=True, kw_only=True)
class Method(Configurable):
    part: Part
    count: int = option(1, positive, "how many")
    hard: bool = option(False, yes_or_no, "whether it is hard")
    order: str = option("fixed", one_of("fixed", "random"), "which first")
    epochs: int | None = option(None, or_preset(not_negative), "how long")
    settled: int = 7


METHOD = Method(part=Part())


def test_options_are_those_of_the_method_and_of_its_parts() -> None:
    assert {name: text for name, (_, text) in METHOD.options().items()} == {
        "count": "how many", "hard": "whether it is hard", "order": "which first", "epochs": "how long",
        "rate": "how fast",
    }  # fmt: skip
    changed = METHOD.configured("m", {"count": "3", "rate": "1e-2", "hard": "on", "order": "random", "epochs": "0"})
    assert changed == Method(part=Part(rate=0.01), count=3, hard=True, order="random", epochs=0)
    assert changed.differing(METHOD) == {
        "count": "3", "rate": "0.01", "hard": "yes", "order": "random", "epochs": "0",
    }  # fmt: skip
    assert METHOD.configured("m", METHOD.spelled()) == METHOD


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("count", "1.5"), ("count", "0"), ("rate", "fast"), ("rate", "nan"), ("rate", "inf"), ("rate", "1"),
        ("hard", "maybe"), ("order", "randm"), ("epochs", "-1"), ("size", "1"), ("settled", "8"), ("part", "1"),
    ],
)  # fmt: skip
def test_wrong_options_are_refused_in_a_sentence_that_names_them(name: str, value: str) -> None:
    with pytest.raises(UsageError) as refused:
        METHOD.configured("m", {name: value})
    message = str(refused.value)
    assert message.startswith("m") and name in message and message.endswith((".", "?"))


BOUNDS = [
    (at_least(2), lambda v: v >= 2), (above(2), lambda v: v > 2), (between(-1, 2), lambda v: -1 <= v <= 2),
    (inside(-1, 2), lambda v: -1 < v < 2), (share, lambda v: 0 <= v < 1), (number, lambda v: True),
]  # fmt: skip


@pytest.mark.parametrize(("convert", "fits"), BOUNDS)
@given(value=st.floats(-4, 4) | st.sampled_from([-1.0, 0.0, 1.0, 2.0]))
def test_bounds(convert: Callable[[str], float], fits: Callable[[float], bool], value: float) -> None:
    if fits(value):
        assert convert(repr(value)) == value
    else:
        with pytest.raises(ValueError, match="it must be"):
            convert(repr(value))


@given(value=st.floats(allow_nan=False, allow_infinity=False) | st.booleans() | st.integers(-1000, 1000) | st.none())
def test_what_is_spelled_is_read_as_the_same_value(value: float | bool | None) -> None:
    converters = {bool: yes_or_no, int: whole, float: number, type(None): or_all(whole)}
    convert = converters[type(value)]
    assert convert(as_text(value, convert)) == value


def test_a_switch_has_the_same_words_everywhere() -> None:
    for word, value in SWITCHES.items():
        for text in (word, word.upper()):
            assert recipes.find(f"rsps[per_cell={text}]").per_cell is value  # type: ignore[attr-defined]
            assert proxies.find(f"meco[containers={text}]").containers is value  # type: ignore[attr-defined]
            assert selectors.find(f"zero-cost-pt[reinitialise={text}]").reinitialise is value  # type: ignore[attr-defined]
            assert selectors.find(f"zero-cost-rank[reached={text}]").proxy.reached is value  # type: ignore[attr-defined]
    assert selectors.find("zero-cost-pt[reached=true,reinitialise=off]").name == (
        "zero-cost-pt[reached=yes,reinitialise=no]"
    )


def test_stored_names_are_the_names_of_today() -> None:
    """Checks all recipes and selectors requested for stored results, since names are part of their keys."""
    asked: dict[str, set[str]] = {"recipe": set(), "selector": set()}
    for plan in ROOT.glob("results/*/plan.json"):
        for cell in json.loads(plan.read_text())["cells"]:
            for kind, names in asked.items():
                names.add(cell[kind])
    assert len(asked["recipe"]) > 20 and len(asked["selector"]) > 100
    for name in asked["recipe"]:
        assert canonical_name(recipes.RECIPES, name) == name
    for name in asked["selector"]:
        assert selectors.find(name).name == name


def test_every_option_of_every_method_has_help_and_reads_its_own_default() -> None:
    methods: list[tuple[str, Configurable]] = [
        *selectors.SELECTORS.methods().items(), *recipes.recipes().items(),
        *((name, proxies.find(name)) for name in proxies.names()),
    ]  # fmt: skip
    for name, method in methods:
        for option_name, (value, text) in method.options().items():
            assert text.strip() and not text.endswith("."), (name, option_name)
            spelled = method.spelled()[option_name]
            assert method.converters()[option_name](spelled) == value, (name, option_name)


def test_options_of_a_class_that_is_no_dataclass_are_refused() -> None:
    """Without the decorator the field is only a class attribute: no option, and no value either."""

    class Forgotten(Configurable):
        strength: float = option(0.5, share, "how strong")

    assert "above Forgotten" in (Forgotten().unusable() or "")
    assert "above Forgotten" in (Whole(part=Forgotten()).unusable() or "")


@dataclass(frozen=True, kw_only=True)
class Whole(Configurable):
    part: Configurable
