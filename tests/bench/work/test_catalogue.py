"""The catalogue describes every method as its object does, and is rebuilt whenever it may be outdated."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nas_selection_bench import program
from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.names import canonical
from nas_selection_bench.bench.work.catalogue import Catalogue, FoundKind, StoredMethods, content_of
from nas_selection_bench.bench.work.methods import TRAITS
from nas_selection_bench.bench.work.options import Choice, Number, OrWord, restored, stored
from nas_selection_bench.selectors.parts.registry import SELECTORS
from nas_selection_bench.supernets.parts.registry import RECIPES
from tests.canonical_names import canonical_name

REAL: dict[str, Any] = {"selectors": SELECTORS, "recipes": RECIPES}


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    kinds = {"recipes": FoundKind("recipe", lambda: RECIPES), "selectors": FoundKind("selector", lambda: SELECTORS)}
    return Catalogue(kinds, [Path(__file__)], tmp_path_factory.mktemp("kept") / "methods.json")


def answer(find: Callable[[], Any]) -> object:
    try:
        return find()
    except UsageError as error:
        return str(error)


def facts(kind: str, text: str) -> object:
    """The description of the method object that the finder returns."""
    found = REAL[kind].find(text)
    return (
        canonical_name(REAL[kind], text), found.version, found.paper,
        dict(found.declared()),
        {trait: getattr(found, trait) for trait in TRAITS if hasattr(found, trait)},
    )  # fmt: skip


def kept_facts(kept: StoredMethods, kind: str, text: str) -> object:
    found = kept.find(text)
    traits = {trait: getattr(found, trait) for trait in TRAITS if hasattr(REAL[kind].find(text), trait)}
    return found.name, found.version, found.paper, dict(found.declared), traits


@pytest.mark.parametrize("kind", sorted(REAL))
def test_it_says_what_the_objects_say_whatever_the_options(catalogue: Catalogue, kind: str) -> None:
    """For every method and several hundred settings, valid and invalid, stored and new."""
    kept, rng = catalogue[kind], random.Random(0)
    assert list(kept.names()) == sorted(REAL[kind].names())
    asked = list(kept.names())
    for name in rng.choices(asked, k=300):
        settings = list(kept.entry(name).settings)
        chosen = rng.sample(settings, min(len(settings), rng.randint(0, 3)))
        values = ("0", "1", "3", "0.25", "-1", "yes", "off", "preset", "all", "once", "fixed", "sgas", "loss", "absent")
        asked.append(canonical(name, {option: rng.choice(values) for option in chosen}))
    asked += ["darts-pt[order=fixed,tune=0]", "zero-cost-pt-params[reached=no]", "darts-pt[tune=0,order=once]"]
    asked += ["dart-pt", "magnitude[tun=0]", "gdas[tau_max=0]", "darts-pt[tune=x]", "magnitude[order=random,tune=2]"]
    for text in asked:
        real = answer(lambda text=text: facts(kind, text))  # type: ignore[misc]
        found = answer(lambda text=text: kept_facts(kept, kind, text))  # type: ignore[misc]
        several = text.count("=") > 1 and isinstance(real, str)  # if several values are wrong, either may be reported
        assert (type(found) if several else found) == (type(real) if several else real), text


def test_every_method_declares_the_traits_of_its_kind() -> None:
    for selector in SELECTORS.methods().values():
        assert [trait for trait in TRAITS if hasattr(selector, trait)] == list(TRAITS[3:])
    for recipe in RECIPES.methods().values():
        assert [trait for trait in TRAITS if hasattr(recipe, trait)] == list(TRAITS[:3])


def test_every_converter_of_every_method_can_be_kept(catalogue: Catalogue) -> None:
    """Otherwise a typo in a value would import torch."""
    for kind in REAL:
        for name in catalogue[kind].names():
            for setting in catalogue[kind].entry(name).settings.values():
                assert setting.convert is not None, (name, setting.name)
                assert restored(stored(setting.convert) or {}) == setting.convert


def test_a_converter_of_a_methods_own_is_asked_itself() -> None:
    assert stored(lambda text: text) is None and stored(OrWord("all", lambda text: text)) is None
    assert stored(Number(whole=True, low=1)) == {"is": "number", "whole": True, "low": 1}
    assert stored(Choice(("a", "b"))) == {"is": "choice", "choices": ("a", "b")}


class Counting:
    """A registry that counts how often its files were read."""

    def __init__(self) -> None:
        self.reads = 0

    def names(self) -> list[str]:
        self.reads += 1
        return ["darts"]

    def __getattr__(self, name: str) -> Any:
        return getattr(RECIPES, name)


def test_it_is_kept_until_a_file_changes_and_never_believed_when_damaged(tmp_path: Path) -> None:
    registry, file, place = Counting(), tmp_path / "method.py", tmp_path / "cache" / "methods.json"

    def names() -> list[str]:
        return list(Catalogue({"recipes": FoundKind("recipe", lambda: registry)}, [file], place)["recipes"].names())

    for content in ("one", "two"):
        file.write_text(content)
        reads = registry.reads
        assert names() == names() == ["darts"] and registry.reads == reads + 1
    whole = place.read_bytes()
    for damaged in (b"", b"{}", whole[: len(whole) // 2], whole.replace(b"darts", b"drats"), b"\xff" * 100):
        place.write_bytes(damaged)
        reads = registry.reads
        assert names() == ["darts"] and registry.reads == reads + 1
        assert place.read_bytes() == whole


def test_where_it_cannot_be_kept_it_is_made_each_time(tmp_path: Path) -> None:
    registry, blocked = Counting(), tmp_path / "a file, not a folder"
    blocked.touch()
    for place in (blocked / "methods.json", None):
        for _ in range(2):
            reads = registry.reads
            kept = Catalogue({"recipes": FoundKind("recipe", lambda: registry)}, [], place)["recipes"]
            assert kept.names() == ("darts",) and registry.reads == reads + 1


def test_every_file_of_a_method_is_one_of_those_that_the_catalogue_depends_on() -> None:
    watched = set(program.declaring_files())
    for kind in (program.recipes, program.selectors, program.proxies, program.stopping_rules):
        for name in kind().names():
            assert kind().file_of(name) in watched
        assert content_of(kind())["methods"].keys() == set(kind().names())
