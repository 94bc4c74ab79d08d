"""Plug-ins for tests: contents of files that define methods, such a file, and a package as pip installs it."""

import textwrap
from pathlib import Path

SELECTOR = """
from dataclasses import dataclass, replace
from nas_selection_bench import Greedy, Needs, Rule, number, option

@dataclass(frozen=True, kw_only=True)
class Weighed(Rule):
    times: float = option(2.0, number, "what the weights are multiplied by")

    @property
    def needs(self) -> Needs:
        return Needs(alphas=True)

    def score(self, search, edges):
        return self.times * search.probabilities()[list(edges)]

SELECTOR = Greedy(paper="none", formula="times * p", direction="largest", rule=Weighed())
VARIANTS = {"thrice": replace(SELECTOR, rule=Weighed(times=3.0))}
"""
RECIPE = """
from dataclasses import dataclass
from nas_selection_bench import Recipe

@dataclass(frozen=True)
class Mine(Recipe):
    name = "mine-darts"
    paper = "none"
    equation = "as darts"

RECIPE = Mine()
"""
RULE = """
from nas_selection_bench import StoppingRule

RULE = StoppingRule(paper="none", formula="the first", stop=lambda course: 0)
"""


def installed_package(site: Path, name: str, module: str, entry_points: str, version: str = "1.2") -> None:
    """Create a package as pip installs it: one module, and metadata with its entry points."""
    (site / f"{name}.py").write_text(module)
    info = site / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(textwrap.dedent(entry_points))


def file(folder: Path, name: str, text: str) -> str:
    """Write `text` to `name`.py in `folder`; return its path as a string."""
    (folder / f"{name}.py").write_text(text)
    return str(folder / f"{name}.py")
