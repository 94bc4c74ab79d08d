"""The section with the finding in detail, written from the points in reports/data/points.py."""

from collections.abc import Callable, Sequence
from html import escape

from nas_selection_bench.bench.errors import counted
from nas_selection_bench.bench.yardsticks.comparisons import Verdict
from nas_selection_bench.reports.data.contests import BASELINES, FLOOR, Contest
from nas_selection_bench.reports.data.founders import CALLED, Level, called, level_of
from nas_selection_bench.reports.data.material import Material
from nas_selection_bench.reports.data.points import Kind, Point, points
from nas_selection_bench.reports.data.text import (
    from_to,
    listed,
    number,
    p_said,
    signed,
    trainings_text,
)
from nas_selection_bench.reports.sections.blocks import Prose, Section
from nas_selection_bench.reports.sections.dose_response import dose_response_sentences
from nas_selection_bench.reports.sections.headline import by_recipe, elsewhere
from nas_selection_bench.reports.sections.titles import headings
from nas_selection_bench.reports.sections.verdict_table import FEW, verdict_table

FEW_CHANGES = 2
"""The most verdicts named that change when only the seeds common to all criteria are used."""
MEASURED = {"tau_mean": "the mean accuracies (τ mean)", "tau_edge": "what is particular to each edge (τ edge)"}
"""What scores agree with, as sentences phrase it, by measure."""
ONLY_ONE = {
    "better": "which is shown better", "worse": "which is shown worse",
    "small": "which differs within the noise of training", "open": "for which no difference is shown",
}  # fmt: skip
"""The verdict on the only criterion that could be judged, in words."""


def details_section(source: Material) -> Section:
    """Everything that was found, point by point, for every data set."""
    section = Section("finding", "The finding in detail", link="Finding")
    found = points(source)
    for contest in source.contests:
        here = [point for point in found if point.dataset == contest.dataset]
        if contest.standings:
            told = [
                *dose_response_sentences(source, contest.dataset),
                *_headline(here),
                *([f"{_topic('Elsewhere.')}{there}"] if (there := elsewhere(source, contest)) else []),
                *(said for kind in WRITERS for said in WRITERS[kind](_of(here, kind), contest)),
            ]
            items = "".join(f"<li>{point}</li>" for point in told)
            section.blocks += headings(source, contest.dataset)
            verdicts = verdict_table(contest, _of(here, Kind.FLOOR))
            section.blocks += [Prose(f'<ul class="points">{items}</ul>'), *([verdicts] if verdicts else [])]
    return section


def _of(found: Sequence[Point], kind: Kind) -> list[Point]:
    return [point for point in found if point.kind is kind]


def _topic(text: str) -> str:
    return f"<strong>{text}</strong> "


def _counted(names: Sequence[str]) -> str:
    """`none`, `2 (a and b)`, `30`: a few names are listed, many are only counted."""
    if not names:
        return "none"
    return f"{len(names)} ({listed(names)})" if len(names) <= FEW else str(len(names))


def _are(number: int) -> str:
    return "is" if number < 2 else "are"


def _share(names: Sequence[str], of: int, one: str, several: str) -> str:
    """`None of the 7 ... is`, `2 (a and b) of the 7 ... are`, `The only ... is`, `The only ... is not`."""
    if of == 1:
        return f"The only {one} is{' not' * (not names)}"
    said = f"{_counted(names)} of the {of} {several} {_are(len(names))}"
    return f"{said[0].upper()}{said[1:]}"


