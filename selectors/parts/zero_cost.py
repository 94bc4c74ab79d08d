"""Rules that mask operations of the supernet, or discretise an edge, and score the result by a zero-cost proxy."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from torch import Tensor, nn

from nas_selection_bench.bench.problem.space import ALL_OPERATIONS, NONE, Architecture
from nas_selection_bench.bench.work.options import one_of, option
from nas_selection_bench.selectors import proxies
from nas_selection_bench.selectors.parts.criterion import Rule
from nas_selection_bench.selectors.parts.needs import Needs
from nas_selection_bench.selectors.parts.perturbation import discretised, without
from nas_selection_bench.selectors.parts.view import Search
from nas_selection_bench.selectors.proxies import Proxy
from nas_selection_bench.supernets.network.literal import Mixture


def needs_of(proxy: Proxy, *, trained: bool) -> Needs:
    """The inputs needed to score a network by `proxy`; a trained network is scored with its alphas."""
    return Needs(trained=trained, alphas=trained, images=proxy.uses_images, labels=proxy.uses_labels)


def proxy_score(
    search: Search, proxy: Proxy, network: nn.Module, batch: tuple[Tensor, Tensor | None], seed: int
) -> float:
    """The score of `network` by `proxy`, larger = better, with the batch norm of the cell.

    Raises ProxyFailure if the proxy has no value for it.
    """
    return proxies.defined(proxy_scores(search, proxy, network, [lambda copy: None], batch, seed))[0]


def proxy_scores(
    search: Search,
    proxy: Proxy,
    network: nn.Module,
    variants: Iterable[Callable[[nn.Module], object]],
    batch: tuple[Tensor, Tensor | None],
    seed: int,
) -> Iterator[float | proxies.ProxyFailure]:
    """The scores of variants of `network` (see `proxies.scores`), with the batch norm of the cell.

    A proxy, or an option of it, that prescribes batch norm takes precedence (synflow bypasses it). A proxy with a
    backward pass per image (ntk) sees an eighth of the mini-batch, at least 8 images: 32 at preset paper, as in TE-NAS.
    """
    bn = search.cell.bn
    images, labels = batch
    few = max(8, search.budget.proposal_batch // 8)
    dearest = proxy.set_options({"bn": "batch"}) if hasattr(proxy, "bn") else proxy  # same images whatever bn is
    if dearest.passes(len(images)).backward >= len(images):
        images, labels = images[:few], None if labels is None else labels[:few]
    return proxies.scores(proxy, network, variants, images, labels, seed=seed, bn=bn)


def score_architectures(
    search: Search, proxy: Proxy, architectures: Sequence[Architecture]
) -> tuple[dict[Architecture, float], str]:
    """The scores of the architectures' untrained stand-alone networks on one mini-batch, all with the same seed.

    Architectures without a proxy value are left out; the second value is the reason for the last of them, or empty.
    """
    values: dict[Architecture, float] = {}
    failure = ""
    batch = search.proxy_batches(1)[0]
    seed = search.shared_seed("proxy")
    for architecture in dict.fromkeys(architectures):
        network = search.standalone(architecture, search.shared_generator("stand-alone"))
        try:
            values[architecture] = proxy_score(search, proxy, network, batch, seed)
        except proxies.ProxyFailure as reason:
            failure = str(reason)
    return values, failure


def with_weights(mixture: nn.Module, weights: Tensor, *, sees: proxies.Sees) -> None:
    """Set the edge weights [6, 5] of a mixture; parts of zero-weight operations that the proxy `sees` run on zeros."""
    assert isinstance(mixture, Mixture)
    mixture.weights.copy_(weights)
    adds = weights != 0
    adds[:, NONE] = False  # its output is zero whatever its weight
    mixture.run_only(adds, on_zeros=sees)


@dataclass(frozen=True, kw_only=True)
class ProxyRule(Rule):
    """A rule that scores by a proxy on mini-batch number `place` of the selection half.

    An operation for which the proxy has no value is counted, and scores just below the others of its edge, so that it
    is not chosen, as in the released code of Zero-Cost-PT. An edge without any value raises ProxyFailure.
    """

    proxy: Proxy
    masked: str = option(
        "zeros", one_of("zeros", "absent"), "operations of weight 0 are fed zeros, or are absent, as in the paper"
    )
    trained: bool = False
    place: int = 0

    def options(self) -> dict[str, tuple[object, str]]:
        """The options, without `masked` if operations of weight 0 cannot change the proxy."""
        found = super().options()
        if self.proxy.sees_of_unused == "nothing":
            del found["masked"]
        return found

    @property
    def needs(self) -> Needs:
        """The inputs of the proxy, and the trained weights and alphas if these are scored."""
        return needs_of(self.proxy, trained=self.trained)

    @property
    def stochastic(self) -> bool:
        """Whether fresh weights are drawn, or the proxy draws random numbers."""
        return not self.trained or self.proxy.draws

    def _scores(self, search: Search, mixtures: Sequence[Tensor]) -> list[float | proxies.ProxyFailure]:
        batch = search.proxy_batch(self.place)
        network = search.mixture(mixtures[0])
        # One seed for all, so that operations are compared on equal terms.
        seed = search.shared_seed("proxy", place=self.place)
        sees = self.proxy.sees_of_unused if self.masked == "zeros" else "nothing"
        variants = (partial(with_weights, weights=weights, sees=sees) for weights in mixtures)
        return list(proxy_scores(search, self.proxy, network, variants, batch, seed))


def without_failures(search: Search, rows: Sequence[Sequence[float | proxies.ProxyFailure]]) -> np.ndarray:
    """[k, 5]: the rows, with each failure replaced by a number just below the others of its row.

    Counts the failures in `search.facts`. If a row has only failures, raises its last one.
    """
    scores = np.array([[np.nan if isinstance(v, proxies.ProxyFailure) else v for v in row] for row in rows])
    for values, row in zip(scores, rows, strict=True):
        undefined = np.isnan(values)
        if undefined.all():
            proxies.defined(row[-1:])
        if undefined.any():
            values[undefined] = np.nextafter(np.nanmin(values), -np.inf)
            search.facts["operations_without_value"] += int(undefined.sum())
    return scores


@dataclass(frozen=True, kw_only=True)
class MaskByProxy(ProxyRule):
    """How low the proxy of the supernet is without an operation.

    Source: Xiang et al., "Zero-Cost Operation Scoring in Differentiable Architecture Search", AAAI 2023.
    """

    def score(self, search: Search, edges: Sequence[int]) -> np.ndarray:
        """[k, 5]: minus the proxy of the supernet without the operation; for `none`, minus that of the supernet."""
        weights = search.weights()
        masked = [without(weights, e, o) for e in edges for o in ALL_OPERATIONS if o != NONE]
        whole, *others = (
            v if isinstance(v, proxies.ProxyFailure) else -v for v in self._scores(search, [weights, *masked])
        )
        return without_failures(search, [[whole, *others[i : i + 4]] for i in range(0, len(others), 4)])


@dataclass(frozen=True, kw_only=True)
class DiscretiseByProxy(ProxyRule):
    """The proxy of the supernet with an edge discretised to one operation. Source: as for MaskByProxy."""

    def score(self, search: Search, edges: Sequence[int]) -> np.ndarray:
        """[k, 5]: the proxy of the supernet with the edge one-hot on the operation."""
        weights = search.weights()
        values = self._scores(search, [discretised(weights, e, o) for e in edges for o in ALL_OPERATIONS])
        return without_failures(search, [values[i : i + 5] for i in range(0, len(values), 5)])
