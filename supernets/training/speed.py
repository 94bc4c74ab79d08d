"""How long an epoch takes on a GPU: captured, eager, and with the literal network as the papers' code runs it."""

import time

import torch

from nas_selection_bench.bench.problem.image_set import ImageSet
from nas_selection_bench.bench.work.cells import SupernetJob
from nas_selection_bench.supernets.network.accelerator import accelerator
from nas_selection_bench.supernets.network.cuda_graph import eagerly, own_stream
from nas_selection_bench.supernets.network.literal import LiteralSupernet
from nas_selection_bench.supernets.network.precision import autocast, prepare
from nas_selection_bench.supernets.parts.recipe import GRADIENT_CLIP, Recipe
from nas_selection_bench.supernets.training.loop import ALPHA_BETAS, MOMENTUM, WEIGHT_DECAY, Training


def epoch_seconds(job: SupernetJob, images: ImageSet, device: torch.device, *, eager: bool = False) -> float:
    """Wall-clock seconds of the second epoch; the first one sets everything up."""
    run = Training(job, images, device)
    with eagerly(eager), own_stream(device):
        run.run_epoch()
        run.run_epoch()  # its end waits for the device
    return run.seconds[-1]


def literal_seconds(job: SupernetJob, images: ImageSet, device: torch.device) -> float:
    """Wall-clock seconds of the second epoch of first-order darts with the literal network and plain optimisers.

    It runs eagerly, and in bfloat16 on devices where that is fast.
    """
    run = Training(job, images, device)
    network = LiteralSupernet.like(run.search.network)
    prepare(network, device)
    alphas = run.search.alphas
    weights = torch.optim.SGD(network.parameters(), Recipe.weight_rates[0], MOMENTUM, weight_decay=WEIGHT_DECAY)
    adam = torch.optim.Adam([alphas], Recipe.alpha_rate, ALPHA_BETAS, weight_decay=Recipe.alpha_decay)
    began = 0.0
    for epoch in range(2):
        accelerator(device).synchronize()
        began = time.perf_counter()
        for x, y in run.weights_half.epoch(epoch, job.settings.batch_size):
            for optimiser in (adam, weights):
                optimiser.zero_grad()
                with autocast(device):
                    logits = network(x, alphas.softmax(-1))
                torch.nn.functional.cross_entropy(logits.float(), y).backward()
                if optimiser is weights:
                    torch.nn.utils.clip_grad_norm_(network.parameters(), GRADIENT_CLIP)
                optimiser.step()
    accelerator(device).synchronize()
    return time.perf_counter() - began
