"""Time counted as scoring, as tuning, or as neither, with a clock that the test sets."""

import pytest
import torch

from nas_selection_bench.selectors.parts.meter import Meter


class Clock:
    """A clock that the test advances."""

    now = 0.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    held = Clock()
    monkeypatch.setattr(Meter, "_now", lambda _self: held.now)
    return held


def seconds(meter: Meter) -> tuple[float, float]:
    cost = meter.cost()
    return cost.scoring_seconds, cost.tuning_seconds


def test_scoring_is_what_is_neither_tuning_nor_set_aside(clock: Clock) -> None:
    meter = Meter(torch.device("cpu"))
    clock.now += 1
    with meter.tuning():
        clock.now += 10
    with meter.aside():
        clock.now += 100
    clock.now += 2
    assert seconds(meter) == (3, 10)


def test_tuning_that_is_set_aside_is_not_charged_and_takes_nothing_from_scoring(clock: Clock) -> None:
    """As when disc-acc[converge=1] or is-darts[retrain=2] scores all edges for the measures alone."""
    meter = Meter(torch.device("cpu"))
    clock.now += 5
    with meter.aside():
        clock.now += 10
        with meter.tuning():
            clock.now += 100
            meter.count(forward=3, backward=3)
        with meter.aside():
            clock.now += 1000
        meter.count(forward=1)
    assert seconds(meter) == (5, 0)
    assert (meter.forward_passes, meter.backward_passes) == (0, 0)


def test_what_is_set_aside_during_tuning_is_not_tuning(clock: Clock) -> None:
    meter = Meter(torch.device("cpu"))
    clock.now += 5
    with meter.tuning():
        clock.now += 10
        with meter.aside():
            clock.now += 100
        clock.now += 20
    assert seconds(meter) == (5, 30)


def test_tuning_that_fails_has_been_tuning_and_counting_goes_on(clock: Clock) -> None:
    meter = Meter(torch.device("cpu"))
    for manager in (meter.tuning, meter.aside):
        with pytest.raises(ArithmeticError), manager():
            clock.now += 10
            raise ArithmeticError
    meter.count(forward=2, backward=1)
    assert seconds(meter) == (0, 10)
    assert (meter.forward_passes, meter.backward_passes) == (2, 1)
