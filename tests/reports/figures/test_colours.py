"""Series are visible and can be told apart in the light and dark themes, also by colour-blind readers."""

import re
from importlib.resources import files

import numpy as np
import pytest
from numpy.typing import NDArray

from nas_selection_bench.reports.figures.strips import look
from nas_selection_bench.reports.figures.svg import LIGHT, SERIES, style_sheet

SEEN = {
    "by most": np.eye(3),
    "without red": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "without green": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "without blue": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
"""Machado, Oliveira & Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency", 2009."""
CONES = np.array([[0.41222, 0.53633, 0.05145], [0.21190, 0.68070, 0.10740], [0.08830, 0.28172, 0.62998]])
OKLAB = np.array([[0.21045, 0.79362, -0.00407], [1.97800, -2.42859, 0.45059], [0.02590, 0.78277, -0.80868]])
"""Ottosson, "A perceptual color space for image processing", 2020: distances are as large as they look."""
APART = 0.04
CONTRAST = 3.0
"""Least contrast between graphics and their background: WCAG 2.2, criterion 1.4.11."""

STYLE = files("nas_selection_bench.reports.page").joinpath("style.css").read_text(encoding="utf-8")
THEMES = [("file", LIGHT), *re.findall(r"(:root[^{]*|@media print[^{]*)\{([^}]*--s0[^}]*)}", STYLE)]


def colours_of(theme: str, names: list[str]) -> NDArray[np.float64]:
    """The colours `names` of a theme, [names, 3], as linear light."""
    found = dict(re.findall(r"--(\w+): ?(#[0-9a-f]{6})", theme))
    of = np.array([[int(found[name][i : i + 2], 16) / 255 for i in (1, 3, 5)] for name in names])
    return np.where(of <= 0.04045, of / 12.92, ((of + 0.055) / 1.055) ** 2.4)


@pytest.mark.parametrize("theme", [style for _, style in THEMES], ids=[name.strip() for name, _ in THEMES])
def test_series_are_seen_and_told_apart(theme: str) -> None:
    assert len(THEMES) == 5
    series = colours_of(theme, [f"s{i}" for i in range(SERIES)])
    for sight, turned in SEEN.items():
        looks = np.cbrt(np.clip(series @ turned.T, 0, 1) @ CONES.T) @ OKLAB.T
        distances = np.linalg.norm(looks[:, None] - looks[None], axis=2)[np.triu_indices(SERIES, 1)]
        assert distances.min() > APART, sight
    weights = np.array([0.2126, 0.7152, 0.0722])
    bright = series @ weights + 0.05
    (paper,) = colours_of(theme, ["paper"]) @ weights + 0.05
    assert (np.maximum(bright, paper) / np.minimum(bright, paper)).min() >= CONTRAST


def test_lines_of_one_colour_differ_in_their_dashes() -> None:
    looks = [look(i) for i in range(2 * SERIES)]
    assert len({css for css, _ in looks}) == 2 * SERIES and len(set(looks)) == 2 * SERIES
    assert [css for css, _ in looks if css.endswith(" again")] == [f"s{i} again" for i in range(SERIES)]
    assert ".figure .again path.thick { stroke-dasharray:" in style_sheet()
