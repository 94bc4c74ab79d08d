"""Selectors are found by their files and configured by name."""

import importlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path

import pytest
import torch

from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.names import choose
from nas_selection_bench.bench.work.options import Configurable
from nas_selection_bench.selectors.parts import registry
from nas_selection_bench.selectors.parts.needs import Needs


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
    assert not registry.find("zero-cost-pt-swap-post[order=once]").stochastic
    assert registry.find("zero-cost-pt-swap-post[order=once,repeats=2]").stochastic, "draws weights"
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
    """Rules that read trained weights or alphas can be tuned, and so can the control with equal cost."""
    for name in ("op-snip-post", "magnitude", "is-darts", "op-fisher", "zero-cost-pt-snip-post"):
        assert registry.find(f"{name}[order=fixed,tune=1]").needs.tuning
    assert registry.find("pt-random[tune=2]").needs.trained, "fine-tuning continues from the trained weights"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("dart-pt", "darts-pt"),
        ("darts-pt[ordr=fixed]", "order"),
        ("darts-pt[order=fixd]", "fixed"),
        ("darts-pt[tune=-1]", "at least 0"),
        ("darts-pt[tune=few]", r"^darts-pt: option tune=few cannot be used: it must be a whole number"),
        ("shapley[samples=x]", r"^shapley: option samples=x cannot be used: it must be a whole number\.$"),
        ("shapley[truncate=x]", r"^shapley: option truncate=x cannot be used: it must be a number\.$"),
        ("darts-pt[renormalise=maybe]", "yes or no"),
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


GOOD = """
from nas_selection_bench.selectors.magnitude import SELECTOR as MAGNITUDE
from dataclasses import replace
SELECTOR = replace(MAGNITUDE, formula="another")
"""
RULE = """
from dataclasses import dataclass
from nas_selection_bench.bench.work.options import not_negative, option
from nas_selection_bench.selectors.parts.criterion import Rule
from nas_selection_bench.selectors.parts.needs import Needs
from nas_selection_bench.selectors.parts.schedule import Greedy

@dataclass(frozen=True, kw_only=True)
class Mine(Rule):
    tune: int = option(3, not_negative, "something else than the schedule's")

    @property
    def needs(self):
        return Needs(alphas=True)

    def score(self, search, edges):
        return search.probabilities()[list(edges)]

"""
GREEDY = RULE + "SELECTOR = Greedy(rule=Mine(), formula='f', direction='d'{})\n"


NOT_GREEDY = """
from dataclasses import dataclass
from nas_selection_bench.selectors.parts.criterion import Selector
from nas_selection_bench.selectors.parts.needs import Needs

@dataclass(frozen=True, kw_only=True)
class Whole(Selector):
    @property
    def needs(self):
        return Needs(trained=True)

    @property
    def stochastic(self):
        return False

    @property
    def decides_by_alphas(self):
        return False

    @property
    def reads_checkpoint(self):
        return False

    def select(self, search):
        ...

SELECTOR = Whole(paper="p", formula="f", direction="d")
"""


@pytest.fixture
def with_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """A function that adds files to `selectors/`, by a second folder of that name."""
    folder = tmp_path / "selectors"
    folder.mkdir()

    def add(**files: str) -> None:
        for name, text in files.items():
            (folder / f"{name}.py").write_text(text)
        importlib.invalidate_caches()
        registry.SELECTORS._known.clear()

    package = sys.modules["nas_selection_bench.selectors"]
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
    yield add
    for path in folder.glob("*.py"):
        sys.modules.pop(f"nas_selection_bench.selectors.{path.stem}", None)
    registry.SELECTORS._known.clear()


def test_a_file_is_all_that_a_selector_takes(with_files: Callable[..., None], tmp_path: Path) -> None:
    with_files(my_own=GOOD + "VARIANTS = {'twice': SELECTOR}")
    assert {"my-own", "my-own-twice"} <= {*registry.names()}
    assert registry.SELECTORS.file_of("my-own-twice") == tmp_path / "selectors" / "my_own.py"


