"""Architectures in common spellings, compared with the space's own string."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas_selection_bench.bench.commands import lookup
from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.problem.open_table import embedded_table
from nas_selection_bench.bench.problem.space import OPERATIONS, as_architecture, to_string
from nas_selection_bench.bench.problem.spellings import architecture

architectures = st.tuples(*[st.integers(0, 4)] * 6).map(as_architecture)

NASLIB_OPERATIONS = ["skip_connect", "none", "nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3"]


def naslib(arch: str) -> tuple[int, ...]:
    """NASLib's six numbers, derived from the string: for each edge (u, v), the operation at v with input u."""
    nodes = [[entry.split("~")[0] for entry in node.strip("|").split("|")] for node in arch.split("+")]
    return tuple(NASLIB_OPERATIONS.index(nodes[v - 2][u - 1]) for u in (1, 2, 3) for v in range(u + 1, 5))


@given(architectures)
def test_each_spelling_means_the_same(made: tuple[int, int, int, int, int, int]) -> None:
    text = to_string(made)
    names = [OPERATIONS[operation] for operation in made]
    nodes = [
        tuple((entry.split("~")[0], int(entry.split("~")[1])) for entry in node.strip("|").split("|"))
        for node in text.split("+")
    ]
    for spelled in (
        text, f"  {text}\n", text.replace("|", " | "), f"Structure(4 nodes with {text})", str(made), str(list(made)),
        " ".join(map(str, made)), ",".join(map(str, made)), str(names), ", ".join(names), str(nodes),
        f"naslib:{naslib(text)}", f"NASLib: {list(naslib(text))}", "naslib:" + ",".join(map(str, naslib(text))),
    ):  # fmt: skip
        assert architecture(spelled) == made, spelled


@given(st.text(max_size=60))
def test_other_text_is_refused_with_a_reason(text: str) -> None:
    try:
        found = architecture(text)
    except ValueError as error:
        assert str(error)
    else:
        assert isinstance(found, int) or len(found) == 6


@pytest.mark.parametrize("text", ["", "()", "(1,2,3)", "(0,1,2,3,4,5)", "(0,0,0,0,0,True)", "(-1,0,0,0,0,0)",
                                  "[0,0,0,0,0,0,0]", "naslib:3", "naslib:", "|none~0|", "1.5",
                                  "Structure()"])  # fmt: skip
def test_what_is_no_architecture_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        lookup.find(embedded_table("digits"), text)


def test_a_single_number_is_the_tables_own_index() -> None:
    table = embedded_table("digits")
    best = table.best("digits")
    assert lookup.find(table, str(table.index[table.position(best)])) == best
    with pytest.raises(UsageError, match="0 to 15624"):
        lookup.find(table, "15625")


def test_the_command_prints_what_the_table_holds() -> None:
    table = embedded_table("digits")
    best = table.best("digits")
    done = subprocess.run(
        [sys.executable, "-m", "nas_selection_bench", "lookup", "digits", *map(str, best)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[0] == to_string(best)
    assert f"test {table.accuracy('digits').max():.3f} %" in done.stdout and "rank 1 of 15,625" in done.stdout
    wrong = subprocess.run(
        [sys.executable, "-m", "nas_selection_bench", "lookup", "digits", "x"],
        capture_output=True,
        text=True,
    )
    assert wrong.returncode == 2 and wrong.stderr.count("\n") == 1
