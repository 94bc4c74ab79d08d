"""What is missing from a report, one sentence per gap."""

from collections.abc import Collection
from dataclasses import dataclass
from html import escape

from nas_selection_bench.bench.errors import counted
from nas_selection_bench.bench.work.record import DONE, FAILED, MISSING, SKIPPED
from nas_selection_bench.reports.data.material import Material
from nas_selection_bench.reports.data.text import listed

ONE_CHECKPOINT = ("dataset", "recipe", "supernet_seed", "epoch", "preset", "device", "threads")
"""The columns that identify a checkpoint; every selector must have seen the same one."""

TOO_MUCH = 0.05
"""If more than this share of the requested cells is missing, the gap is grave whichever criteria it concerns."""


@dataclass(frozen=True)
class Gap:
    """One thing that is missing."""

    said: str
    """A sentence, as HTML."""
    grave: bool = True
    """Whether it affects what the headline says."""
    briefly: str = ""
    """The same without names, for the line of conditions; empty if there are no names to leave out."""


def gaps(source: Material, named: Collection[str]) -> list[Gap]:
    """List what is missing from this report; empty for a complete one.

    Cells without a result are grave if they belong to criteria in `named`, which the first lines of the page mention by
    name, or if they are more than TOO_MUCH of the requested ones.
    """
    counts, rows = source.results.counts(), source.results.rows
    found: list[Gap] = []
    if not counts[DONE]:
        found.append(Gap("Nothing was measured: no cell is done."))
    for state, said in ((FAILED, "failed"), (MISSING, "not run yet")):
        if counts[state]:
            methods = sorted(set(rows.loc[rows["state"] == state, "method"]))
            asked = sum(counts.values()) - counts[SKIPPED]
            grave = bool(set(named) & set(methods))
            text = f"{counts[state]:,} of {asked:,} cells {said}"
            found.append(Gap(f"{text}: {listed(methods)}.", grave or counts[state] > TOO_MUCH * asked, text))
    versions = rows[rows["state"] == DONE].groupby("method")["version"].nunique()
    mixed = sorted(versions.index[versions > 1])
    if mixed:
        found.append(
            Gap(
                f"The results mix more than one version of {listed(mixed)}; running the same command for all seeds"
                " computes the old ones again."
            )
        )
    own = source.results.own_checkpoint
    recipe_versions = own.groupby("setting")["recipe_version"].nunique()
    retrained = sorted(recipe_versions.index[recipe_versions > 1])
    if retrained:
        found.append(Gap(f"The supernets mix more than one version of {listed(retrained)}."))
    torn = int((own.groupby(list(ONE_CHECKPOINT))["checkpoint"].nunique() > 1).sum())
    if torn:
        found.append(
            Gap(
                f"{counted(torn, 'checkpoint')} differed between selectors (was the supernet trained again on another"
                " machine?), so their results are not paired; delete those records and run the command again."
            )
        )
    for dataset in source.results.datasets:
        if dataset not in source.table.datasets:
            found.append(Gap(f"The table has no <b>{escape(dataset)}</b>, so selections on it cannot be judged."))
    return found
