"""Mutation tests of the check: `python -m tests.mutations [NAME ...]` plants one fault at a time and runs the check.

Each mutation is applied to a copy of the tracked files, by replacing a text that must occur there exactly once. Then
the check runs: `exact` redraws results/digits-tiny from its records, `tight` reruns its command. A mutation is noticed
if the check ends with exit code 3. Prints a table in Markdown; the exit code is 1 if a mutation was not noticed.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from nas_selection_bench.bench.check.exact import EXACT, TIGHT
from nas_selection_bench.bench.errors import ExitCode, UsageError
from nas_selection_bench.bench.names import unknown
from nas_selection_bench.bench.problem.accuracies import Accuracies
from nas_selection_bench.bench.problem.table import GroundTruth

ROOT = Path(__file__).resolve().parents[1]
RESULT = "digits-tiny"
TABLE = "bench/problem/digits_table.npz"


@dataclass(frozen=True)
class Mutation:
    """One deliberate fault."""

    name: str
    what: str
    level: str
    """The level of the check that must notice it."""
    file: str
    old: str = ""
    new: str = ""

    def apply(self, root: Path) -> None:
        """Apply the fault to the copy in `root`; raises UsageError unless `old` occurs in the file exactly once."""
        path = root / self.file
        if self.file == TABLE:
            change_best(path)
            return
        text = path.read_text(encoding="utf-8")
        if text.count(self.old) != 1:
            raise UsageError(f"{self.name}: {self.file} holds {text.count(self.old)} times {self.old!r}, not once.")
        path.write_text(text.replace(self.old, self.new), encoding="utf-8")


def change_best(path: Path) -> None:
    """Raise the accuracy of the table's best architecture by 0.1 points, and save it as a valid table."""
    table = GroundTruth.load(path)
    trials = table.trials("digits")
    if trials is None:
        raise UsageError(f"{path} holds no trials.")
    changed = trials.copy()
    changed[table.accuracy("digits").argmax()] += 0.1
    held = Accuracies(
        trials=changed, valid=table.accuracy("digits", "valid"), parameters=table.parameters("digits"),
        flops=table.flops("digits"),
    )  # fmt: skip
    GroundTruth(table.name, {"digits": held}, table.index).save(path)


MUTATIONS = (
    Mutation("ostr-sign", "`ostr` keeps the weakest operation", TIGHT, "selectors/ostr.py",
             "return gradients.abs().numpy()", "return -gradients.abs().numpy()"),
    Mutation("synflow-weights", "`synflow` does not make the weights positive", TIGHT, "selectors/proxies/synflow.py",
             "tensor.abs_()", "tensor.abs()"),
    Mutation("half-a-mask", "`darts-pt` halves an operation in place of masking it", TIGHT,
             "selectors/parts/perturbation.py", "masked[edge, operation] = 0", "masked[edge, operation] *= 0.5"),
    Mutation("ties", "`one-shot-sampled` breaks ties for the larger loss", TIGHT, "selectors/one_shot.py",
             "take_best(search, candidates, accuracy, -loss)", "take_best(search, candidates, accuracy, loss)"),
    Mutation("purpose", "seeds forget what they are for", TIGHT, "bench/work/cells.py",
             "purpose=purpose, **axes", "**axes"),
    Mutation("supernet-seed", "seeds forget the supernet seed", TIGHT, "bench/work/cells.py",
             " supernet_seed=self.seed,", ""),
    Mutation("selector-seed", "seeds forget the selector seed", TIGHT, "bench/work/cells.py",
             " selector_seed=self.selector_seed,", ""),
    Mutation("shuffle", "training batches come in the order of the images", TIGHT, "bench/problem/batches.py",
             "order = torch.randperm(n, generator=generator)", "order = torch.arange(n)"),
    Mutation("halves", "the selection half begins one image late", TIGHT, "bench/problem/batches.py",
             '"selection": slice(middle, len(images))', '"selection": slice(middle + 1, len(images))'),
    Mutation("batch-norm", "selection sees running statistics in place of the batch's", TIGHT,
             "selectors/parts/view.py", '"batch" if cell.bn == "batch" else "running"', '"running"'),
    Mutation("momentum", "supernets train with momentum 0.8", TIGHT, "supernets/training/loop.py",
             "MOMENTUM, WEIGHT_DECAY = 0.9,", "MOMENTUM, WEIGHT_DECAY = 0.8,"),
    Mutation("tau-a", "ties count as pairs, as in Kendall's tau-a", EXACT, "bench/yardsticks/kendall.py",
             "agreement / np.sqrt(total - x.tied_pairs)", "agreement / np.sqrt(total)"),
    Mutation("percentile", "the percentile counts ties as won", EXACT, "bench/yardsticks/measures.py",
             "np.mean(truth.test < test)", "np.mean(truth.test <= test)"),
    Mutation("noise-margin", "the noise between trainings is a mean in place of a median", EXACT,
             "bench/yardsticks/statistics.py",
             "float(np.median(gaps))", "float(np.mean(gaps))"),
    Mutation("version", "criteria have a later version than the stored results", EXACT, "selectors/parts/criterion.py",
             "version: int = 1", "version: int = 2"),
    Mutation("table-cell", "one architecture of the ground truth is 0.1 points better", EXACT, TABLE),
)  # fmt: skip
UNBROKEN = (
    Mutation("none-exact", "nothing", EXACT, "README.md"),
    Mutation("none-tight", "nothing", TIGHT, "README.md"),
)


