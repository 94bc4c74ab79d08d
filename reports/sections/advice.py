"""Which criterion to use, and what the result does not say, told from reports/data/advice.py."""

from collections.abc import Iterator, Sequence
from html import escape

from nas_selection_bench.bench.errors import counted, joined
from nas_selection_bench.bench.work.presets import PUBLISHED, SupernetSize
from nas_selection_bench.reports.data.advice import Advice, Limits, advice, limits
from nas_selection_bench.reports.data.contests import Contest
from nas_selection_bench.reports.data.material import Material
from nas_selection_bench.reports.data.text import criteria, duration, from_to, listed, number
from nas_selection_bench.reports.sections.blocks import Heading, Prose, Section
from nas_selection_bench.reports.sections.headline import WRITTEN, floor_called, written

FEW = 8
"""Names that a sentence lists; more are counted."""


def advice_section(source: Material) -> Section:
    """Two questions of every reader, each answered for every data set."""
    section = Section("advice", "Which criterion should I use, and when?", link="Which to use")
    contests = [contest for contest in source.contests if contest.standings]
    advised = [(contest.dataset, list(_advised(advice(source, contest), contest))) for contest in contests]
    unsaid = [(contest.dataset, list(_unsaid(limits(source, contest)))) for contest in contests]
    section.blocks += [_answers(advised), Heading("What does this result not say?"), _answers(unsaid)]
    return section


def _answers(told: Sequence[tuple[str, Sequence[str]]]) -> Prose:
    """The sentences on each data set, as lists; the name of the data set above where there are several."""
    parts = []
    for dataset, sentences in told:
        head = f"<p><b>{escape(written(dataset))}</b></p>" if len(told) > 1 else ""
        items = "".join(f"<li>{sentence}</li>" for sentence in sentences)
        parts.append(f'{head}<ul class="points">{items}</ul>')
    return Prose("".join(parts))


def _advised(found: Advice, contest: Contest) -> Iterator[str]:
    where, floor = escape(written(found.dataset)), floor_called(contest.floor_is_all_3x3)
    better, worse = found.verdicts["better"], found.verdicts["worse"]
    if found.dataset == "digits":
        yield (
            "None, on the strength of digits: its ground truth is accuracy after 125 training steps, where skip"
            " connections lead. The lines below show how to read a result, not what to use."
        )
    if not found.judged:
        yield f"On {where} there are too few seeds to advise anything: no main form can be told from {floor}."
        best = contest.of(contest.best)
        among = "Of those with results on the most recipes, " if found.higher_on_fewer else ""
        if len(contest.standings) > 1:
            highest = f"{listed([best.method])} has the highest mean ({number(best.mean)} %)"
            yield f"{among}{highest}, which may be chance alone."
        return
    judged = f"of the {found.judged} main forms that could be judged"
    if better:
        shown = f"{len(better)} {judged} {'is' if len(better) == 1 else 'are'} shown better than {floor}"
        yield f"On {where}, {shown}: {_names(better)}."
    else:
        yield (
            f"On {where}, none {judged} is shown better than {floor}, which costs nothing. Under these conditions no"
            " criterion is shown to be worth its search."
        )
    yield from _choice(found)
    if worse:
        yield f"Shown worse than {floor}: {_names(worse)}."
    if found.collapsed:
        shares = [f"{name} ({k} of {n})" for name, (k, n) in found.collapsed.items()]
        yield f"If one bad run would hurt, beware of choices from the worst tenth of the space: {_names(shares)}."


def _choice(found: Advice) -> Iterator[str]:
    """The candidates, the cheapest of them, and those without a supernet."""
    names, cheapest = found.candidates, found.cheapest
    if not names:
        return
    if found.verdicts["better"]:
        if len(names) < len(found.verdicts["better"]):
            yield f"Of these, none is shown better than {_names(names)}."
        elif len(names) > 1:
            yield "None of these is shown better than another."
    else:
        yield from _not_worse(found)
    if cheapest is not None and len(names) > 1:
        dearest = max(found.seconds, key=found.seconds.__getitem__)
        least, most = (duration(found.seconds[name]) for name in (cheapest, dearest))
        ends = f"{listed([cheapest])} ({least} per selection), the most expensive {listed([dearest])} ({most})"
        yield f"The cheapest of them is {ends}."
    if found.no_supernet and len(names) > 1:
        yield f"{_names(found.no_supernet)} {'needs' if len(found.no_supernet) == 1 else 'need'} no trained supernet."


