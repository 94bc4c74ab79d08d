"""Checks of the answer of a selector. A bad answer fails its own cell, never the run."""

import json
from collections.abc import Iterable
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas_selection_bench.bench.problem.selection import Decision, Ranking, Selection, architecture_made_by
from nas_selection_bench.bench.problem.space import EDGES, N_ARCHITECTURES, OPERATIONS, Architecture

_COMPLEX = (complex, np.complexfloating)


def checked(answer: object) -> Selection:
    """The answer of a selector in plain numbers; raises ValueError, with a sentence, if it breaks the contract."""
    if not isinstance(answer, Selection):
        raise ValueError(f"the selector returned no Selection ({type(answer).__name__})")
    scores = _scores(answer.scores)
    decisions = _decisions(answer.decisions)
    ranking = None if answer.ranking is None else _ranking(answer.ranking)
    return Selection(_architecture(answer, decisions), scores, decisions, ranking, _facts(answer.facts), answer.cost)


def _scores(scores: Any) -> NDArray[np.float64]:
    shape = shape_of(scores)
    if shape != (len(EDGES), len(OPERATIONS)):
        raise ValueError(f"the selector returned scores of shape {shape}, not (6, 5)")
    return _finite("the selector returned scores", [score for row in scores for score in row]).reshape(shape)


def shape_of(values: Any) -> tuple[int, ...]:
    """The shape of an array, a tensor or nested lists; () for anything without a shape."""
    try:
        return tuple(np.shape(values))
    except (ValueError, TypeError, RuntimeError):  # rows of different lengths, or of tensors that numpy cannot read
        return ()


def _finite(what: str, values: Iterable[Any]) -> NDArray[np.float64]:
    try:
        if isinstance(values, np.ndarray) and values.dtype.kind in "fiu":
            numbers = values.astype(np.float64)
        else:
            values = list(values)
            kinds = {*map(type, values)}
            if any(issubclass(kind, _COMPLEX) for kind in kinds):
                raise TypeError("complex numbers have no order")
            plain = kinds <= {float, int}
            numbers = np.array(values if plain else [float(value) for value in values], dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{what} that are not numbers ({error})") from error
    if not np.isfinite(numbers).all():
        raise ValueError(f"{what} that are not finite")
    return numbers


def _whole(what: str, values: Iterable[Any]) -> list[int]:
    """The values as a list of int; raises ValueError unless they are whole numbers, of whatever type."""
    if isinstance(values, np.ndarray) and values.dtype.kind in "iu":
        values = values.tolist()
    if isinstance(values, list) and {*map(type, values)} == {int}:
        return values
    numbers = _finite(what, values)
    if (numbers != np.floor(numbers)).any():
        raise ValueError(f"{what} that are not whole numbers")
    return list(map(int, numbers.tolist()))


def _decisions(decisions: object) -> list[Decision]:
    if not isinstance(decisions, list | tuple) or not all(isinstance(decision, Decision) for decision in decisions):
        raise ValueError("the selector returned decisions that are not a list of Decision(edge, operation)")
    edges = _whole("the selector decided edges", [decision.edge for decision in decisions])
    if sorted(edges) != list(range(len(EDGES))):
        raise ValueError(f"the selector decided the edges {edges}, not each edge once")
    operations = _whole("the selector chose operations", [decision.operation for decision in decisions])
    if not set(operations) <= set(range(len(OPERATIONS))):
        raise ValueError(f"the selector chose the operations {operations}, which are not all from 0 to 4")
    return [Decision(edge, operation) for edge, operation in zip(edges, operations, strict=True)]


def _architecture(answer: Selection, decisions: list[Decision]) -> Architecture:
    """The architecture of the decisions; raises ValueError unless the selector returned the same one."""
    architecture = architecture_made_by(decisions)
    if shape_of(answer.architecture) != (len(EDGES),) or list(answer.architecture) != list(architecture):
        raise ValueError("the selector's decisions do not lead to the architecture that it returned")
    return architecture


def _ranking(ranking: Ranking) -> Ranking:
    """The ranking with int codes, each occurring once, and a finite score for each."""
    shapes = [shape_of(getattr(ranking, name, None)) for name in ("codes", "scores")]
    if shapes[0] != shapes[1] or len(shapes[0]) != 1 or not shapes[0][0]:
        raise ValueError(
            f"the selector ranked architectures with codes of shape {shapes[0]} and scores of shape {shapes[1]}; both"
            " must be (n,) with at least one architecture"
        )
    codes = _whole("the selector ranked architectures by codes", ranking.codes)
    if not 0 <= min(codes) <= max(codes) < N_ARCHITECTURES:
        raise ValueError(f"the selector ranked a code that is not from 0 to {N_ARCHITECTURES - 1}")
    if len(set(codes)) < len(codes):
        raise ValueError("the selector ranked an architecture twice")
    return Ranking(np.array(codes), _finite("the selector ranked architectures by scores", ranking.scores))


def _facts(facts: object) -> dict[str, Any]:
    """The facts with numpy's numbers and arrays as Python's; raises ValueError unless they can be stored."""
    if not isinstance(facts, dict):
        raise ValueError(f"the selector returned facts that are not a dictionary ({type(facts).__name__})")
    plain = {name: value.tolist() if isinstance(value, np.generic | np.ndarray) else value
             for name, value in facts.items()}  # fmt: skip
    for name, value in plain.items():
        if not isinstance(name, str):
            raise ValueError(f"the selector returned a fact named {name!r}, which is not text")
        if type(value) in (int, str) or (type(value) is float and isfinite(value)):
            continue
        try:
            json.dumps(value, allow_nan=False, sort_keys=True)
        except (TypeError, ValueError) as error:
            raise ValueError(f"the selector's fact {name!r} cannot be stored ({error})") from error
    return plain
