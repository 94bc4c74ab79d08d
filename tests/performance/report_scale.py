"""Growth of a report's time and memory with its records: `python -m tests.performance.report_scale [RECORDS ...]`.

Draws reports of invented runs, by default with 1,000, 10,000 and 100,000 records: fifty selectors on twenty recipes,
with more and more supernet seeds. Each report has its own process; prints CPU seconds, megabytes and the page's bytes.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.reports.page.page import write_report
from tests.reports.synthetic import invented_table, write_results

SIZES = (1_000, 10_000, 100_000)
SELECTORS = {f"selector-{i:02}": (0.05 * i, 0.3, 0.1, 1.0, 1, 2.0 + i) for i in range(50)}
RECIPES = tuple(f"recipe-{i:02}" for i in range(20))
PER_SEED = len(SELECTORS) * len(RECIPES)


def invent(out: Path, table: GroundTruth, records: int) -> None:
    """Write a run of `records` records: the results of one supernet seed, repeated under further seeds."""
    write_results(out, table, recipes=RECIPES, seeds=1, epochs=(10,), selectors=SELECTORS, failures=False,
                  ranking=False)  # fmt: skip
    for name in ("records", "scores", "costs"):
        frame = pd.read_csv(out / f"{name}.csv")
        copies = [frame.assign(supernet_seed=seed) for seed in range(max(1, records // PER_SEED))]
        pd.concat(copies).to_csv(out / f"{name}.csv", index=False)


def measure(records: int) -> None:
    """Draw one report and print its CPU time, peak memory and page size."""
    table = invented_table(("cifar10",))
    with tempfile.TemporaryDirectory() as folder:
        invent(Path(folder), table, records)
        before = time.process_time()
        page = write_report(Path(folder), table)
        seconds = time.process_time() - before
        megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{records:>7,} records: {seconds:6.1f} CPU s, {megabytes:6,.0f} MB, page {page.stat().st_size:,} bytes")


def main() -> int:
    """Measure each size in its own process, since the peak memory of a process never falls."""
    parser = argparse.ArgumentParser(prog="python -m tests.performance.report_scale", description=__doc__)
    parser.add_argument("records", nargs="*", type=int, default=list(SIZES))
    parser.add_argument("--one", action="store_true", help="measure in this process")
    options = parser.parse_args()
    if options.one:
        measure(options.records[0])
        return 0
    here = [sys.executable, "-m", "tests.performance.report_scale", "--one"]
    return max(subprocess.run([*here, str(records)]).returncode for records in options.records)


if __name__ == "__main__":
    raise SystemExit(main())