def test_what_a_file_does_to_torch_when_it_is_read_ends_there(with_files: Callable[..., None]) -> None:
    with_files(my_own="import torch\ntorch.set_default_dtype(torch.float64)\n" + GOOD)
    assert "my-own" in registry.names()
    assert torch.get_default_dtype() == torch.float32


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"mine": "x = = 3"}, "selectors/mine.py, line 1, cannot be read (SyntaxError: invalid syntax"),
        ({"mine": "\nimport no_such_module"}, "selectors/mine.py, line 2, cannot be read (ModuleNotFoundError: No mod"),
        (
            {"mine": "import nas_selection_bench.selectors.yours", "yours": "x = 1 / 0"},
            "selectors/yours.py, line 1, cannot be read (Zero",
        ),
        ({"mine": "import sys\nsys.exit(3)"}, "selectors/mine.py, line 2, cannot be read (SystemExit: 3)"),
        ({"mine": "SELECTOR = 3"}, "selectors/mine.py: 'mine' must be a Selector, not int"),
        ({"mine": "SELECTOR = None"}, "selectors/mine.py: 'mine' must be a Selector, not NoneType"),
        (
            {"mine": "from nas_selection_bench.selectors.parts.schedule import Greedy as SELECTOR"},
            "must be a Selector, not the class Greedy",
        ),
        ({"mine": "VARIANTS = 3"}, "selectors/mine.py: VARIANTS must be a dictionary {suffix: selector}, not int"),
        (
            {"mine": RULE + "SELECTOR = Mine()"},
            "must be a Selector, not Mine; a Rule becomes one as Greedy(rule=..., ...).",
        ),
        ({"mine": GREEDY.format("")}, "missing 1 required keyword-only argument: 'paper'"),
        ({"mine": GREEDY.format(", paper=''")}, "selectors/mine.py: `paper` must be a non-empty string"),
        ({"mine": GREEDY.format(", paper='p'")}, "selectors/mine.py: 'mine' cannot be used (UsageError: Greedy and"),
        (
            {"mine": GREEDY.format(", paper='p'").replace("Needs(a", "dict(a").replace("tune", "n")},
            "selectors/mine.py: 'mine' cannot be used (TypeError: Mine.needs must be Needs(...), not dict).",
        ),
        (
            {"mine": GREEDY.format(", paper='p'").replace("Needs(alphas=True)", "5").replace("tune", "n")},
            "Mine.needs must be Needs(...), not int",
        ),
        (
            {"mine": GREEDY.format(", paper='p'").replace("rule=Mine()", "rule=Mine").replace("tune", "n")},
            "selectors/mine.py: the rule of 'mine' must be a Rule, not the class Mine; write Mine().",
        ),
        (
            {"mine": GREEDY.format(", paper='p'").replace("rule=Mine()", "rule=3")},
            "selectors/mine.py: the rule of 'mine' must be a Rule, not int.",
        ),
        *(
            (
                {"mine": GREEDY.format(", paper='p'").replace("tune", "n").replace("option(3", f"option({default}")},
                "selectors/mine.py: 'mine' cannot be used: the default of its option n is",
            )
            for default in ("'abc'", "-1", "0.5", "'3'", "None", "True")
        ),
        (
            {"mine": GREEDY.format(", paper='p'").replace("    @property\n", "").replace("tune", "n")},
            "selectors/mine.py: Mine.needs is a method; put @property above it.",
        ),
        *(
            (
                {"mine": NOT_GREEDY.replace(f"    @property\n    def {name}", f"    def {name}")},
                f"selectors/mine.py: Whole.{name} is a method; put @property above it.",
            )
            for name in ("needs", "stochastic", "decides_by_alphas", "reads_checkpoint")
        ),
        ({"mine": NOT_GREEDY.replace("False", "'no'")}, "stochastic must be True or False, not 'no'"),
        (
            {"mine": GOOD.replace('another"', 'another", version="2"')},
            "the version of 'mine' must be a whole number of at least 1, not '2'",
        ),
        (
            {"mine": GOOD.replace('another"', 'another", version=True')},
            "the version of 'mine' must be a whole number of at least 1, not True",
        ),
        ({"darts": GOOD + "VARIANTS = {'pt': SELECTOR}"}, "both define the selector 'darts-pt'; rename yours."),
        ({"Magnitude2": GOOD}, "selectors/Magnitude2.py: 'Magnitude2' is not a valid selector name"),
        ({"all": GOOD}, "selectors/all.py: 'all' is not a valid selector name"),
        ({"op_snip_": GOOD}, "selectors/op_snip_.py: 'op-snip-' is not a valid selector name"),
        ({"mine": GOOD + "VARIANTS = {'a b': SELECTOR}"}, "selectors/mine.py: 'mine-a b' is not a valid selector name"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_in_a_sentence(
    with_files: Callable[..., None], files: dict[str, str], said: str
) -> None:
    with_files(**files)
    with pytest.raises(UsageError) as error:
        registry.names()
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_selector_that_is_none_of_greedy_can_be_used(with_files: Callable[..., None]) -> None:
    with_files(mine=NOT_GREEDY)
    assert not registry.find("mine").reads_checkpoint


def test_a_file_without_a_selector_is_named_when_it_is_asked_for(with_files: Callable[..., None]) -> None:
    with_files(zz_a=GOOD.replace("SELECTOR =", "Selector ="), zz_b=GOOD)
    for name in ("zz-a", "zz_a"):
        with pytest.raises(UsageError, match=r"^selectors/zz_a\.py defines no SELECTOR \(in capitals\)"):
            registry.find(name)
        with pytest.raises(UsageError, match=r"^selectors/zz_a\.py defines no SELECTOR \(in capitals\)"):
            choose("selector", f"magnitude,{name}", registry.names(), registry.find)
    with pytest.raises(UsageError, match=r"^Unknown selector 'zz_b'; did you mean zz-b"):
        registry.find("zz_b")
    with pytest.raises(UsageError, match=r"^Unknown selector 'Magnitude'; did you mean magnitude"):
        choose("selector", "Magnitude", registry.names(), registry.find)


@pytest.mark.parametrize("convert", ["{'a': 1}.__getitem__", "or_preset({'a': 1}.__getitem__)"])
def test_a_converter_may_be_a_look_up(with_files: Callable[..., None], convert: str) -> None:
    text = GREEDY.format(", paper='p'").replace("tune:", "n:").replace("(3, not_negative", f"(1, {convert}")
    with_files(mine=text.replace("import not_negative", "import or_preset, not_negative"))
    assert registry.find("mine[n=a]").options()["n"][0] == 1
    with pytest.raises(UsageError, match=r"^mine: option n=b cannot be used: KeyError: 'b'"):
        registry.find("mine[n=b]")


def test_no_two_parts_of_a_selector_have_an_option_of_one_name() -> None:
    """With equal names, setting one option would set both."""

    def names(part: Configurable) -> list[str]:
        own = [f.name for f in fields(part) if "help" in f.metadata]
        return own + [name for inner in part.parts().values() for name in names(inner)]

    for name, selector in registry.SELECTORS.methods().items():
        assert len(names(selector)) == len(set(names(selector))), name
