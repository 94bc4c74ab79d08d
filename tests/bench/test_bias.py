"""What criteria resemble, on scores whose nature is known."""

import numpy as np
import pytest

from bench import bias
from bench.space import CONV_3X3, code


def test_counts_of_known_cells() -> None:
    counts = bias.counts()
    position = code((1, 3, 2, 0, 1, 4))
    assert (counts["convolutions"][position], counts["skip connections"][position]) == (2, 2)
    assert counts["convolutions"].sum() == 15625 * 6 * 2 / 5


def test_a_score_that_prefers_convolutions_is_found_out() -> None:
    scores = np.tile([0.0, 0.0, 1.0, 1.0, 0.0], (6, 1))
    found = bias.trait_correlations(bias.additive_scores(scores), bias.counts())
    assert found["convolutions"] == pytest.approx(1.0)
    assert found["skip connections"] < 0


def test_additive_scores_are_brute_force_sums_and_ignore_tied_edges() -> None:
    scores = np.random.default_rng(0).normal(size=(6, 5))
    scores[2] = 7.0
    architecture = (0, 1, CONV_3X3, 4, 2, 3)
    expected = sum((scores[e][o] - scores[e].mean()) / scores[e].std() for e, o in enumerate(architecture) if e != 2)
    assert bias.additive_scores(scores)[code(architecture)] == pytest.approx(expected)


def test_edge_agreement_bounds() -> None:
    scores = np.random.default_rng(1).normal(size=(6, 5))
    assert bias.edge_agreement(scores, scores * 2 + 1) == pytest.approx(1)
    assert bias.edge_agreement(scores, -scores) == pytest.approx(-1)
    assert bias.edge_agreement(scores, np.zeros((6, 5))) == 0
