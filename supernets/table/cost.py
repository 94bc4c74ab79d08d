"""Parameters and FLOPs of the stand-alone network of every architecture, counted by formula."""

import numpy as np

from nas_selection_bench.bench.problem.space import OPERATIONS, all_architectures
from nas_selection_bench.supernets.network.skeleton import KERNELS, STAGES


def parameters_of_space(channels: int, cells: int, classes: int) -> np.ndarray:
    """[15625] float64, space order: parameters, those of edges that cannot matter included (as published)."""
    widths = [channels * 2**stage for stage in range(STAGES)]
    fixed = 27 * channels + 2 * channels + 2 * widths[-1] + (widths[-1] + 1) * classes
    # A residual block: 3x3 from c to 2c, 3x3 from 2c to 2c, their batch norms, 1x1 shortcut.
    fixed += sum(9 * c * 2 * c + 9 * 4 * c * c + 8 * c + 2 * c * c for c in widths[:-1])
    per_edge = np.zeros(len(OPERATIONS))
    for operation, kernel in KERNELS.items():
        per_edge[operation] = sum(cells * (kernel**2 * c * c + 2 * c) for c in widths)
    return np.asarray(fixed + per_edge[all_architectures()].sum(axis=1))


def flops_of_space(channels: int, cells: int, classes: int, size: int) -> np.ndarray:
    """[15625] float64, space order: twice the multiply-adds of convolutions and classifier for a size x size image."""
    stages = [(channels * 2**stage, (size // 2**stage) ** 2) for stage in range(STAGES)]
    fixed = 27 * channels * stages[0][1] + stages[-1][0] * classes
    # The block before a stage of width c has c/2 inputs and works at that stage's resolution.
    fixed += sum((9 * c * c // 2 + 9 * c * c + c * c // 2) * pixels for c, pixels in stages[1:])
    per_edge = np.zeros(len(OPERATIONS))
    for operation, kernel in KERNELS.items():
        per_edge[operation] = sum(cells * kernel**2 * c * c * pixels for c, pixels in stages)
    return np.asarray(2.0 * (fixed + per_edge[all_architectures()].sum(axis=1)))
