"""The section on which criterion to use and what the result does not say; its data come from reports/data/advice.py."""

from collections.abc import Iterator, Sequence
from html import escape

from nas_selection_bench.bench.errors import counted, joined
from nas_selection_bench.bench.work.presets import PUBLISHED, SupernetSize
from nas_selection_bench.reports.data.advice import Advice, Limits, advice, limits
from nas_selection_bench.reports.data.contests import Contest
from nas_selection_bench.reports.data.material import Material
from nas_selection_bench.reports.data.text import criteria, duration, from_to, listed, number
from nas_selection_bench.reports.sections.blocks import Heading, Prose, Section
from nas_selection_bench.reports.sections.headline import ALWAYS_3X3, DIGITS_TRUTH, DISPLAY_NAMES, display_name

FEW = 8
"""`most` of `text.some`: a sentence lists up to one name more than this, and of longer lists counts the rest."""


def advice_section(source: Material) -> Section:
    """Answer, for every data set, which criterion to use and what the result does not say."""
    section = Section("advice", "Which criterion should I use, and when?", link="Which to use")
    contests = [contest for contest in source.contests if contest.standings]
    advised = [(contest.dataset, list(_advised(advice(source, contest), contest))) for contest in contests]
    unsaid = [(contest.dataset, list(_unsaid(limits(source, contest)))) for contest in contests]
    section.blocks += [_answers(advised), Heading("What does this result not say?"), _answers(unsaid)]
    return section


def _answers(told: Sequence[tuple[str, Sequence[str]]]) -> Prose:
    """Render the sentences on each data set as a list, below the name of the data set if there are several."""
    parts = []
    for dataset, sentences in told:
        head = f"<p><b>{escape(display_name(dataset))}</b></p>" if len(told) > 1 else ""
        items = "".join(f"<li>{sentence}</li>" for sentence in sentences)
        parts.append(f'{head}<ul class="points">{items}</ul>')
    return Prose("".join(parts))


def _advised(found: Advice, contest: Contest) -> Iterator[str]:
    where, floor = escape(display_name(found.dataset)), ALWAYS_3X3
    better, worse = found.verdicts["better"], found.verdicts["worse"]
    if found.dataset == "digits":
        yield (
            f"digits is no basis for choosing a criterion: its ground truth is {DIGITS_TRUTH}. The points below show"
            " how to read a result, not which criterion to use."
        )
    if not found.judged:
        yield (
            f"On {where}, there are too few seeds to recommend anything: no main form can be distinguished from"
            f" {floor}."
        )
        best = contest.of(contest.best)
        among = "Among the criteria with results on the most recipes, " if found.higher_on_fewer else ""
        if len(contest.standings) > 1:
            highest = f"{listed([best.method])} has the highest mean ({number(best.mean)} %)"
            yield f"{among}{highest}, which may be due to chance alone."
        return
    only = "the only main form that could be judged" if found.judged == 1 else ""
    judged = f"of the {found.judged} main forms that could be judged"
    if better:
        shown = f"{only or f'{len(better)} {judged}'} {'is' if len(better) == 1 else 'are'} shown better than {floor}"
        yield f"On {where}, {shown}: {_names(better)}."
    else:
        yield (
            f"On {where}, {f'{only} is not' if only else f'none {judged} is'} shown better than {floor}, which costs"
            " nothing. Under these conditions, no criterion is shown to be worth the cost of its search."
        )
    yield from _choice(found)
    if worse:
        yield f"Shown worse than {floor}: {_names(worse)}."
    if found.collapsed:
        shares = [f"{name} ({k} of {n})" for name, (k, n) in found.collapsed.items()]
        yield (
            "If a single bad run would hurt, beware of criteria that have chosen from the worst tenth of the space:"
            f" {_names(shares)}."
        )


def _choice(found: Advice) -> Iterator[str]:
    """Yield sentences on the candidates: how they compare, which is cheapest, and which need no trained supernet."""
    names, cheapest = found.candidates, found.cheapest
    if not names:
        return
    if found.verdicts["better"]:
        if len(names) < len(found.verdicts["better"]):
            yield f"Of these, {_names(names)} {'is' if len(names) == 1 else 'are'} not shown worse than any other."
        yield from _between(found)
    else:
        yield from _not_worse(found)
    if cheapest is not None and len(found.seconds) > 1:
        dearest = max(found.seconds, key=found.seconds.__getitem__)
        least, most = (duration(found.seconds[name]) for name in (cheapest, dearest))
        ends = f"{listed([cheapest])} ({least} per selection); the most expensive is {listed([dearest])} ({most})"
        yield f"The cheapest of these criteria is {ends}."
    if found.no_supernet and len(names) > 1:
        yield f"{_names(found.no_supernet)} {'needs' if len(found.no_supernet) == 1 else 'need'} no trained supernet."


