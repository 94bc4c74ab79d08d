"""The first lines of the page: the finding in one sentence, the conditions, and what a reader should know first."""

from collections.abc import Sequence
from html import escape

from nas_selection_bench.bench.errors import counted, joined
from nas_selection_bench.bench.yardsticks.comparisons import Verdict
from nas_selection_bench.bench.yardsticks.floors import RANDOM
from nas_selection_bench.reports.data.contests import FLOOR, Contest
from nas_selection_bench.reports.data.material import Material
from nas_selection_bench.reports.data.points import Kind, Point, by_verdict, points
from nas_selection_bench.reports.data.standings import Standing
from nas_selection_bench.reports.data.text import criteria, from_to, number, some
from nas_selection_bench.reports.sections.dose_response import dose_response_sentences
from nas_selection_bench.reports.sections.size import size, supernet_accuracy, untrained

ALWAYS_3X3 = "always taking 3×3 convolutions"
FEWEST_TO_VARY = 3
"""With fewer supernet seeds than this, the page says that they are too few."""
NAMED = 2
"""`most` of `text.some`: a headline names up to one criterion more than this, and of more counts the rest."""
DISPLAY_NAMES = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "imagenet16": "ImageNet16-120"}
"""The data sets of NAS-Bench-201, whose ground truth is full training, as their authors write their names."""
FOUNDING = {"darts-pt": "DARTS-PT", "zero-cost-pt": "Zero-Cost-PT", "ostr": "OStr", "magnitude": "magnitude"}
"""The four criteria whose papers the benchmark began with, as those papers write their names."""
DIGITS_TRUTH = "accuracy after 125 training steps, where skip connections lead"
"""The ground truth of the embedded data set, in words."""
CONTROLS = {"pt-random": "a random pick", "pt-magnitude": "picking by alpha"}
"""The controls of DARTS-PT, which keep its schedule: what replaces its criterion in each."""


def display_name(dataset: str) -> str:
    """The name of a data set as its authors write it."""
    return DISPLAY_NAMES.get(dataset, dataset)


def headline(contest: Contest) -> str:
    """The finding on one data set as one sentence."""
    compared = contest.against(FLOOR)
    better, judged = by_verdict(compared)["better"], any(c.judged for c in compared)
    return headline_sentence(contest.dataset, better, judged, ALWAYS_3X3)


def headline_sentence(dataset: str, better: Sequence[str], judged: bool, floor: str) -> str:
    """The criteria shown better than the floor, as one sentence; `judged`: whether any could be judged against it."""
    if better:
        said = f"{some(better, NAMED)} {'is' if len(better) == 1 else 'are'} shown better than {floor}"
    elif judged:
        said = f"no criterion is shown better than {floor}"
    else:
        said = f"there are too few seeds to tell any criterion from {floor}"
    return f"On {display_name(dataset)}, {said}."


def conditions(source: Material, contest: Contest) -> str:
    """What was compared, in one line."""
    frame = source.results.final_of(contest.dataset)
    seeds = sorted(set(frame.groupby(["method", "setting"])["supernet_seed"].nunique()))
    reached = supernet_accuracy(source.results, contest.dataset)
    seeds_said = f"{from_to(seeds).replace(' to ', '–')} {'seed' if seeds == [1] else 'seeds'}"
    trained = f"shared supernets: {counted(contest.settings, 'recipe')} × {seeds_said}"
    parts = [
        "NAS-Bench-201" if contest.dataset in DISPLAY_NAMES else "search space of NAS-Bench-201",
        criteria(len(contest.standings)),
        f"no trained supernet: {seeds_said} of the initial weights"
        if untrained(source.results, contest.dataset)
        else trained,
        size(source.results, contest.dataset) + (f", supernet accuracy {reached}" if reached else ""),
    ]
    if max(seeds) < FEWEST_TO_VARY:
        parts.append("too few seeds to say how much results vary")
    return " · ".join(parts)


def lead(source: Material, contest: Contest) -> list[str]:
    """The sentences under the headline, as HTML: the verdicts, and what the founding criteria reach."""
    here = [point for point in points(source) if point.dataset == contest.dataset]
    doses = dose_response_sentences(source, contest.dataset)  # means over doses say little
    return [text for text in (_verdicts(source, contest), doses[0] if doses else _founding(contest, here)) if text]


def _verdicts(source: Material, contest: Contest) -> str:
    """The accuracy of the floor, how many criteria are shown worse than it, and how many better than chance."""
    n = len(contest.standings)
    floor, chance = contest.against(FLOOR), contest.against(RANDOM)
    of_floor, better = by_verdict(floor), len(by_verdict(chance)["better"])
    (yardstick,) = (yardstick for yardstick in source.yardsticks[contest.dataset] if yardstick.name == FLOOR)
    judged = any(c.judged for c in floor)
    worse = f"{_of(len(of_floor['worse']), n)} shown worse than this baseline ({number(yardstick.test)} %)"
    said = _bold(worse) if judged else ""
    if judged and (few := len(of_floor["too_few"])):
        said += f" and {few} {'has' if few == 1 else 'have'} too few seeds to judge"
    if against_chance := sum(c.judged for c in chance):
        above = random_said(against_chance, better, len(by_verdict(chance)["worse"]))
        said = f"{said}; {above}" if said else _bold(above)
    return f"{said}." if said else f"The baseline reaches {number(yardstick.test)} %."