def _headline(here: Sequence[Point]) -> list[str]:
    """The accuracy of always choosing one architecture, how many are better, and the verdicts against it."""
    against = [p for p in _of(here, Kind.FLOOR) if p.words["baseline"] == FLOOR and p.lookup == p.dataset]
    level = [p for p in against if p.words["level"] == Level.MAIN] or against
    if not level or not level[0].numbers["judged"]:
        return []
    numbers, names = level[0].numbers, level[0].names
    above = int(numbers["above"] or 0)
    room = f"{counted(above, 'architecture') if above else 'No architecture'} {_are(above)} better"
    if above and numbers["above_margin"] is not None:
        room += f", {numbers['above_margin']:,} of them by more than the noise of training"
    of, judged = int(numbers["of"] or 0), int(numbers["judged"] or 0)
    better, worse, same = (names[name] for name in ("better", "worse", "same"))
    alike = f" Exactly this architecture is always chosen by {_counted(same)}." if same else ""
    if judged == 1:
        shown = next(f"{listed(names[verdict])}, {text}" for verdict, text in ONLY_ONE.items() if names[verdict])
    else:
        shown = f"{_counted(better)} {_are(len(better))} shown better, {_counted(worse)} worse"
    return [
        f"{_topic('The baseline.')}A 3×3 convolution on every edge (<b>constant-order</b>) reaches"
        f" {number(numbers['test'])} %, percentile {number(numbers['percentile'], 1)}. {room}. {judged} of"
        f" {called(Level(level[0].words['level']), of)} can be judged against it: {shown}.{alike}"
    ]


def _groups(found: Sequence[Point], contest: Contest) -> list[str]:
    """Which founding criterion leads, which are shown worse and which cannot be ranked."""
    said = []
    for point in found:
        tied, worse, unplaced = (point.names[name] for name in ("tied", "worse", "unplaced"))
        over = f" of those run on {counted(int(point.numbers['recipes'] or 0), 'recipe')}"
        parts = [f"{listed([point.words['leader']])} has the highest mean{over * bool(point.names['fewer_recipes'])}"]
        parts += [f"Not shown worse: {listed(tied)}"] if tied else []
        parts += [f"Shown worse: {listed(worse)}"] if worse else []
        parts += [f"Too few seeds to rank: {listed(unplaced)}"] if unplaced else []
        hopeful, pairs = point.numbers["counted"], point.numbers["pairs"]
        share = "the only pair" if pairs == 1 else f"{'all' if hopeful == pairs else f'{hopeful} of'} {pairs:,} pairs"
        family = f"Holm's correction over {share}{', the floors included' * (pairs != 1)}"
        said.append(f"{_topic('Founding criteria.')}{'. '.join(parts)} ({family}).")
    return said


def _factors(found: Sequence[Point], contest: Contest) -> list[str]:
    """Which single changes were shown to matter; nothing if no pair could be judged."""
    judged = [point for point in found if point.numbers["judged"]]
    if not judged:
        return []
    shown = [p for p in judged if p.words["verdict"] in (Verdict.BETTER, Verdict.WORSE, Verdict.SMALL)]
    if len(judged) == 1:
        text = f"The only judged pair that differs in a single part shows {'a' if shown else 'no'} difference"
    else:
        text = f"{len(shown) or 'None'} of the {len(judged)} judged pairs that differ in a single part"
        text += f" {'show' if len(shown) > 1 else 'shows'} a difference"
    parts = [
        f"{listed([p.words['first']])} over {listed([p.words['second']])} ({escape(p.words['changed'])}):"
        f" {signed(p.numbers['mean'] or 0)} points on average, median {signed(p.numbers['median'] or 0)}, n ="
        f" {p.numbers['n']}{', within the noise of training' * (p.words['verdict'] == Verdict.SMALL)}{by_recipe(p)}"
        for p in shown
    ]
    return [f"{_topic('Ablations.')}{text}{': ' if parts else ''}{'; '.join(parts)}."]


