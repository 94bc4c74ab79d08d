"""The finding in detail, told from its points (reports/data/points.py)."""

from collections.abc import Callable, Sequence
from html import escape

from nas_selection_bench.bench.problem.space import CONV_3X3
from nas_selection_bench.bench.yardsticks.comparisons import Verdict
from nas_selection_bench.bench.yardsticks.floors import RANDOM_CHOICES
from nas_selection_bench.reports.data.contests import BASELINES, Contest
from nas_selection_bench.reports.data.founders import CALLED, Level
from nas_selection_bench.reports.data.material import Material
from nas_selection_bench.reports.data.points import Kind, Point, points
from nas_selection_bench.reports.data.text import count, from_to, joined, listed, number, p_text, trainings_text
from nas_selection_bench.reports.sections.blocks import Heading, Prose, Section
from nas_selection_bench.reports.sections.dose_response import sentences

FEW = 6
TOLD_FLOORS = ("random-conv", "constant-order", "magnitude")
TOLD_LOOKUPS = ("random-conv", "constant-order")
"""Baselines that sentences tell of; tables have all."""
MEASURED = {"tau_mean": "the mean accuracies (τ mean)", "tau_edge": "what is particular to an edge (τ edge)"}
"""How sentences call what scores agree with."""


def _counted(names: Sequence[str]) -> str:
    """`none`, `2 (a and b)`, `30`: few names are told, many are counted."""
    if not names:
        return "none"
    return f"{len(names)} ({listed(names)})" if len(names) <= FEW else str(len(names))


def details_section(source: Material) -> Section:
    """Everything that was found, point by point."""
    section = Section("finding", "The finding in detail")
    found = points(source)
    for contest in source.contests:
        here = [point for point in found if point.dataset == contest.dataset]
        if contest.standings:
            told = [
                *sentences(source, contest.dataset),
                *_headline(contest, here),
                *(said for kind in TOLD for said in TOLD[kind](_of(here, kind), contest)),
            ]
            items = "".join(f"<li>{point}</li>" for point in told)
            section.blocks += [Heading(contest.dataset), Prose(f'<ul class="points">{items}</ul>')]
    return section


def _of(found: Sequence[Point], kind: Kind) -> list[Point]:
    return [point for point in found if point.kind is kind]


def _headline(contest: Contest, here: Sequence[Point]) -> list[str]:
    """Whether a main form was shown better than choosing one architecture without looking, and what room there is."""
    against = [p for p in _of(here, Kind.FLOOR) if p.words["baseline"] == "constant-order" and p.lookup == p.dataset]
    level = [p for p in against if p.words["level"] == Level.MAIN] or against
    if not level or not level[0].numbers["judged"]:
        return []
    point = level[0]
    better, worse, same = (point.names[name] for name in ("better", "worse", "same"))
    who = f"{listed(better)} {'was' if len(better) == 1 else 'were'}" if better else "None was"
    constant = contest.order_choice == (CONV_3X3,) * 6
    what = "which puts a 3x3 convolution on every edge" if constant else "which always takes the same architecture"
    room = f"{point.numbers['above']:,} architectures are better"
    if point.numbers["above_margin"] is not None:
        room += f", {point.numbers['above_margin']:,} by more than the noise of training"
    alike = f"; {len(same)} {'choose' if len(same) > 1 else 'chooses'} exactly that" if same else ""
    return [
        f"Of {point.numbers['of']} {CALLED[Level(point.words['level'])]}, {point.numbers['judged']} could be judged"
        f" against the constant order of operations, {what} ({number(point.numbers['test'])} %, percentile"
        f" {number(point.numbers['percentile'], 1)}; {room}). {who} shown better, {_counted(worse)} worse{alike}."
    ]


def _floors(found: Sequence[Point], contest: Contest) -> list[str]:
    """Per family, and per data set that choices are looked up on, what was shown against each floor."""
    said = []
    told = [p for p in found if p.words["baseline"] in (TOLD_FLOORS if p.lookup == p.dataset else TOLD_LOOKUPS)]
    told = [p for p in told if p.lookup == p.dataset or p.words["level"] == contest.levels[0]]
    places = dict.fromkeys((point.lookup, point.words["level"]) for point in told)
    for lookup, level in places:
        here = [p for p in told if (p.lookup, p.words["level"]) == (lookup, level)]
        parts = [_against(point, contest) for point in here if point.numbers["judged"]]
        untold = [BASELINES[point.words["baseline"]] for point in here if not point.numbers["judged"]]
        where = "" if lookup == contest.dataset else f", their choices looked up on <b>{escape(lookup)}</b>"
        of = f"Of {here[0].numbers['of']} {CALLED[Level(level)]}{where}"
        if parts:
            said.append(f"{of} (Holm's correction per baseline): {'; '.join(parts)}.")
        if untold:
            said.append(f"{of}: too few seeds to compare them with {joined(untold, 'or')}.")
    return said


