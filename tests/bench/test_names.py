"""Names with options: parsing, canonical form, choices and suggestions for typos."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.names import LISTED, canonical, choose, nearest, parse, unknown
from nas_selection_bench.selectors.parts import registry

NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)
VALUES = st.from_regex(r"[A-Za-z0-9._-]{1,6}", fullmatch=True)


@given(NAMES, st.dictionaries(NAMES, VALUES, max_size=3))
def test_the_canonical_form_parses_to_itself(name: str, options: dict[str, str]) -> None:
    assert parse(canonical(name, options)) == (name, options)
    assert canonical(*parse(canonical(name, options))) == canonical(name, options)


@pytest.mark.parametrize(
    "text", ["", "a b", "[x=1]", "a[x]", "a[x=]", "a[=1]", "a[x=1", "a[x=1]]", "a]x[", "-a", "a[x=1,x=2]"]
)
def test_malformed_names_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse(text)


def test_spaces_do_not_matter() -> None:
    assert parse(" gdas[ tau = 5 , hard=no ] ") == ("gdas", {"tau": "5", "hard": "no"})


def test_unknown_names_are_answered_with_the_nearest() -> None:
    assert nearest("drats", ["darts", "blank"]) == ["darts"]
    message = str(unknown("recipe", "drats", ["darts", "blank"]))
    assert message == "Unknown recipe 'drats'; did you mean darts? The recipes are: blank, darts."
    assert str(unknown("recipe", "zzz", ["darts"])) == "Unknown recipe 'zzz'. The recipes are: darts."
    many = [f"proxy-{i}" for i in range(LISTED + 1)]
    message = str(unknown("selector", "zzz", many))
    assert message == f"Unknown selector 'zzz'. `python run_bench.py --list` shows all {len(many)} selectors."
    assert "did you mean" not in str(unknown("recipe", "xyzxyz", ["darts", "blank"]))


SELECTORS = ["darts-pt", "disc-zc", "disc-zc-snip", "zero-cost-pt", "zero-cost-pt-snip", "zero-cost-pt-ntk"]


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        ("zero-cost-pt-naswot", "zero-cost-pt"), ("naswot", "zero-cost-pt"), ("NAS-WOT", "zero-cost-pt"),
        ("nwot", "zero-cost-pt"), ("snip", "disc-zc-snip"), ("DARTS_PT", "darts-pt"), ("dartspt", "darts-pt"),
        ("zero_cost_pt_snip", "zero-cost-pt-snip"),
    ],
)  # fmt: skip
def test_a_name_of_the_field_is_answered_with_ours(told: str, meant: str) -> None:
    assert nearest(told, SELECTORS)[0] == meant


def test_a_method_with_the_name_of_a_group_is_refused() -> None:
    with pytest.raises(UsageError, match="'main'"):
        choose("selector", "all", ["main", "other"], groups={"main": "other"})


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("darts-pt[tune=preset],magnitude,!darts-pt", ["magnitude"]),
        ("darts-pt,magnitude,!darts-pt[tune=preset]", ["magnitude"]),
        ("darts-pt[tune=preset],darts-pt", ["darts-pt"]),
        ("darts-pt[order=fixed],darts-pt-loss[order=fixed],magnitude,!darts-pt*", ["magnitude"]),
        ("darts-pt[tune=00],magnitude,!darts-pt[tune=0]", ["magnitude"]),
    ],
)
def test_names_are_chosen_and_excluded_by_their_canonical_spelling(text: str, left: list[str]) -> None:
    assert choose("selector", text, registry.names(), registry.find) == left


def test_an_exclusion_with_an_option_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UsageError, match="magnitude has no option 'foo'"):
        choose("selector", "magnitude,!magnitude[foo=1]", registry.names(), registry.find)
