"""Checks of what a recipe's hooks return, so that an error names what the recipe got wrong."""

import torch
from torch import Tensor

from nas_selection_bench.bench.problem.space import EDGES, OPERATIONS

MIXTURE = (len(EDGES), len(OPERATIONS))


def kind_of(value: object) -> str:
    """The shape of a tensor or the class of anything else, for messages."""
    return str(tuple(value.shape)) if isinstance(value, Tensor) else type(value).__name__


def check_alphas(recipe: object, alphas: object) -> None:
    """Raises ValueError unless the initial alphas are a tensor of finite floating-point numbers."""
    name = type(recipe).__name__
    if not isinstance(alphas, Tensor):
        raise ValueError(f"{name}.initial_alphas gave {kind_of(alphas)}, not a tensor")
    if not alphas.is_floating_point() or not alphas.isfinite().all():
        raise ValueError(f"{name}.initial_alphas gave numbers that are not finite or not floating point")


def check_edge_weights(recipe: object, weights: object, alphas: Tensor) -> None:
    """Raises ValueError unless the edge weights are a tensor [6, 5]."""
    if not isinstance(weights, Tensor) or tuple(weights.shape) != MIXTURE:
        found, name = kind_of(weights), type(recipe).__name__
        raise ValueError(f"{name}.edge_weights gave {found}, not {MIXTURE}, for alphas {tuple(alphas.shape)}")


def check_mixing(recipe: str, mixing: object, cls: type) -> None:
    """Raises ValueError unless `mixing` is of class `cls` (Mixing) and has weights [6, 5] or [n_cells, 6, 5].

    More than 5 columns are allowed, for recipes that build their own network.
    """
    if not isinstance(mixing, cls):
        raise ValueError(f"{recipe}.mixing gave {type(mixing).__name__}, not a Mixing")
    weights = getattr(mixing, "weights", None)
    shape = tuple(weights.shape) if isinstance(weights, Tensor) else ()
    if shape[-2:-1] != MIXTURE[:1] or shape[-1] < MIXTURE[1]:
        found = kind_of(weights)
        raise ValueError(f"{recipe}.mixing gave a Mixing with weights {found}, not {MIXTURE} or (n_cells, 6, 5)")


def check_after_epoch(alphas: Tensor, epoch: int) -> None:
    """Raises ValueError if the alphas are not finite after epoch `epoch`, counted from 1."""
    if not torch.isfinite(alphas).all():
        raise ValueError(f"the alphas are not finite after epoch {epoch}")