def random_said(judged: int, better: int, worse: int) -> str:
    """How many criteria could be judged against a random architecture, and how many are shown better and worse."""
    if judged == 1:
        verdict = "better" if better else "worse" if worse else "neither better nor worse"
        return f"the only criterion that could be judged against a random architecture is shown {verdict}"
    shown = f"{better or 'none'} {'is' if better < 2 else 'are'} shown better and {worse or 'none'} worse"
    return f"of the {judged} that could be judged against a random architecture, {shown}"


def elsewhere(source: Material, contest: Contest) -> str:
    """Which choices are shown better than the floor on other data sets; empty if none are, or some are on this one."""
    if by_verdict(contest.against(FLOOR))["better"]:
        return ""
    found = {
        there.lookup: by_verdict(there.against(FLOOR))["better"]
        for there in source.transfers
        if there.dataset == contest.dataset
    }
    said = [f"those of {some(better, NAMED)} on {display_name(lookup)}" for lookup, better in found.items() if better]
    return f"On other data sets, some choices are shown better than the baseline: {joined(said)}." if said else ""


def _of(some_of: int, n: int) -> str:
    """`none of 10 criteria is`, `3 of 10 criteria are`."""
    return f"{some_of or 'none'} of {criteria(n)} {'is' if some_of < 2 else 'are'}"


def _bold(text: str) -> str:
    return f"<b>{text[0].upper()}{text[1:]}</b>"


def _founding(contest: Contest, here: Sequence[Point]) -> str:
    """What the four founding criteria reach, and what perturbation gains over its controls."""
    there = [standing for standing in contest.standings if standing.method in FOUNDING]
    said = []
    if there and len(there) < len(contest.standings):
        said.append(joined([
            f"{FOUNDING[s.method]}{' reaches' * (i == 0)} {number(s.mean)} % ({_behind(s, contest)})"
            for i, s in enumerate(there)
        ]))  # fmt: skip
    told = [
        point
        for point in here
        if point.kind is Kind.FACTOR and point.words["first"] == "darts-pt" and point.words["second"] in CONTROLS
    ]
    clear = [point for point in told if point.words["verdict"] in (Verdict.BETTER, Verdict.WORSE)]
    unclear = [point for point in told if point not in clear and point.numbers["judged"]]
    small = [_control(point) for point in unclear if point.words["verdict"] == Verdict.SMALL]
    open_ = [_control(point) for point in unclear if point.words["verdict"] != Verdict.SMALL]
    parts = [_perturbation(point) for point in clear]
    parts += [f"differs within the noise of training from {' and '.join(small)}"] if small else []
    parts += [f"shows no difference from {' or '.join(open_)}"] if open_ else []
    if parts:
        said.append(f"with DARTS-PT's schedule fixed, perturbation {' and '.join(parts)}")
    whole = "; ".join(said)
    return f"{whole[0].upper()}{whole[1:]}." if whole else ""


def _behind(standing: Standing, contest: Contest) -> str:
    """The n behind a mean, and the number of recipes it covers if not all."""
    fewer = f" on {standing.settings} of {counted(contest.settings, 'recipe')}"
    return f"n = {standing.n}{fewer * (standing.settings < contest.settings)}"


def _control(point: Point) -> str:
    """What a control of DARTS-PT does, its name, and the number of pairs."""
    second = point.words["second"]
    return f"{CONTROLS[second]} ({second}, n = {point.numbers['n']}){by_recipe(point)}"


def by_recipe(point: Point) -> str:
    """The mean difference on each recipe: ` (+0.42 on darts, +8.49 on darts-minus)`; empty if there is one recipe."""
    told = [f"{gap} on {recipe}" for recipe, gap in zip(point.names["recipes"], point.names["gaps"], strict=True)]
    return f" ({', '.join(told)})" if told else ""


def _perturbation(point: Point) -> str:
    gap, over = number(abs(point.numbers["mean"] or 0), 1), _control(point)
    if point.words["verdict"] == Verdict.BETTER:
        return f"gains {gap} points over {over}"
    return f"falls {gap} points behind {over}"


def note(source: Material, dataset: str) -> str:
    """A warning about a data set whose ground truth is not full training, as HTML; empty for NAS-Bench-201's."""
    if dataset in DISPLAY_NAMES:
        return ""
    if dataset == "digits":
        return (
            f"<b>digits is a smoke test, not a ranking of criteria.</b> Its ground truth is {DIGITS_TRUTH}, so a"
            " criterion that collapses to skip connections is not penalised as it is on CIFAR-10."
        )
    own = source.results.run.get("notes", {}).get(dataset)
    if own:
        return f"<b>{escape(dataset)}</b>: {escape(own)}"
    table = escape(source.table.name)
    return (
        f"<b>{escape(dataset)} is not a data set of NAS-Bench-201.</b> Its ground truth is the table {table}, which"
        " says which architecture is best after the training that this table was made with."
    )


def named(source: Material) -> set[str]:
    """The criteria that the first lines of the page mention by name."""
    return {*FOUNDING, *(name for contest in source.contests for name in by_verdict(contest.against(FLOOR))["better"])}
