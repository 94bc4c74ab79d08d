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


def test_alphas_alone_decide_some_and_no_others() -> None:
    by_alphas = {name for name in registry.names() if registry.find(name).decides_by_alphas}
    assert by_alphas == {"magnitude", "magnitude-no-none", "pt-magnitude", "sgas", "sgas-2"}
    assert not registry.find("darts-pt[order=sgas]").decides_by_alphas, "the order is not the decision"


def test_one_selector_has_one_name() -> None:
    assert registry.find("darts-pt[tune=0,order=sgas]").name == "darts-pt[order=sgas,tune=0]"
    assert registry.find("darts-pt[order=random]").name == "darts-pt"
    assert registry.find("darts-pt[renormalise=yes]").name == "darts-pt[renormalise=yes]"
    assert registry.find("darts-pt[order=once]").name == "darts-pt[order=once,tune=0]"
    assert registry.find("darts-pt[measure=loss]").name == "darts-pt[measure=loss]"


def test_what_an_option_stands_for_when_not_given_can_be_typed() -> None:
    assert registry.find("darts-pt[tune=preset]").name == "darts-pt"
    assert registry.find("ostr[order=fixed,tune=preset]").name == "ostr[order=fixed,tune=preset]"
    assert registry.find("ostr[order=fixed,tune=preset]").needs.tuning
    assert registry.find("one-shot[architectures=all]").name == "one-shot"
    assert registry.find("one-shot[images=all]").name == "one-shot[images=all]"
    assert registry.find("one-shot[images=all]").options()["images"][0] is None
    assert registry.find("one-shot-sampled[images=all]").name == "one-shot-sampled"
    assert registry.find("one-shot-sampled[architectures=all]").name == "one-shot-sampled[architectures=all]"
    assert not registry.find("one-shot-sampled[architectures=all]").stochastic
    assert registry.find("magnitude[none=yes]").name == "magnitude"


@pytest.mark.parametrize("name", registry.names())
def test_every_default_can_be_typed_as_it_is_shown(name: str) -> None:
    for option, text in registry.find(name).spelled().items():
        assert registry.find(f"{name}[{option}={text}]").name == name


def test_what_can_be_tuned() -> None:
    """A rule that reads trained weights or alphas, and the control that costs what others do."""
    for name in ("op-snip-post", "magnitude", "is-darts", "op-fisher", "zero-cost-pt-snip-post"):
        assert registry.find(f"{name}[order=fixed,tune=1]").needs.tuning
    assert registry.find("pt-random[tune=2]").needs.trained, "tuning goes on from the trained weights"


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
        ("darts-pt[tune=few]", "preset"),
        ("magnitude[measure=loss]", "no option 'measure'"),
        ("ostr-exact[measure=accuracy]", "no option 'measure'"),
        ("ostr-exact[renormalise=yes]", "no option 'renormalise'"),
        ("magnitude-no-none[none=no]", "no option 'none'"),
        ("sgas[none=no]", "no option 'none'"),
        ("is-darts[none=yes]", "no option 'none'"),
        ("op-snip[order=fixed,tune=1]", "fresh weights"),
        ("op-snip[order=fixed,tune=preset]", "fresh weights"),
        ("op-grasp[order=random,tune=2]", "fresh weights"),
        ("te-nas[order=fixed,tune=1]", "fresh weights"),
    ],
)
def test_mistakes_are_answered_with_what_exists(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        registry.find(text)
