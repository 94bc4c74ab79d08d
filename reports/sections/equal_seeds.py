"""Do the verdicts on the founding papers' criteria rest on seeds that other selectors do not have?

Seeds can be added to some selectors after the results of the others are known. What the same comparisons say with the
seeds that all selectors have is therefore told beside them.
"""

from collections.abc import Iterator
from dataclasses import replace
from html import escape

from bench.yardsticks.comparisons import Comparison, Verdict
from reports.data.contests import BASELINES, Contest, contest
from reports.data.factors import contrasts
from reports.data.founders import PRIMARY
from reports.data.material import Material
from reports.data.text import count


def seeds_said(source: Material, whole: Contest) -> list[str]:
    """A sentence where the PRIMARY criteria have seeds that others lack; none where all have the same."""
    final = source.results.final_of(whole.dataset)
    seeds = final.groupby("method")["supernet_seed"].agg(frozenset)
    common = frozenset.intersection(*seeds)
    of_primary = frozenset().union(*(seeds[name] for name in whole.primary))
    if not common < of_primary:
        return []
    rows = source.results.rows
    kept = rows["supernet_seed"].isin(common) & rows["method"].isin(PRIMARY) & (rows["dataset"] == whole.dataset)
    even = contest(replace(source.results, rows=rows[kept]), source.table, whole.dataset, source.sticks[whole.dataset])
    before, after = dict(_judged(whole)), dict(_judged(even))
    pairs = [(c, after[key]) for key, c in before.items() if key in after and after[key].verdict is not c.verdict]
    told = [
        f"{c.first} − {c.second} “{fewer.verdict}”, not “{c.verdict}”"
        for c, fewer in pairs
        if fewer.verdict is not Verdict.TOO_FEW
    ]
    said = (
        f"The criteria of the founding papers have up to {count(len(of_primary), 'supernet seed')}, and not all"
        f" selectors have as many. With the {len(common)} that all have, {len(pairs) or 'none'} of these"
        f" {len(before)} verdicts would be {'others' if pairs else 'another'}"
    )
    few = len(pairs) - len(told)
    parts = [*([f"{few} “{Verdict.TOO_FEW}”"] if few else []), *map(escape, told)]
    return [f"{said}: {'; '.join(parts)}." if parts else f"{said}."]


def _judged(judged: Contest) -> Iterator[tuple[tuple[str, frozenset[str]], Comparison]]:
    """The comparisons that the finding tells of the PRIMARY criteria: with each baseline, and of one part."""
    for baseline in BASELINES:
        for c in judged.against(baseline, PRIMARY):
            yield (baseline, frozenset((c.first, c.second))), c
    for factor, c in contrasts(judged.comparisons):
        yield ("part", factor.pair), c
