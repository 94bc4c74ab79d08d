"""`make performance`: measure every ratio that this project claims, in one run on this machine."""

import subprocess
import sys

import torch


def main() -> int:
    """Run the measurements one after another, each in its own process; return the largest exit code."""
    names = ["network", "recipes", "one_shot", "kendall"]
    commands = [[f"tests.performance.{name}"] for name in names]
    if torch.cuda.is_available():
        commands.append(["nas_selection_bench", "gpu-acceptance"])
    codes = [subprocess.run([sys.executable, "-m", *command]).returncode for command in commands]
    return max(codes)


if __name__ == "__main__":
    raise SystemExit(main())
