"""The greedy schedule, which combines a scoring rule, an edge order and fine-tuning between decisions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nas_selection_bench.bench.errors import UsageError, in_brief
from nas_selection_bench.bench.problem.selection import Decision, Selection
from nas_selection_bench.bench.problem.space import ALL_EDGES, NONE, OPERATIONS
from nas_selection_bench.bench.problem.validate import shape_of
from nas_selection_bench.bench.work.options import not_negative, one_of, option, or_preset, yes_or_no
from nas_selection_bench.selectors.parts.criterion import Rule, Selector
from nas_selection_bench.selectors.parts.needs import Needs
from nas_selection_bench.selectors.parts.option_texts import with_tuning, without_tuning
from nas_selection_bench.selectors.parts.orders import ORDERS, Step
from nas_selection_bench.selectors.parts.view import Search


def decide_greedily(
    rule: Rule, order_name: str, tune_epochs: int, search: Search, *, none: bool = True, all_scores: bool = True
) -> tuple[np.ndarray, list[Decision]]:
    """Decide the six edges one at a time; with `none` False, never for the operation `none`.

    Returns the scores [6, 5] before any decision, and the decisions in the order made; these are also in
    `search.decided`. If `all_scores` is False, edges that the method did not score before the first decision score 0.
    """
    order, first = ORDERS[order_name], NONE if none else NONE + 1
    at_start: dict[int, np.ndarray] = {}
    score_at_start = Scorer(rule, search, at_start)
    score = score_at_start
    decisions: list[Decision] = []
    if order.scores_all_first:
        score_at_start(ALL_EDGES)
    while search.open_edges:
        edge = order.choose(Step(search, search.open_edges, score, at_start, first))
        operation = first + int(np.argmax(score([edge])[0, first:]))
        if not decisions and all_scores:
            # The measures need all 30 scores before any decision; a method that decides edge by edge does not.
            with search.meter.aside():
                score_at_start(ALL_EDGES)
        search.decide(edge, operation)
        decisions.append(Decision(edge, operation))
        if search.open_edges and tune_epochs:
            search.tune(tune_epochs)
        if order.rescores:
            score = Scorer(rule, search, {})
    unscored = np.zeros(len(OPERATIONS))
    return np.stack([at_start.get(edge, unscored) for edge in ALL_EDGES]), decisions


@dataclass
class Scorer:
    """Scores edges by a rule, in one state of the search, each edge once and with only the rule's own inputs."""

    rule: Rule
    search: Search
    known: dict[int, np.ndarray]

    def __call__(self, edges: Sequence[int]) -> np.ndarray:
        """[len(edges), 5] scores, larger = keep."""
        missing = [edge for edge in edges if edge not in self.known]
        if missing:
            with self.search.withholding(self.rule.needs):
                answer = self.rule.score(self.search, missing)
            rows = rows_of(answer, f"{type(self.rule).__name__}.score", missing)
            self.known.update(zip(missing, rows, strict=True))
        return np.stack([self.known[edge] for edge in edges])


def rows_of(answer: object, giver: str, edges: Sequence[int]) -> np.ndarray:
    """The scores [len(edges), 5] that `giver` returned, as an array; raises ValueError if they are not valid scores."""
    if getattr(answer, "requires_grad", False):
        raise ValueError(f"{giver} gave a tensor that requires grad; return scores.detach()")
    if shape_of(answer) != (len(edges), len(OPERATIONS)):
        found = shape_of(answer) or type(answer).__name__
        raise ValueError(f"{giver} gave {found} for the edges {edges}, not {len(edges)} rows of 5 scores")
    try:
        rows = np.asarray(answer)
    except (TypeError, ValueError, RuntimeError) as error:  # tensors on a GPU, or of bfloat16
        raise ValueError(f"{giver} gave what numpy cannot read ({in_brief(error)}); return scores.cpu()") from error
    if rows.dtype.kind not in "fiub":
        raise ValueError(f"{giver} gave an array of {rows.dtype}, not of numbers, for the edges {edges}")
    if not np.isfinite(rows).all():
        raise ValueError(f"{giver} gave scores that are not finite for the edges {edges}")
    return rows


@dataclass(frozen=True, kw_only=True)
class Greedy(Selector):
    """Decides edges greedily by a scoring rule, in an edge order, with epochs of fine-tuning between decisions.

    The options of the rule are also options of the selector.
    """

    rule: Rule
    order: str = option("once", one_of(*ORDERS), "order in which edges are decided")
    tune: int | None = option(0, or_preset(not_negative), "epochs of fine-tuning between decisions")
    none: bool = option(True, yes_or_no, "whether `none` can be chosen; the scores do not change")

    @property
    def needs(self) -> Needs:
        """The inputs of the rule, the order and the fine-tuning."""
        tuning = Needs() if self.tune == 0 else Needs(trained=True, alphas=True, tuning=True)
        return self.rule.needs | ORDERS[self.order].needs | tuning

    @property
    def stochastic(self) -> bool:
        """Whether the rule or the order is random, or there is fine-tuning, which shuffles mini-batches."""
        return self.rule.stochastic or ORDERS[self.order].stochastic or self.tune != 0

    @property
    def decides_by_alphas(self) -> bool:
        """Whether the rule reads only the alphas, whatever the order and the fine-tuning read."""
        return self.rule.needs == Needs(alphas=True)

    def declared(self) -> dict[str, str]:
        """Descriptions as for every selector; fine-tuning is mentioned only if there is some."""
        texts = super().declared()
        return texts if self.tune == 0 else with_tuning(texts, super().of_file(), self.tune)

    def of_file(self) -> dict[str, str]:
        """The descriptions in its file, without those of the tuning."""
        return without_tuning(super().of_file(), self.order)

    def options(self) -> dict[str, tuple[object, str]]:
        """The options of the schedule and of the rule."""
        found = super().options()
        if not self.rule.chooses_none:
            del found["none"]
        return found

    def set_options(self, texts: Mapping[str, str]) -> "Greedy":
        """A copy with the options in `texts` set on the schedule and on the rule.

        `order=once` without `tune` sets tune=0. Raises UsageError for tuning with order=once, and for tuning a rule
        that cannot be tuned.
        """
        result: Greedy = super().set_options(texts)
        if result.order == "once" and "order" in texts and "tune" not in texts:
            result = replace(result, tune=0)
        if result.order == "once" and result.tune != 0:
            raise UsageError(
                f"{self.name} with order=once decides all edges at the checkpoint, without fine-tuning between"
                " decisions; choose another order or tune=0."
            )
        if result.tune != 0 and not result.rule.can_be_tuned:
            raise UsageError(
                f"{self.name} scores a network with fresh weights, so fine-tuning has no effect on it; use tune=0."
            )
        return result

    def select(self, search: Search) -> Selection:
        """Decide edge by edge."""
        epochs = search.budget.tune_epochs if self.tune is None else self.tune
        scores, decisions = decide_greedily(self.rule, self.order, epochs, search, none=self.none)
        return Selection(search.architecture(), scores, decisions)
