"""Progress messages, on a terminal and elsewhere."""

import io
import time

import pytest

from nas_selection_bench.bench.work.progress import NORMAL, QUIET, VERBOSE, Progress, duration


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (9.94, "9.9 s"),
        (12.3, "12 s"),
        (89, "89 s"),
        (90, "2 min"),
        (3600, "60 min"),
        (7500, "2 h 05 min"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_lines_count_cells_name_the_current_one_and_give_the_mean_as_eta() -> None:
    stream, clock = io.StringIO(), Clock()
    with Progress(3, verbosity=NORMAL, stream=stream, clock=clock) as progress:
        progress.working_on("cell one")
        clock.now = 20.0
        progress.cell_finished("cell one", "done", 20.0)
        clock.now = 30.0
        progress.cell_finished("cell two", "failed", 10.0, "ValueError: no")
        progress.cell_finished("cell three", "done", 0.0)
    assert stream.getvalue().splitlines() == [
        "[1/3] done cell one (20 s, about 40 s left)",
        "[2/3] failed cell two (10 s, about 15 s left): ValueError: no",
        "[3/3] done cell three (0.0 s)",
    ]


def test_known_timings_give_a_better_eta() -> None:
    stream = io.StringIO()
    with Progress(2, lambda: 300.0, NORMAL, stream, Clock()) as progress:
        progress.cell_finished("a", "done", 1.0)
    assert "about 5 min left" in stream.getvalue()


def test_quiet_says_nothing_and_verbose_more() -> None:
    quiet, verbose = io.StringIO(), io.StringIO()
    for level, stream in ((QUIET, quiet), (VERBOSE, verbose)):
        with Progress(1, verbosity=level, stream=stream, clock=Clock()) as progress:
            progress.working_on("the cell")
            progress.cell_finished("the cell", "failed", 1.0, "why")
    assert quiet.getvalue() == ""
    assert verbose.getvalue().splitlines() == ["  the cell", "[1/1] failed the cell (1.0 s): why"]


def test_a_terminal_gets_a_bar_that_names_the_current_cell() -> None:
    stream = Terminal()
    with Progress(2, stream=stream, clock=Clock()) as progress:
        progress.working_on("cell one")
        progress.cell_finished("cell one", "done", 1.0)
        progress.working_on("cell two")
        progress.cell_finished("cell two", "failed", 1.0, "ValueError: no")
    said = stream.getvalue()
    assert "0/2 cells" in said and "1/2 cells" in said and "cell two" in said
    assert "[2/2] failed cell two (1.0 s): ValueError: no" in said and "done cell one" not in said


def test_epochs_are_work_beside_cells() -> None:
    stream = Terminal()
    with Progress(2, stream=stream, clock=Clock()) as progress:
        progress.training(1, 4)
        progress.epoch_trained("a supernet, epoch 2/4")
        assert "2/4 epochs, 0/2 cells" in stream.getvalue()
        assert progress._bar is not None and (progress._bar.n, progress._bar.total) == (2, 6)
        progress.training(4, 4)
        progress.cell_finished("cell one", "done", 1.0)
        assert (progress._bar.n, progress._bar.total) == (5, 6)
    assert "1/2 cells" in stream.getvalue().split("epochs")[-1]


def test_more_work_than_was_thought() -> None:
    stream = Terminal()
    with Progress(1, stream=stream, clock=Clock()) as progress:
        progress.resize(4)
        progress.cells_lost("supernet x", 3)
    assert "3/4" in stream.getvalue()


def test_a_long_silence_is_broken_by_what_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nas_selection_bench.bench.work.progress.LINE_BEAT", 0.01)
    stream = io.StringIO()
    with Progress(1, stream=stream) as progress:
        progress.watch(lambda: "training: 3 of 8")
        deadline = time.monotonic() + 5
        while "3 of 8" not in stream.getvalue() and time.monotonic() < deadline:
            time.sleep(0.01)
    assert "training: 3 of 8" in stream.getvalue()


def test_the_eta_counts_down_between_two_estimates_and_follows_a_new_one() -> None:
    clock, expected = Clock(), [300.0]
    progress = Progress(2, lambda: expected[0], NORMAL, io.StringIO(), clock)
    etas = []
    for clock.now in (0.0, 100.0, 250.0, 400.0):
        etas.append(progress.eta())
    expected[0] = 120.0  # another epoch has ended
    etas.append(progress.eta())
    clock.now += 20.0
    etas.append(progress.eta())
    assert etas == [300.0, 200.0, 50.0, 0.0, 120.0, 100.0]


@pytest.mark.parametrize("columns", [80, 100, 160])
def test_the_selector_is_named_however_narrow_the_terminal(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    stream = Terminal()
    with Progress(1_000, lambda: 5_000.0, NORMAL, stream) as progress:
        progress.working_on("imagenet16 importance-sampling seed 10 epoch 100 zero-cost-pt-snip #1")
    last = stream.getvalue().split("\r")[-3:]
    assert any("zero-cost-pt-snip #1" in line for line in last), last
