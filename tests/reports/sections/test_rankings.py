"""Agreement of rankings with the ground truth, against every order of tied values; and the contents of the panels."""

import re
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from nas_selection_bench.bench.problem.space import N_ARCHITECTURES
from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.bench.yardsticks.truth import Truth
from nas_selection_bench.reports.data.material import Material
from nas_selection_bench.reports.data.rankings import ArchitectureScores, rankings, top_agreement
from nas_selection_bench.reports.data.results import Results
from nas_selection_bench.reports.figures.ranking_curves import FOOT, HEAD, TALL, ranking_figure
from nas_selection_bench.reports.sections.blocks import Table
from nas_selection_bench.reports.sections.rankings import ranking_blocks
from tests.reports.synthetic import SELECTORS, invented_table, write_results


def ranked(scores: np.ndarray, method: str = "m") -> ArchitectureScores:
    return ArchitectureScores(method, "darts", 0, 0, np.arange(len(scores)), np.asarray(scores, float))


def accuracies(values: list[float]) -> np.ndarray:
    whole = np.zeros(N_ARCHITECTURES)
    whole[: len(values)] = values
    return whole


def orders(values: list[float]) -> list[tuple[int, ...]]:
    """All orders of the indices by decreasing value; they differ only in the places of equal values."""
    return [
        order
        for order in permutations(range(len(values)))
        if list(np.array(values)[list(order)]) == sorted(values, reverse=True)
    ]


@pytest.mark.parametrize(
    ("scores", "truth"),
    [
        ([5, 5, 5, 5, 5, 5], [10, 20, 30, 40, 50, 60]),  # only ties
        ([3, 2, 2, 2, 1, 0], [20, 60, 50, 10, 50, 40]),  # a tie in both at the border of the best
        ([6, 5, 4, 3, 2, 1], [10, 20, 30, 40, 50, 60]),
        ([2, 2, 1, 1, 0, 0], [30, 30, 30, 10, 10, 60]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("k", [1, 2, 3])
def test_ties_count_as_the_mean_over_their_orders(
    scores: list[float], truth: list[float], k: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    import nas_selection_bench.reports.data.rankings

    monkeypatch.setattr(nas_selection_bench.reports.data.rankings, "TOP_COUNTS", (k,))
    by_score, by_truth = orders(scores), orders(truth)
    shares = [len(set(a[:k]) & set(b[:k])) / k for a in by_score for b in by_truth]
    ranks = [min(1 + sum(t > truth[i] for t in truth) for i in a[:k]) for a in by_score]
    for shift in range(6):  # the order of the table must not matter
        found = top_agreement(ranked(np.roll(scores, shift)), accuracies(list(np.roll(truth, shift))))
        assert found.precision[k] == pytest.approx(np.mean(shares))
        assert found.best_rank[k] == pytest.approx(np.mean(ranks))


def test_a_top_set_that_is_too_small_has_no_number() -> None:
    generator = np.random.default_rng(0)
    for n, top_tenth, top_hundredth, hundred, ten in (
        (100, True, False, False, True),
        (89, False, False, False, True),
        (200, True, False, True, True),
        (1000, True, True, True, True),
        (19, False, False, False, False),
    ):
        truth, scores = generator.permutation(n) + 1.0, generator.normal(size=n)
        found = top_agreement(ranked(scores), accuracies(list(truth * 90 / n)))
        assert [value is not None for value in found.tau_top.values()] == [top_tenth, top_hundredth]
        assert [found.precision[k] is not None for k in (10, 100)] == [ten, hundred]
        assert (found.best_rank[10] is not None) == ten
        if top_tenth:
            best = np.argsort(-truth)[: n // 10]
            assert found.tau_top[10] == pytest.approx(stats.kendalltau(scores[best], truth[best]).statistic)


def test_the_table_is_the_mean_over_all_selections(results: Results, table: GroundTruth, tmp_path: Path) -> None:
    (top,) = [b for b in ranking_blocks(Material(results, table, tmp_path), "cifar10") if isinstance(b, Table)]
    (row,) = top.rows
    cells = dict(zip((column.title for column in top.columns), (cell.text for cell in row.cells), strict=True))
    draws = rankings(results, "cifar10")["zero-cost-pt-nwot"]
    assert cells["n"] == "6" == str(len(draws))  # two recipes, three supernets; the second selector seed has no ranking
    assert len({(draw.setting, draw.seed) for draw in draws}) == 6
    accuracy = table.accuracy("cifar10")
    taus = [stats.kendalltau(draw.scores, accuracy[draw.codes]).statistic for draw in draws]
    assert float(cells["τ all"]) == pytest.approx(np.mean(taus), abs=0.006)


def test_a_draw_that_is_one_for_all_recipes_counts_once(table: GroundTruth, tmp_path: Path) -> None:
    few = {name: SELECTORS[name] for name in ("ostr", "zero-cost-pt-nwot")}
    out = write_results(tmp_path / "out", table, datasets=("cifar10",), selectors=few, failures=False,
                        checkpoint_free=("zero-cost-pt-nwot",))  # fmt: skip
    assert len(rankings(Results.read(out), "cifar10")["zero-cost-pt-nwot"]) == 3


def test_panels_share_an_axis_that_holds_every_mark_and_few_marks_are_large() -> None:
    table = invented_table(("cifar10",))
    accuracy = table.accuracy("cifar10")
    best_first = np.argsort(-accuracy, kind="stable")
    generator = np.random.default_rng(0)
    chosen = (best_first[-100:], best_first[:5000], best_first[:200], best_first[:200], best_first[:50])
    found = [ArchitectureScores(f"m{i}", "darts", 0, 0, codes, generator.integers(9, size=len(codes)).astype(float))
             for i, codes in enumerate(chosen)]  # fmt: skip
    drawn = ranking_figure(found, Truth(table, "cifar10")).markup("rankings")
    panels = drawn.split("data-tip=")[1:]
    assert len(panels) == len(found)
    sizes = []
    for place, (panel, ranking) in enumerate(zip(panels, found, strict=True)):
        dots = re.findall(r"M([\d.]+) ([\d.]+)h([\d.]+)", panel.split("<text")[0])
        top = place // 4 * (HEAD + TALL + FOOT) + HEAD
        assert dots and all(top - 4 <= float(y) <= top + TALL + 4 for _, y, _ in dots), "one scale holds all panels"
        # Equal scores share a column.
        assert len({x for x, _, _ in dots}) == len(np.unique(ranking.scores))
        sizes.append(max(float(size) for *_, size in dots))
    assert sizes[0] > sizes[1], "a hundred marks have to be seen, five thousand told apart"