def _against(point: Point, contest: Contest) -> str:
    baseline = point.words["baseline"]
    alike = [BASELINES[name] for name in contest.floors.get(baseline, ())]
    called = f"{BASELINES[baseline]} (and so {' and '.join(alike)})" if alike else BASELINES[baseline]
    said = f"{_counted(point.names['better'])} better and {_counted(point.names['worse'])} worse than {called}"
    judged, of = point.numbers["judged"], point.numbers["of"]
    notes = [f"{judged} of {of} judged"] if judged != of else []
    if point.names["open"]:
        could = point.numbers["could_show"]
        unit = "percentiles" if baseline in RANDOM_CHOICES else "points"
        size = "" if could is None else f", where a true one of about {number(could, 1)} {unit} would have shown"
        notes.append(f"no difference shown for {len(point.names['open'])}{size}")
    return f"{said} ({'; '.join(notes)})" if notes else said


def _groups(found: Sequence[Point], contest: Contest) -> list[str]:
    """Who leads the founding family, who is shown worse and who cannot be placed."""
    said = []
    for point in found:
        tied, worse, unplaced = (point.names[name] for name in ("tied", "worse", "unplaced"))
        over = f" of those with results on {count(int(point.numbers['recipes'] or 0), 'recipe')}"
        lead = f"{listed([point.words['leader']])} has the highest mean{over if point.names['fewer_recipes'] else ''}"
        parts = [lead + (f"; {listed(tied)} not shown worse" if tied else "")]
        parts += [f"{listed(worse)} shown worse"] if worse else []
        parts += [f"too few results to place {listed(unplaced)}"] if unplaced else []
        pairs = f"{point.numbers['counted']} of {point.numbers['pairs']} pairs"
        said.append(f"Among the founding criteria, corrected over {pairs}: {'; '.join(parts)}.")
    return said


def _factors(found: Sequence[Point], contest: Contest) -> list[str]:
    """Which single changes were shown to matter, where any could have been."""
    judged = [point for point in found if point.numbers["judged"]]
    if not judged:
        return []
    shown = [p for p in judged if p.words["verdict"] in (Verdict.BETTER, Verdict.WORSE, Verdict.SMALL)]
    of = (
        f"Of {count(len(found), 'pair')} of selectors that differ in one part only, {len(judged)} could be judged and"
        f" {_counted([]) if not shown else len(shown)} {'were' if len(shown) > 1 else 'was'} shown to differ"
    )
    parts = [
        f"{escape(p.words['changed'])} ({escape(p.words['first'])} − {escape(p.words['second'])}: {p.words['verdict']},"
        f" median {number(p.numbers['median'])}, mean {number(p.numbers['mean'])} points)"
        for p in shown
    ]
    return [f"{of}: {'; '.join(parts)}." if parts else f"{of}."]


def _leader(found: Sequence[Point], contest: Contest) -> list[str]:
    said = []
    for point in found:
        numbers, leader = point.numbers, point.words.get("leader")
        reached = (
            f"{listed([leader or point.words['best']])}, reaches {number(numbers['mean'])} % on average"
            f" (n = {numbers['n']}), {number(numbers['below_optimum'])} points below the best architecture of the space"
        )
        if numbers["worth"] is not None:
            worth = trainings_text(numbers["worth"])
            reached += f" and worth {worth} random {'training' if worth == '1' else 'trainings'}"
        every = numbers["recipes"] == numbers["of_recipes"]
        over = "all recipes" if every else count(int(numbers["recipes"] or 0), "recipe")
        if leader is None and numbers["placeable"]:
            text = (
                f"After correction over {contest.family}, only {numbers['placeable']} of {numbers['of']} selectors have"
                f" enough seeds to be ranked, so there is no ranking. The one with the highest mean over {over},"
                f" {reached}."
            )
        elif leader is None:
            text = (
                f"After correction over {contest.family} no selector can be told from another: there are too few seeds."
                f" The one with the highest mean over {over}, {reached}."
            )
        else:
            tied = f"{len(point.names['tied'])} of the {numbers['placed']} that can be placed are not shown worse"
            names = f": {listed(point.names['tied'])}" if point.names["tied"] else ""
            text = f"The leader, {reached}. After correction over {contest.family}, {tied}{names}."
        if point.names["above"]:
            names = listed([f"{name} (n = {contest.of(name).n})" for name in point.names["above"]])
            text += f" With a higher mean, but too few independent results to be placed: {names}."
        said.append(text)
    return said


