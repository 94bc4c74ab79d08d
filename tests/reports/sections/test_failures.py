"""What has no result, why, and which command runs it again."""

import pandas as pd
import pytest

from reports.sections.failures import _one_failure, _table, again

BASE = ["--datasets", "cifar10", "--preset", "lite", "--seeds", "3", "--selector-seeds", "1", "--out", "x"]
CELL = {
    "dataset": "cifar10", "preset": "lite", "bn": "batch", "device": "cpu", "recipe": "darts", "supernet_seed": 2,
    "selector_seed": 0, "epoch": 10, "selector": "zero-cost-pt-ntk", "state": "failed", "reason": "singular",
}  # fmt: skip


def cells(*changes: dict[str, object]) -> pd.DataFrame:
    return pd.DataFrame([{**CELL, **change} for change in changes])


def test_the_latest_command_that_asks_for_the_cell_is_narrowed_to_it() -> None:
    lines = [
        [*BASE, "--selectors", "darts-pt,pt-*"],
        [*BASE, "--selectors=all,!zero-cost-*"],
        [*BASE[:5], "2", *BASE[6:]],
        [*BASE, "--supernets", "gdas,snas"],
        [*BASE, "--retry-failed", "--selectors", "all", "--jobs", "2"],
        [*BASE, "--selectors", "all"],
    ]
    expected = [*BASE, "--jobs", "2", "--selectors", "zero-cost-pt-ntk", "--retry-failed"]
    assert again(lines, cells({}, {"recipe": "blank"})) == ([expected], 0)


def test_two_commands_where_none_asks_for_all() -> None:
    lines = [[*BASE, "--supernets", "snas", "--selectors", "ostr"], BASE]
    found, forgotten = again(lines, cells({}, {"recipe": "snas", "selector": "ostr"}, {"dataset": "mnist"}))
    assert [line[-2:] for line in found] == [["ostr", "--retry-failed"], ["zero-cost-pt-ntk", "--retry-failed"]]
    assert "snas" in found[0] and forgotten == 1


def test_missing_cells_need_no_retry_and_many_selectors_no_list() -> None:
    many = cells(*({"selector": f"op-{i}", "state": "missing"} for i in range(20)))
    line = [*BASE, "--selectors", "op-*"]
    assert again([line], many) == ([line], 0)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("darts-pt[order=fixed,tune=0]", True),
        ("darts-pt[tune=0,order=fixed]", True),
        ("darts-*[order=fixed,tune=0]", True),
        ("darts-pt", False),
        ("all", False),
    ],
)
def test_options_are_part_of_a_name(asked: str, found: bool) -> None:
    cell = cells({"selector": "darts-pt[order=fixed,tune=0]"})
    assert again([[*BASE, "--selectors", asked]], cell)[1] == (not found)


def test_the_number_of_epochs_is_part_of_a_preset() -> None:
    plain, short = [*BASE, "--selectors", "all"], [*BASE, "--selectors", "all", "--train-epochs", "4"]
    wanted = cells({"preset": "lite[epochs=4]", "epoch": 4})
    found, forgotten = again([plain, short], wanted)
    assert forgotten == 0 and "--train-epochs" in found[0]
    assert again([plain], wanted) == ([], 1)
    assert again([short], cells({})) == ([], 1)


def test_a_line_without_a_preset_asks_for_that_of_its_data_set_and_device() -> None:
    digits = {"dataset": "digits", "preset": "digits", "supernet_seed": 1, "epoch": 8}
    assert again([["--selectors", "all"]], cells(digits))[1] == 0
    short = cells({**digits, "preset": "digits[epochs=1]", "epoch": 1})
    assert again([["--selectors", "all", "--train-epochs", "1"]], short)[1] == 0
    assert again([["--selectors", "all"]], cells({**digits, "supernet_seed": 2}))[1] == 1, "two seeds unless asked"
    line = ["--datasets", "cifar10", "--selectors", "all"]
    assert again([line], cells({}))[1] == 0
    assert again([line], cells({"device": "cuda"}))[1] == 1, "there it is preset paper"


def test_a_command_of_another_time_is_no_error() -> None:
    assert again([[*BASE, "--preset", "huge"]], cells({})) == ([], 1)
    assert again([["--no-such-option"]], cells({})) == ([], 1)


def test_cells_that_share_a_draw_are_one_failure() -> None:
    assert _one_failure(cells({"shared": "a"}, {"shared": "a"}, {"shared": "a"})) == (
        " (1 failure: the 3 cells share 1 draw.)"
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


def test_the_epochs_of_a_line_are_what_it_asks_for() -> None:
    wanted = cells({"epoch": 2})
    last, second, every = ([*BASE, "--epochs", epochs] for epochs in ("last", "2,4", "all"))
    assert again([last], wanted)[1] == 1
    assert again([last], cells({"epoch": 10}))[1] == 0
    assert again([second], wanted)[1] == again([every], wanted)[1] == again([BASE], wanted)[1] == 0
    assert again([every, last], wanted)[0][0][-5:-3] == ["--epochs", "all"]


def test_a_line_without_selectors_asks_for_those_of_its_data_sets() -> None:
    digits = {"dataset": "digits", "preset": "digits", "supernet_seed": 0, "epoch": 8}
    assert again([["--datasets", "digits"]], cells(digits))[1] == 1, "only the founding papers' criteria unless asked"
    assert again([["--datasets", "digits"]], cells({**digits, "selector": "darts-pt"}))[1] == 0
    assert again([BASE], cells({}))[1] == 0
