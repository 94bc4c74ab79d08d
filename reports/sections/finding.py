"""The finding in words: a headline, two sentences, and the details, each point put into words once."""

from collections.abc import Mapping, Sequence
from html import escape

from bench.yardsticks.comparisons import Verdict
from reports.data.contests import Contest
from reports.data.finding import FLOOR, Point, of_kind, points
from reports.data.material import Material
from reports.data.text import count, from_to, listed, number
from reports.sections.blocks import Block, Heading, Prose, Section
from reports.sections.collapse import collapsed
from reports.sections.equal_seeds import seeds_said
from reports.sections.size import presets_said, supernet_accuracy

FEW = 6
"""Names up to which a sentence lists them; more are counted."""
FEWEST_TO_VARY = 3
"""Supernet seeds below which the page says that there are few."""

WRITTEN = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "imagenet16": "ImageNet16-120"}
PAPERS = {"darts-pt": "DARTS-PT", "zero-cost-pt": "Zero-Cost-PT", "ostr": "OStr", "magnitude": "magnitude"}
"""The founding criteria as their papers write them."""

ALWAYS_3X3 = "always taking 3×3 convolutions"
CALLED = {
    "random": "a random architecture", "constant-order": "the constant order of operations",
    "params": "the parameter count", "magnitude": "magnitude",
}  # fmt: skip


def written(dataset: str) -> str:
    """The name of a data set as its authors write it."""
    return WRITTEN.get(dataset, dataset)


def baseline_called(point: Point) -> str:
    """What a point holds criteria against, in words."""
    return ALWAYS_3X3 if point.words.get("choice") == "3x3" else CALLED[point.words["baseline"]]


def _some(names: Sequence[str], most: int = FEW) -> str:
    """`2 (a and b)`, `30`, `none`."""
    if not names:
        return "none"
    return f"{len(names)} ({listed(names)})" if len(names) <= most else str(len(names))


def headline(source: Material, contest: Contest) -> str:
    """The finding on one data set as one sentence, as HTML."""
    (point,) = of_kind(points(source, contest), "against", baseline=FLOOR, family="all")
    where, floor, better = escape(written(contest.dataset)), baseline_called(point), point.names["better"]
    if better:
        who = listed(better, 2).replace("<b>", "").replace("</b>", "")
        return f"On {where}, {who} {'is' if len(better) == 1 else 'are'} shown better than {floor}."
    if point.numbers["judged"]:
        return f"On {where}, no criterion is shown better than {floor}."
    return f"On {where}, there are too few seeds to tell any criterion from {floor}."


def lead(source: Material, contest: Contest) -> list[str]:
    """The two sentences under the headline, as HTML."""
    found = points(source, contest)
    (floor,) = of_kind(found, "against", baseline=FLOOR, family="all")
    (chance,) = of_kind(found, "against", baseline="random", family="all")
    n = f"{floor.numbers['compared']:.0f}"
    parts = []
    if floor.numbers["judged"]:
        parts.append(f"{len(floor.names['worse']) or 'none'} of {n} are shown worse than that baseline")
    if chance.numbers["judged"]:
        better = len(chance.names["better"]) or "none"
        parts.append(f"{better} better than a random architecture" if parts else
                     f"{better} of {n} are shown better than a random architecture")  # fmt: skip
    alike = f"{len(floor.names['same'])} make exactly its choice" if floor.names["same"] else ""
    few = f"{len(floor.names['few'])} have too few seeds to judge" if floor.names["few"] else ""
    rest = " and ".join(part for part in (alike, few) if part)
    first = f"<b>{', '.join(parts)}.</b>" if parts else ""
    first += f" {rest[0].upper()}{rest[1:]}." if rest else ""
    head = floor.numbers.get("above_margin")
    if head is not None:
        first += (
            f" It reaches {number(floor.numbers['test'])} %; of the 15,625 architectures, {head:,.0f} are better by more"
            " than the noise of training."
        )
    return [text for text in (first.strip(), _founding(found)) if text]


def _founding(found: Sequence[Point]) -> str:
    """The four founding criteria, and what perturbation adds."""
    said = []
    for point in of_kind(found, "means"):
        names = point.names["criteria"]
        reached = ", ".join(f"{PAPERS[name]} {number(point.numbers[name])}" for name in names)
        said.append(f"Of the founding criteria: {reached} %.")
    parts = [
        text
        for point in of_kind(found, "factor")
        if point.names["first"] == ("darts-pt",)
        and (text := _perturbation(point.names["second"][0], point.numbers["mean"], point.words["verdict"]))
    ]
    if parts:
        said.append(f"Perturbation {'; '.join(parts)}.")
    return " ".join(said)


def _perturbation(control: str, mean: float | None, verdict: str) -> str:
    over = {"pt-random": "random choice", "pt-magnitude": "alphas"}.get(control)
    if over is None or verdict in (Verdict.TOO_FEW, Verdict.SAME):
        return ""
    if verdict in (Verdict.BETTER, Verdict.WORSE):
        return f"{'gains' if verdict == Verdict.BETTER else 'loses'} {number(abs(mean or 0), 1)} points over {over}"
    return f"shows no difference from {over}"


