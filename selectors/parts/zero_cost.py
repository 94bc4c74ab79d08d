"""Rules that perturb or discretise the supernet and score the result by a zero-cost proxy."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from torch import Tensor, nn

from nas_selection_bench.bench.problem.space import NONE, Architecture
from nas_selection_bench.bench.work.options import one_of, option
from nas_selection_bench.selectors import proxies
from nas_selection_bench.selectors.parts.criterion import Rule
from nas_selection_bench.selectors.parts.needs import Needs
from nas_selection_bench.selectors.parts.perturbation import OPERATION_INDICES, discretised, without
from nas_selection_bench.selectors.parts.view import Search
from nas_selection_bench.selectors.proxies import Proxy
from nas_selection_bench.supernets.network.literal import Mixture


def needs_of(proxy: Proxy, *, trained: bool) -> Needs:
    """The needs of scoring a network by `proxy`; the alphas go with the trained weights."""
    return Needs(trained=trained, alphas=trained, images=proxy.uses_images, labels=proxy.uses_labels)


def proxy_score(
    search: Search, proxy: Proxy, network: nn.Module, batch: tuple[Tensor, Tensor | None], seed: int
) -> float:
    """The score of `network` by `proxy`, larger = better, with the cell's batch norm. Raises ProxyFailure."""
    return proxies.defined(proxy_scores(search, proxy, network, [lambda copy: None], batch, seed))[0]


def proxy_scores(
    search: Search,
    proxy: Proxy,
    network: nn.Module,
    variants: Iterable[Callable[[nn.Module], object]],
    batch: tuple[Tensor, Tensor | None],
    seed: int,
) -> Iterator[float | proxies.ProxyFailure]:
    """The scores of variants of `network` (`proxies.scores`), with the cell's batch norm.

    A proxy that prescribes what batch norm does (synflow by-passes it), or an option that does, keeps to that. A proxy
    with a backward pass per image (ntk) sees an eighth of the mini-batch: 32 images at preset paper, as in TE-NAS.
    """
    bn = search.cell.bn
    images, labels = batch
    few = max(8, search.budget.proposal_batch // 8)
    dearest = proxy.set_options({"bn": "batch"}) if hasattr(proxy, "bn") else proxy  # as many images whatever bn is
    if dearest.passes(len(images)).backward >= len(images):
        images, labels = images[:few], None if labels is None else labels[:few]
    return proxies.scores(proxy, network, variants, images, labels, seed=seed, bn=bn)


def score_architectures(
    search: Search, proxy: Proxy, architectures: Sequence[Architecture]
) -> tuple[dict[Architecture, float], str]:
    """The score of each architecture's untrained stand-alone network on one mini-batch, all with one seed.

    Those of which the proxy has no value are missing; also returns the reason of the last one.
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
    """Give a mixture the edge weights [6, 5]; operations of weight 0 are fed zeros, as far as the proxy `sees` them."""
    assert isinstance(mixture, Mixture)
    mixture.weights.copy_(weights)
    adds = weights != 0
    adds[:, NONE] = False  # it puts out zeros whatever its weight
    mixture.run_only(adds, on_zeros=sees)


@dataclass(frozen=True, kw_only=True)
class ProxyRule(Rule):
    """A score of one mini-batch; `place` is the number of the mini-batch of the selection half.

    An operation that the proxy has no value for scores just below the others of its edge, so that it is not chosen,
    as in the released code of Zero-Cost-PT, and is counted; an edge without any value is a failure.
    """

    proxy: Proxy
    masked: str = option(
        "zeros", one_of("zeros", "absent"), "operations of weight 0 are fed zeros, or do not exist, as the paper writes"
    )
    trained: bool = False
    place: int = 0

    def options(self) -> dict[str, tuple[object, str]]:
        """Without `masked` where the proxy sees nothing of an operation of weight 0 either way."""
        found = super().options()
        if self.proxy.sees_of_unused == "nothing":
            del found["masked"]
        return found

    @property
    def needs(self) -> Needs:
        """What the proxy reads, and the trained mixture if it is scored."""
        return needs_of(self.proxy, trained=self.trained)

    @property
    def stochastic(self) -> bool:
        """Untrained weights are drawn, and by some proxies images or weights."""
        return not self.trained or self.proxy.draws

    def _scores(self, search: Search, mixtures: Sequence[Tensor]) -> list[float | proxies.ProxyFailure]:
        batch = search.proxy_batch(self.place)
        network = search.mixture(mixtures[0])
        # One draw of random numbers for all, so that operations are compared on equal terms.
        seed = search.shared_seed("proxy", place=self.place)
        sees = self.proxy.sees_of_unused if self.masked == "zeros" else "nothing"
        variants = (partial(with_weights, weights=weights, sees=sees) for weights in mixtures)
        return list(proxy_scores(search, self.proxy, network, variants, batch, seed))


def without_failures(search: Search, rows: Sequence[Sequence[float | proxies.ProxyFailure]]) -> np.ndarray:
    """[k, 5]: the rows, with a number just below the others of its row in the place of each failure.

    Counts them in `search.facts`. Raises the last failure of a row that has nothing else.
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
    """How much worse the proxy thinks of the supernet without an operation.

    Source: Xiang et al., "Zero-Cost Operation Scoring in Differentiable Architecture Search", AAAI 2023.
    """

    def score(self, search: Search, edges: Sequence[int]) -> np.ndarray:
        """[k, 5]: minus the proxy of the supernet without the operation; for `none` of the whole supernet."""
        weights = search.weights()
        masked = [without(weights, e, o) for e in edges for o in OPERATION_INDICES if o != NONE]
        whole, *others = (
            v if isinstance(v, proxies.ProxyFailure) else -v for v in self._scores(search, [weights, *masked])
        )
        return without_failures(search, [[whole, *others[i : i + 4]] for i in range(0, len(others), 4)])


@dataclass(frozen=True, kw_only=True)
class DiscretiseByProxy(ProxyRule):
    """The proxy of the supernet with an edge reduced to one operation. Source: as MaskByProxy."""

    def score(self, search: Search, edges: Sequence[int]) -> np.ndarray:
        """[k, 5]: the proxy of the supernet with the edge one-hot."""
        weights = search.weights()
        values = self._scores(search, [discretised(weights, e, o) for e in edges for o in OPERATION_INDICES])
        return without_failures(search, [values[i : i + 5] for i in range(0, len(values), 5)])
