"""The class of stopping rules, and the registry of the rules in this folder.

A rule reads stored values and runs nothing, so every rule can be combined with every criterion that was applied to all
checkpoints.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nas_selection_bench.bench.errors import UsageError, in_brief
from nas_selection_bench.bench.work.discovery import kind, require_texts, shown
from nas_selection_bench.bench.work.finder import Finder
from nas_selection_bench.bench.work.options import Configurable
from nas_selection_bench.reports.data.courses import Course, NotStored, Stops


@dataclass(frozen=True, kw_only=True)
class StoppingRule(Configurable):
    """A rule that says when a search stops."""

    paper: str
    formula: str
    """The rule as a formula, in one line."""
    stop: Callable[[Course], int]
    """Returns the index of the stored checkpoint to select from; raises NotStored if the course lacks a value."""
    differs: str = "nothing"
    """How the rule differs from the paper and its code."""
    version: int = 1

    def declared(self) -> dict[str, str]:
        """The description of the rule beside its paper, for readers."""
        return {"stops at": self.formula, "differs": self.differs}


def offered(name: str, module: Any, file: Path) -> Mapping[str, StoppingRule]:
    """{`name`: the RULE of a module}; raises UsageError if it is not a well-formed StoppingRule."""
    rule = module.RULE
    if not isinstance(rule, StoppingRule):
        raise UsageError(f"{shown(file)}: RULE must be a StoppingRule, not {kind(rule)}.")
    require_texts(rule, ("paper", "formula"), file)
    return {name: rule}


RULES = Finder("stopping rule", "nas_selection_bench.reports.stopping", ("RULE",), offered)

rules = RULES.methods


def stops(found: dict[tuple[str, int], Course]) -> dict[str, Stops]:
    """Rule -> (setting, seed) -> the epoch at which it stops, without supernets that lack a value the rule needs.

    Raises UsageError if a rule fails or returns anything but the index of a stored checkpoint.
    """
    told_by: dict[str, Stops] = {}
    for name, rule in rules().items():
        for supernet, course in found.items():
            try:
                place = rule.stop(course)
            except NotStored:
                continue
            except Exception as error:
                raise UsageError(f"The stopping rule {name} fails: {in_brief(error)}; correct its `stop`.") from error
            last = len(course.epochs) - 1
            if not isinstance(place, int | np.integer) or isinstance(place, bool) or not 0 <= place <= last:
                raise UsageError(
                    f"The stopping rule {name} returned {in_brief(repr(place))}; it must return the index of a stored"
                    f" checkpoint, a whole number from 0 to {last}."
                )
            told_by.setdefault(name, {})[supernet] = course.epochs[place]
    return {name: epochs for name, epochs in told_by.items() if epochs}
