"""SIGKILL at random moments: `python -m tests.campaigns.kills COUNT [--jobs N] [--backend NAME] [--real]`.

A run is killed and restarted until it ends by itself; then the next run starts, until there were COUNT kills. Each run
must end with the same bytes as an undisturbed one. Every third kill hits the parent process alone, as the kernel's does
when memory runs out; its worker processes must then end too. Prints the phases in which the kills happened.
"""

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench import fake_bench
from tests.bench.fake_bench import ROOT

FAKE = ("--supernets", "steady", "--seeds", "2", "--selectors", "alphas,random,ranks,fails")
REAL = ("--supernets", "darts,gdas", "--seeds", "1", "--channels", "4", "--cells", "1", "--images", "512",
        "--train-epochs", "12", "--selectors", "magnitude,darts-pt[tune=1]")  # fmt: skip
LONGEST_WAIT = {False: 1.5, True: 8.0}
"""Whether methods are real -> the longest wait before a kill, in seconds; real methods need time to make progress."""
SECONDS_TO_END = 60.0


@dataclass
class Campaign:
    """Runs of one command line, in folders below `place`."""

    place: Path
    command: Sequence[str]
    real: bool
    seed: int
    moments: Counter[str] = field(default_factory=Counter)
    """Number of kills during the start, the training and the selecting of a run."""
    equal: int = 0
    """Number of runs that ended with the same bytes as the undisturbed one."""
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.draw = random.Random(self.seed)
        if not self.real:
            fake_bench.make_table(self.place / "table.npz")

    def line(self, folder: Path, *further: str) -> list[str]:
        """The command line of a run in `folder`."""
        table = [] if self.real else ["--table", str(self.place / "table.npz")]
        where = ["--out", str(folder / "out"), "--cache", str(folder / "cache"), *table]
        return ["--device", "cpu", "--threads", "1", "-q", *where, *self.command, *further]

    def start(self, folder: Path, *further: str) -> subprocess.Popen[bytes]:
        """Start a run in `folder`, in its own process group."""
        program = ["run_bench.py"] if self.real else ["-m", "tests.bench.fake_bench"]
        around = {"FAKE_SECONDS": "0.05", "JOBLIB_MULTIPROCESSING": "1", "CAMPAIGN": str(folder)}
        with (self.place / "said.txt").open("wb") as said:
            return subprocess.Popen(
                [sys.executable, *program, *self.line(folder, *further)], cwd=ROOT, start_new_session=True,
                env={**os.environ, **around}, stdout=said, stderr=said,
                preexec_fn=fake_bench.listen_to_interrupts,
            )  # fmt: skip

    def run(self, kills: int) -> None:
        """Make `kills` kills, and compare each run that ends with an undisturbed one."""
        whole = self.place / "whole"
        if self.start(whole, "--jobs", "1", "--backend", "loky").wait() not in (0, 1):
            raise RuntimeError((self.place / "said.txt").read_text())
        expected = contents(whole)
        number = 0
        while sum(self.moments.values()) < kills:
            number += 1
            folder = self.place / f"run{number}"
            self.until_it_ends(folder, kills)
            self.judge(folder, expected)
            shutil.rmtree(folder, ignore_errors=True)

    def until_it_ends(self, folder: Path, most: int) -> None:
        """Restart and kill the run in `folder` until it ends by itself, or until there were `most` kills in all."""
        while True:
            before = files(folder)
            running = self.start(folder)
            enough = sum(self.moments.values()) >= most
            if not enough and self.killed(running, folder, before):
                continue
            code = running.wait()
            if code not in (0, 1):
                self.problems.append(f"exit code {code}: {(self.place / 'said.txt').read_text()[-300:]}")
            return

    def killed(self, running: subprocess.Popen[bytes], folder: Path, before: set[str]) -> bool:
        """Kill at a random moment, usually after the run has begun to write; return False if it ended before that."""
        late = self.draw.random() < 0.9
        while late and running.poll() is None and files(folder) <= before:
            time.sleep(0.005)
        deadline = time.monotonic() + self.draw.uniform(0, LONGEST_WAIT[self.real])
        while running.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        if running.poll() is not None:
            return False
        alone = sum(self.moments.values()) % 3 == 2
        if alone:
            running.send_signal(signal.SIGKILL)
        else:
            os.killpg(running.pid, signal.SIGKILL)
        running.wait()
        now = files(folder)
        new = now - before
        moment = "start" if not new else "selecting" if any("records/" in name for name in new) else "training"
        self.moments[f"{moment}{', parent alone' if alone else ''}"] += 1
        if alone:
            self.await_workers(folder)
        return True

    def await_workers(self, folder: Path) -> None:
        """Wait until no process of the run is left; kill those that outlive SECONDS_TO_END, and note the problem."""
        deadline = time.monotonic() + SECONDS_TO_END
        while left := alive(folder):
            if time.monotonic() > deadline:
                self.problems.append(f"{len(left)} workers outlived their parent by {SECONDS_TO_END:.0f} s")
                for pid in left:
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.1)

    def judge(self, folder: Path, expected: dict[str, str]) -> None:
        """Compare the files of the run with those of the undisturbed one, and note the outcome."""
        found = contents(folder)
        differing = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
        if differing:
            self.problems.append(f"{folder.name}: {', '.join(differing[:5])}")
        else:
            self.equal += 1


def files(folder: Path) -> set[str]:
    """Paths of everything that a run has written, except locks and temporary files."""
    paths = [path for path in folder.rglob("*") if not path.name.startswith(".")] if folder.exists() else []
    return {str(path.relative_to(folder)) for path in paths}


def contents(folder: Path) -> dict[str, str]:
    """Path -> digest of each file that does not depend on clocks; also lists files that should not have been left."""
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = str(path.relative_to(folder))
        if path.name.startswith(".") or path.suffix == ".old":
            found[name] = "left"
        elif not name.startswith(("out/costs", "out/run.json", "out/report", "out/figures", "out/tables", "out/logs")):
            timing = path.name == "timing.json"
            found[name] = "" if timing else hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def alive(folder: Path) -> list[int]:
    """Ids of the processes of the run in `folder`."""
    return [pid for pid in map(int, filter(str.isdecimal, os.listdir("/proc"))) if _is_of(pid, folder)]


def _is_of(pid: int, folder: Path) -> bool:
    try:
        around = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False
    return f"CAMPAIGN={folder}".encode() in around


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a campaign and print its outcome; return 1 if there were problems."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.kills", description=__doc__)
    parser.add_argument("count", type=int)
    parser.add_argument("--jobs", default="1")
    parser.add_argument("--backend", default="loky", choices=("loky", "dask"))
    parser.add_argument("--real", action="store_true", help="methods that train and select; else instant ones")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as place:
        methods = REAL if given.real else FAKE
        workers = ("--jobs", given.jobs, "--backend", given.backend)
        campaign = Campaign(Path(place), (*methods, *workers), given.real, given.seed)
        campaign.run(given.count)
    kinds = ", ".join(f"{moment} {count}" for moment, count in sorted(campaign.moments.items()))
    print(f"{'real' if given.real else 'fake'} methods, jobs {given.jobs}, {given.backend}:"
          f" {sum(campaign.moments.values())} kills ({kinds}); {campaign.equal} runs ended in the bytes of the"
          f" undisturbed one, {len(campaign.problems)} did not")  # fmt: skip
    for problem in campaign.problems:
        print(f"  {problem}")
    return 1 if campaign.problems else 0


if __name__ == "__main__":
    sys.exit(main())
