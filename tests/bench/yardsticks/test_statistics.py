"""Statistics compared with brute force and published values, and tests of their own properties."""

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from nas_selection_bench.bench.yardsticks import statistics
from nas_selection_bench.bench.yardsticks.agreements import Agreements

differences = st.lists(st.integers(-20, 20).map(lambda k: k / 4), min_size=1, max_size=9)


def sign_flip_p(values: statistics.Numbers) -> float:
    (p,) = statistics.sign_flip_ps([values])
    return p


@given(differences)
@settings(deadline=None, max_examples=60)
def test_sign_flip_p_counts_the_sign_patterns(values: list[float]) -> None:
    kept = [v for v in values if v]
    observed = abs(sum(kept))
    patterns = [
        abs(sum(s * v for s, v in zip(signs, kept, strict=True))) for signs in product((1, -1), repeat=len(kept))
    ]
    assert sign_flip_p(values) == pytest.approx(np.mean([p >= observed - 1e-9 for p in patterns]))


def test_sign_flip_p_agrees_with_scipy() -> None:
    values = np.random.default_rng(3).normal(0.4, 1, 11)
    expected = stats.permutation_test((values,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert sign_flip_p(values) == pytest.approx(expected.pvalue)


def test_sign_flip_p_of_many_pairs_is_sampled_near_the_exact_value() -> None:
    values = np.random.default_rng(5).normal(0.3, 1, 18)
    signs = 1 - 2 * (np.arange(2**18)[:, None] >> np.arange(18) & 1)
    exact = np.mean(np.abs(signs @ values) >= abs(values.sum()) - 1e-9)
    assert sign_flip_p(values) == pytest.approx(exact, abs=0.005)
    assert sign_flip_p(values) == sign_flip_p(values)


def test_sampled_sign_patterns_count_the_observed_one() -> None:
    # The probability that 50,000 draws contain one of the two most extreme of 2^40 patterns is 1e-7.
    assert sign_flip_p([1.0] * 40) == 1 / 50_001 == statistics.smallest_p(40)


def test_many_comparisons_at_once_give_the_p_of_each() -> None:
    generator = np.random.default_rng(6)
    families = [generator.normal(0.3, 1, n).round(1) for n in (1, 4, 4, 9, 17, 18, 17, 4)] + [np.zeros(3), np.array([])]
    alone = [sign_flip_p(values) for values in families]
    assert statistics.sign_flip_ps(families) == alone
    known = Agreements()
    statistics.sign_flip_ps(families[::2], known)
    assert statistics.sign_flip_ps(families, known) == alone  # whatever is cached already


@pytest.mark.parametrize(("pairs", "p"), [(3, 0.25), (5, 0.0625), (6, 0.03125), (8, 0.0078125), (10, 0.001953125)])
def test_smallest_p_is_reached_by_one_sided_differences(pairs: int, p: float) -> None:
    assert statistics.smallest_p(pairs) == p
    assert sign_flip_p([1.0 + i for i in range(pairs)]) == p


@pytest.mark.parametrize("pairs", range(1, 41))
def test_no_p_is_smaller_than_the_smallest(pairs: int) -> None:
    assert statistics.smallest_p(pairs) <= sign_flip_p([1.0] * pairs)


def test_two_sample_p_agrees_with_scipy() -> None:
    generator = np.random.default_rng(4)
    a, b = generator.normal(0.9, 1, 6), generator.normal(0, 1, 7)
    expected = stats.permutation_test(
        (a, b), lambda x, y: np.mean(x) - np.mean(y), permutation_type="independent", n_resamples=np.inf
    ).pvalue
    assert statistics.two_sample_p([a], [b]) == pytest.approx(expected, abs=0.006)


Strata = list[list[float]]


def labellings(first: Strata, second: Strata) -> np.ndarray:
    """The absolute statistic under every exchange of labels within strata, the observed one first."""
    sums = np.zeros(1)
    for a, b in zip(first, second, strict=True):
        pooled, n = np.array(a + b), len(a)
        chosen = [list(places) for places in combinations(range(len(pooled)), n)]
        gaps = [pooled[places].mean() - np.delete(pooled, places).mean() for places in chosen]
        sums = np.add.outer(sums, gaps).ravel()
    return np.abs(sums)


def test_two_sample_p_exchanges_labels_inside_strata_only() -> None:
    # The strata lie far apart and differ in size: exchanges between them would hide the difference within them.
    first, second = [[4.0, 7.0, 5.5], [109.0]], [[1.0, 5.0], [103.0, 101.0, 104.5, 102.0]]
    gaps = labellings(first, second)
    assert len(gaps) == 10 * 5
    exact = np.mean(gaps >= gaps[0] - 1e-9)
    assert 0 < exact < 0.1
    assert statistics.two_sample_p(first, second) == pytest.approx(exact, abs=0.006)
    # 3 against 3, one stratum: 20 labellings, of which two are as extreme.
    assert statistics.two_sample_p([[9.0, 9.1, 9.2]], [[1.0, 1.1, 1.2]]) == pytest.approx(0.1, abs=0.006)


@pytest.mark.parametrize(
    ("sizes", "p"),
    [
        ([(3, 3)], 2 / 20),
        ([(2, 3)], 1 / 10),
        ([(2, 3), (1, 4)], 1 / 50),
        ([(2, 2), (2, 2)], 2 / 36),
        ([(2, 2), (1, 3)], 1 / 24),
    ],
)
def test_the_smallest_two_sample_p_is_reached_where_the_sides_lie_apart(sizes: list[tuple[int, int]], p: float) -> None:
    first: Strata = [[9.0 + 1.5**k for k in range(n)] for n, _ in sizes]
    second: Strata = [[-(1.3**k) for k in range(m)] for _, m in sizes]
    gaps = labellings(first, second)
    assert np.mean(gaps >= gaps[0] - 1e-9) == pytest.approx(p)
    assert statistics.smallest_two_sample_p(sizes) == pytest.approx(p)


def test_holm_on_a_worked_example() -> None:
    # Holm 1979 by hand: sorted .005 .01 .03 .04 times 4 3 2 1 = .02 .03 .06 .04, made monotone.
    assert statistics.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(st.integers(0, 30), st.integers(0, 30))
def test_the_sign_test_is_binomial(above: int, below: int) -> None:
    expected = stats.binomtest(above, above + below).pvalue if above + below else 1.0
    assert statistics.sign_test_p(above, below) == pytest.approx(expected)


@pytest.mark.parametrize(("n", "tests"), [(10, 1), (15, 10), (18, 10)])
def test_the_detectable_difference_is_shown_four_times_out_of_five(n: int, tests: int) -> None:
    """Simulation with normal differences of known spread and the sign-flip test at the corrected level."""
    size = statistics.detectable(1.0, n, tests)
    assert size is not None
    samples = np.random.default_rng(n).normal(size, 1, size=(600, n))
    shown = np.mean(np.array(statistics.sign_flip_ps(list(samples))) <= 0.05 / tests)
    assert shown == pytest.approx(0.8, abs=0.09)
    assert statistics.detectable(1.0, 1, 1) is None


def test_variance_components_on_a_worked_example() -> None:
    # Two checkpoints, two selector seeds each: MS within = 1, MS between = 25, so (25 - 1) / 2 = 12.
    parts = statistics.variance_components([[0.0, 2**0.5], [5.0, 5.0 + 2**0.5]])
    assert parts is not None
    assert (parts.selector, parts.supernet) == (pytest.approx(1.0), pytest.approx(12**0.5))
    assert (parts.supernets, parts.values) == (2, 4)
    assert statistics.variance_components([[1.0], [2.0]]) is None


def test_variance_components_of_groups_of_unequal_sizes() -> None:
    # For [1, 2], [5], [9, 10, 11]: n = 6, means 1.5, 5, 10, grand mean 38/6 (each value counts once).
    # Within: (0.5 + 0 + 2) / (6 - 3) = 5/6. Between: (2 * 4.8333^2 + 1.3333^2 + 3 * 3.6667^2) / 2 = 533/12.
    # Typical size: (6 - (4 + 1 + 9) / 6) / 2 = 11/6. So (533/12 - 5/6) / (11/6) = 523/22.
    parts = statistics.variance_components([[1.0, 2.0], [5.0], [9.0, 10.0, 11.0]])
    assert parts is not None
    assert parts.selector**2 == pytest.approx(5 / 6)
    assert parts.supernet**2 == pytest.approx(523 / 22)
    assert (parts.supernets, parts.values) == (3, 6)


def test_variance_components_recover_what_was_put_in() -> None:
    generator = np.random.default_rng(0)
    groups = [generator.normal(generator.normal(0, 3), 1, size=n) for n in generator.integers(1, 6, 400)]
    parts = statistics.variance_components(groups)
    assert parts is not None
    assert (parts.supernet, parts.selector) == (pytest.approx(3, rel=0.1), pytest.approx(1, rel=0.1))


def test_the_noise_of_trials_skips_single_trials() -> None:
    nan = float("nan")
    trials = np.array([[1.0, 2.0, nan], [5.0, nan, nan], [1.0, 1.5, 4.0]])
    noise = statistics.noise_of_gaps(statistics.gaps_of_trials(trials))
    assert noise is not None
    assert (noise.margin, noise.architectures) == (1.75, 2)  # medians 1.0 and 2.5
    assert statistics.noise_of_gaps(statistics.gaps_of_trials(np.array([[1.0, nan]]))) is None
