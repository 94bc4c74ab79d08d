"""Architectures per second with inherited weights: many at once against one sub-network after another.

    python -m tests.performance.one_shot [--threads 1] [--architectures 400] [--images 128] [--device cpu]

The architectures are consecutive classes, as in the exhaustive ranking, on the network of preset digits.
"""

import argparse
import time

import torch

from nas_selection_bench.selectors.parts.ranking import one_of_each_class
from nas_selection_bench.selectors.parts.shared_weights import evaluate_architectures
from nas_selection_bench.supernets.network.precision import prepare
from nas_selection_bench.supernets.network.supernet import Supernet


def main() -> int:
    """Print both rates and the time for all classes; return 3 if sharing does not pay."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--architectures", type=int, default=400)
    parser.add_argument("--images", type=int, default=128)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    device = torch.device(args.device)
    network = Supernet(8, 1, 10)
    prepare(network, device)
    network.normalise("batch")
    images = torch.randn(args.images, 3, 16, 16).to(device, memory_format=torch.channels_last)
    batch = images, torch.randint(10, (args.images,)).to(device)
    every = one_of_each_class("batch")
    middle = len(every) // 2
    some = every[middle : middle + args.architectures]

    started = time.perf_counter()
    evaluate_architectures(network, some, [batch])
    together = len(some) / (time.perf_counter() - started)
    started = time.perf_counter()
    with torch.no_grad():
        for architecture in some:
            network.subnetwork(architecture)(batch[0]).argmax(1).cpu()
    alone = len(some) / (time.perf_counter() - started)
    print(f"{args.images} images, {args.threads} threads, {args.device}: together {together:.0f} architectures/s,"
          f" one by one {alone:.0f}/s: {together / alone:.2f} times faster;"
          f" all {len(every)} classes in {len(every) / together:.0f} s")  # fmt: skip
    return 0 if together > 1.3 * alone else 3


if __name__ == "__main__":
    raise SystemExit(main())
