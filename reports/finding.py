"""The finding in a few sentences, written from the numbers; what is missing comes first."""

from collections.abc import Sequence
from html import escape

import numpy as np

from bench.pairs import UNTOLD, Comparison, Verdict
from reports.comparisons import RANDOM, Contest, family_of
from reports.factors import Factor, contrasts
from reports.source import Source
from reports.standings import DECISIVE
from reports.text import count, number

MANY = 6
FEW = 6
FEWEST_TO_VARY = 3
"""Supernet seeds below which the finding says that there are few."""

BASELINES = {
    RANDOM: "a random architecture (in percentiles)",
    "constant-order": "the constant order of operations",
    "params": "the parameter count",
    "magnitude": "magnitude",
}
"""What every selector is held against, and how the finding calls it."""


def _listed(names: Sequence[str], most: int = MANY) -> str:
    """`a, b and c`; beyond `most` names the rest is counted."""
    marked = [f"<b>{escape(name)}</b>" for name in names[:most]]
    if len(names) > most:
        return ", ".join(marked) + f" and {len(names) - most} more"
    return marked[0] if len(marked) == 1 else ", ".join(marked[:-1]) + " and " + marked[-1]


def _joined(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " or " + words[-1]


def _counted(names: Sequence[str]) -> str:
    """`none`, `2 (a and b)`, `30`: few names are told, many are counted."""
    if not names:
        return "none"
    return f"{len(names)} ({_listed(names)})" if len(names) <= FEW else str(len(names))


ONE_CHECKPOINT = ("dataset", "recipe", "supernet_seed", "epoch", "preset", "device", "threads")
"""What names a checkpoint, which every selector must have seen alike."""


def gaps(source: Source) -> list[str]:
    """What is missing from this report, one sentence each; empty for a complete one."""
    counts, rows = source.results.counts(), source.results.rows
    found = []
    if not counts["done"]:
        found.append("Nothing was measured: no cell is done.")
    for state, said in (("failed", "failed"), ("missing", "not run yet")):
        if counts[state]:
            methods = sorted(set(rows.loc[rows["state"] == state, "method"]))
            found.append(f"{count(counts[state], 'cell')} {said}: {_listed(methods)}.")
    versions = rows[rows["state"] == "done"].groupby("method")["version"].nunique()
    mixed = sorted(versions.index[versions > 1])
    if mixed:
        found.append(
            f"Results of more than one version of {_listed(mixed)} stand side by side; the same command for all seeds"
            " runs the old ones again."
        )
    own = source.results.own_checkpoint
    recipe_versions = own.groupby("setting")["recipe_version"].nunique()
    retrained = sorted(recipe_versions.index[recipe_versions > 1])
    if retrained:
        found.append(f"Supernets of more than one version of the recipe {_listed(retrained)} stand side by side.")
    torn = int((own.groupby(list(ONE_CHECKPOINT))["checkpoint"].nunique() > 1).sum())
    if torn:
        found.append(
            f"Of {count(torn, 'supernet')} some selectors saw one checkpoint and some another (trained again on another"
            " machine?), so that they are no pairs; delete those records and run the command again."
        )
    for dataset in source.results.datasets:
        if dataset not in source.table.datasets:
            found.append(f"The table holds no <b>{escape(dataset)}</b>, so its selections cannot be judged.")
    return found


def findings(source: Source) -> list[str]:
    """Per data set a sentence and a list, as HTML: the question first, then who leads, who agrees, who collapses."""
    said = []
    for contest in source.contests:
        if contest.standings:
            points = "".join(f"<li>{point}</li>" for point in _points(source, contest))
            said.append(f"<p>{_size(source, contest)}</p><ul>{points}</ul>")
    return said


def _size(source: Source, contest: Contest) -> str:
    frame = source.results.final[source.results.final["dataset"] == contest.dataset]
    seeds = frame["supernet_seed"].nunique()
    uneven = frame.groupby("method")["supernet_seed"].nunique().min() < seeds
    sizes = f"{count(contest.settings, 'recipe')}, {'up to ' if uneven else ''}{count(seeds, 'supernet seed')} each"
    few = ", too few to tell how much seeds vary" if seeds < FEWEST_TO_VARY else ""
    return f"On <b>{escape(contest.dataset)}</b> ({sizes}{few}):"


def _points(source: Source, contest: Contest) -> list[str]:
    primary = []
    if contest.primary:
        of = (
            f"Of the {len(contest.primary)} criteria of the founding papers and their controls, corrected per baseline"
            " over them alone"
        )
        primary = _verdicts(contest, of, "these", contest.primary) + _primary_leader(contest)
    of = f"Of all {count(len(contest.standings), 'selector')}, corrected per baseline"
    every = _verdicts(contest, of, "them all")
    return [
        *primary,
        *_factors(contest),
        _leader(source, contest),
        *every,
        *_agreement(source, contest),
        *_collapse(source, contest),
    ]


def _primary_leader(contest: Contest) -> list[str]:
    """Who leads the founding family, who is shown worse and who cannot be placed."""
    groups = contest.primary_groups
    if not groups:
        return []
    (leader, *tied), worse = groups[0], [name for group in groups[1:] for name in group]
    open_ones = [name for name in contest.primary if name not in {leader, *tied, *worse}]
    parts = [f"{_listed([leader])} leads" + (f"; {_listed(tied)} not shown worse" if tied else "")]
    parts += [f"{_listed(worse)} shown worse"] if worse else []
    parts += [f"too few results to place {_listed(open_ones)}"] if open_ones else []
    return [f"Among themselves, corrected over {family_of(contest.among(contest.primary))}: {'; '.join(parts)}."]


def _factors(contest: Contest) -> list[str]:
    """Which single changes were shown to matter, where any could have been."""
    found = [(factor, c) for factor, c in contrasts(contest.comparisons) if c.decidable]
    told = {verdict: [_changed(f, c) for f, c in found if c.verdict is verdict] for verdict in DECISIVE}
    if not found:
        return []
    said = [f"{verdict} with {'; '.join(pairs)}" for verdict, pairs in told.items() if pairs]
    of = f"Of {count(len(found), 'pair')} of selectors that differ in one thing only"
    return [f"{of}: {', '.join(said)}." if said else f"{of}, none was shown to differ."]


def _changed(factor: Factor, c: Comparison) -> str:
    return f"{escape(factor.changed)} ({escape(c.first)} − {escape(c.second)}: {number(c.median)} points)"


def _leader(source: Source, contest: Contest) -> str:
    best = contest.of(contest.leader or contest.best)
    reached = (
        f"{_listed([best.method])}, reaches {number(best.mean)} % on average (n = {best.n}),"
        f" {number(source.optimum(contest.dataset) - best.mean)} points below the best architecture of the space"
    )
    over = "all recipes" if best.settings == contest.settings else count(best.settings, "recipe")
    leaders, placed = contest.leaders, contest.placed
    if contest.leader is None:
        said = (
            f"After correction over {contest.family} no selector can be told from another: there are too few seeds. The"
            f" one with the highest mean over {over}, {reached}."
        )
    elif len(leaders) == 1:
        said = f"The leader, {reached}, and is shown better than each of the other {len(placed) - 1} placed."
    else:
        share = f"{len(leaders)} of the {len(placed)} selectors that can be placed"
        said = (
            f"The leader, {reached}. Its tie group, not shown worse than it after correction over {contest.family}, has"
            f" {share}: {_listed(leaders)}."
        )
    above = contest.unplaced_above
    if above:
        names = [f"{s.method} (n = {s.n})" for s in above]
        said += f" With a higher mean, but too few independent results to be placed: {_listed(names)}."
    return said


def _verdicts(contest: Contest, of: str, them: str, among: Sequence[str] | None = None) -> list[str]:
    """Who was shown to differ from which baseline in a family of comparisons, and where there are too few seeds."""
    shown: list[str] = []
    untold: list[str] = []
    for baseline in BASELINES:
        judged, words = contest.against(baseline, among), _called(contest, baseline)
        better = [c.first for c in judged if c.verdict is Verdict.BETTER]
        worse = [c.first for c in judged if c.verdict is Verdict.WORSE]
        if judged and all(c.verdict in UNTOLD for c in judged):
            untold.append(words)
        elif judged:
            shown.append(f"{_counted(better)} better and {_counted(worse)} worse than {words}")
    said = []
    if shown:
        said.append(f"{of}: {'; '.join(shown)}.")
    if untold:
        said.append(f"Too few seeds to compare {them} with {_joined(untold)}.")
    return said


def _called(contest: Contest, baseline: str) -> str:
    """A baseline in words, with the floors that choose the same architecture."""
    alike = [BASELINES[name] for name in contest.floors.get(baseline, ())]
    words = BASELINES[baseline]
    return f"{words} (the choice of {' and '.join(alike)} too)" if alike else words


def _agreement(source: Source, contest: Contest) -> list[str]:
    means: dict[str, list[float]] = {}
    for line in source.tau_best:
        if line.dataset == contest.dataset:
            means.setdefault(line.method, []).append(line.mean)
    sticks = {s.name: s.tau_best for s in source.sticks[contest.dataset]}
    if not means:
        return []
    best = max(means, key=lambda method: (float(np.mean(means[method])), method))
    retraining = source.retrainings[contest.dataset]["tau_best"]
    said = (
        f"The scores that agree best with the oracle of best accuracies are those of {_listed([best])},"
        f" τ {number(float(np.mean(means[best])))} (n = {contest.of(best).n})"
    )
    aside = [f"{BASELINES[name]} has {number(sticks[name])}" for name in ("constant-order", "params")]
    if isinstance(retraining, float):
        aside.append(f"two trainings of every architecture agree to {number(retraining)}")
    return [f"{said}; {', '.join(aside)}."]


def _collapse(source: Source, contest: Contest) -> list[str]:
    frame = source.results.final[source.results.final["dataset"] == contest.dataset]
    if contest.primary:  # of a hundred others some always do
        frame = frame[frame["method"].isin(contest.primary)]
    shares = (frame["skips"] / 6).groupby([frame["method"], frame["setting"]]).mean()
    collapsed = shares[shares >= 0.5].sort_values(ascending=False, kind="stable")
    if collapsed.empty:
        return []
    names = [
        f"{method} on {setting} ({number(100 * share, 0)} %)"
        for (method, setting), share in zip(collapsed.index, collapsed, strict=True)
    ]
    return [f"Half or more of the edges are skip connections in the choices of {_listed(names, 4)}."]
