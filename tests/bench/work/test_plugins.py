"""Plug-ins: files, modules and entry points, found by the finders of every kind, or refused with one sentence."""

import importlib
import pickle
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.work import plugins
from nas_selection_bench.bench.work.catalogue import Catalogue, FoundKind
from nas_selection_bench.bench.work.discovery import line_of
from nas_selection_bench.bench.work.methods import Source
from nas_selection_bench.bench.work.plugins import Plugin, in_use, installed, load, named, using
from nas_selection_bench.reports.stopping._rule import RULES
from nas_selection_bench.selectors.parts.registry import SELECTORS, find
from nas_selection_bench.supernets.parts.registry import RECIPES
from tests.bench.plugin_files import RECIPE, RULE, SELECTOR, file, installed_package


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the import path, which is searched again for entry points."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    installed.cache_clear()
    yield folder
    installed.cache_clear()
    for path in folder.glob("*.py"):
        sys.modules.pop(path.stem, None)
    importlib.invalidate_caches()


def test_a_file_offers_every_kind(tmp_path: Path) -> None:
    path = file(tmp_path, "my_own", SELECTOR + RECIPE + RULE)
    inside = SELECTORS.names(), RECIPES.names(), RULES.names()
    with using(named([path])):
        found = SELECTORS.names(), RECIPES.names(), RULES.names()
        assert [set(now) - set(before) for now, before in zip(found, inside, strict=True)] == [
            {"my-own", "my-own-thrice"}, {"mine-darts"}, {"my-own"},
        ]  # fmt: skip
        assert find("my-own[times=5]").name == "my-own[times=5]"
        assert find("my-own[times=2]").name == "my-own"
        source = SELECTORS.source("my-own[times=5]")
        assert (source.file, source.origin) == ("my_own.py", "--plugin my_own.py")
        kept = Catalogue({"selectors": FoundKind("selector", lambda: SELECTORS)}, [], None)
        assert kept["selectors"].outside() == {
            f"selector {name}": source.digest for name in ("my-own", "my-own-thrice")
        }
    assert (SELECTORS.names(), RECIPES.names(), RULES.names()) == inside


def test_a_file_that_defines_no_selector_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="mine"), using(named([file(tmp_path, "mine", "VARIANTS = {}\n")])):
        SELECTORS.names()


def test_what_is_in_use_here_is_not_in_use_in_other_threads(tmp_path: Path) -> None:
    with using(named([file(tmp_path, "mine", SELECTOR)])), ThreadPoolExecutor(1) as other:
        assert "mine" in SELECTORS.names()
        assert "mine" not in other.submit(SELECTORS.names).result()
        assert "mine" in other.submit(plugins.within, in_use(), SELECTORS.names).result()


@pytest.mark.thorough
def test_a_file_travels_as_content(tmp_path: Path) -> None:
    """A worker gets the content with which the run started, whatever happens to the file later."""
    path = file(tmp_path, "mine", SELECTOR)
    (plugin,) = named([path])
    sent = pickle.dumps(plugin)
    Path(path).unlink()
    program = (
        "import pickle, sys\n"
        "from nas_selection_bench.bench.work.plugins import using\n"
        "from nas_selection_bench.selectors.parts.registry import find\n"
        "with using((pickle.loads(sys.stdin.buffer.read()),)): print(find('mine[times=7]').name)"
    )
    done = subprocess.run([sys.executable, "-c", program], input=sent, capture_output=True, check=True)
    assert done.stdout.decode().strip() == "mine[times=7]"


