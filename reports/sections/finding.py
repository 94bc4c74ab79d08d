"""The finding in a few sentences, written from the numbers; what is missing comes first."""

from collections.abc import Sequence
from html import escape

import numpy as np

from bench.problem.space import CONV_3X3
from bench.yardsticks.comparisons import UNTOLD, Comparison, Verdict
from reports.data.contests import BASELINES, Contest, family_of
from reports.data.factors import Factor, contrasts
from reports.data.material import Material
from reports.data.text import count, from_to, listed, number
from reports.figures.standings import DECISIVE
from reports.sections.collapse import collapsed
from reports.sections.dose_response import sentences
from reports.sections.equal_seeds import seeds_said
from reports.sections.size import presets_said, supernet_accuracy

UNSHOWN = (Verdict.OPEN, Verdict.SAME, Verdict.TOO_FEW)
FACTORS_SAID = (
    *(((verdict,), f"{verdict} with") for verdict in DECISIVE),
    ((Verdict.SMALL,), "different, but by a median within the margin, with"),
    (UNSHOWN, "no difference was shown for"),
)
"""What is said of the pairs that differ in one part, by verdict."""

FEW = 6
FEWEST_TO_VARY = 3
"""Supernet seeds below which the finding says that there are few."""

TAU_TIE = 1e-9
"""Taus that differ by less are equal up to the order of their sums."""


