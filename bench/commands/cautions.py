"""Warnings before a run begins: what may be slow, and what has not been verified."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from nas_selection_bench.bench.commands import devices
from nas_selection_bench.bench.commands.options import available_cores
from nas_selection_bench.bench.errors import counted
from nas_selection_bench.bench.work.plan import PlannedCell
from nas_selection_bench.bench.work.presets import PUBLISHED


def cautions(
    device: devices.Device, plan: Sequence[PlannedCell], workers: int, threads: int, results: Path
) -> Iterator[str]:
    """One sentence per warning; `results` holds the records of hardware on which the GPU path was verified."""
    if device.hardware and not devices.verified(device.hardware, results):
        yield (
            "The GPU path has not been verified on this hardware: python -m nas_selection_bench gpu-acceptance verifies"
            " it in ten minutes; the stored results were made with --device cpu."
        )
    if device.kind == "cpu" and any(c.reads_checkpoint and c.cell.supernet.settings == PUBLISHED.size for c in plan):
        yield f"Training at preset `{PUBLISHED.preset}` takes days on a CPU; use `--preset lite`."
    if workers * threads > available_cores():
        yield (
            f"{counted(workers, 'worker')} with {counted(threads, 'thread')} each on"
            f" {counted(available_cores(), 'core')} will be slow; give fewer --threads or --jobs."
        )
