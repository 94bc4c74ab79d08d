"""Do the verdicts on the founding papers' criteria rest on seeds that other selectors do not have?

Seeds can be added to some selectors after the results of the others are known. What the same comparisons say with the
seeds that all selectors have is therefore told beside them.
"""

from collections.abc import Iterator
from dataclasses import replace

from bench.pairs import Comparison
from reports.comparisons import BASELINES, Contest, contest
from reports.factors import contrasts
from reports.primary import PRIMARY
from reports.source import Source
from reports.text import count, listed

NAMED = 8


def seeds_said(source: Source, whole: Contest) -> list[str]:
    """A sentence where the PRIMARY criteria have seeds that others lack; none where all have the same."""
    final = source.results.final[source.results.final["dataset"] == whole.dataset]
    seeds = final.groupby("method")["supernet_seed"].agg(frozenset)
    common = frozenset.intersection(*seeds)
    of_primary = frozenset().union(*(seeds[name] for name in whole.primary))
    if not common < of_primary:
        return []
    rows = source.results.rows
    kept = rows["supernet_seed"].isin(common) & rows["method"].isin(PRIMARY) & (rows["dataset"] == whole.dataset)
    fewer = replace(source.results, rows=rows[kept])
    even = contest(fewer, source.table, whole.dataset, source.sticks[whole.dataset])
    before, after = dict(_judged(whole)), dict(_judged(even))
    changed = [
        f"{c.first} − {c.second}{' (one part)' if family == 'part' else ''}: “{after[family, pair].verdict}” instead of"
        f" “{c.verdict}”"
        for (family, pair), c in before.items()
        if (family, pair) in after and after[family, pair].verdict is not c.verdict
    ]
    said = (
        f"The criteria of the founding papers have up to {count(len(of_primary), 'supernet seed')}, and not all"
        f" selectors have as many. With the {len(common)} that all have, {len(changed) or 'none'} of these"
        f" {len(before)} verdicts"
    )
    return [f"{said} would be {'others: ' + listed(changed, NAMED) if changed else 'another'}."]


def _judged(judged: Contest) -> Iterator[tuple[tuple[str, frozenset[str]], Comparison]]:
    """The comparisons that the finding tells of the PRIMARY criteria: with each baseline, and of one part."""
    for baseline in BASELINES:
        for c in judged.against(baseline, PRIMARY):
            yield (baseline, frozenset((c.first, c.second))), c
    for factor, c in contrasts(judged.comparisons):
        yield ("part", factor.pair), c
