"""Carry out one command line, from its options to its exit code: list, plan, run, gather, report."""

from __future__ import annotations

import shlex
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas_selection_bench.bench.commands import devices, resolve
from nas_selection_bench.bench.commands.asked import asked_before, asked_here, folders_plan, sizes
from nas_selection_bench.bench.commands.cautions import cautions
from nas_selection_bench.bench.commands.ending import ended
from nas_selection_bench.bench.commands.from_outside import noted_plugins, plugins_of
from nas_selection_bench.bench.commands.left_over import left_over
from nas_selection_bench.bench.commands.listing import list_all, list_json, list_one
from nas_selection_bench.bench.commands.options import Options, program_name
from nas_selection_bench.bench.commands.others import check_results, conclude, failures, report_only
from nas_selection_bench.bench.commands.out_folder import note_on_new_folder, refuse_file, refuse_others_files, vanishes
from nas_selection_bench.bench.errors import DataError, ExitCode, MissingData, counted
from nas_selection_bench.bench.files import make_folder, only_writer, sweep
from nas_selection_bench.bench.names import called
from nas_selection_bench.bench.problem.datasets import DATASETS, data_root, missing_images
from nas_selection_bench.bench.problem.image_checks import label_warnings, refuse_unfit
from nas_selection_bench.bench.problem.image_set import ImageSet
from nas_selection_bench.bench.problem.own_dataset import describe, own_names
from nas_selection_bench.bench.problem.pixels import UNKNOWN
from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.bench.work.edited_files import sources
from nas_selection_bench.bench.work.methods import Methods
from nas_selection_bench.bench.work.methods_file import write_described
from nas_selection_bench.bench.work.pack import opened, unpack
from nas_selection_bench.bench.work.plan import Split
from nas_selection_bench.bench.work.plan_file import planned_cells, write_plan
from nas_selection_bench.bench.work.plugins import using
from nas_selection_bench.bench.work.presets import preset_label
from nas_selection_bench.bench.work.progress import NORMAL, QUIET, VERBOSE
from nas_selection_bench.bench.work.record import DONE, Circumstances
from nas_selection_bench.bench.work.run_file import RUN_FILE, arithmetic, git_commit, read_run, write_run
from nas_selection_bench.bench.work.runner import Run, counts_line, training_line
from nas_selection_bench.bench.work.seats import leave_seats
from nas_selection_bench.bench.work.store import Store
from nas_selection_bench.bench.work.tasks import Workplace
from nas_selection_bench.bench.work.timings import Timings, stored_costs
from nas_selection_bench.bench.work.untrained_alphas import skip_reasons
from nas_selection_bench.bench.work.workers import no_processes

if TYPE_CHECKING:
    from nas_selection_bench.bench.check.exact import DrawReport


def answer(
    options: Options, argv: Sequence[str], methods: Callable[[], Methods], draw_report: DrawReport, code: Path
) -> ExitCode:
    """Do what `options` ask, and end as `ended` does; the commit of the program's folder `code` goes into run.json."""

    def act() -> ExitCode:
        for folder, option in ((options.out, "--out"), (options.check, "--check"), (options.cache, "--cache")):
            refuse_file(folder, option)
        with using(plugins_of(options)):
            return _work_off(options, argv, methods, draw_report, code)

    return ExitCode(ended(program_name(), act))


def _work_off(
    options: Options, argv: Sequence[str], methods: Callable[[], Methods], draw_report: DrawReport, code: Path
) -> ExitCode:
    if options.list is not None:
        root, known = data_root(options.data_root, needed=False), methods()
        if options.json:
            return list_json(options.list, root, known)
        return list_one(options.list, root, known) if options.list else list_all(root, known)
    if options.doctor:
        from nas_selection_bench.bench.commands.doctor import doctor

        return doctor(options.data_root, options.table, options.cache)
    if options.report_only:
        return report_only(options, draw_report, methods())
    if options.check:
        return check_results(options.check, options, draw_report, methods())
    session = Session(options, argv, methods(), code)
    return session.show_plan() if options.plan else session.work(draw_report)


