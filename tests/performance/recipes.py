"""Time per step of every recipe relative to first-order darts, beside the number of passes that the recipe declares.

    python -m tests.performance.recipes [--threads 1] [--channels 8] [--cells 1] [--batch 64] [--size 16]

Recipes take turns in one process, so that a busy machine slows all; the quickest turn of each counts, in CPU time. A
pass in which only the edge weights need gradients is cheaper than one of the weights, and recipes that draw operations
run only those, so a ratio may be smaller than the passes suggest; it should not be larger.
"""

import argparse
import time

import torch

from nas_selection_bench.supernets.network.skeleton import initialise
from nas_selection_bench.supernets.parts.recipe import Batch, Recipe, SupernetState
from nas_selection_bench.supernets.parts.registry import recipes
from nas_selection_bench.supernets.training.loop import make_search

CYCLE = 4
"""Steps per turn: idarts updates the alphas in one step of four."""
SLACK = 1.15
"""Factor by which a step may exceed its passes, for its optimisers, its noise and its own arithmetic."""


def start(recipe: Recipe, args: argparse.Namespace) -> SupernetState:
    """A search with `recipe` in the ninth of ten epochs, as far as a step can tell."""
    generator = torch.Generator().manual_seed(0)
    network = recipe.build(args.channels, args.cells, 10)
    initialise(network, generator)
    search = make_search(network, recipe.initial_alphas(generator), recipe, 0.025, torch.device("cpu"))
    search.memory = recipe.memory()
    search.numbers = {name: torch.tensor(value) for name, value in recipe.schedule(8, 10).items()}
    return search


def turn(recipe: Recipe, search: SupernetState, batch: Batch) -> float:
    """CPU seconds per step."""
    noise = recipe.noise(torch.Generator().manual_seed(1), CYCLE, search.network)
    started = time.process_time()
    for step in range(CYCLE):
        search.noise, search.number = None if noise is None else noise[step], step
        recipe.step(search, batch if recipe.tunes_alphas else None, batch)
    return (time.process_time() - started) / CYCLE


def main() -> int:
    """Print a table; return 3 if a recipe is slower than its passes suggest."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--channels", type=int, default=8)
    parser.add_argument("--cells", type=int, default=1)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--size", type=int, default=16, help="height and width of the images")
    parser.add_argument("--turns", type=int, default=3)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    images = torch.randn(args.batch, 3, args.size, args.size).contiguous(memory_format=torch.channels_last)
    batch = images, torch.randint(10, (args.batch,))
    searches = {name: (recipe, start(recipe, args)) for name, recipe in recipes().items()}
    best: dict[str, float] = {}
    for _ in range(args.turns + 1):  # libraries set themselves up in the first
        for name, (recipe, search) in searches.items():
            best[name] = min(turn(recipe, search, batch), best.get(name, float("inf")))
    print(f"one step, C={args.channels}, N={args.cells}, batch {args.batch} of {args.size}x{args.size}, "
          f"{args.threads} threads; darts = 1")  # fmt: skip
    print(f"{'recipe':24}{'ms':>9}{'time':>8}{'passes':>8}")
    slow = []
    for name, seconds in sorted(best.items(), key=lambda item: item[1]):
        ratio, passes = seconds / best["darts"], recipes()[name].passes() / recipes()["darts"].passes()
        if ratio > SLACK * passes:
            slow.append(name)
        print(f"{name:24}{1000 * seconds:9.1f}{ratio:8.2f}{passes:8.2f}{'  slower than its passes' * (name in slow)}")
    return 3 if slow else 0


if __name__ == "__main__":
    raise SystemExit(main())
