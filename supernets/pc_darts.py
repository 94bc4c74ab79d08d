"""PC-DARTS: operations see 1/k of the channels, edges are normalised, alphas start late."""

from dataclasses import dataclass

import torch
from torch import Tensor

from nas_selection_bench.bench.problem.rounding import whole_epochs
from nas_selection_bench.bench.problem.space import EDGES, OPERATIONS
from nas_selection_bench.bench.work.options import between, option, positive, yes_or_no
from nas_selection_bench.supernets.network.partial_channels import PartialSupernet
from nas_selection_bench.supernets.network.skeleton import ARRIVING
from nas_selection_bench.supernets.network.supernet import Supernet
from nas_selection_bench.supernets.parts.recipe import Batch, Mixing, Recipe, SupernetState


@dataclass(frozen=True)
class PcDarts(Recipe):
    """Xu et al., "PC-DARTS: Partial Channel Connections for Memory-Efficient Architecture Search", ICLR 2020.

    The last column of the alphas [6, 6] belongs to the edges: beta is its softmax over the edges that enter a node.
    """

    k: int = option(4, positive, "an operation sees 1/k of the channels; the others bypass it")
    normalise_edges: bool = option(True, yes_or_no, "whether edges are weighted by beta")
    warm_up: float = option(0.3, between(0, 1), "share of the search in which only the weights learn")

    name = "pc-darts"
    paper = 'Xu et al., "PC-DARTS: Partial Channel Connections for Memory-Efficient Architecture Search", ICLR 2020'
    equation = (
        "node_j = sum_i beta_ij shuffle([sum_o softmax(alpha_ij)_o o(x_i[: C/k]), x_i[C/k :]]), beta_j softmax over i; "
        "alpha and beta stay fixed for the first 30 % of the search; else as darts"
    )
    weight_rates = (0.025, 0.0)
    alpha_rate = 6e-4
    alpha_start = "6 x 6 (five operations and the edge), 1e-3 times normal noise"
    offers = "probabilities of the operations; the edges' beta stays in the network"
    differs = (
        "the authors' rate of 0.1 at batch 256 is 0.025 at our 64 and ends at 0 as in Lambda-DARTS's code (theirs: "
        "0.001), while the alphas keep their 6e-4 for four times as many steps; Lambda-DARTS's code for NAS-Bench-201 "
        "has no edge normalisation (normalise_edges=no) and no warm-up (warm_up=0)"
    )

    def build(self, channels: int, cells: int, classes: int) -> Supernet:
        """A new network with partial channel connections."""
        return PartialSupernet(channels, cells, classes, self.k)

    @property
    def untrained_share(self) -> float:
        """The warm-up, during which the alphas are their initial noise."""
        return self.warm_up

    def initial_alphas(self, generator: torch.Generator) -> Tensor:
        """1e-3 times normal noise, [6, 6]: five operations and the edge."""
        return 1e-3 * torch.randn(len(EDGES), len(OPERATIONS) + 1, generator=generator)

    def edge_weights(self, alphas: Tensor) -> Tensor:
        """The softmax over operations."""
        return alphas[:, : len(OPERATIONS)].softmax(-1)

    def searches(self, epoch: int, epochs: int) -> bool:
        """Whether the alphas learn: not during the warm-up."""
        return epoch >= whole_epochs(self.warm_up, epochs)

    def mixing(self, search: SupernetState, alphas: Tensor) -> Mixing:
        """The operations' weights, with those of the edges as a sixth column."""
        return Mixing(torch.cat([self.edge_weights(alphas), self.edge_scale(alphas)[:, None]], 1))

    def edge_scale(self, alphas: Tensor) -> Tensor:
        """beta [6]; all 1 if edges are not normalised."""
        if not self.normalise_edges:
            return torch.ones_like(alphas[:, -1])
        # EDGES is sorted by the node that an edge enters. (A list as index would be copied to a GPU at every step.)
        return torch.cat([alphas[edges[0] : edges[-1] + 1, -1].softmax(0) for edges in ARRIVING.values()])

    def weight_step(self, search: SupernetState, weight_batch: Batch) -> None:
        """As in darts; the network also stores the edges' weights, for selectors."""
        super().weight_step(search, weight_batch)
        assert isinstance(search.network, PartialSupernet)
        search.network.store_edge_scale(self.edge_scale(search.alphas.detach()))


RECIPE = PcDarts()
