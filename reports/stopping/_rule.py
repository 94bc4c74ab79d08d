"""What a stopping rule declares, and the rules of this folder: each reads what is stored and runs nothing.

So every rule meets every criterion that was applied to all checkpoints.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.work.discovery import kind, require_texts, shown
from nas_selection_bench.bench.work.finder import Finder
from nas_selection_bench.bench.work.options import Configurable
from nas_selection_bench.reports.data.courses import Course, NotStored, Stops


@dataclass(frozen=True, kw_only=True)
class StoppingRule(Configurable):
    """When a search stops."""

    paper: str
    formula: str
    """In one line."""
    stop: Callable[[Course], int]
    """Index of the stored checkpoint to select from; raises NotStored."""
    differs: str = "nothing"
    """From the paper and its code."""
    version: int = 1

    def declared(self) -> dict[str, str]:
        """What it says of itself beside its paper, for people."""
        return {"stops at": self.formula, "differs": self.differs}


def offered(name: str, module: Any, file: Path) -> Mapping[str, StoppingRule]:
    """The rule of a module, by the name of its file; raises UsageError for what is none."""
    rule = module.RULE
    if not isinstance(rule, StoppingRule):
        raise UsageError(f"{shown(file)}: RULE must be a StoppingRule, not {kind(rule)}.")
    require_texts(rule, ("paper", "formula"), file)
    return {name: rule}


RULES = Finder("stopping rule", "nas_selection_bench.reports.stopping", ("RULE",), offered)

rules = RULES.methods


def stops(found: dict[tuple[str, int], Course]) -> dict[str, Stops]:
    """What each rule says; supernets of which it lacks something are left out."""
    told_by: dict[str, Stops] = {}
    for name, rule in rules().items():
        for supernet, course in found.items():
            try:
                told_by.setdefault(name, {})[supernet] = course.epochs[rule.stop(course)]
            except NotStored:
                continue
    return {name: epochs for name, epochs in told_by.items() if epochs}
