"""Runs a plan: trains the missing supernets, then runs the cells that are to do, and records each one as it ends."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from nas_selection_bench.bench.errors import DataError, counted
from nas_selection_bench.bench.files import remove_stale_lock, write_whole
from nas_selection_bench.bench.work.edited_files import Sources
from nas_selection_bench.bench.work.json_files import write_json
from nas_selection_bench.bench.work.plan import PlannedCell, PlannedSupernet, Split, checkpoint_of, split_plan, state_of
from nas_selection_bench.bench.work.progress import NORMAL, Progress
from nas_selection_bench.bench.work.record import DONE, FAILED, STATES, Record, file_stem
from nas_selection_bench.bench.work.spread import spread
from nas_selection_bench.bench.work.store import Store
from nas_selection_bench.bench.work.tasks import KILLED, Outcome, SelectTask, TrainTask, Workplace, is_trained
from nas_selection_bench.bench.work.timings import Estimate, Timings
from nas_selection_bench.bench.work.unshared_cache import spread_over_machines

MOST_TITLES = 24
"""Largest number of supernets that `training_line` names; the others are counted."""


@dataclass
class Run:
    """One invocation: computes the cells of a plan that an output folder lacks, and records them there."""

    plan: Sequence[PlannedCell]
    store: Store
    workplace: Workplace
    timings: Timings
    retry_failed: bool = False
    commit: str | None = None
    """Commit of the program, if known; stored with the cost of each cell."""
    sources: Sources = field(default_factory=Sources)
    """Files of the methods; their digests are stored with the cost of each cell, and with each supernet."""
    verbosity: int = NORMAL
    states: dict[str, str] = field(default_factory=dict)
    """State of each cell of the plan that has a valid record, by file stem."""
    damaged: list[Path] = field(default_factory=list)
    """Records of this plan that could not be read; their cells are to do."""
    returning: list[PlannedCell] = field(default_factory=list)
    """Cells whose record was set aside for another version and is valid again; `put_back` makes it the result."""

    def split(self) -> Split:
        """The plan divided by what is left to do, judged by the records on disk and the checkpoints in the cache.

        Raises DataError for a damaged record of a cell that is not in this plan.
        """
        records, damaged = self.store.read_all()
        planned = {cell.stem for cell in self.plan}
        strangers = [path for path in damaged if path.stem not in planned]
        if strangers:
            raise DataError(
                f"The record {strangers[0]} is damaged, and this run does not compute its cell ({len(strangers)} such):"
                " rerun the command that made it, or delete it."
            )
        checkpoints: dict[tuple[str, int], str | None] = {}
        for cell in self.plan:
            key = (cell.supernet.key, cell.cell.epoch)
            if cell.reads_checkpoint and key not in checkpoints:
                checkpoints[key] = checkpoint_of(
                    self.workplace.supernets, cell.supernet, cell.cell.epoch, self.workplace.cache
                )
        aside = self.store.read_aside()

        def holds(planned: PlannedCell, among: Mapping[str, Record]) -> str | None:
            checkpoint = checkpoints.get((planned.supernet.key, planned.cell.epoch))
            return state_of(planned, among.get(planned.stem), checkpoint)

        self.returning = [cell for cell in self.plan if holds(cell, aside) and not holds(cell, records)]
        records |= {cell.stem: aside[cell.stem] for cell in self.returning}
        self.damaged = [path for path in damaged if path.stem not in records]
        split = split_plan(self.plan, records, checkpoints, self.retry_failed)
        self.states = {cell.stem: state for state, cells in split.standing.items() for cell in cells}
        return split

    def put_back(self) -> None:
        """Turn the set-aside records that the latest `split` found valid into results again."""
        for planned in self.returning:
            self.store.put_back(planned.stem)
            self._log(planned.stem).unlink(missing_ok=True)

    def untrained(self, cells: Iterable[PlannedCell]) -> dict[PlannedSupernet, int]:
        """The supernets whose checkpoints `cells` need and the cache lacks, in order, with the last epoch needed."""
        here, until = self.workplace, dict[PlannedSupernet, int]()
        for planned in cells:
            if planned.reads_checkpoint:
                until[planned.supernet] = max(planned.cell.epoch, until.get(planned.supernet, 0))
        return {s: last for s, last in until.items() if not is_trained(here.supernets, s, here.cache, last)}

    def work(self) -> None:
        """Run the cells that are left; `states` then says how each cell of the plan ended.

        Raises DataError if the disk is full; whatever was finished by then stays.
        """
        todo = self._open()
        damaged = list(self.damaged)
        with Progress(len(todo), self._remaining_of(todo), self.verbosity) as progress:
            for path in damaged:
                progress.say(f"The record {path} is damaged; its cell will be recomputed.")
            failed: dict[str, Outcome] = {}
            untrained = self.untrained(todo)
            if untrained:
                failed = self._train(untrained, progress)
                # A retrained supernet may differ from the one that stored records read: those cells must be redone.
                todo = self._open()
                progress.resize(len(todo))
            self._select(todo, failed, progress)

    def _open(self) -> list[PlannedCell]:
        """Take invalid records out of the results; returns the cells to do."""
        self.store.drop_replaced()
        split = self.split()
        self.put_back()
        for planned in split.outdated:
            self.store.set_aside(planned.stem)
        return split.todo

    def _remaining_of(self, todo: Sequence[PlannedCell]) -> Callable[[], float | None]:
        """A function that estimates the seconds left, from the timings of earlier runs and of this one."""

        def remaining() -> float | None:
            left = [cell for cell in todo if cell.stem not in self.states]
            found = self.estimate(left, self.untrained(left))
            # Items that were never timed are assumed to take the average of the others, once those are the majority.
            return found.seconds * (1 + found.untimed / found.timed) if found.timed > found.untimed else None

        return remaining

    def estimate(self, cells: Sequence[PlannedCell], supernets: Mapping[PlannedSupernet, int]) -> Estimate:
        """How long `cells` should take, with the training of `supernets`, those that are `untrained` for them."""
        trained = {cell.supernet.key for cell in cells} - {supernet.key for supernet in supernets}
        begun = {s.key: more for s, until in supernets.items() if (more := self._left_of(s, until)) is not None}
        return self.timings.estimate(cells, trained, self.workplace.pool.jobs, begun)

    def _left_of(self, supernet: PlannedSupernet, until: int) -> float | None:
        """Seconds that a supernet in training still needs, by the mean of its epochs; None if no epoch is trained."""
        seconds = self._epochs(supernet)
        left = max(until - len(seconds), 0)
        return sum(seconds) / len(seconds) * left if seconds else None

    def _epochs(self, supernet: PlannedSupernet) -> Sequence[float]:
        """Seconds that each trained epoch of a supernet took; empty if it must begin anew, for want of a checkpoint."""
        here = self.workplace
        seconds = here.supernets.seconds(supernet.folder(here.cache))
        return seconds if is_trained(here.supernets, supernet, here.cache, len(seconds)) else []

    def _train(self, until: Mapping[PlannedSupernet, int], progress: Progress) -> dict[str, Outcome]:
        """Train supernets, each until the given epoch; returns the outcomes of those that failed, by supernet key."""
        supernets = list(until)
        columns = {cell.supernet.key: cell.columns for cell in self.plan}
        failed: dict[str, Outcome] = {}
        local = None if self.workplace.pool.own_processes else progress
        tasks = [
            TrainTask(supernet, last, self.workplace, local, self.sources.of_recipe(supernet.job.recipe))
            for supernet, last in until.items()
        ]
        trained, epochs = 0, sum(until.values())
        for supernet, last in until.items():
            if done := len(self._epochs(supernet)):
                progress.say(f"{supernet.title} resumes after epoch {done} of {last}")
                trained += done
        progress.training(trained, epochs)
        progress.working_on(f"training {supernets[0].title}")
        if local is None:
            progress.watch(lambda: self._training_state(until, progress))
        for number, outcome in self._spread(tasks):
            supernet = supernets[number]
            _stop(outcome.disk_trouble)
            if outcome.state == FAILED:
                failed[supernet.key] = outcome
                write_whole(self._log(f"supernet.{supernet.key}"), outcome.trace or outcome.reason)
                progress.say(f"supernet {supernet.title} failed: {outcome.explained}")
                _stop(outcome.device_lost)
            else:
                self._log(f"supernet.{supernet.key}").unlink(missing_ok=True)
                self.timings.learn({**columns[supernet.key], "selector": "", "training_seconds": outcome.seconds})
                progress.trained(supernet.title, outcome.seconds)
        progress.watch(None)
        progress.training(epochs, epochs)
        return failed

    def _spread(self, tasks: Sequence[TrainTask] | Sequence[SelectTask]) -> Iterator[tuple[int, Outcome]]:
        if self.workplace.pool.backend == "dask":
            return spread_over_machines(tasks, self.workplace)
        return spread(tasks, self.workplace.pool, KILLED)

    def _training_state(self, until: Mapping[PlannedSupernet, int], progress: Progress) -> str:
        """The progress of training in other processes, in epochs, with the first supernet that is under way."""
        done = {supernet: len(self._epochs(supernet)) for supernet in until}
        all_done, expected = sum(done.values()), sum(until.values())
        progress.training(all_done, expected)
        under_way = ((s.title, done[s], last) for s, last in until.items() if done[s] < last)
        of = next((f", {title} epoch {epoch}/{last}" for title, epoch, last in under_way), "")
        return f"training {counted(len(until), 'supernet')}: {all_done} of {counted(expected, 'epoch')}{of}"

    def _select(self, todo: Sequence[PlannedCell], failed: Mapping[str, Outcome], progress: Progress) -> None:
        """Run the cells; a cell whose checkpoint is missing because training failed is recorded as failed for that."""
        ready: list[PlannedCell] = []
        lost: Counter[str] = Counter()
        for planned in todo:
            present = self.workplace.supernets.epochs_present(planned.supernet.folder(self.workplace.cache))
            if not planned.reads_checkpoint or planned.cell.epoch in present:
                ready.append(planned)
            else:
                training = failed.get(planned.supernet.key)
                why = training.reason if training else f"no checkpoint of epoch {planned.cell.epoch} was stored"
                where = training.where if training else None
                outcome = Outcome(FAILED, f"supernet {planned.supernet.title} failed: {why}", where)
                self._keep(planned, outcome, f"logs/supernet.{planned.supernet.key}.txt")
                lost[planned.supernet.title] += 1
        for title, count in lost.items():
            progress.cells_lost(f"supernet {title}", count)
        self._keep_training_costs(todo)
        local = None if self.workplace.pool.own_processes else progress
        known = self._shared_results() if any(planned.shared for planned in ready) else {}
        works: dict[str, list[PlannedCell]] = {}
        for planned in ready:
            stored = next((known[name] for name in (planned.shared, planned.former_shared) if name in known), None)
            if stored is not None:
                self._conclude(planned, stored, progress)
            else:
                works.setdefault(planned.shared or planned.stem, []).append(planned)
        alike = list(works.values())
        tasks = [SelectTask(cells[0], self.workplace, local) for cells in alike]
        for number, outcome in self._spread(tasks):
            _stop(outcome.disk_trouble)
            first, *others = alike[number]
            self._conclude(first, outcome, progress)
            for planned in others:
                self._conclude(planned, replace(outcome, seconds=0.0), progress)
            _stop(outcome.device_lost)
            if local is None:
                progress.working_on(next((p.title for p in ready if p.stem not in self.states), ""))

    def _shared_results(self) -> dict[str | None, Outcome]:
        """The stored results that several cells may share, by the key of their computation (`Record.shared`)."""
        found: dict[str | None, Outcome] = {}
        for stem, record in self.store.read_all()[0].items():
            if record.state != DONE or record.shared is None:
                continue
            cost = {name: value for name, value in self.store.cost(stem).items() if name != "cell"}
            cost = {"commit": None, "source": None, **cost}  # unknown for older results, not those of this run
            found[record.shared] = Outcome(DONE, choice=record.choice, cost=cost)
        return found

    def _conclude(self, planned: PlannedCell, outcome: Outcome, progress: Progress) -> None:
        """Record how a cell ended, and report it."""
        log = None
        if outcome.state == FAILED:
            log = f"logs/{planned.stem}.txt"
            write_whole(self._log(planned.stem), outcome.trace or outcome.reason)
        else:
            self._log(planned.stem).unlink(missing_ok=True)
        self._keep(planned, outcome, log)
        progress.cell_finished(planned.title, outcome.state, outcome.seconds, outcome.explained)

    def _keep(self, planned: PlannedCell, outcome: Outcome, log: str | None) -> None:
        """Write the cell's cost, if any, then its record, so that a result on disk always has its cost beside it."""
        cost = self.store.costs / f"{planned.stem}.json"
        if not outcome.cost:
            cost.unlink(missing_ok=True)
        else:
            self.timings.learn({**planned.columns, **outcome.cost})
            now = {"commit": self.commit, "source": self.sources.of_selector(planned.cell.selector)}
            content = {"cell": dict(planned.columns), **now, **outcome.cost}
            write_json(cost, content, indent=1)
        record = Record(
            cell=dict(planned.columns), root=planned.cell.supernet.root, key=planned.key, version=planned.version,
            recipe_version=planned.supernet.recipe_version, state=outcome.state, reason=outcome.reason,
            where=outcome.where, log=log, shared=planned.shared, checkpoint=outcome.checkpoint,
            supernet_accuracy=outcome.supernet_accuracy, choice=outcome.choice,
        )  # fmt: skip
        self.store.write(planned.stem, record)
        self.states[planned.stem] = outcome.state

    def _keep_training_costs(self, cells: Sequence[PlannedCell]) -> None:
        """Write the training cost of each cell's supernet; the row of a supernet has no selector."""
        here = self.workplace
        for planned in {cell.supernet.key: cell for cell in cells if cell.reads_checkpoint}.values():
            last = planned.cell.supernet.settings.epochs
            if not is_trained(here.supernets, planned.supernet, here.cache, last):
                continue
            remove_stale_lock(planned.supernet.folder(here.cache) / ".lock")
            columns = {**planned.columns, "epoch": last, "selector": "", "selector_seed": 0, "bn": ""}
            seconds = here.supernets.seconds(planned.supernet.folder(here.cache))
            content = {"cell": columns, "training_seconds": sum(seconds) if seconds else None}
            write_json(self.store.costs / f"{file_stem(columns)}.json", content, indent=1)

    def _log(self, stem: str) -> Path:
        return self.store.logs / f"{stem}.txt"


def _stop(sentence: str) -> None:
    """End the run with this sentence, unless it is empty."""
    if sentence:
        raise DataError(sentence)


def training_line(supernets: Collection[PlannedSupernet]) -> str:
    """The number of supernets to train and their titles, at most MOST_TITLES of them."""
    titles = ", ".join(supernet.title for supernet in islice(supernets, MOST_TITLES))
    further = f" and {len(supernets) - MOST_TITLES:,} more" if len(supernets) > MOST_TITLES else ""
    return f"{counted(len(supernets), 'supernet')} to train" + (f": {titles}{further}" if titles else "")


def counts_line(counts: Mapping[str, int]) -> str:
    """The number of cells in each state as a phrase: `118 done, 2 failed`."""
    return ", ".join(f"{counts[state]} {state}" for state in STATES if counts.get(state))
