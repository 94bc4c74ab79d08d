"""The data in the page, for its script and the link 'Data (JSON)': selections and comparisons as plain numbers.

To keep the page small, it holds the selections of drawn selectors only. Its comparisons are those of every selector
with the floors and with the founding criteria, and the drawn pairs among the others.
"""

from typing import Any

import numpy as np

from nas_selection_bench.bench.yardsticks.comparisons import Comparison, Verdict
from nas_selection_bench.bench.yardsticks.floors import RANDOM_CHOICES
from nas_selection_bench.bench.yardsticks.intervals import Interval
from nas_selection_bench.reports.data.contests import FLOORS, Contest
from nas_selection_bench.reports.data.founders import FOUNDERS
from nas_selection_bench.reports.data.material import Material
from nas_selection_bench.reports.sections.who_beats_whom import MARKS, pair_table

PAIR_COLUMNS = (
    "first", "second", "n", "differing", "mean", "mean_low", "mean_high", "median", "p_better", "p_better_low",
    "p_better_high", "rough",
    *(f"{name}_{family}" for family in ("all_pairs", "baseline_second", "baseline_first")
      for name in ("p", "verdict", "p_signs", "could_show")),
)  # fmt: skip


def page_data(source: Material) -> dict[str, Any]:
    """One row per drawn selection and one per comparison, with the names and columns needed to read them."""
    final = source.results.final
    shown = [(final["dataset"] == dataset) & final["method"].isin(source.focus(dataset)) for dataset in source.datasets]
    final = final[np.logical_or.reduce(shown)] if shown else final.iloc[:0]
    order = ["dataset", "setting", "method", "supernet_seed", "selector_seed"]
    final = final.sort_values(order, kind="stable")
    architectures = sorted(set(final["architecture"]))
    compared = {name for contest in source.contests for c in contest.comparisons for name in (c.first, c.second)}
    names = sorted({*final["method"], *compared})
    at = {name: number for number, name in enumerate(names)}
    place = {text: number for number, text in enumerate(architectures)}
    return {
        "datasets": source.datasets,
        "recipes": source.results.settings,
        "in_percentiles": list(RANDOM_CHOICES),
        "selectors": names,
        "one_draw_per_seed": [at[name] for name in names if name in source.results.checkpoint_free],
        "architectures": [[text, int(source.table.index[source.table.position(text)])] for text in architectures],
        "accuracy": {
            name: [_rounded(source.table.accuracy(name)[source.table.position(text)], 4) for text in architectures]
            for name in source.datasets
        },
        "left_out": {name: said for name in source.datasets if (said := source.left_out(name).strip())},
        "columns": ["dataset", "recipe", "selector", "supernet_seed", "selector_seed", "architecture", "tau_best",
                    "tau_mean"],
        "rows": [
            [source.datasets.index(dataset), source.results.settings.index(setting), at[method], int(seed), int(repeat),
             place[text], _rounded(best), _rounded(mean)]
            for dataset, setting, method, seed, repeat, text, best, mean in final[
                [*order, "architecture", "tau_best", "tau_mean"]
            ].itertuples(index=False)
        ],
        "standings": {c.dataset: [at[standing.method] for standing in c.standings] for c in source.contests},
        "pair_columns": PAIR_COLUMNS,
        "pairs": {contest.dataset: _pairs(contest, at) for contest in source.contests},
        "baselines": {contest.dataset: _captions(contest) for contest in source.contests},
        "verdicts": [[str(verdict), *MARKS[verdict]] for verdict in Verdict],
    }  # fmt: skip


def baselines(contest: Contest) -> list[str]:
    """The baselines that the page offers: drawn methods and founding criteria, best mean first, then the floors."""
    drawn = {*contest.focus, *(s.method for s in contest.standings if s.method in FOUNDERS)}
    floors = {c.second for c in contest.comparisons} & set(FLOORS)
    return [*(s.method for s in contest.standings if s.method in drawn), *sorted(floors, key=FLOORS.index)]


def _shipped(contest: Contest) -> list[Comparison]:
    """The comparisons in the page: the drawn ones, and every one with a founding criterion or a floor."""
    drawn = {(c.first, c.second) for c in contest.drawn}
    whole = {*FOUNDERS, *FLOORS}
    return [c for c in contest.comparisons if (c.first, c.second) in drawn or not whole.isdisjoint((c.first, c.second))]


def _pairs(contest: Contest, at: dict[str, int]) -> list[list[float | None]]:
    """One row of PAIR_COLUMNS per pair: judged over all pairs, then against `second`, then against `first`."""
    family = {
        (comparison.first, baseline): comparison
        for baseline in baselines(contest)
        for comparison in contest.against(baseline)
    }
    rows: list[list[float | None]] = []
    for c in _shipped(contest):
        rough = any(ends is not None and ends.rough for ends in (c.mean_interval, c.improvement_interval))
        row = [
            at[c.first], at[c.second], c.n, c.differing, _rounded(c.mean, 2), *_ends(c.mean_interval),
            _rounded(c.median, 2), _rounded(c.improvement, 2), *_ends(c.improvement_interval), int(rough),
        ]  # fmt: skip
        for judged in (c, family.get((c.first, c.second)), family.get((c.second, c.first))):
            if judged is None:
                row += [None, None, None, None]
            else:
                could = None if judged.detectable is None else _rounded(judged.detectable, 2)
                verdict = list(Verdict).index(judged.verdict)
                row += [_short(judged.p_holm), verdict, _short(judged.p_sign_holm), could]
        rows.append(row)
    return rows


def _captions(contest: Contest) -> dict[str, Any]:
    """The distinct captions, and the number of the caption of each baseline, since most baselines share one.

    A caption says how many rows are listed if the page lacks some.
    """
    held = dict.fromkeys(baselines(contest), 0)
    for c in _shipped(contest):
        for baseline, other in ((c.first, c.second), (c.second, c.first)):
            if baseline in held and other not in FLOORS:
                held[baseline] += 1
    texts: dict[str, int] = {}
    numbers = {}
    for baseline, n in held.items():
        table = pair_table(contest, baseline)
        caption = table.caption
        if n < len(table.rows):
            caption += f" Listed: the {n} of them that the figures show; the correction is over all."
        numbers[baseline] = texts.setdefault(caption, len(texts))
    return {"captions": list(texts), "of": numbers}


def _short(p: float) -> float:
    return _rounded(p) if p >= 0.001 else float(f"{p:.1g}")


def _ends(interval: Interval | None) -> list[float | None]:
    return [None, None] if interval is None else [_rounded(interval.low, 2), _rounded(interval.high, 2)]


def _rounded(value: float, decimals: int = 3) -> float:
    # Adding zero turns -0.0 into 0.0.
    return round(float(value), decimals) + 0.0