def test_the_digest_is_of_the_content(tmp_path: Path, site: Path) -> None:
    def digest(text: str) -> str:
        (plugin,) = named([file(tmp_path, "mine", text)])
        return plugin.digest

    assert digest(SELECTOR) == digest(SELECTOR) == digest("import math\n" + SELECTOR)
    assert digest(SELECTOR) != digest(SELECTOR.replace("2.0", "2.5"))
    imports = ["from a import loss", "from b import loss", "from b import other as loss", "import b as loss", "",
               "from .b import loss", "from nas_selection_bench import a as loss"]  # fmt: skip
    assert len({digest(f"{line}\n{SELECTOR}") for line in imports}) == len(imports)
    moved = [f"from nas_selection_bench{place} import Rule\n{SELECTOR}" for place in ("", ".selectors.parts")]
    assert digest(moved[0]) == digest(moved[1])
    package = site / "whole_package"
    package.mkdir()
    (package / "__init__.py").write_text("from whole_package.inner import SELECTOR")
    (package / "inner.py").write_text(SELECTOR)
    (before,) = named(["whole_package"])
    (package / "inner.py").write_text(SELECTOR.replace("2.0", "2.5"))
    (after,) = named(["whole_package"])
    assert before.digest != after.digest


def test_installed_packages_are_found_by_their_entry_points(site: Path) -> None:
    installed_package(
        site, "others_methods", SELECTOR + RECIPE + RULE,
        """
        [nas_selection_bench.selectors]
        their_score = others_methods
        only = others_methods:SELECTOR

        [nas_selection_bench.recipes]
        any = others_methods

        [nas_selection_bench.stopping_rules]
        at-once = others_methods:RULE
        """,
    )  # fmt: skip
    assert {"their-score", "their-score-thrice", "only"} <= set(SELECTORS.names())
    assert not {"only-thrice", "any", "at-once", "others-methods"} & set(SELECTORS.names())
    assert "mine-darts" in RECIPES.names() and "any" not in RECIPES.names()
    assert "at-once" in RULES.names()
    assert SELECTORS.source("only").origin == "others_methods 1.2"
    assert {plugin.name for plugin in in_use()} == {"their-score", "only", "any", "at-once"}
    with using(()):
        assert "only" not in SELECTORS.names()


def test_another_version_at_a_worker_is_refused(site: Path) -> None:
    installed_package(site, "moving", SELECTOR, "[nas_selection_bench.selectors]\nmoving = moving\n")
    (plugin,) = installed()
    assert load(plugin).SELECTOR
    with pytest.raises(UsageError, match=r"moving 1\.2: .*moving\.py is not the one that the run started with"):
        load(replace(plugin, digest="0" * 16))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = = 3", "mine.py, line 1, cannot be read (SyntaxError: invalid syntax"),
        ("\n\nimport no_such_module", "mine.py, line 3, cannot be read (ModuleNotFoundError: No module"),
        ("raise SystemExit(3)", "mine.py, line 1, cannot be read (SystemExit: 3)"),
        ("PROXY = 1", "selectors/proxies/"),
        ("x = 1", "defines no SELECTOR or VARIANTS or RECIPE or RULE"),
        ("SELECTOR = 3", "mine.py: 'mine' must be a Selector, not int"),
        ("RECIPE = 3", "mine.py: RECIPE must be a Recipe, not int."),
        ("RULE = 3", "mine.py: RULE must be a StoppingRule, not int."),
        (SELECTOR.replace('"none"', '""'), "mine.py: `paper` must be a non-empty string"),
        (RECIPE.replace("mine-darts", "darts"), "both define the recipe 'darts'; rename yours."),
    ],
)
def test_a_file_of_no_use_is_told_in_a_sentence(tmp_path: Path, text: str, said: str) -> None:
    with using(named([file(tmp_path, "mine", text)])), pytest.raises(UsageError) as error:
        for finder in (SELECTORS, RECIPES, RULES):
            finder.names()
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_from_outside_is_named_by_its_path_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    for text in ("SELECTOR = 3", "x = 1 / 0"):
        written = file(tmp_path / "deep" / "er", "mine", text)
        for folder, called in ((tmp_path, "deep/er/mine.py"), (tmp_path / "deep", "er/mine.py"), (Path("/"), written)):
            monkeypatch.chdir(folder)
            with using(named([written])), pytest.raises(UsageError) as error:
                SELECTORS.names()
            SELECTORS._known.clear()
            assert str(error.value).startswith(called.lstrip("/") if folder == Path("/") else called)


