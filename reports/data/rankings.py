"""Criteria that rank whole architectures: their scores, and how well these agree with test accuracy."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nas_selection_bench.bench.yardsticks.kendall import tau_b
from nas_selection_bench.reports.data.results import Results

Values = NDArray[np.float64]
FEWEST = 10
"""Fewest architectures over which a tau is meaningful."""
TOP_PARTS = (10, 100)
TOP_COUNTS = (1, 10, 100)


@dataclass(frozen=True)
class ArchitectureScores:
    """Scores that one selection gave to whole architectures."""

    method: str
    setting: str
    seed: int
    """Supernet seed."""
    repeat: int
    """Selector seed."""
    codes: NDArray[np.int64]
    scores: Values
    tau: float | None = None
    """Tau-b with test accuracy over exactly these architectures, if it is stored."""


def rankings(results: Results, dataset: str) -> dict[str, list[ArchitectureScores]]:
    """Method -> the scores of its independent selections at the last checkpoint of a data set.

    Covers the criteria that rank architectures; sorted by recipe and seeds. Selections that scored fewer than FEWEST
    architectures are left out. Each draw of a method that reads no checkpoint counts once, not once per recipe.
    """
    frame = results.final_of(dataset)
    found: dict[str, dict[tuple[object, ...], ArchitectureScores]] = {}
    by = ["method", "setting", "supernet_seed", "selector_seed"]
    ordered = frame.sort_values(by)
    columns = (ordered[name].tolist() for name in (*by, "tau_space", "tau_space_n"))
    for i, method, setting, seed, repeat, tau, over in zip(ordered.index.tolist(), *columns, strict=True):
        ranking = results.ranked.get(i)
        if not ranking or len(ranking["codes"]) < FEWEST:
            continue
        found.setdefault(method, {}).setdefault(
            results.draw(method, i),
            ArchitectureScores(
                method, setting, int(seed), int(repeat), np.asarray(ranking["codes"]),
                np.asarray(ranking["scores"], float), tau if over == len(ranking["codes"]) else None,
            ),
        )  # fmt: skip
    return {method: list(draws.values()) for method, draws in found.items()}


@dataclass(frozen=True)
class TopAgreement:
    """Agreement of a ranking with test accuracy, overall and among the best; None if too few architectures are left.

    Equal scores, and equal accuracies, are unordered: precision and best rank are expectations over all orders.
    """

    n: int
    """Number of architectures scored."""
    tied: int
    """Number of architectures minus number of different scores."""
    tau: float
    tau_top: dict[int, float | None]
    """Part -> tau-b among the n / part (rounded up) most accurate architectures, with those tied with the last."""
    precision: dict[int, float | None]
    """k -> share of the criterion's top k that are among the k most accurate."""
    best_rank: dict[int, float | None]
    """k -> the best rank by accuracy within the criterion's top k; 1 is the most accurate of those scored."""


def top_agreement(ranking: ArchitectureScores, accuracies: Values) -> TopAgreement:
    """The agreement of a ranking with `accuracies` [15625], over the architectures that it scored."""
    truth, scores = accuracies[ranking.codes], ranking.scores
    n, sorted_truth, sorted_scores = len(truth), np.sort(truth), np.sort(scores)
    # Tied architectures all have the best rank of their group.
    rank = (n + 1 - np.searchsorted(sorted_truth, truth, side="right")).astype(float)
    tau_top: dict[int, float | None] = {}
    for part in TOP_PARTS:
        size = -(-n // part)
        among = rank <= size
        tau_top[part] = tau_b(scores[among], truth[among]) if size >= FEWEST else None
    # If k is more than half of n, a random order is right too often for the number to mean anything.
    sizes = [k for k in TOP_COUNTS if k <= n / 2]
    precision: dict[int, float | None] = dict.fromkeys(TOP_COUNTS)
    best_rank: dict[int, float | None] = dict.fromkeys(TOP_COUNTS)
    for k in sizes:
        # Sums instead of dot products, here and below: the results of BLAS depend on the kind of CPU.
        precision[k] = float((_chances(truth, sorted_truth[-k], k) * _chances(scores, sorted_scores[-k], k)).sum()) / k
        best_rank[k] = _expected_best(rank, scores, sorted_scores[-k], k)
    tied = n - 1 - int(np.count_nonzero(np.diff(sorted_scores)))
    return TopAgreement(
        n, tied, tau_b(scores, truth) if ranking.tau is None else ranking.tau, tau_top, precision, best_rank
    )


def _chances(values: Values, last: float, k: int) -> Values:
    """[n] the probability of each value to be among the k largest, with ties in random order.

    `last` is the k-th largest value.
    """
    above, level = values > last, values == last
    return above + level * (k - above.sum()) / level.sum()


def _expected_best(rank: Values, scores: Values, last: float, k: int) -> float:
    """The expected lowest `rank` among the k largest scores, with ties in random order; `last` is the k-th largest."""
    certain = rank[scores > last].min(initial=np.inf)  # infinite if all of the top k are tied
    drawn = np.sort(rank[scores == last])
    m, r = len(drawn), k - int((scores > last).sum())
    # Probability that none of the first j is among the r drawn from m, as a product over them; j = 0 ... m.
    place = np.arange(m)
    none = np.concatenate([[1.0], np.cumprod(np.maximum(m - r - place, 0) / (m - place))])
    return float(((none[:-1] - none[1:]) * np.minimum(drawn, certain)).sum())
