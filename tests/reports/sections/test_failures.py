"""Cells without a result, the reasons, and the command that runs them again."""

import re
import shlex
from html import unescape
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from nas_selection_bench.bench.commands.options import parse_options
from nas_selection_bench.reports.sections.blocks import Prose
from nas_selection_bench.reports.sections.failures import _one_failure, _table, failures_section, last_out

CELL = {
    "dataset": "cifar10", "preset": "lite", "bn": "batch", "device": "cpu", "recipe": "darts", "supernet_seed": 2,
    "selector_seed": 0, "epoch": 10, "selector": "zero-cost-pt-ntk", "state": "failed", "reason": "singular",
}  # fmt: skip
SHOWN = {"setting": "darts", "method": "zero-cost-pt-ntk"}


def cells(*changes: dict[str, object]) -> pd.DataFrame:
    return pd.DataFrame([{**CELL, **change} for change in changes])


def test_cells_that_share_a_draw_are_one_failure() -> None:
    assert _one_failure(cells({"shared": "a"}, {"shared": "a"}, {"shared": "a"})) == (
        " (1 failure: the 3 cells share 1 draw)"
    )
    assert _one_failure(cells({"shared": "a"}, {"shared": "b"})) == ""
    assert _one_failure(cells({"shared": None}, {"shared": "a"})) == ""


def test_seeds_do_not_read_as_decimals() -> None:
    place = {"setting": "darts", "method": "pt"}

    def seeds(*pairs: tuple[int, int]) -> tuple[str, str]:
        left = cells(*({**place, "supernet_seed": seed, "selector_seed": repeat} for seed, repeat in pairs))
        table = _table(left)
        (row,) = table.rows
        return table.columns[5].title, row.cells[5].text

    assert seeds((3, 0), (4, 0)) == ("supernet seeds", "3, 4")
    assert seeds((3, 0), (4, 1)) == ("supernet seed / selector seed", "3 / 0, 4 / 1")


@pytest.mark.parametrize(("states", "words"), [(("failed", "missing"), 1), (("missing", "skipped"), 0)])
def test_a_folder_is_named_and_failures_are_asked_for(states: tuple[str, str], words: int, tmp_path: Path) -> None:
    results = SimpleNamespace(
        rows=cells(*({**SHOWN, "state": state} for state in states)), folder=tmp_path / "my run", run={}
    )
    text = "".join(b.markup for b in failures_section(SimpleNamespace(results=results)).blocks if isinstance(b, Prose))
    (command,) = re.findall("<code>(.*)</code>", text)
    line = shlex.split(unescape(command))
    options = parse_options(line[2:])
    assert (options.out, options.asks, options.retry_failed) == (Path("my run"), False, bool(words))


def test_the_path_is_that_of_the_last_command_that_filled_the_folder() -> None:
    def path(*lines: str) -> str:
        return last_out({"commands": [line.split() for line in lines]}, "one")

    assert path("--seeds 1 --out out/one", "--out results/one --seeds 2") == "results/one"
    assert path("--out results/one", "--out elsewhere/two") == "results/one"
    assert path("--out before/renamed") == path("--seeds 3") == last_out({}, "one") == "one"


def test_what_was_skipped_needs_no_command() -> None:
    results = SimpleNamespace(rows=cells({**SHOWN, "state": "skipped"}))
    assert not any(isinstance(b, Prose) for b in failures_section(SimpleNamespace(results=results)).blocks)