def _leader(found: Sequence[Point], contest: Contest) -> list[str]:
    said = []
    for point in found:
        numbers, leader = point.numbers, point.words.get("leader")
        every = numbers["recipes"] == numbers["of_recipes"]
        recipes, on_fewer = counted(int(numbers["recipes"] or 0), "recipe"), point.names["on_fewer"]
        ranked = "that can be ranked" if leader and (point.names["above"] or on_fewer) else ""
        run = f"run on {recipes}" if on_fewer else ""
        over = "" if every or on_fewer else f" over {recipes}"
        among = f" of those {' and '.join(filter(None, (run, ranked)))}" if run or ranked else ""
        text = (
            f"{listed([leader or point.words['best']])} has the highest mean{over}{among}: {number(numbers['mean'])} %"
            f" (n = {numbers['n']}). That is {number(numbers['below_optimum'])} points below the best architecture of"
            " the space"
        )
        if numbers["worth"] is not None:
            worth = trainings_text(numbers["worth"])
            text += f", and worth {worth} random {'training' if worth == '1' else 'trainings'}"
        if leader:
            text += _placed(point.names["tied"], int(numbers["placed"] or 0) - 1, contest.family)
        elif numbers["placeable"]:
            forms = counted(int(numbers["of"] or 0), "main form")
            have = "has" if numbers["placeable"] == 1 else "have"
            text += f". Only {numbers['placeable']} of {forms} {have} enough seeds to be ranked, so there is no ranking"
        elif len(contest.standings) > 1:
            text += ". There are too few seeds to tell any two criteria apart"
        for kind, but in (("on_fewer", "over fewer recipes"), ("above", "too few seeds to be ranked")):
            if names := point.names[kind]:
                higher = "A higher mean" if len(names) == 1 else "Higher means"
                told = listed([f"{name} (n = {contest.of(name).n})" for name in names], FEW)
                text += f". {higher}, but {but}: {told}"
        said.append(f"{_topic('The leader.' if leader else 'The highest mean.')}{text}.")
    return said


def _placed(tied: Sequence[str], others: int, family: str) -> str:
    """How many of the `others` that can be ranked are not shown worse than the leader."""
    if others < 1:
        return ""
    if others == 1:
        said = f"The only other one that can be ranked is {'not ' * bool(tied)}shown worse"
    elif not tied:
        said = f"All {others} others that can be ranked are shown worse"
    else:
        said = f"Of the {others} others that can be ranked, {_counted(tied)} {_are(len(tied))} not shown worse"
    return f". {said} (Holm's correction over {family})"


def _agreement(found: Sequence[Point], contest: Contest) -> list[str]:
    said = []
    for point in found:
        numbers = point.numbers
        n = from_to([int(numbers[name] or 0) for name in ("fewest", "most")])
        aside = [f"{BASELINES[name]} {number(numbers[name])}" for name in (FLOOR, "params")]
        if numbers["place"] == 1:
            aside[0] += " (in hindsight the best of all 120 orders)"
        elif numbers["place"]:
            aside[0] += f" (rank {numbers['place']} among all 120 orders)"
        if numbers["two_trainings"] is not None:
            aside.append(f"a second training of every architecture {number(numbers['two_trainings'])}")
        best, measure = point.names["best"], point.words["measure"]
        said.append(
            f"{_topic('Edges.' if measure == 'tau_edge' else 'Scores.')}Highest agreement with {MEASURED[measure]}:"
            f" {listed(best)}, τ {number(numbers['highest'])} (n = {n}). For comparison: {', '.join(aside)}."
        )
    return said


def _edges(found: Sequence[Point], contest: Contest) -> list[str]:
    """Which main forms are shown to capture what is particular to each edge, beyond one order for all edges."""
    said = []
    for point in found:
        if point.words["level"] == contest.levels[0] and point.numbers["judged"]:
            better, worse = point.names["better"], point.names["worse"]
            against = f" {_counted(worse)} {_are(len(worse))} shown to have a τ edge below 0." if worse else ""
            could = point.numbers["could_show"]
            size = (
                f"; a true τ of {number(could)} would have been detected in four of five repetitions"
                if could is not None
                else ""
            )
            one, several = CALLED[Level(str(point.words["level"]))]
            known = _share(better, int(point.numbers["judged"]), f"{one} judged", f"{several} judged")
            said.append(
                f"{_topic('Edges.')}{known} shown to capture what is particular to each edge, beyond one order for all"
                f" edges (τ edge above 0{size}).{against}"
            )
    return said


