"""Gradient differences are taken in full precision, even if a supernet trains in bfloat16."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import torch

from nas_selection_bench.supernets import darts, darts_second_order, idarts, lambda_darts
from nas_selection_bench.supernets.parts.recipe import SupernetState
from tests.supernets.tiny import batch, tiny_search

Step = Callable[[SupernetState], object]


@pytest.mark.parametrize(
    ("recipe", "step", "reduced"),
    [
        (darts.RECIPE, lambda s: darts.RECIPE.step(s, batch(1), batch(2)), 2),
        (lambda_darts.RECIPE, lambda s: lambda_darts.RECIPE.step(s, batch(1), batch(2)), 1),
        (idarts.RECIPE, lambda s: idarts.RECIPE.alpha_gradient(s, batch(1), batch(2)), 0),
        (darts_second_order.RECIPE, lambda s: darts_second_order.RECIPE.alpha_gradient(s, batch(1), batch(2)), 0),
    ],
    ids=["darts", "lambda-darts", "idarts", "darts-second-order"],
)  # fmt: skip
def test_differences_are_taken_in_full_precision(
    recipe: object, step: Step, reduced: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes = []

    @contextmanager
    def counted(device: torch.device) -> Iterator[None]:
        passes.append(device)
        yield

    monkeypatch.setattr("nas_selection_bench.supernets.parts.recipe.autocast", counted)
    search = tiny_search(recipe)
    search.numbers = {"lambda": torch.tensor(0.5, dtype=torch.float64)}
    step(search)
    assert len(passes) == reduced, "passes that a GPU may make in bfloat16"
