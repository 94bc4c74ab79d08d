"""The names, operations and colours of score maps."""

import re
from pathlib import Path

import numpy as np

from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.reports.data.material import Material
from nas_selection_bench.reports.data.results import Results
from nas_selection_bench.reports.figures.score_maps import ScoreMap, score_map_figure, score_maps
from nas_selection_bench.reports.figures.svg import short
from nas_selection_bench.reports.sections.score_maps import _scored
from tests.reports.synthetic import SELECTORS, write_results

LONGEST = "zero-cost-pt-jacob-cov[order=fixed]"


def test_names_operations_and_colours_can_be_read(table: GroundTruth) -> None:
    names = ["ostr", LONGEST, *(f"m{i}" for i in range(5))]
    scores = np.zeros((6, 5))
    scores[0] = [2, 1, 0, -1, -2]
    maps = [ScoreMap(name, scores, np.eye(6, 5), 3) for name in names]
    markup = score_map_figure(maps, table, "cifar10").markup("")
    assert all(f">{short(name, 25)}</text>" in markup for name in names)
    panels = len(names) + 2  # two oracles
    for operation in ("none", "skip", "1×1", "3×3", "pool"):
        assert markup.count(f">{operation}</text>") == panels
    # In every theme, the highest score has the full tint of one colour, the lowest that of the other.
    squares = {css: outline.count("M") for css, outline in re.findall(r'<path class="(\w+ l\d+)" d="([^"]*)"', markup)}
    assert squares["keep l10"] >= len(names) and squares["drop l10"] >= len(names)
    tips = re.findall(r'data-tip="([^"]*)"', markup)
    assert len(tips) == panels and sum("chosen most often: none, skip" in tip for tip in tips) == len(names)


def test_scores_that_are_the_same_beside_every_recipe_are_drawn_once(table: GroundTruth, tmp_path: Path) -> None:
    few = {name: SELECTORS[name] for name in ("ostr", "zero-cost-pt-nwot")}
    out = write_results(tmp_path / "out", table, datasets=("cifar10",), recipes=("a", "b", "c"), selectors=few,
                        failures=False, ranking=False, checkpoint_free=("zero-cost-pt-nwot",))  # fmt: skip
    results = Results.read(out)
    source = Material(results, table, tmp_path / "figures")
    drawn = {
        name: [found.title for found in score_maps(results, "cifar10", setting, order)]
        for setting, name, order in _scored(source, "cifar10")
    }
    assert drawn == {"a": ["ostr"], "b": ["ostr"], "c": ["ostr"], "every recipe": ["zero-cost-pt-nwot"]}
    (once,) = score_maps(results, "cifar10", None, ["zero-cost-pt-nwot"])
    (beside,) = score_maps(results, "cifar10", "b", ["zero-cost-pt-nwot"])
    assert once.n == beside.n == 6  # three seeds, two repetitions each
    np.testing.assert_allclose(once.scores, beside.scores)
