"""Results in an output folder that another version of a method left there, and that the run does not ask for."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

from nas_selection_bench.bench.errors import UsageError, counted, joined
from nas_selection_bench.bench.work.cells import SupernetJob
from nas_selection_bench.bench.work.methods import Methods
from nas_selection_bench.bench.work.plan import PlannedCell, plan_again, state_of
from nas_selection_bench.bench.work.record import DONE, Circumstances, Record
from nas_selection_bench.bench.work.store import Store


def left_over(plan: Sequence[PlannedCell], methods: Methods, here: Circumstances, store: Store) -> str | None:
    """A sentence on results that the report would average with those of `plan`; None if there are none.

    They are of a selector and a size in the plan, but of another version of their selector or recipe (or, for a
    plug-in, of other content), and no cell of the plan replaces them.
    """
    stems = {planned.stem for planned in plan}
    roots = {planned.cell.supernet.dataset: planned.cell.supernet for planned in plan}
    groups = {_group(planned.columns) for planned in plan}
    others = [
        record for stem, record in store.read_all()[0].items()
        if record.state == DONE and stem not in stems and _group(record.cell) in groups
    ]  # fmt: skip
    old = [record for record in others if _outdated(record, roots[str(record.cell["dataset"])], methods, here)]
    if not old:
        return None
    names = joined(sorted({f"{record.cell['selector']} on {record.cell['recipe']}" for record in old}))
    return (
        f"The folder also holds {counted(len(old), 'result')} of earlier versions ({names}) that this run does not"
        " ask for, and the report averages them with the others: compute them again (give --out alone, and --plugin if"
        " you gave it), or choose another --out."
    )


def _group(cell: Mapping[str, str | int]) -> tuple[str | int, ...]:
    """What cells have in common that the report averages, as far as it matters here."""
    return cell["dataset"], cell["selector"], cell["preset"], cell["bn"]


def _outdated(record: Record, like: SupernetJob, methods: Methods, here: Circumstances) -> bool:
    """Whether a record is of another version than the present one; `like` has the data and the seed of the run."""
    with suppress(UsageError):  # an option or a method that does not exist any more
        (planned,) = plan_again([record.cell], methods, like.root, {like.dataset: like.data}, here)
        return planned.stem == record.stem and state_of(planned, record, None) is None
    return True
