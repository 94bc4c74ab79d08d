"""Seconds per epoch of supernet training on a GPU, at paper size.

    python -m tests.performance.gpu_training [--steps 60] [--channels 16] [--cells 5]

The whole first-order DARTS step (alphas, weights, augmentation) on images of noise in the shape of
CIFAR-10, for: the fast network captured as a CUDA graph, the same run eagerly, several captured
ones in threads, and the literal network eagerly, in bfloat16 and channels_last as well, with plain
torch optimisers. An epoch is 390 steps of 64 + 64 images.
"""

import argparse
import threading
import time
from dataclasses import replace

import torch
from torch import Tensor, nn

from bench.problem.image_set import ImageSet
from bench.work.cells import SupernetJob
from bench.work.presets import PRESETS
from supernets.network import cuda_graph as capture
from supernets.network.literal import LiteralSupernet
from supernets.network.precision import autocast, prepare
from supernets.parts.recipe import GRADIENT_CLIP
from supernets.training.loop import Training

STEPS_PER_EPOCH = 25_000 // 64


def fake_images(steps: int) -> ImageSet:
    """Noise in the shape of CIFAR-10, enough for an epoch of `steps` steps."""
    generator = torch.Generator().manual_seed(0)
    n = 2 * 64 * steps
    pixels = torch.randint(0, 256, (n, 3, 32, 32), generator=generator, dtype=torch.uint8)
    labels = torch.randint(10, (n,), generator=generator)
    return ImageSet("noise", pixels, labels, 10, (0.5,) * 3, (0.25,) * 3, crop_padding=4, flip=True)  # type: ignore[arg-type]


def training(args: argparse.Namespace, seed: int = 0) -> Training:
    """A supernet about to train."""
    settings = replace(PRESETS["paper"], channels=args.channels, cells=args.cells)
    return Training(SupernetJob("noise", "darts", seed, 0, settings), fake_images(args.steps), torch.device("cuda"))


def seconds_of_epoch(run: Training, steps: int) -> float:
    """Seconds of an epoch of the fast network, after one that sets everything up."""
    with capture.own_stream(torch.device("cuda")):
        run.run_epoch()
        torch.cuda.current_stream().synchronize()
        started = time.perf_counter()
        run.run_epoch()
        torch.cuda.current_stream().synchronize()
    return (time.perf_counter() - started) / steps * STEPS_PER_EPOCH


def literal_epoch(args: argparse.Namespace) -> float:
    """Seconds of an epoch of the literal network, eager, its first steps not counted."""
    device = torch.device("cuda")
    torch.manual_seed(0)
    network = LiteralSupernet(args.channels, args.cells, 10)
    prepare(network, device)
    alphas = (1e-3 * torch.randn(6, 5, device=device)).requires_grad_()
    weights = torch.optim.SGD(network.parameters(), lr=0.025, momentum=0.9, weight_decay=3e-4)
    adam = torch.optim.Adam([alphas], lr=3e-4, betas=(0.5, 0.999), weight_decay=1e-3)
    x = torch.randn(64, 3, 32, 32, device=device).contiguous(memory_format=torch.channels_last)
    y = torch.randint(10, (64,), device=device)

    def loss() -> Tensor:
        with autocast(device):
            logits = network(x, alphas.softmax(-1))
        return nn.functional.cross_entropy(logits.float(), y)

    def step() -> None:
        adam.zero_grad()
        loss().backward()
        adam.step()
        weights.zero_grad()
        loss().backward()
        nn.utils.clip_grad_norm_(network.parameters(), GRADIENT_CLIP)
        weights.step()

    steps = max(5, args.steps // 6)
    for _ in range(3):
        step()
    torch.cuda.synchronize()
    started = time.perf_counter()
    for _ in range(steps):
        step()
    torch.cuda.synchronize()
    return (time.perf_counter() - started) / steps * STEPS_PER_EPOCH


def gib() -> float:
    """The most memory in use since the count was reset."""
    return torch.cuda.max_memory_allocated() / 2**30


def main() -> int:
    """Print seconds per epoch and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=60, help="steps that are timed")
    parser.add_argument("--channels", type=int, default=16)
    parser.add_argument("--cells", type=int, default=5)
    parser.add_argument("--threads", type=int, nargs="*", default=[2, 3], help="supernets side by side")
    args = parser.parse_args()
    if not torch.cuda.is_available():
        print("no CUDA device: nothing measured")
        return 4
    print(torch.cuda.get_device_name(), torch.__version__, f"C={args.channels} N={args.cells} batch 64 + 64")
    torch.cuda.reset_peak_memory_stats()
    graph = seconds_of_epoch(training(args), args.steps)
    print(f"fast, CUDA graph:   {graph:7.2f} s/epoch, {gib():.2f} GiB", flush=True)
    eager_run = training(args)
    eager_run.step._capture_at = None
    eager = seconds_of_epoch(eager_run, args.steps)
    print(f"fast, eager:        {eager:7.2f} s/epoch", flush=True)
    torch.cuda.reset_peak_memory_stats()
    literal = literal_epoch(args)
    print(f"literal, eager:     {literal:7.2f} s/epoch, {gib():.2f} GiB", flush=True)
    for count in args.threads:
        runs = [training(args, seed) for seed in range(count)]
        seconds = [0.0] * count

        def work(i: int, runs: list[Training] = runs, seconds: list[float] = seconds) -> None:
            seconds[i] = seconds_of_epoch(runs[i], args.steps)

        threads = [threading.Thread(target=work, args=(i,)) for i in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(f"{count} in threads:       {max(seconds) / count:7.2f} s/epoch of one supernet", flush=True)
    print(f"graph against literal eager: {literal / graph:.1f} times faster; against fast eager: {eager / graph:.1f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
