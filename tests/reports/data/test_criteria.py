"""Knowledge of edges, quality of supernets, and pairs of criteria, against plain computations."""

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from nas_selection_bench.bench.problem.space import code
from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.bench.yardsticks.statistics import sign_flip_ps
from nas_selection_bench.reports.data.edge_knowledge import ANY_ORDER
from nas_selection_bench.reports.data.founders import Level, level_of
from nas_selection_bench.reports.data.material import Material
from nas_selection_bench.reports.data.supernet_quality import supernet_quality
from tests.reports.synthetic import FEW, SELECTORS, source_of


@pytest.fixture(scope="module")
def material(table: GroundTruth, tmp_path_factory: pytest.TempPathFactory) -> Material:
    few = {name: SELECTORS[name] for name in ("ostr", "darts-pt-loss", "disc-acc")}
    return source_of(tmp_path_factory.mktemp("criteria") / "out", table, selectors=few, recipes=("a", "b"), seeds=5)


def test_knowledge_of_edges_is_tested_against_none(material: Material) -> None:
    rows = material.results.final_of("cifar10")
    (found,) = material.edge_knowledge["cifar10"].values()
    assert {c.second for c in found} == {ANY_ORDER}
    for c in found:
        values = rows[rows["method"] == c.first].groupby(["setting", "supernet_seed"])["tau_edge"].mean()
        assert c.mean == pytest.approx(values.mean()) and c.n == 10
        assert c.p == sign_flip_ps([values.to_numpy()])[0]


def test_a_better_supernet_is_a_better_selection_where_it_is_so(material: Material) -> None:
    rows = material.results.rows
    rng = np.random.default_rng(0)
    accuracy = {("a", s): 40.0 + s for s in range(5)} | {("b", s): 50 + rng.random() for s in range(5)}
    places = list(zip(rows["setting"], rows["supernet_seed"], strict=True))
    fresh = rows.assign(supernet_accuracy=[accuracy[place] for place in places])
    better = fresh["setting"] == "a"
    fresh.loc[better, "test"] = 80 + fresh.loc[better, "supernet_seed"]
    a, b = supernet_quality(replace(material.results, rows=fresh), "cifar10")
    assert (a.setting, a.supernets, a.lowest, a.highest, a.selectors) == ("a", 5, 40, 44, 3)
    assert a.tau == pytest.approx(1) and a.p == pytest.approx(2 / 120)
    chosen = fresh[(fresh["setting"] == "b") & (fresh["epoch"] == 10)].pivot_table("test", "method", "supernet_seed")
    order = [accuracy["b", s] for s in range(5)]
    means = [
        np.mean([stats.kendalltau(p, row).statistic for row in chosen.to_numpy() if np.ptp(row) > 0])
        for p in itertools.permutations(order)
    ]
    assert b.tau == pytest.approx(means[0])
    assert b.p == pytest.approx(np.mean(np.abs(means) >= abs(means[0]) - 1e-9))


def test_more_supernets_than_can_be_ordered_have_no_p_of_zero(table: GroundTruth, tmp_path: Path) -> None:
    """Every criterion orders nine supernets alike: few or none of the drawn orders have a tau as far from 0."""
    of = source_of(tmp_path / "out", table, selectors=FEW, recipes=("a",), seeds=9)
    rows = of.results.rows
    fresh = rows.assign(supernet_accuracy=40.0 + rows["supernet_seed"], test=80.0 + rows["supernet_seed"])
    (found,) = supernet_quality(replace(of.results, rows=fresh), "cifar10")
    assert found.supernets == 9 and found.tau == 1
    assert 1 / 5041 <= found.p < 0.002


def test_the_mean_of_two_chooses_by_the_sum_of_standardised_scores(material: Material, table: GroundTruth) -> None:
    frame = material.results.final_of("cifar10")
    first = frame[frame["selector_seed"] == 0]
    found = {(pair.first, pair.second): pair for pair in material.two_criteria}
    assert len(found) == 3
    for (one, other), pair in found.items():
        reached, taus = [], []
        for _, rows in first[first["method"].isin([one, other])].groupby(["setting", "supernet_seed"]):
            a, b = (material.results.scores[rows.index[rows["method"] == name][0]] for name in (one, other))
            summed = stats.zscore(a, axis=1) + stats.zscore(b, axis=1)
            reached.append(table.accuracy("cifar10")[code(tuple(summed.argmax(axis=1).tolist()))])
            taus.append(np.mean([stats.kendalltau(x, y).statistic for x, y in zip(a, b, strict=True)]))
        assert (pair.n, pair.of_mean, pair.lowest) == (10, pytest.approx(np.mean(reached)), min(reached))
        assert pair.tau == pytest.approx(np.mean(taus))
        assert pair.of_first == pytest.approx(first.loc[first["method"] == one, "test"].mean())


def test_levels_hold_every_criterion_once() -> None:
    from nas_selection_bench.selectors.parts import registry

    levels = {name: level_of(name) for name in registry.names()}
    counted = {level: [name for name in levels if levels[name] is level] for level in Level}
    assert len(counted[Level.FOUNDING]) == 10
    assert {name.split("-post")[0] for name in counted[Level.EXPLORATORY] if name.endswith("-post")} & set(levels)
    assert level_of("magnitude · bn running") is Level.FOUNDING
    assert level_of("darts-pt[tune=0]") is Level.EXPLORATORY
    assert level_of("my-own") is Level.MAIN
    forms = {*counted[Level.FOUNDING], *counted[Level.MAIN]}
    assert not [name for name in counted[Level.EXPLORATORY] if not any(name.startswith(form) for form in forms)]


def test_what_no_proxy_family_has_is_a_main_form(table: GroundTruth, tmp_path: Path) -> None:
    named = {"magnitude": FEW["bad"], "op-snip": FEW["good"], "op-snip-post": FEW["good"]}
    (contest,) = source_of(tmp_path / "out", table, selectors=named, recipes=("a",), seeds=3).contests
    families = {level: set(names) for level, names in contest.families.items()}
    assert families == {
        Level.FOUNDING: {"magnitude"}, Level.MAIN: {"magnitude", "op-snip"}, Level.EXPLORATORY: {"op-snip-post"},
    }  # fmt: skip
