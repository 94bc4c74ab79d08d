"""The analysis of the factorial against paired t tests, an exact decomposition, and planted effects."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from nas_selection_bench.reports.data.factorial import (
    FACTORS,
    RULES,
    TUNINGS,
    Design,
    analysed,
    component,
    design,
    levels,
    sphericity,
)
from nas_selection_bench.selectors.parts import registry
from nas_selection_bench.selectors.parts.schedule import Greedy


@pytest.mark.parametrize("name", sorted(RULES))
def test_defaults_are_those_of_the_selectors(name: str) -> None:
    selector = registry.find(name)
    assert isinstance(selector, Greedy)
    tune = "preset" if selector.tune is None else str(selector.tune)
    assert RULES[name][1:] == (selector.order, tune)
    same = [other for other in RULES if RULES[other][0] == RULES[name][0]]
    assert len({type(registry.find(other).rule).__name__ for other in same} - {"LossRise"}) == 1


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("darts-pt[order=fixed,tune=0]", ("accuracy without it", "fixed", "none")),
        ("ostr[order=random,tune=preset]", ("Taylor", "random", "between decisions")),
        ("darts-pt[renormalise=yes]", None), ("darts-pt[tune=3]", None), ("op-snip", None),
    ],
)  # fmt: skip
def test_levels_are_read_off_names(selector: str, expected: object) -> None:
    assert levels(selector) == expected


def rows(values: np.ndarray) -> pd.DataFrame:
    """Values [seeds, 3 rules, 2 orders, 2 tunings] as the rows of a result."""
    names = ("darts-pt", "disc-acc", "ostr")
    found = []
    for seed, r, o, t in np.ndindex(values.shape):
        wanted = {"order": ("fixed", "random")[o], "tune": ("0", "preset")[t]}
        options = ",".join(f"{k}={v}" for k, v in sorted(wanted.items()))
        found.append(("darts", seed, f"{names[r]}[{options}]", values[seed, r, o, t]))
    return pd.DataFrame(found, columns=["setting", "supernet_seed", "selector", "test"])


def of(values: np.ndarray) -> Design:
    return Design((("a", "b", "c"), ("x", "y"), ("-", "+")), tuple(("s", i) for i in range(len(values))), values)


def test_the_design_is_what_is_complete() -> None:
    values = np.random.default_rng(0).random((4, 3, 2, 2))
    frame = rows(values)
    found = design(frame)
    assert found is not None
    assert found.levels == (
        ("Taylor", "accuracy of it alone", "accuracy without it"),
        ("fixed", "random"),
        tuple(TUNINGS.values()),
    )
    np.testing.assert_array_equal(found.values, values[:, [2, 1, 0]])
    once = frame.iloc[:1].assign(selector="disc-acc")  # an order that cannot be tuned
    assert design(pd.concat([frame, once])).levels == found.levels  # type: ignore[union-attr]
    assert len(design(frame.iloc[1:]).blocks) == 3  # type: ignore[union-attr]
    assert design(frame[frame["selector"].str.contains("order=fixed")]) is None


def test_terms_add_up_and_two_levels_are_paired_t_tests() -> None:
    values = np.random.default_rng(1).normal(size=(6, 3, 2, 2))
    terms = {term.factors: term for term in analysed(of(values))}
    assert set(terms) == {c for k in (1, 2, 3) for c in itertools.combinations(FACTORS, k)}
    tuned = values.mean((1, 2))
    expected = stats.ttest_rel(tuned[:, 1], tuned[:, 0])
    assert terms["tuning",].p == pytest.approx(expected.pvalue, rel=1e-9)
    low, high = stats.ttest_rel(tuned[:, 1], tuned[:, 0]).confidence_interval()
    assert 2 * terms["tuning",].effects[1].low == pytest.approx(low)
    assert 2 * terms["tuning",].effects[1].high == pytest.approx(high)
    crossed = values.mean(1)
    difference = crossed[:, 1, 1] - crossed[:, 1, 0] - crossed[:, 0, 1] + crossed[:, 0, 0]
    assert terms["order", "tuning"].p == pytest.approx(stats.ttest_1samp(difference, 0).pvalue, rel=1e-9)

    whole = sum(component(values, which) if len(which) == 3 else
                np.expand_dims(component(values, which), tuple(a + 1 for a in range(3) if a not in which))
                for k in (1, 2, 3) for which in itertools.combinations(range(3), k))  # fmt: skip
    np.testing.assert_allclose(whole, values - values.mean((1, 2, 3), keepdims=True), atol=1e-12)


def test_effects_that_were_put_in_are_found() -> None:
    random = np.random.default_rng(2)
    values = 90 + random.normal(size=(8, 1, 1, 1)) + 0.01 * random.normal(size=(8, 3, 2, 2))
    values[:, 0] += 3  # the first rule is better by 3 than both others
    values[:, :, 1, 1] += 1  # tuning helps only with the second order
    terms = {term.factors: term for term in analysed(of(values))}
    assert terms["rule",].effects[0].mean == pytest.approx(2, abs=0.02)
    assert terms["order", "tuning"].effects[3].mean == pytest.approx(0.25, abs=0.02)
    assert terms["order", "tuning"].effects[3].levels == ("y", "+")
    assert terms["rule", "tuning"].p > 0.001 > terms["order", "tuning"].p_corrected
    assert sum(term.share for term in terms.values()) == pytest.approx(1, abs=0.001)
    constant = {t.factors: t for t in analysed(of(np.zeros((3, 3, 2, 2))))}
    assert constant["rule",].p == 1 and constant["rule",].share == 0


def test_corrected_p_are_holms() -> None:
    terms = analysed(of(np.random.default_rng(5).normal(size=(6, 3, 2, 2))))
    in_order = sorted(terms, key=lambda term: term.p)
    steps = [min(1, term.p * (len(terms) - place)) for place, term in enumerate(in_order)]
    assert [term.p_corrected for term in in_order] == pytest.approx([max(steps[: i + 1]) for i in range(len(steps))])


@settings(max_examples=30, deadline=None)
@given(blocks=st.integers(3, 9), rules=st.integers(2, 5), seed=st.integers(0, 2**16))
def test_sphericity_is_that_of_the_covariance_between_levels(blocks: int, rules: int, seed: int) -> None:
    """The formula of Greenhouse & Geisser 1959, from the covariances S of the levels."""
    random = np.random.default_rng(seed)
    values = random.normal(size=(blocks, rules)) * random.uniform(0.1, 5, size=rules)
    s, k = np.cov(values.T), rules
    whole, rows_, diagonal = s.mean(), s.mean(1), np.diag(s).mean()
    expected = (k * (diagonal - whole)) ** 2 / (
        (k - 1) * ((s**2).sum() - 2 * k * (rows_**2).sum() + k**2 * whole**2)
    )  # fmt: skip
    found = sphericity(values - values.mean(1, keepdims=True), rules - 1)
    assert found == pytest.approx(expected, rel=1e-6)
    assert 1 / (rules - 1) - 1e-9 <= found <= 1 + 1e-9


@pytest.mark.parametrize("value", [91.23, 93.37 / 3, 88.1])
def test_choices_that_are_all_alike_explain_nothing(value: float) -> None:
    """Means of equal accuracies differ in their last bit."""
    values = np.full((5, 3, 2, 2), value) + np.random.default_rng(0).normal(size=(5, 1, 1, 1))
    assert all((term.share, term.p, term.p_corrected) == (0, 1, 1) for term in analysed(of(values)))


def test_where_a_rule_is_skipped_fewer_rules_may_have_more_checkpoints() -> None:
    """`darts-pt` has two seeds of six: two rules on six checkpoints are more values than three rules on two."""
    values = np.random.default_rng(0).normal(size=(6, 3, 2, 2))
    every = rows(values)
    skipped = every["selector"].str.startswith("darts-pt") & (every["supernet_seed"] >= 2)
    found = design(every[~skipped])
    assert found is not None
    assert (found.levels[0], len(found.blocks)) == (("Taylor", "accuracy of it alone"), 6)
    np.testing.assert_array_equal(found.values, values[:, [2, 1]])
    few = every["selector"].str.startswith("darts-pt") & (every["supernet_seed"] >= 5)
    found = design(every[~few])
    assert found is not None and (len(found.levels[0]), len(found.blocks)) == (3, 5)
