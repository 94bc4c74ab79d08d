"""Forward and backward pass of the fast network against the literal one: time and peak memory.

    python -m tests.performance.network [--threads 2] [--channels 16] [--cells 5] [--batch 64]

Each kind of network runs in its own child processes, in turn, so that a busy machine slows all; the quickest pass of
each counts. Memory is the growth of the process's peak over what it held before the passes.
"""

import argparse
import json
import resource
import subprocess
import sys
import time

import torch
from torch import nn

from nas_selection_bench.supernets.network.literal import LiteralSupernet
from nas_selection_bench.supernets.network.supernet import Supernet

KINDS = ("literal", "literal channels_last", "fast")


def measure(kind: str, args: argparse.Namespace) -> dict[str, float]:
    """Seconds of the quickest pass (wall clock and CPU) and peak memory (MiB) of one kind of network."""
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    network = Supernet(args.channels, args.cells)
    model: nn.Module = network if kind == "fast" else LiteralSupernet.like(network)
    x, labels = torch.randn(args.batch, 3, 32, 32), torch.randint(10, (args.batch,))
    if kind != "literal":
        model = model.to(memory_format=torch.channels_last)
        x = x.contiguous(memory_format=torch.channels_last)
    alphas = (1e-3 * torch.randn(6, 5)).requires_grad_()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wall, cpu = [], []
    for _ in range(args.repeats + 1):
        started, busy = time.perf_counter(), time.process_time()
        nn.functional.cross_entropy(model(x, alphas.softmax(-1)), labels).backward()
        wall.append(time.perf_counter() - started)
        cpu.append(time.process_time() - busy)
        model.zero_grad()
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"seconds": min(wall[1:]), "cpu_seconds": min(cpu[1:]), "peak_mib": (after - before) / 1024}


def main() -> int:
    """Print a table and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--channels", type=int, default=16)
    parser.add_argument("--cells", type=int, default=5)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=3, help="passes per child")
    parser.add_argument("--turns", type=int, default=2, help="children per kind")
    parser.add_argument("--child", choices=KINDS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        print(json.dumps(measure(args.child, args)))
        return 0
    best: dict[str, dict[str, float]] = {}
    for _ in range(args.turns):
        for kind in KINDS:
            command = [sys.executable, "-m", "tests.performance.network", *sys.argv[1:], "--child", kind]
            figures = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            best[kind] = {name: min(value, best.get(kind, figures)[name]) for name, value in figures.items()}
    print(f"forward + backward, C={args.channels}, N={args.cells}, batch {args.batch}, {args.threads} threads")
    print(f"{'network':24}{'seconds':>9}{'CPU s':>9}{'peak MiB':>10}")
    for kind, figures in best.items():
        print(f"{kind:24}{figures['seconds']:9.3f}{figures['cpu_seconds']:9.3f}{figures['peak_mib']:10.0f}")
    fast = best["fast"]
    for kind in KINDS[:2]:
        slow = best[kind]
        print(
            f"fast against {kind}: {slow['seconds'] / fast['seconds']:.2f} times faster by wall clock, "
            f"{slow['cpu_seconds'] / fast['cpu_seconds']:.2f} by CPU time, "
            f"{slow['peak_mib'] / fast['peak_mib']:.1f} times less memory"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
