"""The score maps: whose names, which operations, which colours."""

from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import to_rgba

from bench.problem.table import GroundTruth
from reports.data.material import Material
from reports.data.results import Results
from reports.figures.score_maps import ScoreMap, score_map_figure, score_maps
from reports.sections.behaviour import _scored
from tests.reports.synthetic import SELECTORS, write_results

LONGEST = "zero-cost-pt-jacob-cov[order=fixed]"


def test_names_operations_and_colours_can_be_read(table: GroundTruth) -> None:
    names = ["ostr", LONGEST, *(f"m{i}" for i in range(5))]
    maps = [ScoreMap(name, np.zeros((6, 5)), np.zeros((6, 5)), 3) for name in names]
    figure = score_map_figure(maps, table, "cifar10")
    figure.canvas.draw()
    (axes,) = figure.axes
    texts = [text.get_text().replace("\n", "") for text in axes.texts]
    assert all(name in texts for name in names)
    panels = len(names) + 2  # two oracles
    for operation in ("none", "skip", "1×1", "3×3", "pool"):
        assert texts.count(operation) == panels
    assert min(text.get_fontsize() for text in axes.texts) >= 6
    # A name keeps to the width of its panel: the next one begins where its neighbour does.
    titles = [text for text, said in zip(axes.texts, texts, strict=True) if said in names]
    starts = sorted({round(text.get_window_extent().x0) for text in titles})
    assert len(starts) == 5
    assert max(text.get_window_extent().width for text in titles) <= starts[1] - starts[0]
    (key,) = figure.legends
    shown = [to_rgba(patch.get_facecolor()) for patch in key.get_patches()]
    said = [text.get_text().split(" ")[0].replace("−", "-") for text in key.get_texts()]
    (picture,) = axes.images
    for colour, value in zip(shown, said, strict=True):
        np.testing.assert_allclose(colour, picture.cmap(picture.norm(float(value))))
    assert shown[0] == colormaps["PuOr"](0.0) and shown[-1] == colormaps["PuOr"](1.0)


def test_scores_that_are_the_same_beside_every_recipe_are_drawn_once(table: GroundTruth, tmp_path: Path) -> None:
    few = {name: SELECTORS[name] for name in ("ostr", "zero-cost-pt-nwot")}
    out = write_results(tmp_path / "out", table, datasets=("cifar10",), recipes=("a", "b", "c"), selectors=few,
                        failures=False, ranking=False, alike=("zero-cost-pt-nwot",))  # fmt: skip
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
