"""Selectors are found by their files and configured by name."""

import pytest

from bench.errors import UsageError
from selectors import registry
from selectors.contract import Needs


def test_files_and_variants_are_found() -> None:
    names = registry.names()
    some = {"magnitude", "darts-pt", "darts-pt-loss", "zero-cost-pt", "zero-cost-pt-snip", "zero-cost-pt-snip-post"}
    assert some <= {*names}
    assert list(names) == sorted(names)
    assert not {"contract", "registry", "apply", "parts", "proxies"} & {*names}


def test_options_set_the_parts_and_change_the_needs() -> None:
    assert registry.find("darts-pt").needs.tuning
    assert not registry.find("darts-pt[tune=0]").needs.tuning
    assert registry.find("darts-pt").stochastic
    assert not registry.find("darts-pt[order=fixed,tune=0]").stochastic
    assert registry.find("magnitude").reads_only_alphas
    assert registry.find("pt-random[order=sgas,tune=0]").needs == Needs(alphas=True)


def test_one_selector_has_one_name() -> None:
    assert registry.find("darts-pt[tune=0,order=sgas]").name == "darts-pt[order=sgas,tune=0]"
    assert registry.find("darts-pt[order=random]").name == "darts-pt"
    assert registry.find("darts-pt[renormalise=yes]").name == "darts-pt[renormalise=yes]"
    assert registry.find("darts-pt[order=once]").name == "darts-pt[order=once,tune=0]"
    assert registry.find("darts-pt[measure=loss]").name == "darts-pt[measure=loss]"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("dart-pt", "darts-pt"),
        ("darts-pt[ordr=fixed]", "order"),
        ("darts-pt[order=fixd]", "fixed"),
        ("darts-pt[tune=-1]", "negative"),
        ("darts-pt[tune=few]", "tune=few"),
        ("darts-pt[renormalise=maybe]", "yes, no"),
        ("darts-pt[order=once,tune=2]", "all edges at the checkpoint"),
        ("magnitude[measure=loss]", "no option 'measure'"),
    ],
)
def test_mistakes_are_answered_with_what_exists(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        registry.find(text)