def test_what_dataclasses_write_is_no_line_of_a_method(tmp_path: Path) -> None:
    text = SELECTOR + "def work():\n    SELECTOR.rule.times = 3\n"
    with pytest.raises(AttributeError) as error:
        load(named([file(tmp_path, "mine", text)])[0]).work()
    line = text.splitlines().index("    SELECTOR.rule.times = 3") + 1
    assert line_of(error.value) == f"{tmp_path.name}/mine.py, line {line}"


def test_two_of_one_name_are_refused(tmp_path: Path, site: Path) -> None:
    mine = file(tmp_path, "magnitude", SELECTOR)
    with using(named([mine])), pytest.raises(UsageError, match=r"magnitude\.py both define the selector 'magnitude'"):
        SELECTORS.names()
    installed_package(site, "twin", SELECTOR, "[nas_selection_bench.selectors]\ntwin = twin\n")
    theirs = file(tmp_path, "twin", SELECTOR)
    with using((*named([theirs]), *installed())), pytest.raises(UsageError, match=r"both define the selector 'twin'"):
        SELECTORS.names()


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("no_such.py", "--plugin no_such.py cannot be read (No such file"),
        ("./somewhere/mine", "cannot be read (No such file"),
        ("/", "cannot be read (Is a directory)"),
        ("no_such_module", "there is no module no_such_module; install it, or give the path of a file."),
        ("no_such.module", "the module no_such.module cannot be found"),
        ("sys", "there is no module sys"),
        ("..", "the module .. cannot be found"),
    ],
)
def test_a_plugin_that_is_not_there_is_told_in_a_sentence(word: str, said: str) -> None:
    with pytest.raises(UsageError) as error:
        named([word])
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_several_may_be_given_with_commas_or_one_by_one(tmp_path: Path) -> None:
    a, b = file(tmp_path, "a", SELECTOR), file(tmp_path, "b", RULE)
    assert named([f"{a}, {b}"]) == named([a, b]) == named([a, b, a])
    assert [plugin.name for plugin in named([a, b])] == ["a", "b"]


@pytest.mark.parametrize("entry", ["gone = gone_module", "gone = broken:NOTHING", "gone = broken"])
def test_a_broken_entry_point_names_its_package(site: Path, entry: str) -> None:
    installed_package(site, "broken", "x = 1", f"[nas_selection_bench.selectors]\n{entry}\n")
    with pytest.raises(UsageError, match=r"broken 1\.2"):
        SELECTORS.names()


def test_a_failure_names_the_line_of_the_plugin(tmp_path: Path) -> None:
    text = SELECTOR.replace("return self.times *", "return 1 / 0 *")
    (plugin,) = named([file(tmp_path, "mine", text)])
    rule = load(plugin).SELECTOR.rule
    with pytest.raises(ZeroDivisionError) as error:
        rule.score(None, [0])
    line = text.splitlines().index("        return 1 / 0 * search.probabilities()[list(edges)]") + 1
    assert line_of(error.value) == f"{tmp_path.name}/mine.py, line {line}"


def test_what_is_kept_of_a_plugin_names_no_folder(tmp_path: Path) -> None:
    (plugin,) = named([file(tmp_path, "mine", SELECTOR)])
    assert isinstance(plugin, Plugin)
    assert plugin.described() == {
        "name": "mine", "from": "--plugin mine.py", "file": "mine.py", "digest": plugin.digest,
    }  # fmt: skip
    with using((plugin,)):
        assert SELECTORS.source("mine") == plugin.source == Source("mine.py", plugin.digest, "--plugin mine.py")