def _supernets(found: Sequence[Point], contest: Contest) -> list[str]:
    """Whether a more accurate supernet leads to a more accurate selection, over the seeds of each recipe."""
    if not found:
        return []
    what = f"{_topic('Supernet quality.')}Rank agreement between the accuracies of a supernet and of the choice on it,"
    if len(found) > FEW:
        taus, ps = ([float(p.numbers[name] or 0) for p in found] for name in ("tau", "p"))
        n = from_to([int(p.numbers["supernets"] or 0) for p in found])
        return [
            f"{what} over the seeds of each of {len(found)} recipes: τ from {number(min(taus))} to {number(max(taus))}"
            f" (n = {n} supernets; smallest {p_said(min(ps))}, not corrected)."
        ]
    parts = [
        f"τ {number(p.numbers['tau'])} on {listed([p.words['recipe']])} (n = {p.numbers['supernets']},"
        f" {p_said(float(p.numbers['p'] or 0))})"
        for p in found
    ]
    return [f"{what} over the seeds of a recipe: {'; '.join(parts)}."]


def _collapses(found: Sequence[Point], contest: Contest) -> list[str]:
    parts = []
    for point in found:
        rows = zip(*(point.names[name] for name in ("methods", "settings", "shares")), strict=True)
        where = listed([f"{method} on {setting} ({share})" for method, setting, share in rows], 4)
        parts.append(f"{point.words['what']}: {where}")
    whose = "The founding criteria chose" if contest.founders else "The criteria chose"
    return [f"{_topic('Collapse.')}{whose} {'; '.join(parts)}."] if parts else []


def _chance(found: Sequence[Point], contest: Contest) -> list[str]:
    """Of the founding criteria; accuracy.csv has the others."""
    parts = [
        f"{listed([p.words['method']])} {number(p.numbers['selector'])} and {number(p.numbers['supernet'])}"
        f" (n = {p.numbers['values']} on {p.numbers['supernets']} supernets)"
        for p in found if level_of(p.words["method"]) is Level.FOUNDING
    ]  # fmt: skip
    what = "Standard deviation of test accuracy between selector seeds on one supernet, and between supernets"
    return [f"{_topic('Own chance.')}{what} without that, in points: {'; '.join(parts)}."] if parts else []


def _seeds(found: Sequence[Point], contest: Contest) -> list[str]:
    said = []
    for point in found:
        numbers = point.numbers
        common, others = int(numbers["common"] or 0), int(numbers["others"] or 0)
        text = (
            f"{_topic('Seeds.')}Founding criteria have up to {counted(int(numbers['seeds'] or 0), 'supernet seed')},"
            f" some criteria fewer. With only {'the ' + counted(common, 'seed') if common else 'seeds'} that all"
            f" criteria share{'' if common else ', of which there are none'},"
            f" {others or 'none'} of {counted(int(numbers['verdicts'] or 0), 'verdict')}"
            f" {'changes' if others < 2 else 'change'}"
        )
        parts = [f"{numbers['too_few']} to “{Verdict.TOO_FEW}”"] if numbers["too_few"] else []
        changed = point.names["changed"]
        parts += map(escape, changed[:FEW_CHANGES])
        parts += [f"and {len(changed) - FEW_CHANGES} more"] if len(changed) > FEW_CHANGES else []
        said.append(f"{text}: {'; '.join(parts)}." if parts else f"{text}.")
    return said


WRITERS: dict[Kind, Callable[[Sequence[Point], Contest], list[str]]] = {
    Kind.LEADER: _leader,
    Kind.GROUPS: _groups,
    Kind.FACTOR: _factors,
    Kind.AGREEMENT: _agreement,
    Kind.EDGES: _edges,
    Kind.SUPERNETS: _supernets,
    Kind.COLLAPSE: _collapses,
    Kind.CHANCE: _chance,
    Kind.SEEDS: _seeds,
}
"""The function that writes each kind of point, in reading order; the floors have a table instead."""
