"""Detection of stored cells made with another version of their selector or recipe, whose results no longer hold."""

from collections import Counter
from collections.abc import Mapping, Sequence

from nas_selection_bench.bench.check.difference import Difference
from nas_selection_bench.bench.errors import UsageError, counted
from nas_selection_bench.bench.work.methods import MethodCatalogue, Methods
from nas_selection_bench.bench.work.record import SKIPPED


def superseded(rows: Sequence[Mapping[str, str]], methods: Methods) -> tuple[list[Difference], list[str]]:
    """Compare the versions in `rows` of records.csv with those of the present methods.

    Returns a difference for each method and stored version that is not the present one, and a note for each method
    that does not exist here, such as a plug-in's.
    """
    differences: list[Difference] = []
    notes: list[str] = []
    kinds: tuple[tuple[str, str, MethodCatalogue], ...] = (
        ("selector", "version", methods.selectors), ("recipe", "recipe_version", methods.recipes)
    )  # fmt: skip
    for kind, column, offer in kinds:
        stored = Counter((row[kind], row[column]) for row in rows if row["state"] != SKIPPED and row[column])
        for (name, version), count in sorted(stored.items()):
            try:
                present = str(offer.find(name).version)
            except UsageError:
                notes.append(f"the version of {kind} {name}, which is not known here")
                continue
            if version != present:
                differences.append(
                    Difference("records.csv", {kind: name}, column, f"{version} ({counted(count, 'cell')})", present)
                )
    return differences, list(dict.fromkeys(notes))