def _agreement(found: Sequence[Point], contest: Contest) -> list[str]:
    said = []
    for point in found:
        numbers = point.numbers
        n = from_to([int(numbers[name] or 0) for name in ("fewest", "most")])
        aside = [f"{BASELINES[name]} has {number(numbers[name])}" for name in ("constant-order", "params")]
        if point.words["measure"] != "tau_edge":
            aside[0] += " (the best of all orders, known afterwards)"
        if numbers["two_trainings"] is not None:
            aside.append(f"two trainings of every architecture agree to {number(numbers['two_trainings'])}")
        said.append(
            f"The scores that agree best with {MEASURED[point.words['measure']]} are those of"
            f" {listed(point.names['best'])}, τ {number(numbers['highest'])} (n = {n}); {', '.join(aside)}."
        )
    return said


def _edges(found: Sequence[Point], contest: Contest) -> list[str]:
    """Whether anybody is shown to know what an edge wants beyond one order for all; main forms alone."""
    said = []
    for point in found:
        if point.words["level"] == contest.levels[0] and point.numbers["judged"]:
            worse = point.names["worse"]
            against = f"; {_counted(worse)} {'are' if len(worse) > 1 else 'is'} worse than any" if worse else ""
            could = point.numbers["could_show"]
            size = f"; a true {number(could)} would have shown" if could is not None else ""
            known = len(point.names["better"])
            said.append(
                f"Which edge wants which operation? {_counted(point.names['better'])} of {point.numbers['judged']} main"
                f" forms judged {'is' if known == 1 else 'are'} shown to know more than one order for all edges (τ edge"
                f" above 0{size}){against}."
            )
    return said


def _supernets(found: Sequence[Point], contest: Contest) -> list[str]:
    """Whether a better supernet means a better selection, over the seeds of each recipe."""
    if not found:
        return []
    if len(found) > FEW:
        taus, ps = ([float(p.numbers[name] or 0) for p in found] for name in ("tau", "p"))
        n = from_to([int(p.numbers["supernets"] or 0) for p in found])
        return [
            f"Does a better supernet mean a better selection? Over the seeds of each of {len(found)} recipes τ lies"
            f" between {number(min(taus))} and {number(max(taus))} (n = {n} supernets; smallest p {p_text(min(ps))},"
            " not corrected)."
        ]
    parts = [
        f"{escape(p.words['recipe'])} τ {number(p.numbers['tau'])} (n = {p.numbers['supernets']} supernets, p"
        f" {p_text(float(p.numbers['p'] or 0))})"
        for p in found
    ]
    return [f"Does a better supernet mean a better selection? Over the seeds of a recipe: {'; '.join(parts)}."]


def _collapses(found: Sequence[Point], contest: Contest) -> list[str]:
    parts = []
    for point in found:
        rows = zip(*(point.names[name] for name in ("methods", "settings", "shares")), strict=True)
        where = listed([f"{method} on {setting} ({share})" for method, setting, share in rows], 4)
        parts.append(f"{point.words['what']}: {where}")
    of = "of the founding papers' criteria" if contest.primary else "of all selectors"
    return [f"Collapsed choices {of}: {'; '.join(parts)}."] if parts else []


def _seeds(found: Sequence[Point], contest: Contest) -> list[str]:
    said = []
    for point in found:
        numbers = point.numbers
        text = (
            f"The criteria of the founding papers have up to {count(int(numbers['seeds'] or 0), 'supernet seed')}, and"
            f" not all selectors have as many. With the {numbers['common']} that all have, {numbers['others']} of these"
            f" {numbers['verdicts']} verdicts change"
        )
        few = [f"{numbers['too_few']} “{Verdict.TOO_FEW}”"] if numbers["too_few"] else []
        parts = [*few, *map(escape, point.names["changed"])]
        said.append(f"{text}: {'; '.join(parts)}." if parts else f"{text}.")
    return said


TOLD: dict[Kind, Callable[[Sequence[Point], Contest], list[str]]] = {
    Kind.FLOOR: _floors,
    Kind.GROUPS: _groups,
    Kind.FACTOR: _factors,
    Kind.SEEDS: _seeds,
    Kind.LEADER: _leader,
    Kind.AGREEMENT: _agreement,
    Kind.EDGES: _edges,
    Kind.SUPERNETS: _supernets,
    Kind.COLLAPSE: _collapses,
}
"""How each kind of point is told, in reading order."""
