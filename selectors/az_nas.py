"""AZ-NAS: rank untrained architectures by four zero-cost measures and take the best overall.

Lee & Ham, "AZ-NAS: Assembling Zero-Cost Proxies for Network Architecture Search", CVPR 2024. The measures are taken
on images of Gaussian noise with Kaiming weights. F_0 is the output of the stem, F_1 ... F_L are the outputs of the
cells and reduction blocks (section 3.1):

- expressivity: the sum over blocks of the entropy of the normalised eigenvalues of F's covariance over channels;
- progressivity: the smallest increase of that entropy from one block to the next;
- trainability: the mean over blocks of 2 - s - 1/s, s the spectral norm of the block's backward map, estimated from
  one vector of random signs g as the mean of (J^T g) g^T over positions; it is 0 if gradients keep their length;
- complexity: FLOPs.

The score is the sum of the logs of the four ranks, each divided by the size of the pool (equation 12). It is undefined
for a single network and therefore cannot score the operations of a supernet. No image of the data set is read.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from scipy import stats
from torch import Tensor, nn

from nas_selection_bench.bench.problem.selection import Selection
from nas_selection_bench.bench.work.options import option, positive
from nas_selection_bench.selectors import proxies
from nas_selection_bench.selectors.parts.criterion import Selector
from nas_selection_bench.selectors.parts.initialisation import kaiming_normal_fan_in
from nas_selection_bench.selectors.parts.needs import Needs
from nas_selection_bench.selectors.parts.ranking import sample_uniformly, some_or_all, take_best
from nas_selection_bench.selectors.parts.view import Search
from nas_selection_bench.selectors.proxies._matrices import on_host
from nas_selection_bench.selectors.proxies._network import listening

OFFSET_OF_LOG, OFFSET_OF_NORM = 1e-8, 1e-6


@dataclass(frozen=True, kw_only=True)
class RankByFourMeasures(Selector):
    """Selects the random architecture with the largest sum of four log ranks."""

    architectures: int = option(100, some_or_all, "number of random architectures to rank")
    images: int = option(64, positive, "number of images of Gaussian noise")

    needs = Needs()
    stochastic = True

    def select(self, search: Search) -> Selection:
        """Draw architectures, measure and rank them, and take the best."""
        drawn = sample_uniformly(self.architectures, search.shared_generator("architectures"))
        shape = search.proxy_batches(1)[0][0].shape[1:]
        generator = search.shared_generator("az-nas")
        noise = torch.randn(self.images, *shape, generator=generator, dtype=torch.float64).to(search.like)
        measures = []
        for architecture in drawn:
            network = search.standalone(architecture, search.shared_generator("stand-alone"), kaiming_normal_fan_in)
            blocks = block_outputs(network.train(), noise)
            entropies = np.array(entropies_of_spectra(blocks))
            measures.append((
                real(entropies.sum()),
                real(np.diff(entropies).min()),
                real(float(np.mean(backward_terms(blocks, search.shared_generator("signs"))))),
                proxies.score("flops", network, noise),
            ))  # fmt: skip
            search.meter.count(backward=1)
        return take_best(search, drawn, sum_of_log_ranks(np.array(measures)))


def block_outputs(network: nn.Module, images: Tensor) -> list[Tensor]:
    """Outputs of the stem, cells and reduction blocks of a stand-alone network, in order of execution."""
    found: list[Tensor] = []
    blocks = [network.get_submodule("stem")]
    for name in ("cells", "reductions"):
        blocks += network.get_submodule(name).children()
    with torch.enable_grad(), listening(blocks, lambda _module, _inputs, output: found.append(output)):
        network(images)
    return found


def by_place(features: Tensor) -> Tensor:
    """Flatten [n, c, h, w] to [n * h * w, c], in float64."""
    return features.permute(0, 2, 3, 1).flatten(0, 2).double()


@torch.no_grad()
def entropies_of_spectra(blocks: Sequence[Tensor]) -> list[float]:
    """Entropy, in nats, of the normalised eigenvalues of each block's covariance over channels; nan for constants.

    Computed on the host, because eigenvalues of such small matrices take longer on a GPU.
    """
    covariances = []
    for features in blocks:
        rows = by_place(features)
        centred = rows - rows.mean(0)
        covariances.append(centred.T @ centred / len(rows))
    found = []
    for covariance in on_host(covariances):
        eigenvalues = torch.linalg.eigvalsh(covariance).clamp(min=0)
        share = eigenvalues / eigenvalues.sum()
        found.append(float(-(share * (share + OFFSET_OF_LOG).log()).sum()))
    return found


def backward_terms(blocks: Sequence[Tensor], generator: torch.Generator) -> list[float]:
    """2 - s - 1/s of every block except the stem; minus infinity for a block that passes gradients on unchanged."""
    maps, identical = [], []
    for before, after in itertools.pairwise(blocks):
        signs = (2 * torch.randint(2, after.shape, generator=generator) - 1).to(after)
        (arriving,) = torch.autograd.grad(after, before, signs)
        same = arriving.shape == signs.shape
        identical.append((arriving == signs).all() if same else torch.zeros_like(signs[0, 0, 0, 0], dtype=torch.bool))
        if arriving.shape[2:] != signs.shape[2:]:
            # A position after a reduction corresponds to a square before it, whose values become its channels.
            arriving = F.pixel_unshuffle(arriving, arriving.shape[2] // signs.shape[2])
        g_in, g_out = by_place(arriving), by_place(signs)
        maps.append(g_in.T @ g_out / len(g_out))
    # One transfer for all blocks: each transfer stalls a GPU.
    passed_on = torch.stack(identical).tolist()
    norms = [float(torch.linalg.matrix_norm(matrix, 2)) for matrix in on_host(maps)]
    return [
        -math.inf if same else 2 - norm - 1 / (norm + OFFSET_OF_NORM)
        for same, norm in zip(passed_on, norms, strict=True)
    ]


def real(value: float) -> float:
    """The value, or minus infinity for nan, which then ranks last."""
    return -math.inf if math.isnan(value) else float(value)


def sum_of_log_ranks(measures: np.ndarray) -> np.ndarray:
    """[m] sums of log(rank / m) over [m, measures], larger = better; the lowest has rank 1, ties their mean rank."""
    return np.log(stats.rankdata(measures, axis=0) / len(measures)).sum(axis=1)


SELECTOR = RankByFourMeasures(
    paper="Lee & Ham, AZ-NAS, CVPR 2024, sec. 3",
    formula="sum of log(rank / m) of expressivity, progressivity, trainability and FLOPs; (e, o): mean over those",
    direction="largest",
    passes="two forward and one backward for each of 100 architectures",
    differs=(
        "100 random architectures (the code ranks all 15,625, and the ranks depend on the pool); all see the same"
        " noise and the same signs, so that they are compared on equal terms (the code draws new ones each time); FLOPs"
        " are counted on the network (the code reads the table's, which are the same); batch norm always uses the"
        " statistics of the noise, whatever --bn says; eigenvalues in double precision"
    ),
)
