"""Plug-ins in the whole program: an installed package and a file, in two workers of each kind."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nas_selection_bench.bench.commands.from_outside import plugins_of
from nas_selection_bench.bench.commands.options import parse_options
from nas_selection_bench.bench.work.plugins import installed
from nas_selection_bench.program import main
from tests.bench.plugin_files import RECIPE, RULE, SELECTOR, file, installed_package
from tests.small_data import small_data

pytestmark = pytest.mark.program

ROOT = Path(__file__).parents[1]
ASKED = [
    "--datasets", "tiny", "--preset", "digits", "--train-epochs", "4", "--channels", "4", "--cells", "1",
    "--seeds", "1", "--device", "cpu", "--threads", "1", "--supernets", "darts,mine-darts",
    "--selectors", "mine[times=5],their-score", "--epochs", "all",
]  # fmt: skip
CELLS = [
    (recipe, epoch, selector, "done")
    for recipe in ("darts", "mine-darts")
    for epoch in (2, 4)
    for selector in ("mine[times=5]", "their-score")
]


class Outside:
    """A folder with a package, a file and data."""

    def __init__(self, folder: Path) -> None:
        self.folder = small_data(folder)
        self.site = folder / "site-packages"
        self.site.mkdir()
        entry_points = "[nas_selection_bench.selectors]\ntheir_score = others_methods\n"
        entry_points += "[nas_selection_bench.stopping_rules]\nat_once = others_methods\n"
        installed_package(self.site, "others_methods", SELECTOR + RULE, entry_points)
        self.file = file(folder, "mine", SELECTOR + RECIPE + RULE)

    def words(self, plugin: str, out: str | None) -> list[str]:
        """The arguments of a run into `out`; without `out`, those that --list reads."""
        both = ["--data-root", str(self.folder), "--plugin", plugin]
        if out is None:
            return both
        return [
            *both, "--table", str(self.folder / "table.npz"), "--out", str(self.folder / out),
            "--cache", str(self.folder / "cache"),
        ]  # fmt: skip

    def fill(self, out: str, backend: str) -> None:
        """Run the experiment in two workers."""
        environment = {k: v for k, v in os.environ.items() if k != "JOBLIB_MULTIPROCESSING"}
        command = [sys.executable, "run_bench.py", *self.words(self.file, out), *ASKED, "--jobs", "2"]
        done = subprocess.run(
            [*command, "--backend", backend], cwd=ROOT, env=environment | {"PYTHONPATH": str(self.site)},
            capture_output=True, text=True, timeout=900, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def records(self, out: str) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (self.folder / out / "records").glob("*.json")}


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Outside:
    """The experiment, done by two worker processes."""
    world = Outside(tmp_path_factory.mktemp("outside"))
    world.fill("out", "loky")
    return world


Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(outside: Outside, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Call]:
    """Runs the program in this process, with the package installed; returns exit code, output and errors."""
    monkeypatch.syspath_prepend(str(outside.site))
    installed.cache_clear()

    def run(*words: str, plugin: str = "", out: str | None = "out") -> tuple[int, str, str]:
        code = main([*outside.words(plugin or outside.file, out), *words])
        said = capsys.readouterr()
        return code, said.out, said.err

    yield run
    installed.cache_clear()


def test_workers_find_them(outside: Outside) -> None:
    records = [json.loads(content) for content in outside.records("out").values()]
    assert sorted((*(r["cell"][c] for c in ("recipe", "epoch", "selector")), r["state"]) for r in records) == CELLS


def test_dask_workers_find_them_and_choose_the_same(outside: Outside) -> None:
    outside.fill("dask", "dask")
    assert outside.records("dask") == outside.records("out")


def test_they_are_listed(call: Call) -> None:
    code, listed, _ = call("--list", out=None)
    assert code == 0
    assert {"mine", "mine-darts", "their-score"} <= set(re.findall(r"[a-z0-9-]+", listed))


def test_they_are_recorded_by_name_and_source(outside: Outside) -> None:
    run = json.loads((outside.folder / "out" / "run.json").read_text())
    assert {(p["name"], p["from"], p["file"], p["offers"]) for p in run["plugins"]} == {
        ("mine", "--plugin mine.py", "mine.py", "recipe, selector, stopping rule"),
        ("their-score", "others_methods 1.2", "others_methods.py", "selector"),
        ("at-once", "others_methods 1.2", "others_methods.py", "stopping rule"),
    }
    methods = json.loads((outside.folder / "out" / "methods.json").read_text())
    assert methods["selectors"]["their-score"]["from"] == "others_methods 1.2"
    assert methods["supernets"]["mine-darts"]["from"] == "--plugin mine.py"
    assert "from" not in methods["supernets"]["darts"]
    described = [
        methods["selectors"]["mine[times=5]"],
        methods["selectors"]["their-score"],
        *methods["supernets"].values(),
    ]
    assert {(m["file"], m["from"], m["digest"]) for m in described if "from" in m} == {
        (p["file"], p["from"], p["digest"]) for p in run["plugins"]
    }, "both files call a plug-in alike"


def test_their_rule_is_on_the_page_and_the_page_can_be_checked(outside: Outside, call: Call) -> None:
    """Checking a page drawn without an installed plug-in ignores the plug-in."""
    assert "at once" in (outside.folder / "out" / "report.html").read_text(encoding="utf-8")
    check = ["--check", str(outside.folder / "out"), "--table", str(outside.folder / "table.npz")]
    assert main([*check, "--plugin", outside.file]) == 0
    assert main(check) == 2, "it was drawn with the rule of a file"
    assert installed()
    assert plugins_of(parse_options(["--check", str(ROOT / "results" / "digits-tiny")])) == ()


def test_another_content_is_another_result(outside: Outside, call: Call) -> None:
    """After an edit, all cells of `mine` and those on supernets of the edited recipe are to do."""
    other = outside.folder / "other"
    other.mkdir()
    changed = file(other, "mine", SELECTOR.replace("2.0", "2.5") + RECIPE + RULE)
    assert call(*ASKED, "--plan")[1].startswith("8 cells: 0 to do")
    plan = call(*ASKED, "--plan", plugin=changed)[1]
    assert plan.startswith("8 cells: 6 to do") and "tiny mine-darts seed 0" in plan and "tiny darts" not in plan


def test_a_folder_does_not_go_on_without_them(outside: Outside, call: Call) -> None:
    code, _, said = call(plugin=file(outside.folder, "nothing", RULE))
    assert code == 2 and "was made with methods of --plugin mine.py" in said
    assert call()[0] == 0


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("broken", "import no_such_module", "broken.py, line 1, cannot be read (ModuleNotFoundError"),
        ("magnitude", SELECTOR, "both define the selector 'magnitude'"),
        ("empty", "", "defines no SELECTOR or VARIANTS or RECIPE or RULE"),
    ],
)
def test_what_is_of_no_use_ends_with_one_sentence(
    outside: Outside, call: Call, name: str, text: str, said: str
) -> None:
    path = file(outside.folder, name, text)
    for words in (["--list"], ["--datasets", "tiny", "--plan"], ["--datasets", "tiny"]):
        code, _, told = call(*words, plugin=path, out=None if words == ["--list"] else "refused")
        assert code == 2
        assert said in told and len(told.strip().splitlines()) == 1, told
    assert not (outside.folder / "refused").exists()