def _not_worse(found: Advice) -> Iterator[str]:
    """Yield sentences on candidates not shown to differ from the floor, on those that differ little, and on pairs."""
    small = [name for name in found.candidates if name in found.verdicts["small"]]
    if alike := [name for name in found.candidates if name not in small]:
        could = ""
        if found.could_show is not None:
            sizes = "–".join(dict.fromkeys(number(points, 1) for points in found.could_show))
            could = f"; true differences of {sizes} points would have been detected in four of five repetitions"
        are, they = ("is", "it is") if len(alike) == 1 else ("are", "they are")
        yield (
            f"If you want a criterion all the same: {_names(alike)} {are} not shown worse than this baseline. That does"
            f" not prove that {they} as good{could}."
        )
    if small:
        yield (
            f"{_names(small)} {'differs' if len(small) == 1 else 'differ'} from this baseline on average, but by a"
            " median within the noise of training."
        )
    yield from _between(found)


def _between(found: Advice) -> Iterator[str]:
    """Yield a sentence on the pairs of candidates: whether any is shown better, and what the verdicts leave open."""
    pairs, unjudged = found.pairs
    if pairs and unjudged == pairs:
        yield f"There are too few seeds to tell {'the two' if pairs == 1 else 'any two of these'} apart."
    elif pairs:
        said, small = _none_better(two=pairs == 1), found.pairs_small
        if small:
            some = f"{small} of the {pairs} pairs {'differs' if small == 1 else 'differ'}"
            which = "they differ" if pairs == 1 else some
            said += f"; {which} on average, but by a median within the noise of training"
        if unjudged:
            said += f"; {unjudged} of the {pairs} pairs {'has' if unjudged == 1 else 'have'} too few seeds to be judged"
        yield f"{said}."


def _none_better(*, two: bool) -> str:
    """Say that no candidate is shown better than another, of two or of more."""
    if two:
        return "Neither of these is shown better than the other"
    return "None of these criteria is shown better than another"


def _unsaid(found: Limits) -> Iterator[str]:
    trained = bool(found.recipes)
    for size in found.smaller:
        yield (
            f"How the criteria perform on supernets as large as those of the papers: {_size(PUBLISHED.size, trained)}"
            f" (preset {PUBLISHED.preset}). The supernets here have {_size(size, trained)}."
        )
    if found.unknown_sizes:
        preset, are = ("preset", "is") if len(found.unknown_sizes) == 1 else ("presets", "are")
        yield f"How large the supernets were: the {preset} {_names(found.unknown_sizes)} {are} not known here."
    one_seed = found.seeds[1] == 1
    if one_seed:
        yield "How much the numbers vary between supernets: there is only one seed per recipe."
    if found.unjudged:
        all_ = found.unjudged == found.criteria
        are = "is" if found.unjudged == 1 else "are"
        of = "any criterion is" if all_ else f"{found.unjudged} of {criteria(found.criteria)} {are}"
        each = "1 seed" if one_seed else f"{from_to(found.seeds)} seeds"
        have = "all have" if all_ else "it has" if found.unjudged == 1 else "they have"
        yield f"How good {of}: {have} too few seeds to tell (criteria here have {each} per recipe)."
    if not found.recipes:
        yield "What training a supernet would change: no criterion here reads a trained one."
    elif len(found.recipes) == 1:
        yield f"What another training recipe would change: every supernet is trained with {escape(found.recipes[0])}."
    else:
        yield f"What holds for a single recipe: verdicts pool {counted(len(found.recipes), 'recipe')}."
    if found.untried:
        parts = [f"{count} on {escape(recipe)}" for recipe, count in found.untried.items()]
        yield f"What criteria would choose on recipes that they were not tried on: {joined(parts)}."
    if found.lost:
        cells = "cell that failed or is" if found.lost == 1 else "cells that failed or are"
        lost = f"{found.lost:,} {cells} missing ({_names(found.lost_of)})"
        yield f"What would have been chosen in the {lost}; means leave {'it' if found.lost == 1 else 'them'} out."
    if found.exploratory == 1:
        yield "How good the one variant (proxy × scheme, options) is: it is exploratory and forms a family of its own."
    elif found.exploratory:
        variants = f"{counted(found.exploratory, 'variant')} (proxies × schemes, options)"
        yield f"Which of the {variants} is best: they are exploratory and form a family of their own."
    truth = "after full training" if found.dataset in DISPLAY_NAMES else "as the table of this data set gives them"
    looked = joined([display_name(name) for name in found.lookups])
    also = f"; the choices are also looked up on {escape(looked)}" if looked else ""
    yield f"Anything about other search spaces or data sets: accuracies are those of NAS-Bench-201 cells {truth}{also}."


def _size(size: SupernetSize, trained: bool) -> str:
    """The size in words, without epochs if no supernet was trained."""
    images = "all images" if size.images is None else f"{size.images:,} images"
    seen = f"{counted(size.epochs, 'epoch')} on {images}" if trained else images
    return f"{counted(size.channels, 'channel')}, {counted(size.cells, 'cell')} per stage and {seen}"


def _names(names: Sequence[str]) -> str:
    return listed(names, FEW)
