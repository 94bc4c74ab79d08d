"""`make performance`: every ratio that this project claims, measured in one run on this machine."""

import subprocess
import sys

import torch


def main() -> int:
    """Run the measurements one after another, each in a process of its own."""
    names = ["network", "recipes", "one_shot"]
    if torch.cuda.is_available():
        names.append("gpu_training")
    codes = [subprocess.run([sys.executable, "-m", f"tests.performance.{name}"]).returncode for name in names]
    return max(codes)


if __name__ == "__main__":
    raise SystemExit(main())