@dataclass(frozen=True)
class Verdict:
    """The outcome of the check."""

    code: int
    first: str
    """The first difference, or the last line of the output if there was none."""


@contextmanager
def copy_of_the_code() -> Iterator[Path]:
    """A temporary copy of the tracked files, without the stored results that the check does not need."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    with tempfile.TemporaryDirectory() as folder:
        for name in filter(None, listed.split("\0")):
            file, needed = ROOT / name, not name.startswith("results/") or name.startswith(f"results/{RESULT}/")
            if needed and (file.is_file() or file.is_symlink()):
                (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, Path(folder) / name, follow_symlinks=False)  # the subpackages are symbolic links
        yield Path(folder)


def look(root: Path, level: str) -> Verdict:
    """Run the check in `root` and parse its output at `level`."""
    command = [
        sys.executable,
        "-m",
        "nas_selection_bench",
        "regenerate",
        RESULT,
        *(["--exact"] if level == EXACT else []),
    ]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines() or [(done.stderr.splitlines() or ["nothing said"])[-1]]
    # The exact level is printed first; the differences of the tight level follow its verdict.
    ends = [number for number, line in enumerate(lines) if line.startswith(f"{EXACT}:")]
    own = lines if level == EXACT or not ends else lines[ends[0] + 1 :]
    told = [line.removeprefix("- ") for line in own if line.startswith("- ") and not line.startswith("- not compared")]
    said = [line for line in own if line.strip()]
    return Verdict(done.returncode, told[0] if told else said[-1] if said else lines[-1])


def row(mutation: Mutation, verdict: Verdict) -> str:
    """One row of the table."""
    first = verdict.first.replace("|", "\\|")
    return f"| {mutation.name} | {mutation.what} | `{mutation.file}` | {mutation.level} | {verdict.code} | {first} |"


def try_all(mutations: Sequence[Mutation], look: Callable[[Path, str], Verdict] = look) -> bool:
    """Apply each mutation alone, print the outcome of the check, and return whether each was noticed."""
    print("| mutation | fault | file | level | exit code | first difference reported |")
    print("|---|---|---|---|---|---|", flush=True)
    noticed = True
    for mutation in mutations:
        with copy_of_the_code() as root:
            broken = mutation not in UNBROKEN
            if broken:
                mutation.apply(root)
            else:
                mutation = replace(mutation, file="-")
            verdict = look(root, mutation.level)
        print(row(mutation, verdict), flush=True)
        noticed &= verdict.code == (ExitCode.DIFFERS if broken else ExitCode.OK)
    return noticed


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the named mutations, or all; return 0 if each was noticed and the unbroken code passes."""
    known = {mutation.name: mutation for mutation in (*UNBROKEN, *MUTATIONS)}
    parser = argparse.ArgumentParser(prog="python -m tests.mutations", description="Does the check notice?")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"mutations (all): {', '.join(known)}")
    given = parser.parse_args(arguments)
    try:
        for name in given.names:
            if name not in known:
                raise unknown("mutation", name, list(known))
        noticed = try_all([known[name] for name in given.names or known])
    except UsageError as error:
        print(error, file=sys.stderr)
        return int(ExitCode.USAGE)
    return 0 if noticed else 1


if __name__ == "__main__":
    raise SystemExit(main())
