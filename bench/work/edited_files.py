"""Which methods were edited since their results were stored, by digests of their files.

A result holds for as long as the `version` of its method, which is raised by hand. An edit without that is only
reported: most edits change no result.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from nas_selection_bench.bench.errors import DAMAGE, UsageError, counted
from nas_selection_bench.bench.files import write_whole
from nas_selection_bench.bench.work.methods import Methods, Source
from nas_selection_bench.bench.work.plan import PlannedCell
from nas_selection_bench.bench.work.record import DONE
from nas_selection_bench.bench.work.store import Store

FILE = "source.json"
"""In the folder of a supernet: the digest of its recipe's file when its training began."""


@dataclass(frozen=True)
class Sources:
    """The files of the methods of a run, by the names of the methods; None where that is not known."""

    recipes: Mapping[str, Source | None] = field(default_factory=dict)
    selectors: Mapping[str, Source | None] = field(default_factory=dict)

    def of_recipe(self, name: str) -> str | None:
        """The digest of a recipe's file."""
        source = self.recipes.get(name)
        return source.digest if source else None

    def of_selector(self, name: str) -> str | None:
        """The digest of a selector's file."""
        source = self.selectors.get(name)
        return source.digest if source else None

    def edits(self, done: Iterable[PlannedCell], plan: Iterable[PlannedCell], store: Store, cache: Path) -> list[str]:
        """A line on each file that has changed since results of the `done` cells, or supernets of `plan`, were made."""
        trained: Counter[str] = Counter()
        for supernet in {planned.supernet.key: planned.supernet for planned in plan}.values():
            recipe = self.recipes.get(supernet.job.recipe)
            if recipe and kept_source(supernet.folder(cache)) not in (None, recipe.digest):
                trained[recipe.file] += 1
        return [
            *self.edits_of_selectors({planned.stem: planned.cell.selector for planned in done}, store),
            *(f"{file} has changed since it trained {counted(count, 'supernet')} in use here; raise its version if that"
              " changes what they learn." for file, count in sorted(trained.items())),
        ]  # fmt: skip

    def edits_of_selectors(self, done: Mapping[str, str], store: Store) -> list[str]:
        """A line on each file that has changed since results were made; `done` has their selectors, by file stem."""
        results: Counter[str] = Counter()
        for stem, name in done.items():
            selector = self.selectors.get(name)
            if selector and store.cost(stem).get("source") not in (None, selector.digest):
                results[selector.file] += 1
        return [
            f"{file} has changed since it gave {counted(count, 'result')} stored here; raise its version if that"
            " changes what it chooses." for file, count in sorted(results.items())
        ]  # fmt: skip


def edits_since(store: Store, methods: Methods) -> list[str]:
    """A line on each file of a selector that has changed since it gave results in `store`."""
    done = {stem: str(r.cell["selector"]) for stem, r in store.read_all()[0].items() if r.state == DONE}
    known: dict[str, Source | None] = {}
    for name in set(done.values()):
        with suppress(UsageError):  # a selector that is not here
            known[name] = methods.selectors.source(name)
    return Sources(selectors=known).edits_of_selectors(done, store)


def sources(methods: Methods, recipes: Iterable[str], selectors: Iterable[str]) -> Sources:
    """The files of these methods."""
    return Sources(
        {name: methods.recipes.source(name) for name in recipes},
        {name: methods.selectors.source(name) for name in selectors},
    )


def keep_source(folder: Path, digest: str | None) -> None:
    """Note what a training begins with; a training that goes on began with what is noted already."""
    if digest is not None and not (folder / FILE).exists():
        write_whole(folder / FILE, json.dumps(digest) + "\n")


def kept_source(folder: Path) -> str | None:
    """The digest that the training in a folder began with; None where none can be read."""
    try:
        digest = json.loads((folder / FILE).read_bytes())
    except (OSError, *DAMAGE):
        return None
    return digest if isinstance(digest, str) else None