def _joined(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " or " + words[-1]


def _counted(names: Sequence[str]) -> str:
    """`none`, `2 (a and b)`, `30`: few names are told, many are counted."""
    if not names:
        return "none"
    return f"{len(names)} ({listed(names)})" if len(names) <= FEW else str(len(names))


ONE_CHECKPOINT = ("dataset", "recipe", "supernet_seed", "epoch", "preset", "device", "threads")
"""What names a checkpoint, which every selector must have seen alike."""


def gaps(source: Material) -> list[str]:
    """What is missing from this report, one sentence each; empty for a complete one."""
    counts, rows = source.results.counts(), source.results.rows
    found = []
    if not counts["done"]:
        found.append("Nothing was measured: no cell is done.")
    for state, said in (("failed", "failed"), ("missing", "not run yet")):
        if counts[state]:
            methods = sorted(set(rows.loc[rows["state"] == state, "method"]))
            found.append(f"{count(counts[state], 'cell')} {said}: {listed(methods)}.")
    versions = rows[rows["state"] == "done"].groupby("method")["version"].nunique()
    mixed = sorted(versions.index[versions > 1])
    if mixed:
        found.append(
            f"Results of more than one version of {listed(mixed)} stand side by side; the same command for all seeds"
            " runs the old ones again."
        )
    own = source.results.own_checkpoint
    recipe_versions = own.groupby("setting")["recipe_version"].nunique()
    retrained = sorted(recipe_versions.index[recipe_versions > 1])
    if retrained:
        found.append(f"Supernets of more than one version of the recipe {listed(retrained)} stand side by side.")
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


def findings(source: Material) -> list[str]:
    """Per data set a sentence and a list, as HTML: the question first, then who leads, who agrees, who collapses."""
    said = []
    for contest in source.contests:
        if contest.standings:
            points = "".join(f"<li>{point}</li>" for point in _points(source, contest))
            said.append(f"<p>{_size(source, contest)}</p><ul>{points}</ul>")
    return said


def _size(source: Material, contest: Contest) -> str:
    frame = source.results.final_of(contest.dataset)
    seeds = frame["supernet_seed"].nunique()
    uneven = frame.groupby("method")["supernet_seed"].nunique().min() < seeds
    sizes = f"{count(contest.settings, 'recipe')}, {'up to ' if uneven else ''}{count(seeds, 'supernet seed')} each"
    few = ", too few to tell how much seeds vary" if seeds < FEWEST_TO_VARY else ""
    reached = supernet_accuracy(source.results, contest.dataset)
    supernets = f"; {presets_said(source.results, contest.dataset)}"
    supernets += f", supernets of {reached} accuracy" if reached else ""
    return f"On <b>{escape(contest.dataset)}</b> ({sizes}{few}{supernets}):"


def _points(source: Material, contest: Contest) -> list[str]:
    primary = []
    if contest.primary:
        of = (
            f"Of the {len(contest.primary)} criteria of the founding papers and their controls (Holm's correction per"
            " baseline, over these alone)"
        )
        primary = _verdicts(contest, of, "these", contest.primary) + _primary_leader(contest)
    of = f"Of all {count(len(contest.standings), 'selector')} (Holm's correction per baseline)"
    every = _verdicts(contest, of, "them all")
    return [
        *sentences(source, contest.dataset),
        *_beyond_the_constant(source, contest),
        *primary,
        *_factors(contest),
        *seeds_said(source, contest),
        _leader(source, contest),
        *every,
        *_agreement(source, contest),
        *collapsed(source, contest),
    ]


def _beyond_the_constant(source: Material, contest: Contest) -> list[str]:
    """Whether any selector was shown better than choosing one architecture without looking, and how many choose it."""
    judged = contest.against("constant-order")
    if all(c.verdict in UNTOLD for c in judged):
        return []
    better = [c.first for c in judged if c.verdict is Verdict.BETTER]
    (stick,) = (s for s in source.sticks[contest.dataset] if s.name == "constant-order")
    who = f"{listed(better)} {'was' if len(better) == 1 else 'were'}" if better else "No selector was"
    alike = sum(c.verdict is Verdict.SAME for c in judged)
    convolutions = set(stick.architecture or ()) == {CONV_3X3}
    what = "all of whose edges are 3x3 convolutions" if convolutions else "always the same architecture"
    return [
        f"{who} shown better than the constant order of operations, {what} ({number(stick.test)} %, percentile"
        f" {number(stick.percentile, 1)})"
        + (f"; {alike} of {len(judged)} choose exactly that on every checkpoint." if alike else ".")
    ]


def _primary_leader(contest: Contest) -> list[str]:
    """Who leads the founding family, who is shown worse and who cannot be placed."""
    groups = contest.primary_groups
    if not groups:
        return []
    (leader, *tied), worse = groups[0], [name for group in groups[1:] for name in group]
    open_ones = [name for name in contest.primary if name not in {leader, *tied, *worse}]
    fewer = [name for name in contest.primary if contest.of(name).settings < contest.of(leader).settings]
    over = f" of those with results on {count(contest.of(leader).settings, 'recipe')}" if fewer else ""
    parts = [f"{listed([leader])} has the highest mean{over}" + (f"; {listed(tied)} not shown worse" if tied else "")]
    parts += [f"{listed(worse)} shown worse"] if worse else []
    parts += [f"too few results to place {listed(open_ones)}"] if open_ones else []
    return [f"Among themselves, corrected over {family_of(contest.among(contest.primary))}: {'; '.join(parts)}."]


def _factors(contest: Contest) -> list[str]:
    """Which single changes were shown to matter, where any could have been."""
    run = contrasts(contest.comparisons)
    found = [(factor, c) for factor, c in run if c.decidable]
    if not found:
        return []
    said = [
        f"{words} {'; '.join(pairs)}"
        for verdicts, words in FACTORS_SAID
        if (pairs := [_changed(factor, c) for factor, c in found if c.verdict in verdicts])
    ]
    of = f"Of {count(len(run), 'pair')} of selectors that differ in one part only"
    if len(found) < len(run):
        of += f" {len(found)} could be judged"
    if all(c.verdict in UNSHOWN for _, c in found):
        return [f"{of}; none was shown to differ."]
    first, *others = said
    return [" ".join([f"{of}: {first}.", *(f"{words[0].upper()}{words[1:]}." for words in others)])]


def _changed(factor: Factor, c: Comparison) -> str:
    pair = f"{escape(c.first)} − {escape(c.second)}"
    return f"{escape(factor.changed)} ({pair}: median {number(c.median)}, mean {number(c.mean)} points)"


def _leader(source: Material, contest: Contest) -> str:
    best = contest.of(contest.leader or contest.best)
    reached = (
        f"{listed([best.method])}, reaches {number(best.mean)} % on average (n = {best.n}),"
        f" {number(source.optimum(contest.dataset) - best.mean)} points below the best architecture of the space"
    )
    over = "all recipes" if best.settings == contest.settings else count(best.settings, "recipe")
    leaders, placed = contest.leaders, contest.placed
    if contest.leader is None and contest.placeable:
        said = (
            f"After correction over {contest.family}, {contest.placeable} of {len(contest.standings)} selectors could"
            " have been told from some other one, so that no ranking of all is given. The one with the highest mean"
            f" over {over}, {reached}."
        )
    elif contest.leader is None:
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
            f" {share}: {listed(leaders)}."
        )
    above = contest.unplaced_above
    if above:
        names = [f"{s.method} (n = {s.n})" for s in above]
        said += f" With a higher mean, but too few independent results to be placed: {listed(names)}."
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


def _agreement(source: Material, contest: Contest) -> list[str]:
    means: dict[str, list[float]] = {}
    for line in source.tau_best:
        if line.dataset == contest.dataset:
            means.setdefault(line.method, []).append(line.mean)
    sticks = {s.name: s.tau_best for s in source.sticks[contest.dataset]}
    if not means:
        return []
    reached = {method: float(np.mean(of_method)) for method, of_method in means.items()}
    highest = max(reached.values())
    best = sorted(method for method, mean in reached.items() if highest - mean < TAU_TIE)
    retraining = source.retrainings[contest.dataset]["tau_best"]
    said = (
        f"The scores that agree best with the oracle of best accuracies are those of {listed(best)},"
        f" τ {number(highest)} (n = {from_to([contest.of(method).n for method in best])})"
    )
    aside = [f"{BASELINES[name]} has {number(sticks[name])}" for name in ("constant-order", "params")]
    if isinstance(retraining, float):
        aside.append(f"two trainings of every architecture agree to {number(retraining)}")
    return [f"{said}; {', '.join(aside)}."]
