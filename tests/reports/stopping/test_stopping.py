"""Stopping rules on courses with a known answer, and every rule on arbitrary courses."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.problem.space import CONV_1X1, CONV_3X3, NONE, SKIP
from nas_selection_bench.reports.data.courses import Course, NotStored
from nas_selection_bench.reports.stopping import _rule
from nas_selection_bench.reports.stopping._rule import StoppingRule, rules

FOLDER = Path(__file__).parents[3] / "reports" / "stopping"
RULES = sorted(rules())


def course(**values: object) -> Course:
    length = len(next(iter(values.values())))  # type: ignore[arg-type]
    return Course(tuple(range(2, 2 * length + 1, 2)), **{k: np.array(v, float) for k, v in values.items()})


def weights(*chosen: tuple[int, ...]) -> list[np.ndarray]:
    """Weights for each checkpoint; `chosen` are the operations with the largest weight on the six edges."""
    found = []
    for operations in chosen:
        table = np.full((6, 5), 0.1)
        table[range(6), operations] = 0.6
        found.append(table)
    return found


def stopped(name: str, of: Course) -> int:
    return of.epochs[rules()[name].stop(of)]


def test_every_file_is_a_rule() -> None:
    files = {p.stem.replace("_", "-") for p in FOLDER.glob("[!_]*.py")}
    assert set(RULES) == files >= {"last-epoch", "eigenvalue"}


def test_the_best_accuracy_is_the_earliest_of_the_highest() -> None:
    assert stopped("best-accuracy", course(accuracy=[40, 55, 50, 55])) == 4
    assert stopped("last-epoch", course(accuracy=[40, 55, 50, 55])) == 8


@pytest.mark.parametrize(
    ("skips", "epoch"), [((0, 1, 1, 1), 8), ((0, 1, 2, 0), 6), ((3, 0, 0, 0), 2)],
)  # fmt: skip
def test_darts_plus_stops_at_the_second_skip(skips: tuple[int, ...], epoch: int) -> None:
    chosen = [(*(SKIP,) * n, *(CONV_3X3,) * (6 - n)) for n in skips]
    assert stopped("skips", course(weights=weights(*chosen))) == epoch


def test_none_does_not_hide_a_skip() -> None:
    hidden = weights(*[(NONE,) * 6] * 2)
    for table in hidden:
        table[:2, SKIP] = 0.2
    assert stopped("skips", course(weights=hidden)) == 2


def test_darts_plus_stops_when_the_order_has_lasted() -> None:
    a, b = (CONV_1X1,) * 6, (CONV_1X1,) * 5 + (CONV_3X3,)
    assert stopped("stable-ranking", course(weights=weights(a, b, a, a, a))) == 8, "a fifth of ten epochs, after 6"
    assert stopped("stable-ranking", course(weights=weights(a, b, a, b, a))) == 10


def released(values: list[float], epochs: list[int], first: float) -> int:
    """DARTS-ES by its definition: centred windows of five, growth by a factor of 1.3 over four measurements.

    The last measurement, at the end of the search, stops nothing.
    """
    centred = {t: sum(values[t - 2 : t + 3]) / 5 for t in range(2, len(values) - 2)}
    for t in sorted(centred)[:-1]:
        if t - 4 in centred and centred[t] / centred[t - 4] > 1.3 and epochs[t - 4] > first:
            return epochs[t - 4]
    return epochs[-1]


@given(st.lists(st.floats(0.01, 10), min_size=9, max_size=25))
def test_the_eigenvalue_stops_as_the_paper_defines(values: list[float]) -> None:
    of = course(eigenvalues=values)
    assert stopped("eigenvalue", of) == released(values, list(of.epochs), 0.2 * of.epochs[-1])


def test_the_eigenvalue_does_not_stop_in_the_first_fifth() -> None:
    """The released code may stop at its epoch 10 of 50, counted from 0: after 11 epochs."""
    values = np.array([1.0] * 10 + [3.0] * 40)
    assert stopped("eigenvalue", Course(tuple(range(1, 51)), eigenvalues=values)) == 11
    assert stopped("eigenvalue", course(eigenvalues=[1, 2, 2, 2, 2])) == 10


def test_an_eigenvalue_that_falls_below_zero_has_not_grown() -> None:
    assert stopped("eigenvalue", course(eigenvalues=[-1.0, -1.1, -1.2, -1.3])) == 8
    assert stopped("eigenvalue", course(eigenvalues=[-1.0, -1.0, -1.0, 0.5, 0.5])) == 6


def test_few_eigenvalues_are_compared_with_their_neighbours() -> None:
    assert stopped("eigenvalue", course(eigenvalues=[1, 1.2, 1.5, 2.1, 2.1])) == 6
    assert stopped("eigenvalue", course(eigenvalues=[1, 1.2, 1.5, 2.1])) == 8, "the last measurement stops nothing"
    assert stopped("eigenvalue", course(eigenvalues=[1, 1.2, 1.5, 1.2])) == 8


@given(st.integers(2, 12), st.integers(0, 2**31), st.sampled_from(RULES))
def test_every_rule_names_a_stored_checkpoint_and_says_what_it_lacks(length: int, seed: int, name: str) -> None:
    random = np.random.default_rng(seed)
    whole = course(
        accuracy=random.random(length), weights=random.random((length, 6, 5)), eigenvalues=random.random(length)
    )
    assert stopped(name, whole) in whole.epochs
    bare = Course(whole.epochs)
    if name == "last-epoch":
        assert stopped(name, bare) == whole.epochs[-1]
    else:
        with pytest.raises(NotStored):
            rules()[name].stop(bare)


def changed(of: Course) -> int:
    of.epochs[0] = 1  # type: ignore[index]
    return 0


@pytest.mark.parametrize("stop", [changed, lambda _: -1, lambda of: len(of.epochs), lambda _: 1.0, lambda _: None])
def test_a_rule_that_fails_or_names_no_checkpoint_is_refused(stop: object, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = StoppingRule(paper="none", formula="none", stop=stop)  # type: ignore[arg-type]
    monkeypatch.setattr(_rule, "rules", lambda: {"last-epoch": rules()["last-epoch"], "broken": broken})
    with pytest.raises(UsageError, match="broken"):
        _rule.stops({("darts", 0): course(accuracy=[1, 2, 3])})
