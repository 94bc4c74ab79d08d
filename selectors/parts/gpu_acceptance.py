"""Checks, once per machine and in ten minutes, that a GPU gives the results of the CPU and is fast enough.

    python -m nas_selection_bench gpu-acceptance [--device cuda:0] [--out results/gpu]

There are nine parts, A to I; each passes, or reports what is wrong and what to do. The exit code is 0 if all pass and 1
if any fails. The record, a JSON file named after the GPU and written after each part, belongs in results/gpu: runs on
the same hardware then find it verified. `--small` runs the same parts on smaller networks and requires no speed. With
NAS_BENCH_TRITON=1 all parts use Triton's kernels; without it, only part I checks them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from nas_selection_bench.bench.commands.devices import Device, find_device
from nas_selection_bench.bench.commands.options import device_name
from nas_selection_bench.bench.errors import ExitCode, UsageError, in_brief, text_of
from nas_selection_bench.bench.files import given_path, write_whole
from nas_selection_bench.bench.parser import Parser
from nas_selection_bench.bench.problem.datasets import load_images
from nas_selection_bench.bench.work.gpu_kernels import wants_triton
from nas_selection_bench.bench.work.presets import PRESETS
from nas_selection_bench.bench.work.run_file import git_commit
from nas_selection_bench.selectors.parts.gpu_parts import NODE_KERNELS, PARTS
from nas_selection_bench.selectors.parts.gpu_place import Failed, Place

CODE = Path(__file__).resolve().parents[2]
"""The folder of the checkout, or the one in which the package is installed."""


def run_command(arguments: Sequence[str]) -> int:
    """Run run_bench.py with these arguments in a process of its own; returns its exit code."""
    return subprocess.run([sys.executable, "-m", "nas_selection_bench", "run", *arguments], check=False).returncode


def accept(place: Place, keep: Callable[[dict[str, Any]], None], say: Callable[[str], None]) -> bool:
    """Run every part, also after a failure; returns whether all pass. `keep` gets the record after each part."""
    record: dict[str, Any] = {
        "hardware": place.device.hardware, "commit": git_commit(CODE), "torch": torch.__version__,
        "small": place.small, "parts": {}, "passed": False,
    }  # fmt: skip
    for name, (part, remedy) in PARTS.items():
        began = time.perf_counter()
        try:
            result: dict[str, Any] = {"passed": True, "found": part(place)}
        except Exception as failure:  # noqa: BLE001 - whatever a GPU raises, the other parts run
            result = {"passed": False, "found": text_of(failure), "remedy": remedy}
            if not isinstance(failure, Failed):
                result["traceback"] = traceback.format_exc().splitlines()
        result["seconds"] = round(time.perf_counter() - began, 1)
        record["parts"][name] = result
        outcome = "passed" if result["passed"] else f"FAILED: {in_brief(result['found'], 2000)}; {remedy}"
        say(f"{name}: {outcome} ({result['seconds']} s)")
        seen = record["parts"]
        # In the record, a failure of Triton's kernels does not count if they are not used.
        asked = [part for part in PARTS if part != NODE_KERNELS or wants_triton()]
        record["passed"] = len(seen) == len(PARTS) and all(seen[part]["passed"] for part in asked)
        keep(record)
    return all(part["passed"] for part in record["parts"].values())


def main(
    arguments: Sequence[str] | None = None, find: Callable[[str], Device] = find_device,
    door: Callable[[Sequence[str]], int] = run_command,
) -> int:  # fmt: skip
    """Run the command line; returns the exit code."""
    parser = Parser(
        prog="python -m nas_selection_bench gpu-acceptance", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--device", type=device_name, default="cuda", metavar="cuda[:i]", help="(cuda)")
    parser.add_argument("--out", type=given_path, default=Path("results/gpu"), metavar="DIR", help="(results/gpu)")
    parser.add_argument("--small", action="store_true", help="smaller networks, no required speed")
    options = parser.parse_args(arguments)
    try:
        device = find(options.device)
    except UsageError:
        raise UsageError(
            f"--device {options.device}: this machine has no such GPU, so there is nothing to check."
        ) from None
    if device.kind == "cpu":
        parser.error("--device cpu: there is nothing to check on a CPU; name a GPU.")
    settings = replace(
        PRESETS["digits"], epochs=2, checkpoint_epochs=(1, 2), selection_images=128, proposals=2, proposal_batch=32,
        validation_batches=2,
    )  # fmt: skip
    if options.small:
        settings = replace(settings, channels=4, selection_batch=64)
    name = "".join(sign if sign.isalnum() else "-" for sign in device.described)
    name += "-triton" * wants_triton() + "-small" * options.small

    def keep(record: dict[str, Any]) -> None:
        options.out.mkdir(parents=True, exist_ok=True)
        write_whole(options.out / f"{name}.json", json.dumps(record, indent=1, sort_keys=True) + "\n")

    with tempfile.TemporaryDirectory() as folder:
        images = load_images("digits", Path(), 256 if options.small else None)
        place = Place(device, images, settings, options.small, Path(folder), door)
        passed = accept(place, keep, lambda line: print(line, flush=True))
    return int(ExitCode.OK if passed else ExitCode.SOME_CELLS_FAILED)
