"""A stored result passes the check on another kind of CPU: redrawing the records gives the same bytes everywhere.

BLAS, NumPy and the C library choose instructions by the CPU, and the order of sums and roundings depends on them. This
test uses the kernels that every x86-64 CPU has; the stored results were drawn with those of newer CPUs.
"""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

KERNELS = {
    "BLAS": {"OPENBLAS_CORETYPE": "Nehalem"},
    "NumPy": {"NPY_DISABLE_CPU_FEATURES": "AVX512_SPR AVX512_ICL X86_V4 X86_V3"},
    "C library": {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F,-AVX2,-FMA,-FMA4"},
}


@pytest.mark.thorough
@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="names kernels of x86-64 CPUs")
@pytest.mark.parametrize("kernels", KERNELS)
def test_a_stored_result_holds_with_the_instructions_of_another_cpu(kernels: str) -> None:
    command = [sys.executable, "run_bench.py", "--check", "results/digits-factorial"]
    environment = os.environ | KERNELS[kernels] | {"PYTHONWARNINGS": "ignore"}
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)
    assert ended.returncode == 0, ended.stdout + ended.stderr
