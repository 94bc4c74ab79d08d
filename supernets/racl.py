"""RACL (its portable part): log-normal edge weights that bound a cell's Lipschitz constant with high probability."""

import math
from dataclasses import dataclass
from statistics import NormalDist

import torch
from torch import Tensor

from nas_selection_bench.bench.problem.space import AVG_POOL, CONV_1X1, CONV_3X3, EDGES, NONE, OPERATIONS, SKIP
from nas_selection_bench.bench.work.options import above, at_least, inside, option
from nas_selection_bench.supernets.network.skeleton import ARRIVING, EPSILON
from nas_selection_bench.supernets.network.supernet import MixedCell, Supernet
from nas_selection_bench.supernets.parts.recipe import BatchesOf, Mixing, Recipe, SupernetState
from nas_selection_bench.supernets.parts.sampling import pass_of

Moments = tuple[Tensor, Tensor]
"""Mean and variance of a random variable."""


@dataclass(frozen=True)
class Racl(Recipe):
    """Dong, Li, Wang & Xu, "Adversarially Robust Neural Architectures", TPAMI 2025 (arXiv 2009.00902, 2020).

    Edge weights are log-normal, a = exp(mu + sigma e). The Lipschitz constant of a cell, a sum of products of edge
    weights and the operations' constants, is approximated as log-normal with the right mean and variance; a penalty
    keeps it below `limit` with probability `confidence`. Alphas are mu and log sigma, [2, 6, 5].
    """

    limit: float = option(4.0, above(0), "bound on a cell's Lipschitz constant")
    confidence: float = option(0.9, inside(0, 1), "probability with which the bound should hold")
    strength: float = option(0.1, at_least(0), "weight of the penalty")
    sigma: float = option(0.1, above(0), "initial sigma")

    name = "racl"
    paper = (
        'Dong, Li, Wang & Xu, "Adversarially Robust Neural Architectures", IEEE TPAMI 47(5), 2025; arXiv 2009.00902, '
        "2020"
    )
    equation = (
        "a = exp(mu + sigma e), e ~ N(0, 1); (mu, sigma) <- (mu, sigma) - eta grad [L_val(w, a) + c max(0, m + z s - "
        "log limit)^2], m and s of the log of the cell's Lipschitz constant, z the confidence's quantile"
    )
    alpha_decay = 0.0
    alpha_start = "2 x 6 x 5, mu = log 1/5 plus 1e-3 times normal noise, and log sigma"
    offers = "the mean of the log-normal weights, not probabilities"
    differs = (
        "our reading of the abstract, since no code was released: no adversarial training, a penalty in place of "
        "constrained optimisation, one cell's constant in place of the network's; limit, confidence, strength and "
        "sigma are ours; `none`, whose constant is 0, is neither learnt nor penalised, so it often ends with the "
        "largest weight"
    )

    def initial_alphas(self, generator: torch.Generator) -> Tensor:
        """[2, 6, 5]: mu, which is log 1/5 plus 1e-3 times normal noise, and log sigma."""
        mu = 1e-3 * torch.randn(len(EDGES), len(OPERATIONS), generator=generator) - math.log(len(OPERATIONS))
        return torch.stack([mu, torch.full_like(mu, math.log(self.sigma))])

    def edge_weights(self, alphas: Tensor) -> Tensor:
        """The mean of the weights [6, 5]: exp(mu + sigma^2 / 2)."""
        mu, log_sigma = alphas
        return (mu + (2 * log_sigma).exp() / 2).exp()

    def noise(self, generator: torch.Generator, steps: int, network: Supernet) -> Tensor:
        """Standard normal noise [steps, 2, 6, 5], for the step of the alphas and that of the weights."""
        return torch.randn(steps, 2, len(EDGES), len(OPERATIONS), generator=generator)

    def memory(self) -> dict[str, Tensor]:
        """The Lipschitz constants [6, 5] of the operations, averaged over cells: at first 1, and 0 for none."""
        constants = torch.ones(len(EDGES), len(OPERATIONS))
        constants[:, NONE] = 0
        return {"lipschitz": constants}

    def mixing(self, search: SupernetState, alphas: Tensor) -> Mixing:
        """A draw of the edge weights; the alphas' pass and the weights' pass have different draws."""
        assert search.noise is not None
        mu, log_sigma = alphas
        return Mixing((mu + log_sigma.exp() * search.noise[pass_of(alphas)]).exp())

    def penalty(self, search: SupernetState) -> Tensor:
        """The weighted squared excess, in logarithms, of the constant's quantile over `limit`."""
        mean, deviation = log_normal(cell_constant(search.alphas, search.memory["lipschitz"]))
        bound = mean + NormalDist().inv_cdf(self.confidence) * deviation
        return self.strength * (bound - math.log(self.limit)).relu().square()

    def after_epoch(self, search: SupernetState, epoch: int, epochs: int, batches: BatchesOf) -> None:
        """Recompute the operations' Lipschitz constants."""
        search.memory["lipschitz"].copy_(operation_constants(search.network))


