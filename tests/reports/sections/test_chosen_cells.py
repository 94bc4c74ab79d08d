"""The selected architecture that is drawn to represent all, and the agreement between selectors' scores."""

import re
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.reports.data.material import Material
from nas_selection_bench.reports.data.results import Results
from nas_selection_bench.reports.sections.blocks import Picture
from nas_selection_bench.reports.sections.chosen_cells import chosen_section, typical

ACCURACY = {"a": 10.0, "b": 94.0, "c": 90.0, "d": 92.0}


@pytest.mark.parametrize(
    ("texts", "shown", "said"),
    [
        (["a", "b", "c"], "c", "all 3 differ, median 90.00 %"),
        (["a", "b", "c", "d"], "c", "all 4 differ, lower median 90.00 %"),
        (["a", "b", "b"], "b", "2 of 3 · 94.00 %"),
        (["a", "a", "b", "b", "c"], "a", "2 chosen 2 times each, lower median 10.00 %"),
        (["d"], "d", "1 of 1 · 92.00 %"),
    ],
)
def test_the_most_frequent_else_the_median_one(texts: list[str], shown: str, said: str) -> None:
    for order in (texts, texts[::-1]):
        assert typical(order, ACCURACY.__getitem__) == (shown, said)


def test_selectors_are_compared_by_their_first_seed_on_shared_checkpoints(
    results: Results, table: GroundTruth, folder: Path, tmp_path: Path
) -> None:
    blocks = chosen_section(Material(results, table, tmp_path)).blocks
    (picture,) = (b for b in blocks if isinstance(b, Picture) and b.name == "agreement-cifar10")
    names = re.findall(r"<span>(.*?)</span>", picture.markup)
    shown: dict[frozenset[str], str] = {}
    for row, cells in re.findall(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', picture.markup):
        taus = re.findall(r"<td.*?>(.*?)</td>", cells)
        shown |= {frozenset((row, name)): tau.replace("−", "-") for name, tau in zip(names, taus, strict=False)}
    rows = pd.read_csv(folder / "scores.csv")
    rows = rows[(rows["dataset"] == "cifar10") & (rows["epoch"] == 10) & (rows["selector_seed"] == 0)]
    scores = {place: group["score"].to_numpy().reshape(6, 5)
              for place, group in rows.groupby(["selector", "recipe", "supernet_seed"])}  # fmt: skip
    # Two selector seeds against one, two against two, and a selector that is missing on one checkpoint.
    for a, b in (("darts-pt-loss", "ostr"), ("darts-pt", "pt-random"), ("disc-acc", "zero-cost-pt-nwot")):
        taus = [
            np.mean([stats.kendalltau(scores[a, *p][e], scores[b, *p][e]).statistic for e in range(6)])
            for p in product(("blank", "darts"), range(3)) if (a, *p) in scores and (b, *p) in scores
        ]  # fmt: skip
        assert len(taus) == (5 if a == "disc-acc" else 6)
        assert float(shown[frozenset((a, b))]) == pytest.approx(np.mean(taus), abs=0.0051)


def test_one_draw_counts_once_among_the_operations_chosen(source: Material) -> None:
    """Three recipes with three seeds each: nine selections, or three of a criterion that reads no checkpoint."""
    (picture,) = (b for b in chosen_section(source).blocks if isinstance(b, Picture) and b.name == "operations-cifar10")
    assert re.findall(r"\(n = (\d+) to (\d+) per selector\)", picture.caption) == [("3", "9")]