def _not_worse(found: Advice) -> Iterator[str]:
    """Those of which no difference from the floor is shown, those that differ by little, and how they compare."""
    small = [name for name in found.candidates if name in found.verdicts["small"]]
    if alike := [name for name in found.candidates if name not in small]:
        could = ""
        if found.could_show is not None:
            sizes = "–".join(dict.fromkeys(number(points, 1) for points in found.could_show))
            could = f"; true differences of {sizes} points would have shown in four of five repetitions"
        are = "is" if len(alike) == 1 else "are"
        yield (
            f"If you want a criterion all the same: {_names(alike)} {are} not shown worse than that. That is no proof"
            f" of being as good{could}."
        )
    if small:
        yield (
            f"{_names(small)} {'differs' if len(small) == 1 else 'differ'} from it on average, by a median within the"
            " noise of training."
        )
    pairs, unjudged = found.pairs
    if pairs and unjudged == pairs:
        yield "There are too few seeds to tell any of these from another."
    elif pairs:
        few = f"; {unjudged} of the {counted(pairs, 'pair')} {'has' if unjudged == 1 else 'have'} too few seeds to tell"
        yield f"None of these is shown better than another{few * bool(unjudged)}."


def _unsaid(found: Limits) -> Iterator[str]:
    for size in found.smaller:
        yield (
            f"How the criteria do on supernets as large as the papers': {_size(PUBLISHED.size)} (preset"
            f" {PUBLISHED.preset}). These have {_size(size)}."
        )
    if found.unknown_sizes:
        yield f"How large its supernets were: the preset {_names(found.unknown_sizes)} is not known here."
    one_seed = found.seeds[1] == 1
    if one_seed:
        yield "How much the numbers vary between supernets: there is one seed per recipe."
    if found.untold:
        all_ = found.untold == found.criteria
        of = "any criterion is" if all_ else f"{found.untold} of {criteria(found.criteria)} are"
        few = "supernet seed per recipe is" if one_seed else "supernet seeds per recipe are"
        yield f"How good {of}: {from_to(found.seeds)} {few} too few to tell."
    if not found.recipes:
        yield "What training a supernet would change: no criterion here reads a trained one."
    elif len(found.recipes) == 1:
        yield f"What another training recipe would change: every supernet is trained by {escape(found.recipes[0])}."
    else:
        yield f"What holds on a single recipe: verdicts pool {counted(len(found.recipes), 'recipe')}."
    if found.untried:
        parts = [f"{count} on {escape(recipe)}" for recipe, count in found.untried.items()]
        yield f"What criteria that were not tried on a recipe would choose there: {joined(parts)}."
    if found.lost:
        cells = "cell that failed or is" if found.lost == 1 else "cells that failed or are"
        lost = f"{found.lost:,} {cells} missing ({_names(found.lost_of)})"
        yield f"What would have been chosen in {lost}; means leave {'it' if found.lost == 1 else 'them'} out."
    if found.exploratory == 1:
        yield "How good the one variant (proxy × scheme, options) is: it is exploratory, a family of its own."
    elif found.exploratory:
        variants = f"{counted(found.exploratory, 'variant')} (proxies × schemes, options)"
        yield f"Which of {variants} is best: they are exploratory, a family of their own."
    truth = "after full training" if found.dataset in WRITTEN else "as the table of this data set has them"
    looked = joined([written(name) for name in found.lookups])
    also = f"; its choices are also looked up on {escape(looked)}" if looked else ""
    yield f"Anything about other search spaces or data sets: accuracies are of NAS-Bench-201's cells {truth}{also}."


def _size(size: SupernetSize) -> str:
    images = "all images" if size.images is None else f"{size.images:,} images"
    return (
        f"{counted(size.channels, 'channel')}, {counted(size.cells, 'cell')} per stage and"
        f" {counted(size.epochs, 'epoch')} on {images}"
    )


def _names(names: Sequence[str]) -> str:
    return listed(names, FEW)
