"""Each epoch of a training has its own shuffle and its own random numbers."""

import torch

from nas_selection_bench.bench.problem.image_set import ImageSet
from nas_selection_bench.bench.work.cells import SupernetJob
from nas_selection_bench.bench.work.presets import Settings
from nas_selection_bench.supernets.training.loop import Training


def drawn(run: Training) -> tuple[list[torch.Tensor], list[torch.Tensor | None]]:
    """The images of the weights half in the order of one epoch, and the recipe's random numbers."""
    steps = list(run._steps())
    return [weights[0] for _, weights, _ in steps], [noise for _, _, noise in steps]


def test_epochs_differ_in_order_and_noise_and_come_out_alike_again(settings: Settings, images: ImageSet) -> None:
    job = SupernetJob("patterns", "gdas", 0, 0, settings)
    first, second, again = (Training(job, images, torch.device("cpu")) for _ in range(3))
    second.epoch = 1
    (order, noise), (later_order, later_noise), (same_order, same_noise) = map(drawn, (first, second, again))
    assert not torch.equal(torch.cat(order), torch.cat(later_order))
    assert torch.equal(torch.cat(order), torch.cat(same_order))
    for one, later, same in zip(noise, later_noise, same_noise, strict=True):
        assert one is not None and later is not None and same is not None
        assert torch.equal(one, same) and not torch.equal(one, later)
