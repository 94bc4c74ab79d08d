"""Run the benchmark from a checkout: `python run_bench.py --datasets cifar10,cifar100,imagenet16`."""

import sys

from nas_selection_bench.bench.interruption import end_at_once

if __name__ == "__main__":
    end_at_once()

from nas_selection_bench.program import main

if __name__ == "__main__":
    sys.exit(main())
