"""Ctrl-C, SIGTERM and SIGHUP at random moments of every command: `python -m tests.campaigns.signals COUNT [WORD]`.

Each command (whose name contains WORD) gets COUNT signals, at any moment from the first line of our code to its last.
It must end with exit code 130, or with that of an undisturbed run, without a traceback, and leave no half-written file.
"""

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
from pathlib import Path

import numpy as np

from nas_selection_bench.bench.errors import ExitCode
from nas_selection_bench.bench.interruption import ENDING
from tests.bench import fake_bench
from tests.bench.fake_bench import ROOT

SLOW = {"make-table"}
"""Commands that take too long to wait for; their undisturbed run is stopped."""


def prepared(place: Path) -> dict[str, list[str]]:
    """Name -> command line of each command, applied to files that are created in `place`."""
    out, cache, table = place / "out", place / "cache", fake_bench.make_table(place / "table.npz")
    np.savez(place / "images.npz", images=np.zeros((400, 8, 8, 3), np.uint8), labels=np.arange(400) % 4)
    (place / "README.md").write_text("<!-- results -->\n<!-- /results -->\n")
    run = ["--preset", "digits", "--device", "cpu", "--jobs", "1", "--threads", "1", "--seeds", "1", "--train-epochs",
           "4", "--channels", "4", "--cells", "1", "--images", "256", "--supernets", "darts", "--selectors",
           "magnitude,magnitude-no-none", "--out", str(out), "--cache", str(cache)]  # fmt: skip
    lines = {
        "run": ["run", *run],
        "run --plan": ["run", *run, "--plan"],
        "run --list": ["run", "--list"],
        "doctor": ["doctor"],
        "lookup": ["lookup", str(table), "1,2,3,4,0,1"],
        "convert-table": ["convert-table", str(table), str(place / "converted.npz")],
        "convert-images": ["convert-images", str(place / "images.npz"), "--as", "own", "--data-root", str(place)],
        "make-table": ["make-table", "--classes", "40", "--epochs", "1", "--out", str(place / "made.npz")],
        "regenerate": ["regenerate", "--exact", "digits-tiny"],
        "pack": ["pack", str(place / "packed")],
        "readme": ["readme", str(ROOT / "results" / "digits-tiny"), str(place / "README.md")],
        "curvature": ["curvature", str(out), "--cache", str(cache)],
        "fetch": ["fetch", "cifar10", "--data-root", str(place), "--mirror", "http://127.0.0.1:9/"],
    }  # fmt: skip
    fake_bench.run("--device", "cpu", "--jobs", "1", "--threads", "1", "--table", table, "-q", "--supernets", "steady",
                   "--selectors", "random", "--seeds", "1", "--out", place / "packed",
                   "--cache", place / "fake-cache")  # fmt: skip
    shutil.copytree(place / "packed", place / "loose")
    return lines


def begin_anew(name: str, place: Path) -> None:
    """Undo what a command has made, if it would otherwise have nothing left to do."""
    for made in {"run": ("out", "cache"), "convert-images": ("own",), "pack": ("packed",)}.get(name, ()):
        shutil.rmtree(place / made, ignore_errors=True)
    if name == "pack":
        shutil.copytree(place / "loose", place / "packed")


def start(line: Sequence[str]) -> subprocess.Popen[str]:
    """Start a command in its own process group, with no signal ignored."""
    return subprocess.Popen(
        [sys.executable, "-m", "nas_selection_bench", *line], cwd=ROOT, text=True, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, preexec_fn=fake_bench.listen_to_interrupts,
        env={**os.environ, "JOBLIB_MULTIPROCESSING": "1"},
    )  # fmt: skip


def listens(running: subprocess.Popen[str]) -> bool:
    """Whether the process catches SIGTERM, which Python alone does not: then our first line has run."""
    try:
        status = Path(f"/proc/{running.pid}/status").read_text()
    except OSError:
        return False
    caught = next((line.split()[1] for line in status.splitlines() if line.startswith("SigCgt")), "0")
    return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)


def until_it_listens(running: subprocess.Popen[str]) -> None:
    """Wait until the process catches SIGTERM or has ended."""
    while running.poll() is None and not listens(running):
        time.sleep(0.001)


def told(name: str, line: Sequence[str], how: signal.Signals, after: float, own: int) -> tuple[str, int]:
    """Signal a command after `after` seconds; return what is wrong with its end, or an empty string, and its exit code.

    `own` is the exit code of an undisturbed run.
    """
    running = start(line)
    until_it_listens(running)
    deadline = time.monotonic() + after
    while running.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    if running.poll() is None:
        os.killpg(running.pid, how)
    _, said = running.communicate(timeout=120)
    code = fake_bench.exit_code(running)
    if "Traceback" in said or "Exception ignored" in said:
        return f"{name}, {how.name} after {after:.2f} s: {said[-600:]}", code
    if code not in (ExitCode.INTERRUPTED, own):
        return f"{name}, {how.name} after {after:.2f} s: exit code {code}", code
    return "", code


def left(place: Path) -> list[str]:
    """Paths of half-written files."""
    return [str(path.relative_to(place)) for path in place.rglob("*.part")]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the campaign and print its outcome; return 1 if there were problems."""
    count, word = int((arguments or sys.argv[1:])[0]), ((arguments or sys.argv[1:])[1:] or [""])[0]
    draw, problems = random.Random(1), []
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        lines = prepared(place)
        for name, line in lines.items():
            if word not in name:
                continue
            if name == "curvature":  # it measures the checkpoints of a run
                start(lines["run"]).communicate()
            undisturbed = start(line)
            until_it_listens(undisturbed)
            began = time.monotonic()
            if name in SLOW:
                time.sleep(8)
                os.killpg(undisturbed.pid, signal.SIGTERM)
            undisturbed.communicate()
            whole, codes = time.monotonic() - began, Counter[int]()
            own = fake_bench.exit_code(undisturbed)
            for _ in range(count):
                how = draw.choice(ENDING)
                begin_anew(name, place)
                problem, code = told(name, line, signal.Signals(how), draw.uniform(0, whole * 1.1), own)
                codes[code] += 1
                problems += [problem] if problem else []
            ended = ", ".join(f"{code} {times} times" for code, times in sorted(codes.items()))
            print(f"{name:<16} {count} signals within {whole:.1f} s: exit code {ended}", flush=True)
        problems += [f"left: {name}" for name in left(place)]
    print(f"{len(problems)} problems")
    for problem in problems:
        print(f"  {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