def conditions(source: Material, contest: Contest) -> str:
    """What was compared, in one line of HTML."""
    frame = source.results.final_of(contest.dataset)
    seeds = sorted(set(frame.groupby("method")["supernet_seed"].nunique()))
    reached = supernet_accuracy(source.results, contest.dataset)
    parts = [
        count(len(contest.standings), "criterion").replace("criterions", "criteria"),
        f"{count(contest.settings, 'recipe')} × {from_to(seeds).replace(' to ', '–')} seeds",
        f"the same supernets for all ({presets_said(source.results, contest.dataset)}"
        + (f", {reached} accurate)" if reached else ")"),
        "paired tests, Holm-corrected",
    ]
    if max(seeds) < FEWEST_TO_VARY:
        parts.append("too few seeds to say how much they vary")
    return " · ".join(map(escape, parts))


def details_section(source: Material) -> Section:
    """Everything found, point by point."""
    section = Section("finding", "The finding in detail")
    for contest in source.contests:
        found = points(source, contest)
        said = [
            *_verdicts(found, "all", f"All {len(contest.standings)} criteria"),
            *_verdicts(found, "founding", "The founding papers' criteria and their controls alone"),
            *map(_groups, of_kind(found, "groups")),
            *_factors(of_kind(found, "factor")),
            *seeds_said(source, contest),
            *map(_leader, of_kind(found, "leader")),
            *map(_agreement, of_kind(found, "agreement")),
            *collapsed(source, contest),
        ]
        blocks: list[Block] = [Heading(written(contest.dataset))] if len(source.contests) > 1 else []
        items = "".join(f"<li>{text}</li>" for text in said)
        section.blocks += [*blocks, Prose(f'<ul class="points">{items}</ul>')]
    return section


def _verdicts(found: Sequence[Point], family: str, who: str) -> list[str]:
    """Who was shown to differ from which baseline in a family of comparisons."""
    shown, untold = [], []
    for point in of_kind(found, "against", family=family):
        if point.numbers["judged"]:
            better, worse = _some(point.names["better"]), _some(point.names["worse"])
            shown.append(f"against {baseline_called(point)}, {better} better and {worse} worse")
        elif point.numbers["compared"]:
            untold.append(baseline_called(point))
    said = [f"{who}, Holm-corrected per baseline: {'; '.join(shown)}."] if shown else []
    if untold:
        said.append(f"{who}: too few seeds to compare with {' or '.join(untold)}.")
    return said


def _groups(point: Point) -> str:
    names = point.names
    parts = [f"{listed(names['leader'])} has the highest mean"]
    parts += [f"{listed(names['tied'])} not shown worse"] if names["tied"] else []
    parts += [f"{listed(names['worse'])} shown worse"] if names["worse"] else []
    parts += [f"too few seeds to place {listed(names['few'])}"] if names["few"] else []
    return f"Founding criteria among themselves ({point.numbers['pairs']:.0f} testable pairs): {'; '.join(parts)}."


def _factors(found: Sequence[Point]) -> list[str]:
    """Which single changes were shown to matter, where any could have been."""
    told = [p for p in found if p.words["verdict"] not in (Verdict.TOO_FEW, Verdict.SAME)]
    if not told:
        return []
    parts = [
        f"{escape(p.words['changed'])}: {_gain(p.numbers)} ({escape(p.words['verdict'])}; {listed(p.names['first'])} −"
        f" {listed(p.names['second'])})"
        for p in told
    ]
    return [f"Ablations, one part changed at a time: {'; '.join(parts)}."]


def _gain(numbers: Mapping[str, float | None]) -> str:
    return f"mean {number(numbers['mean'])}, median {number(numbers['median'])} points"


def _leader(point: Point) -> str:
    numbers = point.numbers
    best = (
        f"{listed(point.names['leader'])} has the highest mean, {number(numbers['mean'])} % (n = {numbers['n']:.0f}),"
        f" {number(numbers['regret'])} points below the best architecture of the space"
    )
    if point.words["ranked"]:
        tied = point.names["tied"]
        said = f"{best}; {_some(tied)} of the {numbers['placed']:.0f} ranked criteria are not shown worse."
        unplaced = point.names["unplaced"]
        return said + (f" Higher means, but too few seeds to rank: {listed(unplaced)}." if unplaced else "")
    if not numbers["testable"]:
        return f"With so few seeds no pair of criteria can be tested. {best}."
    return (
        f"Only {numbers['testable']:,.0f} of {numbers['pairs']:,.0f} pairs have enough seeds to test, so there is no"
        f" overall ranking. {best}."
    )


def _agreement(point: Point) -> str:
    aside = [
        f"{CALLED[name]} has {number(value)}"
        for name in ("constant-order", "params")
        if (value := point.numbers.get(name)) is not None
    ]
    retraining = point.numbers["retraining"]
    if retraining is not None:
        aside.append(f"two trainings of the whole table agree to {number(retraining)}")
    return (
        f"The scores of {listed(point.names['best'])} agree best with the mean accuracy that each operation allows:"
        f" τ {number(point.numbers['tau'])}; {', '.join(aside)}."
    )
