"""Importance sampling: several distributions of architectures share one supernet and learn from each other's draws."""

from dataclasses import dataclass

import torch
from torch import Tensor

from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.problem.space import CONV_1X1, CONV_3X3, EDGES, OPERATIONS
from nas_selection_bench.bench.work.options import above, at_least, not_negative, option, positive
from nas_selection_bench.supernets.network.supernet import Supernet
from nas_selection_bench.supernets.parts.recipe import Batch, Mixing, Recipe, SupernetState
from nas_selection_bench.supernets.parts.sampling import drawn, gumbel, one_hot

COMPLEXITY = {CONV_1X1: 1 / 9, CONV_3X3: 1.0}
"""Parameters of an operation relative to those of the 3x3 convolution; operations not listed have none."""


@dataclass(frozen=True)
class ImportanceSampling(Recipe):
    """Noda et al., "Efficient Search of Multiple Neural Architectures ... via Importance Sampling", ICANN 2022.

    Distribution k minimises loss + c_k (share of parameters) for its own c_k. Every draw serves all
    distributions: it counts as a draw from their mixture, weighted by p_k / mixture. The update is the
    natural gradient of categorical distributions, (draw - theta), with ranks in place of costs.
    """

    distributions: int = option(3, positive, "number of complexities searched at once")
    coefficient: float = option(1.0, at_least(0), "the largest c_k")
    draws: int = option(2, positive, "architectures drawn from each distribution per step")
    rate: float = option(0.01, above(0), "size of a natural-gradient step")
    chosen: int = option(0, not_negative, "index of the distribution that selectors see; 0 minimises the loss alone")

    name = "importance-sampling"
    paper = (
        'Noda et al., "Efficient Search of Multiple Neural Architectures with Different Complexities via Importance '
        'Sampling", ICANN 2022; natural gradient: Akimoto et al., "Adaptive Stochastic Natural Gradient Method for '
        'One-Shot NAS", ICML 2019'
    )
    equation = (
        "theta_k <- theta_k + rate mean_i r_ki u_ki (h_i - theta_k), r_ki = p_k(h_i) / mean_j p_j(h_i), "
        "u_ki in [-1, 1] by the rank of L_val(w, h_i) + c_k params(h_i); w learns on one draw, distributions in turn"
    )
    alpha_start = "3 x 6 x 5 (one for each of `distributions`), 1e-3 times normal noise"
    alpha_update = "by the natural gradient in steps of `rate`, without Adam and without weight decay"
    offers = "the probabilities of one distribution (`chosen`)"
    differs = (
        "we could read only the abstract, and no code was released: number of distributions, coefficients, "
        "ranks, step size and the bound on probabilities are ours; the step size does not adapt"
    )

    def __post_init__(self) -> None:
        if self.chosen >= self.distributions:
            raise UsageError(
                f"importance-sampling: chosen={self.chosen} must be below distributions={self.distributions}."
            )
        if self.distributions * self.draws < 2:
            raise UsageError("importance-sampling ranks its draws; ask for at least two in all.")

    def initial_alphas(self, generator: torch.Generator) -> Tensor:
        """Logits [distributions, 6, 5]: 1e-3 times normal noise, as in other recipes."""
        return 1e-3 * torch.randn(self.distributions, len(EDGES), len(OPERATIONS), generator=generator)

    def passes(self) -> float:
        """One for the weights, and one, forward only, for each draw that a step of the alphas evaluates."""
        return 1.0 + self.distributions * self.draws

    def edge_weights(self, alphas: Tensor) -> Tensor:
        """The probabilities of the chosen distribution."""
        return alphas[self.chosen].softmax(-1)

    def noise(self, generator: torch.Generator, steps: int, network: Supernet) -> Tensor:
        """Gumbel noise of each draw [steps, distributions * draws + 1, 6, 5]; the last one is for the weights' pass."""
        each = self.distributions * self.draws + 1
        return gumbel(generator, steps * each)[:, 0].unflatten(0, (steps, each))

    def memory(self) -> dict[str, Tensor]:
        """The index of the distribution that draws next for the weights."""
        return {"turn": torch.zeros((), dtype=torch.int64)}

    def mixing(self, search: SupernetState, alphas: Tensor) -> Mixing:
        """A draw for the weights' pass, from the distribution whose turn it is."""
        assert search.noise is not None
        turn = search.memory["turn"]
        # Not alphas[turn], which would read `turn` on the host.
        logits = alphas.index_select(0, turn.view(1))[0]
        weights = one_hot((logits + search.noise[-1]).argmax(-1), alphas)
        turn.add_(1).remainder_(self.distributions)
        return Mixing(weights, active=drawn(weights))

    @torch.no_grad()
    def alpha_step(self, search: SupernetState, selection_batch: Batch, weight_batch: Batch) -> None:
        """Evaluate the draws of all distributions on one batch; step each distribution along its natural gradient."""
        assert search.noise is not None
        logits = search.alphas.repeat_interleave(self.draws, 0)
        samples = one_hot((logits + search.noise[:-1]).argmax(-1), logits)
        loss = torch.stack([search.loss(selection_batch, Mixing(h, active=drawn(h))) for h in samples])
        coefficients = self.coefficient * torch.linspace(0, 1, self.distributions, device=loss.device)
        cost = loss + coefficients[:, None] * complexity(samples)
        theta = search.alphas.softmax(-1)
        theta = theta + self.rate * natural_gradient(theta, samples, utilities(cost))
        # As in ASNG no probability vanishes; otherwise an operation that becomes unlikely would never be tried again.
        theta = theta.clamp_min(1 / (len(EDGES) * (len(OPERATIONS) - 1)) / len(OPERATIONS))
        search.alphas.copy_((theta / theta.sum(-1, keepdim=True)).log())


def complexity(samples: Tensor) -> Tensor:
    """[n]: the parameters in the cells of one-hot architectures [n, 6, 5], relative to those of all-3x3."""
    return sum(share * samples[..., operation].mean(-1) for operation, share in COMPLEXITY.items())  # type: ignore[return-value]


def utilities(cost: Tensor) -> Tensor:
    """Utilities [..., n] of costs [..., n], by rank: 1 for the cheapest down to -1, equally spaced."""
    rank = cost.argsort(dim=-1, stable=True).argsort(-1)
    return 1 - 2 * rank.to(cost) / (cost.shape[-1] - 1)


def natural_gradient(theta: Tensor, samples: Tensor, utility: Tensor) -> Tensor:
    """[k, 6, 5]: the estimated natural gradient of each E_{h ~ theta_k} u_k(h) with respect to the probabilities.

    theta: [k, 6, 5] probabilities; samples: [n, 6, 5] one-hot, equally many from each distribution; utility: [k, n].
    """
    log_likelihood = torch.einsum("keo,neo->kn", theta.log(), samples)
    ratio = (log_likelihood - log_likelihood.logsumexp(0) + torch.tensor(len(theta)).log()).exp()
    return torch.einsum("kn,kneo->keo", ratio * utility, samples[None] - theta[:, None]) / len(samples)


RECIPE = ImportanceSampling()
