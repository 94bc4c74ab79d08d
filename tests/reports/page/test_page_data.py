"""The data for the page's script, if there are more selectors than figures show."""

from pathlib import Path

import pytest

from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.bench.yardsticks.comparisons import Verdict
from nas_selection_bench.reports.data.in_figures import MOST
from nas_selection_bench.reports.data.material import Material
from nas_selection_bench.reports.data.results import Results
from nas_selection_bench.reports.page.page_data import PAIR_COLUMNS, baselines, page_data
from tests.reports.synthetic import SELECTORS, write_results

EXTRA = {f"ostr-{i:02}": (0.1 * i, 0.3, 0.1, 1.0, 1, 1.0) for i in range(MOST)}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, table: GroundTruth) -> Material:
    out = write_results(tmp_path_factory.mktemp("many") / "out", table, datasets=("cifar10",), seeds=4, epochs=(10,),
                        selectors={**SELECTORS, **EXTRA}, failures=False, ranking=False)  # fmt: skip
    return Material(Results.read(out), table, out / "figures")


def test_every_baseline_is_judged_in_its_own_whole_family(source: Material) -> None:
    (contest,) = source.contests
    data = page_data(source)
    held: dict[str, dict[str, tuple[object, object]]] = {}
    for values in data["pairs"]["cifar10"]:
        pair = dict(zip(PAIR_COLUMNS, values, strict=True))
        first, second = (data["selectors"][pair[name]] for name in ("first", "second"))
        for baseline, other, side in ((second, first, "second"), (first, second, "first")):
            if pair[f"p_baseline_{side}"] is not None:
                judged = (pair[f"p_baseline_{side}"], pair[f"verdict_baseline_{side}"])
                held.setdefault(baseline, {})[other] = judged
    assert set(held) == set(data["baselines"]["cifar10"]["of"]) == set(baselines(contest))
    for baseline, rows in held.items():
        family = {c.first: c for c in contest.against(baseline)}
        for other, (p, verdict) in rows.items():
            assert p == pytest.approx(family[other].p_holm, abs=6e-4)
            assert list(Verdict)[verdict] is family[other].verdict  # type: ignore[call-overload]
        whole = baseline in ("random", "constant-order", "params", "magnitude", "darts-pt", "ostr")
        assert (len(rows) == len(family)) or not whole, baseline


def test_captions_count_what_is_listed(source: Material) -> None:
    (contest,) = source.contests
    assert len(contest.focus) < len(contest.standings)
    told = page_data(source)["baselines"]["cifar10"]
    captions = {name: told["captions"][number] for name, number in told["of"].items()}
    of = len(contest.standings) - 1
    assert f" of {of} judged." in captions["magnitude"]
    assert "Listed:" not in captions["magnitude"] and "Listed:" not in captions["random"]
    drawn = next(name for name in contest.focus if name.startswith("ostr-"))
    assert "of them that the figures show; the correction is over all." in captions[drawn]
    assert len(told["captions"]) < len(captions) / 2, "equal captions are held once"


def test_it_says_which_selectors_are_left_out(source: Material) -> None:
    data = page_data(source)
    assert f"The figure shows {MOST} of {len(EXTRA) + len(SELECTORS)} selectors" in data["left_out"]["cifar10"]
    assert len(data["standings"]["cifar10"]) == len(EXTRA) + len(SELECTORS)


def test_a_selector_may_have_the_name_of_a_recipe(table: GroundTruth, tmp_path: Path) -> None:
    out = write_results(tmp_path / "out", table, datasets=("cifar10",), recipes=("ostr", "darts"), failures=False)
    data = page_data(Material(Results.read(out), table, out / "figures"))
    names = data["selectors"]
    assert {names[row[2]] for row in data["rows"]} == {names[n] for n in data["standings"]["cifar10"]} == set(SELECTORS)
    assert {names[number] for pair in data["pairs"]["cifar10"] for number in pair[:2]} > set(SELECTORS)
    assert {data["recipes"][row[1]] for row in data["rows"] if names[row[2]] == "ostr"} == {"ostr", "darts"}