@torch.no_grad()
def operation_constants(network: Supernet) -> Tensor:
    """Lipschitz constants [6, 5] of the operations, averaged over cells: 0 for none, 1 for skip and pooling.

    A convolution has that of its kernel over batch norm's standard deviation: the spectral norm of the matrix
    [C, C k k] times k, an upper bound (each pixel is in k^2 patches). Pooling is in fact a little above 1, since
    borders do not count the padding: 1.005 at 32x32, 1.015 at 8x8.
    """
    total = torch.zeros(len(EDGES), len(OPERATIONS))
    for cell in network.cells:
        assert isinstance(cell, MixedCell)
        for edge in range(len(EDGES)):
            total[edge, SKIP] += 1
            total[edge, AVG_POOL] += 1
            for operation in (CONV_1X1, CONV_3X3):
                weight, _, variance = cell.operation_state(edge, operation)
                matrix = weight.flatten(1) / (variance + EPSILON).sqrt()[:, None]
                total[edge, operation] += torch.linalg.matrix_norm(matrix.cpu(), ord=2) * weight.shape[-1]
    return total / network.n_cells


def cell_constant(alphas: Tensor, constants: Tensor) -> Moments:
    """Mean and variance of the Lipschitz constant of a cell with log-normal weights (mu, log sigma) [2, 6, 5].

    The constant of an edge is sum_o a_o L_o; that of a node is the sum over incoming edges of the edge's constant times
    the source node's. Edges are independent; two paths that share an edge are treated as independent too.
    """
    mu, log_sigma = alphas
    square = (2 * log_sigma).exp()
    mean = (mu + square / 2).exp()
    edge_mean = (constants * mean).sum(-1)
    edge_variance = (constants.square() * mean.square() * square.expm1()).sum(-1)
    nodes: list[Moments] = [(torch.ones_like(edge_mean[0]), torch.zeros_like(edge_mean[0]))]
    for edges in ARRIVING.values():
        products = [product((edge_mean[e], edge_variance[e]), nodes[EDGES[e][1]]) for e in edges]
        nodes.append((torch.stack([m for m, _ in products]).sum(), torch.stack([v for _, v in products]).sum()))
    return nodes[3]


def product(a: Moments, b: Moments) -> Moments:
    """Mean and variance of the product of two independent random variables."""
    return a[0] * b[0], a[1] * b[1] + a[1] * b[0].square() + b[1] * a[0].square()


def log_normal(moments: Moments) -> Moments:
    """Mean and standard deviation of the logarithm of a log-normal variable with the given mean and variance."""
    mean, variance = moments
    square = (variance / mean.square()).log1p()
    return mean.log() - square / 2, square.sqrt()


RECIPE = Racl()
