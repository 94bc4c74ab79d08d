"""Reality check: do the zero-cost proxies rank real architectures as the literature says they do?

    python -m tests.performance.proxy_correlation --table TABLE --data-root DIR

prints, for random architectures of the space, how each proxy on an untrained stand-alone network correlates with
CIFAR-10 test accuracy after 200 epochs. A sign error or a wrong formula shows at once. Published values are for
C=16, N=5, several thousand architectures, and other seeds. Expect agreement to about a tenth, except that the
gradient scores need the depth: at N=1 grad_norm and snip are near 0.4 and grasp and fisher below 0, at N=5 all four
are above 0.6. One thread.
"""

import argparse
import os
import time

import numpy as np
import torch
from scipy.stats import kendalltau, spearmanr
from torch import Tensor

from nas_selection_bench.bench.problem.batches import Half
from nas_selection_bench.bench.problem.datasets import data_root, load_images
from nas_selection_bench.bench.problem.open_table import open_table
from nas_selection_bench.bench.problem.space import N_ARCHITECTURES, Architecture, architecture_of, code
from nas_selection_bench.bench.seeds import derive
from nas_selection_bench.selectors.proxies import ProxyFailure, find, names, score
from nas_selection_bench.supernets.network.standalone import StandaloneNetwork

PUBLISHED = {
    "synflow": 0.74,
    "nwot": 0.77,
    "jacob_cov": 0.73,
    "snip": 0.58,
    "grad_norm": 0.58,
    "grasp": 0.48,
    "fisher": 0.36,
    "params": 0.72,
    "flops": 0.72,
    "zico": 0.80,
    "meco": 0.89,
    "zen": 0.35,
    "swap": 0.90,
}
"""Approximate Spearman correlation on NAS-Bench-201 CIFAR-10, for proxies with a published value known to us."""

THIN = {"linear_regions"}
"""Proxies whose scores are meaningful only with one channel."""
VARIANTS = (
    "fisher[fan_in=yes]",
    "meco[containers=yes]",
    "nwot[bn=running,reached=no]",
    "ntk[bn=running]",
    "params[reached=yes]",
    "swap[reached=yes]",
    "swap[repeats=4]",
    "synflow[bn=batch]",
    "zen[norm=l1]",
)
NTK_IMAGES = 16


def draw(count: int, seed: int) -> list[Architecture]:
    """`count` different architectures, drawn uniformly."""
    positions = np.random.default_rng(seed).choice(N_ARCHITECTURES, size=count, replace=False)
    return [architecture_of(int(position)) for position in positions]


def measure(
    name: str, architecture: Architecture, arguments: argparse.Namespace, images: Tensor, labels: Tensor
) -> float:
    """The score of a freshly initialised network; nan if the proxy fails."""
    seed = derive(arguments.seed, position=code(architecture))
    torch.manual_seed(seed)
    thin = name in THIN
    network = StandaloneNetwork(architecture, 1 if thin else arguments.channels, 1 if thin else arguments.cells, 10)
    count = NTK_IMAGES if name == "ntk" else len(images)
    try:
        return score(name, network, images[:count], labels[:count], seed=seed)
    except ProxyFailure:
        return float("nan")


def main() -> None:
    """Print the table that the module describes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", default=os.environ.get("NAS_BENCH_TABLE"), help="ground truth (NAS_BENCH_TABLE)")
    parser.add_argument("--data-root", default=None, help="folder with the CIFAR-10 pickles (NAS_BENCH_DATA)")
    parser.add_argument("--architectures", type=int, default=100)
    parser.add_argument("--channels", type=int, default=16)
    parser.add_argument("--cells", type=int, default=1)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--proxies", nargs="*", default=[*names(), *VARIANTS])
    arguments = parser.parse_args()
    if arguments.table is None:
        parser.error("give the ground truth with --table or NAS_BENCH_TABLE")
    torch.set_num_threads(1)

    truth = open_table(arguments.table).accuracy("cifar10")
    half = Half(load_images("cifar10", data_root(arguments.data_root), limit=2048), "selection", "cpu")
    images, labels = half.fixed(arguments.batch)[0]
    architectures = draw(arguments.architectures, arguments.seed)
    accuracies = np.array([truth[code(a)] for a in architectures])

    print(
        f"{len(architectures)} random architectures, C={arguments.channels}, N={arguments.cells},"
        f" {arguments.batch} CIFAR-10 images (ntk: {NTK_IMAGES}; linear_regions: C=1, N=1)"
    )
    print(f"{'proxy':32s} {'spearman':>9s} {'published':>9s} {'kendall':>8s} {'n':>4s} {'ms each':>8s}")
    for name in arguments.proxies:
        find(name)
        started = time.perf_counter()
        scores = np.array([measure(name, a, arguments, images, labels) for a in architectures])
        milliseconds = 1000 * (time.perf_counter() - started) / len(architectures)
        valid = np.isfinite(scores)
        rho = spearmanr(scores[valid], accuracies[valid]).statistic
        tau = kendalltau(scores[valid], accuracies[valid]).statistic
        known = f"{PUBLISHED[name]:9.2f}" if name in PUBLISHED else " " * 9
        print(f"{name:32s} {rho:9.3f} {known} {tau:8.3f} {int(valid.sum()):4d} {milliseconds:8.1f}", flush=True)


if __name__ == "__main__":
    main()
