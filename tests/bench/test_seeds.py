"""Seeds: what they depend on and what not, and that their values never change."""

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas_selection_bench.bench.seeds import derive
from nas_selection_bench.bench.work.cells import Cell, SupernetJob
from nas_selection_bench.bench.work.presets import PRESETS
from nas_selection_bench.selectors.parts.view import Search
from tests.selectors import small

JOB = SupernetJob("cifar10", "darts", 0, 0, PRESETS["lite"])
CELL = Cell(JOB, 10, "darts-pt", 0, "batch", PRESETS["lite"].budget)

axes = st.dictionaries(st.text(max_size=5), st.integers(0, 9) | st.text(max_size=3) | st.none(), max_size=4)


def test_a_seed_is_the_hash_of_root_and_axes_by_name() -> None:
    text = b'{"axes":{"dataset":"cifar10","purpose":"init"},"root":3}'
    expected = int(hashlib.sha256(text).hexdigest()[:16], 16) % (2**63 - 1)
    assert derive(3, purpose="init", dataset="cifar10") == expected


def test_stored_results_hang_on_these_numbers() -> None:
    """Changing these numbers would change every stored supernet and selection."""
    assert JOB.derive("weights") == 1360005625888727097
    assert CELL.derive("permutations") == 1322283078383936724


@given(axes, axes, st.integers(0, 3), st.integers(0, 3))
def test_equal_axes_have_equal_seeds_and_others_do_not(
    first: dict[str, int], second: dict[str, int], root: int, other: int
) -> None:
    same = root == other and first == second
    assert (derive(root, **first) == derive(other, **second)) is same
    assert derive(root, **first) == derive(root, **dict(reversed(first.items())))


@pytest.mark.parametrize(
    "changed",
    [{"dataset": "cifar100"}, {"recipe": "blank"}, {"seed": 1}, {"root": 1}],
    ids=["data set", "recipe", "supernet seed", "root"],
)  # fmt: skip
def test_every_axis_of_a_supernet_changes_its_seeds(changed: dict[str, object]) -> None:
    other = replace(JOB, **changed)  # type: ignore[arg-type]
    assert other.derive("weights") != JOB.derive("weights")
    assert replace(CELL, supernet=other).derive("permutations") != CELL.derive("permutations")


def test_purposes_and_epochs_have_seeds_of_their_own() -> None:
    assert len({JOB.derive("weights"), JOB.derive("alphas"), JOB.derive("weights", epoch=0)}) == 3
    assert len({JOB.derive("batches", epoch=epoch) for epoch in range(5)}) == 5


@pytest.mark.parametrize("changed", [{"epoch": 7}, {"selector": "sgas"}, {"selector_seed": 1}])
def test_every_axis_of_a_cell_changes_its_seeds(changed: dict[str, object]) -> None:
    assert replace(CELL, **changed).derive("lots") != CELL.derive("lots")  # type: ignore[arg-type]


def shared(selector: str, **changed: int) -> int:
    search = small.search(selector)
    search.cell = replace(search.cell, **changed)  # type: ignore[arg-type]
    return Search.shared_seed(search, "proxy")


def test_shared_seeds_are_those_of_the_checkpoint_and_not_of_the_selector() -> None:
    assert shared("magnitude") == shared("zero-cost-pt") == shared("disc-zc")
    assert len({shared("magnitude"), shared("magnitude", epoch=2), shared("magnitude", selector_seed=1)}) == 3
