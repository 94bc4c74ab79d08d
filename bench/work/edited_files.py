"""Reports methods that were edited since their results were stored, by the digests of their files.

A result is valid until the `version` of its method is raised, which is done by hand. An edit that does not raise it is
only reported, since most edits change no result.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from nas_selection_bench.bench.errors import DAMAGE, UsageError, counted, joined
from nas_selection_bench.bench.files import write_whole
from nas_selection_bench.bench.work.methods import Methods, Source
from nas_selection_bench.bench.work.plan import PlannedCell
from nas_selection_bench.bench.work.record import DONE
from nas_selection_bench.bench.work.store import Store

FEW_FILES = 3
"""Up to this many edited files have a line each."""

FILE = "source.json"
"""The file in a supernet's folder that holds the digest of its recipe's file when training began."""


@dataclass(frozen=True)
class Sources:
    """The files of a run's methods, by method name; None if a file is not known."""

    recipes: Mapping[str, Source | None] = field(default_factory=dict)
    selectors: Mapping[str, Source | None] = field(default_factory=dict)

    def of_recipe(self, name: str) -> str | None:
        """The digest of a recipe's file; None if it is not known."""
        source = self.recipes.get(name)
        return source.digest if source else None

    def of_selector(self, name: str) -> str | None:
        """The digest of a selector's file; None if it is not known."""
        source = self.selectors.get(name)
        return source.digest if source else None

    def edits(self, done: Iterable[PlannedCell], plan: Iterable[PlannedCell], store: Store, cache: Path) -> list[str]:
        """A line for each file that has changed since it made results of `done` or trained supernets of `plan`."""
        trained: Counter[str] = Counter()
        for supernet in {planned.supernet.key: planned.supernet for planned in plan}.values():
            recipe = self.recipes.get(supernet.job.recipe)
            if recipe and kept_source(supernet.folder(cache)) not in (None, recipe.digest):
                trained[recipe.file] += 1
        done_by = {planned.stem: planned.cell.selector for planned in done}
        return [
            *self.edits_of_selectors(done_by, store),
            *_lines(trained, "trained", "supernet", "in use here", "its supernets learn"),
        ]

    def edits_of_selectors(self, done: Mapping[str, str], store: Store) -> list[str]:
        """A line for each file that has changed since its results were made; `done`: file stem -> selector name."""
        results: Counter[str] = Counter()
        for stem, name in done.items():
            selector = self.selectors.get(name)
            if selector and store.cost(stem).get("source") not in (None, selector.digest):
                results[selector.file] += 1
        return _lines(results, "produced", "result", "stored here", "it chooses")


def _lines(counts: Mapping[str, int], made: str, what: str, where: str, effect: str) -> list[str]:
    """A line for each edited file, or a single line on all of them if there are more than FEW_FILES.

    `counts`: file -> how many `what` (`result`, `supernet`) it `made`; `effect`: what a newer version may change.
    """
    if len(counts) > FEW_FILES:
        total = counted(sum(counts.values()), what)
        return [
            f"{len(counts)} files have changed since they {made} {total} {where}: {joined(sorted(counts))}; raise the"
            f" version of each whose edit changes what {effect}."
        ]
    return [
        f"{file} has changed since it {made} {counted(count, what)} {where}; raise its version if the edit changes"
        f" what {effect}." for file, count in sorted(counts.items())
    ]  # fmt: skip


def edits_since(store: Store, methods: Methods) -> list[str]:
    """A line for each selector file that has changed since it produced results in `store`."""
    done = {stem: str(r.cell["selector"]) for stem, r in store.read_all()[0].items() if r.state == DONE}
    known: dict[str, Source | None] = {}
    for name in set(done.values()):
        with suppress(UsageError):  # a selector that does not exist here
            known[name] = methods.selectors.source(name)
    return Sources(selectors=known).edits_of_selectors(done, store)


def sources(methods: Methods, recipes: Iterable[str], selectors: Iterable[str]) -> Sources:
    """The files of these recipes and selectors."""
    return Sources(
        {name: methods.recipes.source(name) for name in recipes},
        {name: methods.selectors.source(name) for name in selectors},
    )


def keep_source(folder: Path, digest: str | None) -> None:
    """Store the digest with which a training begins; a training that resumes keeps the one already stored."""
    if digest is not None and not (folder / FILE).exists():
        write_whole(folder / FILE, json.dumps(digest) + "\n")


def kept_source(folder: Path) -> str | None:
    """The digest with which the training in a folder began; None if none can be read."""
    try:
        digest = json.loads((folder / FILE).read_bytes())
    except (OSError, *DAMAGE):
        return None
    return digest if isinstance(digest, str) else None