class Session:
    """One run or plan: what to do, where, and against which ground truth."""

    def __init__(self, options: Options, argv: Sequence[str], methods: Methods, code: Path) -> None:
        self.options, self.argv, self.code = options, list(argv), code
        self.skip_reason = skip_reasons(methods)
        self.verbosity = QUIET if options.quiet else VERBOSE if options.verbose else NORMAL
        again = folders_plan(options)
        named = ",".join(cell["dataset"] for cell in again) or options.datasets
        self.root = root = data_root(options.data_root, needed={*named.split(",")} != {"digits"})
        self.datasets = resolve.find_datasets(named, root)
        earlier = read_run(options.out) if options.out else None
        usual = earlier.get("device", "auto") if again and earlier and options.device == "auto" else options.device
        self.device = devices.find_device(usual)
        self.settings = sizes(again) if again else resolve.find_settings(options, self.datasets, self.device.kind)
        self.how = "" if options.preset or again else " (the default)"
        resolve.refuse_too_many_images(options.images, self.datasets, root)
        self.out = options.out or resolve.default_out(self.datasets, self.settings)
        refuse_others_files(self.out)
        earlier = read_run(self.out)
        self.threads = resolve.find_threads(options, earlier)
        self.jobs = resolve.find_jobs(options, self.device, self.threads)
        self.lacking: list[str] = []
        self.table = self._table(root)
        if not (self.out / RUN_FILE).exists():
            missing = (missing_images(name, root, s.images) for name, s in self.settings.items())
            self.lacking += [sentence for sentence in missing if sentence]
        if self.lacking and not options.plan:
            raise self.all_missing()
        self.pixels = resolve.find_pixels(self.settings, root)
        data = {name: pixels.key for name, pixels in self.pixels.items() if pixels.key}
        here = Circumstances(self.device.kind, self.threads, self.device.hardware, methods.outside())
        if again and earlier:
            self.asked = asked_before(again, methods, earlier, here, data)
            self.words = list(earlier.get("argv", self.argv))
        else:
            self.asked = asked_here(options, methods, self.settings, here, data)
            self.words = self.argv
        self.left_over = partial(left_over, self.asked.plan, methods, here)
        resolve.refuse_another_experiment(self.out, earlier, self.facts())
        if not again:
            planned_cells(Store(self.out))  # a damaged plan is reported now: this run will add its cells to it
        cache = options.cache or resolve.default_cache()
        workers = min(self.jobs, max(1, len(self.asked.plan)))  # loky would start all of them, even without cells
        pool = resolve.find_pool(options, self.device, workers, self.threads, self.out)
        if pool.backend == "none" and self.jobs > 1:
            self.say(f"No worker processes can be started here ({no_processes()}): everything runs in one process.")
            self.jobs = pool.jobs
        self.store = Store(self.out)
        self.job = Run(
            plan=self.asked.plan,
            store=self.store,
            workplace=Workplace(methods.supernets, methods.work, root, cache, pool.device_name(self.device.name), pool),
            timings=Timings(stored_costs(self.out.parent, code / "results")),
            retry_failed=options.retry_failed,
            sources=sources(methods, [r.name for r in self.asked.recipes], [s.name for s in self.asked.selectors]),
            verbosity=self.verbosity,
        )

    def _table(self, root: Path) -> GroundTruth | None:
        """The ground truth; None if no table is found, since a plan can do without it."""
        try:
            return resolve.find_table(self.options, self.datasets, root)
        except MissingData as missing:
            self.lacking.append(str(missing))
            return None

    def all_missing(self) -> MissingData:
        """The error for everything that is missing; it does not suggest fetching a table that the user named."""
        table = self.table is None and not resolve.named_table(self.options, self.datasets)
        return resolve.all_missing(self.lacking, self.datasets, self.root, table)

    def facts(self) -> dict[str, Any]:
        """The resolved request, for run.json."""
        return {
            **self.asked.facts,
            "device": self.device.kind,
            "device_name": self.device.described,
            **({"hardware": self.device.hardware} if self.device.hardware else {}),
            "threads": self.threads,
            "jobs": self.jobs,
            **({"table_sha256": self.table.sha256} if self.table else {}),
            "images": {name: {"origin": p.origin, "fingerprint": p.fingerprint} for name, p in self.pixels.items()},
            **({"notes": notes} if (notes := self._notes()) else {}),
            "environment": arithmetic(),
            **({"plugins": plugins} if (plugins := noted_plugins(self.out)) else {}),
        }

    def _notes(self) -> dict[str, str]:
        """Data set -> the note in its description, for the user's own data sets; meant for readers of results."""
        found = {name: describe(name, self.root).note for name in self.datasets if name in own_names(self.root)}
        return {name: note for name, note in found.items() if note}

    def say(self, line: str | None) -> None:
        """Print `line` on stderr, unless it is None or the run is quiet."""
        if line is not None and not self.options.quiet:
            print(line, file=sys.stderr, flush=True)

    def print_choices(self) -> None:
        """Print the choices that were made for the user, and the cautions."""
        workers = self.job.workplace.pool.jobs
        self.say(note_on_new_folder(self.options))
        labels = sorted({preset_label(s.size, s.budget) for s in self.settings.values()})
        how = self.how * ("[" not in "".join(labels))  # with other sizes it is not the default
        self.say(
            f"{', '.join(self.datasets)} at preset {', '.join(labels)}{how} on {self.device.described},"
            f" {counted(workers, 'worker')} with {counted(self.threads, 'thread')}; results in {self.out}"
        )
        for caution in cautions(self.device, self.job.plan, workers, self.threads, self.code / "results"):
            self.say(caution)

    def print_data(self, earlier: Mapping[str, Any] | None) -> None:
        """Print how the table was read, and which images are not official or not those of the folder's results."""
        for note in self.table.notes if self.table else ():
            self.say(f"The table: {note}.")
        before = (earlier or {}).get("images", {})
        for name, pixels in self.pixels.items():
            made_from = before.get(name, {}).get("fingerprint") if isinstance(before.get(name), dict) else None
            if pixels.fingerprint and made_from and made_from != pixels.fingerprint:
                self.say(
                    f"The images of {name} are not those that {self.out} was made from (fingerprint {made_from}, now"
                    f" {pixels.fingerprint}): their supernets and results will be computed again."
                )
            elif pixels.origin == UNKNOWN and name in DATASETS:
                self.say(
                    f"The images of {name} are not the official ones (fingerprint {pixels.fingerprint}); their results"
                    " are kept apart from those of the official ones."
                )

    def print_edits(self, split: Split, store: Store) -> None:
        """Print which files of methods have changed since they gave the results that are kept."""
        for line in self.job.sources.edits(split.standing[DONE], self.job.plan, store, self.job.workplace.cache):
            self.say(line)
        self.say(self.left_over(store))

    def show_plan(self) -> ExitCode:
        """Print what is done, what remains to do, how long that may take, and what is missing for it."""
        self.print_choices()
        self.print_data(read_run(self.out))
        with opened(self.out) as folder:
            split = replace(self.job, store=Store(folder)).split()
            self.print_edits(split, Store(folder))
        supernets = self.job.untrained(split.todo)
        done = counts_line({state: len(cells) for state, cells in split.standing.items()}) or "none done"
        print(f"{counted(len(self.job.plan), 'cell')}: {len(split.todo):,} to do; {done}")
        print(training_line(supernets))
        to_do = Counter(planned.cell.selector for planned in split.todo)
        for selector, cells in to_do.items():
            print(f"  {selector:<{max(map(len, to_do))}} {cells:>5}")
        if split.todo:
            print(f"estimated time: {self.job.estimate(split.todo, supernets).described()}")
        if self.lacking:
            print(f"missing: {self.all_missing()}")
        return ExitCode.OK

    def work(self, draw_report: DrawReport) -> ExitCode:
        """Run the cells that remain to do, gather the records, and draw the report."""
        from nas_selection_bench.bench.work.gather import gather

        table = self.table
        if table is None:
            raise self.all_missing()
        self.print_choices()
        self.print_data(read_run(self.out))
        begins = not self.out.exists()
        if begins:  # before a folder is created that would be left behind
            self.refuse_missing_images({cell.cell.supernet.dataset for cell in self.job.plan})
        for folder in (self.job.workplace.cache, self.out):  # a refused cache leaves no new output folder
            make_folder(folder)
        with only_writer(self.out / ".lock", wait=False):
            for folder in (self.store.records, self.store.costs, self.store.logs):
                make_folder(folder)
            for folder in (self.out, self.store.records, self.store.costs, self.store.logs):
                sweep(folder)
            unpack(self.out, self.say)
            split = self.job.split()
            self.job.put_back()
            standing = counts_line({state: len(cells) for state, cells in split.standing.items()})
            self.say(
                f"{counted(len(self.job.plan), 'cell')}, {len(split.todo)} to do"
                + (f" ({standing})" if standing else "")
            )
            self.print_edits(split, self.store)
            if not begins:
                self.refuse_missing_images({cell.cell.supernet.dataset for cell in split.todo})
            self.job.commit = git_commit(self.code)
            write_run(self.out, self.job.commit, table, self.facts(), self.words)
            made = self.job.sources
            write_described(self.out, self.asked.recipes, self.asked.selectors, (made.recipes, made.selectors))
            write_plan(self.store, [cell.columns for cell in self.job.plan])
            try:
                self.job.work()
            except KeyboardInterrupt:
                counts = gather(self.store, table, self.say, self.skip_reason)
                go_on = "" if vanishes() else f" Resume with:\n  {self.command()}"
                print(f"\nInterrupted: {counts_line(counts)}.{go_on}", file=sys.stderr)
                return ExitCode.INTERRUPTED
            finally:
                leave_seats(self.out, max(self.jobs, len(self.device.indices)))
            gather(self.store, table, self.say, self.skip_reason)
            page = draw_report(self.store, table)
        counts = Counter(self.job.states.values())
        stems = {cell.stem for cell in self.job.plan}
        return conclude(
            counts, page, failures(self.store, stems), quiet=self.options.quiet,
            retry=self.command() + ("" if self.options.retry_failed else " --retry-failed"),
        )  # fmt: skip

    def refuse_missing_images(self, datasets: set[str]) -> None:
        """Load the images before anything is computed, so that missing and unfit data is reported at once."""
        workplace, sentences = self.job.workplace, []
        for dataset in sorted(datasets):
            settings = self.settings[dataset]
            try:
                images = workplace.work().load_images(dataset, workplace.data_root, settings.images)
                if isinstance(images, ImageSet):
                    refuse_unfit(images, settings.batch_size)
                    for doubt in label_warnings(images):
                        self.say(doubt)
            except DataError as error:
                sentences.append(str(error))
        if sentences:
            raise resolve.all_missing(sentences, sorted(datasets), workplace.data_root, table=False)

    def command(self) -> str:
        """The command line that resumes this run."""
        return f"{called()} {shlex.join(self.argv)}".rstrip()
