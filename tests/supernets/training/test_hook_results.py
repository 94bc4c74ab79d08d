"""The results of a recipe's hooks are checked at once, and a mistake is reported with the name of the hook."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from nas_selection_bench.bench.problem.image_set import ImageSet
from nas_selection_bench.bench.work.cells import SupernetJob
from nas_selection_bench.supernets.parts.recipe import BatchesOf, Mixing, Recipe, SupernetState
from nas_selection_bench.supernets.training import loop
from nas_selection_bench.supernets.training.notes import epochs_present


@dataclass(frozen=True)
class Mine(Recipe):
    """The same as darts."""


class Mixes(Mine):
    def mixing(self, search: SupernetState, alphas: Tensor) -> Any:
        return self.edge_weights(alphas)


class MixesFour(Mine):
    def mixing(self, search: SupernetState, alphas: Tensor) -> Mixing:
        return Mixing(self.edge_weights(alphas)[:, :4])


class Diverges(Mine):
    def after_epoch(self, search: SupernetState, epoch: int, epochs: int, batches: BatchesOf) -> None:
        with torch.no_grad():
            search.alphas.fill_(torch.nan)


class Draws(Mine):
    def schedule(self, epoch: int, epochs: int) -> dict[str, float]:
        return {"strength": np.random.rand()}


class Square(Mine):
    def initial_alphas(self, generator: torch.Generator) -> Tensor:
        return torch.zeros(5, 5)


class Lists(Mine):
    def initial_alphas(self, generator: torch.Generator) -> Any:
        return [[0.0] * 5] * 6


class Endless(Mine):
    def initial_alphas(self, generator: torch.Generator) -> Tensor:
        return torch.full((6, 5), torch.inf)


class Narrow(Mine):
    def edge_weights(self, alphas: Tensor) -> Tensor:
        return alphas.softmax(-1)[:, :4]


class Nothing(Mine):
    def edge_weights(self, alphas: Tensor) -> Any:
        return None


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        (Mixes(), r"^Mixes\.mixing gave Tensor, not a Mixing"),
        (MixesFour(), r"^MixesFour\.mixing gave a Mixing with weights \(6, 4\), not \(6, 5\)"),
        (Diverges(), r"^the alphas are not finite after epoch 1$"),
        (Draws(), "draws from the global generator of numpy"),
        (Square(), r"^Square\.edge_weights gave \(5, 5\), not \(6, 5\), for alphas \(5, 5\)"),
        (Lists(), r"^Lists\.initial_alphas gave list, not a tensor"),
        (Endless(), r"^Endless\.initial_alphas gave numbers that are not finite"),
        (Narrow(), r"^Narrow\.edge_weights gave \(6, 4\), not \(6, 5\)"),
        (Nothing(), r"^Nothing\.edge_weights gave NoneType, not \(6, 5\)"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_hook_that_returns_something_else_is_named(
    recipe: Recipe, said: str, job: SupernetJob, images: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "find", lambda name: recipe)
    with pytest.raises(ValueError, match=said):
        loop.train(job, images, "cpu", tmp_path)
    assert not epochs_present(tmp_path)
