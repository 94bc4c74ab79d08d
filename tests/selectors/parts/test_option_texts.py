"""A selector's texts do not contradict its options."""

import re

import pytest

from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.names import canonical
from nas_selection_bench.bench.work.options import Choice, Number, OrWord, Switch
from nas_selection_bench.program import methods
from nas_selection_bench.selectors import proxies
from nas_selection_bench.selectors.parts import registry
from nas_selection_bench.selectors.parts.criterion import Selector
from nas_selection_bench.selectors.parts.option_texts import proxy_of

BETWEEN = re.compile(r"gaps? of|with fine-tuning")


def others(selector: Selector) -> dict[str, list[str]]:
    """Values other than the default, for each option."""
    found: dict[str, list[str]] = {}
    spelled = selector.spelled()
    for option, convert in selector.converters().items():
        if option not in spelled:
            continue
        values = [convert.word] if isinstance(convert, OrWord) else []
        bare = convert.convert if isinstance(convert, OrWord) else convert
        if isinstance(bare, Choice):
            values += bare.choices
        elif isinstance(bare, Switch):
            values += ["yes", "no"]
        elif isinstance(bare, Number):
            values += ["0", "1", "2", "3", "0.25"]
        found[option] = [value for value in values if value != spelled[option]]
    return found


def with_options(name: str, **options: str) -> Selector | None:
    """The selector with these options; None if it refuses them."""
    try:
        return registry.find(canonical(name, options))
    except UsageError:
        return None


@pytest.mark.parametrize("name", registry.names())
def test_a_description_tells_every_option_that_is_not_the_default(name: str) -> None:
    default = registry.find(name)
    plain = default.declared()
    assert not any("here " in plain[field] for field in ("score", "keeps", "passes")), "of the default the file speaks"
    for option, values in others(default).items():
        for value in values:
            found = with_options(name, **{option: value})
            if found is None or option not in found.asked:
                continue
            texts, spelled = found.declared(), f"{option}={found.asked[option]}"
            assert spelled in texts["differs"]
            tells = [field for field in ("score", "keeps", "passes") if spelled in texts[field]]
            proxy = proxy_of(found)
            if proxy is not None and option in proxy.options():
                assert f"{proxies.spelled(proxy)}(" in texts["score"]
            elif option not in ("order", "tune"):
                assert tells, f"{name}[{option}={value}] reads as the default does"


@pytest.mark.parametrize("name", [n for n in registry.names() if "tune" in registry.find(n).options()])
def test_tuning_is_told_of_exactly_where_there_is_some(name: str) -> None:
    for order in ("once", "fixed", "random"):
        for tune in ("0", "1", "3", "preset"):
            found = with_options(name, order=order, tune=tune)
            if found is None:
                continue
            texts = found.declared()
            tuned = BETWEEN.search(texts["passes"] + texts["score"]) is not None
            assert tuned == (tune != "0") == found.needs.tuning, found.name
            assert ("of 3 epochs of fine-tuning" in texts["passes"]) == (tune == "3")


@pytest.mark.parametrize(
    ("name", "field", "text"),
    [
        ("darts-pt", "passes", "30 B and 5 gaps of fine-tuning"),
        ("darts-pt[tune=0]", "passes", "30 B"),
        ("pt-magnitude[order=fixed,tune=0]", "score", "p(e, o), edge by edge"),
        ("pt-magnitude[order=fixed,tune=0]", "passes", "0"),
        ("pt-magnitude[order=once]", "score", "p(e, o)"),
        ("pt-magnitude[tune=2]", "passes", "5 gaps of 2 epochs of fine-tuning"),
        ("zero-cost-pt[reached=yes]", "score", "-nwot(supernet without o on e)"),
        ("darts-pt[measure=loss]", "score",
         "-accuracy(supernet without o on e) by default; here measure=loss (quantity measured without the operation)"),
        ("darts-pt[measure=loss]", "keeps", "lowest accuracy without it by default; here measure=loss"),
        ("one-shot-sampled[images=16]", "passes",
         "100 B by default; here images=16 (number of selection images, in one mini-batch; or all)"),
    ],
)  # fmt: skip
def test_the_wording(name: str, field: str, text: str) -> None:
    assert registry.find(name).declared()[field] == text
    assert methods().selectors.find(name).declared[field] == text, "what is stored with results"
