"""zen: how strongly the network's features respond to a small change of the input, with batch norm's scaling undone.

Lin et al., "Zen-NAS: A Zero-Shot NAS for High-Performance Image Recognition", ICCV 2021, algorithm 1.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nas_selection_bench.bench.work.options import above, one_of, option, positive
from nas_selection_bench.selectors.proxies._contract import Batch, Passes, Proxy, ProxyFailure
from nas_selection_bench.selectors.proxies._network import gaussian_weights, leaves, listening


@dataclass(frozen=True)
class Zen(Proxy):
    """The log of the features' expected change under Gaussian weights, plus the log scales that batch norms remove."""

    repeats: int = option(
        1, positive, "draws of weights and inputs to average over (released: 1 in the search, 32 in the script)"
    )
    alpha: float = option(0.01, above(0), "size of the change of the input, standard deviations")
    norm: str = option("fro", one_of("fro", "l1"), "norm of the change: fro as in the paper, l1 as released")

    paper = "Lin et al., Zen-NAS, ICCV 2021"
    formula = "log E|f(x) - f(x + alpha e)| + sum over batch norms of log sqrt(mean_channels var), f before pooling"
    uses_images = False
    uses_labels = False
    batch_norm = "batch statistics, whose variances are part of the score"
    follows_batch_norm = False  # the running statistics are not those of the Gaussian weights
    differs = (
        "the variances are those of the batch, as in the paper (the released code reads the running ones after two"
        " passes, .19 of the batches' and .81 of their earlier values, which it does not reset between repeats);"
        " Frobenius norm (released: norm=l1); a batch norm whose input is constant has no scale to remove and adds"
        " nothing. The paper removes residual links first; here the network stays as it is"
    )
    watches = "nothing"  # a batch norm whose input is zero has no scale
    draws = True

    def passes(self, images: int) -> Passes:
        """Two forward passes per repeat."""
        return Passes(2 * self.repeats, 0)

    def compute(self, network: nn.Module, batch: Batch) -> float:
        with torch.no_grad():
            return sum(self._once(network, batch) for _ in range(self.repeats)) / self.repeats

    def _once(self, network: nn.Module, batch: Batch) -> float:
        gaussian_weights(network, batch)
        images = batch.normal(*batch.shape)
        changed = images + self.alpha * batch.normal(*batch.shape)
        log_scales: list[float] = []
        features = last_features(network, images, log_scales)
        features_changed = last_features(network, changed)
        change = (features - features_changed).flatten(1).double()
        size = float(change.norm(dim=1, p=2 if self.norm == "fro" else 1).mean())
        if size == 0:
            raise ProxyFailure("the features do not change with the input (no path from the input to the output?).")
        if not math.isfinite(size):
            raise ProxyFailure("the features are not finite under Gaussian weights.")
        return math.log(size) + sum(log_scales)


def last_features(network: nn.Module, images: Tensor, log_scales: list[float] | None = None) -> Tensor:
    """The last feature maps before global pooling; appends the log scale of every batch norm's input to `log_scales`.

    They are the last four-dimensional output of a module without children, before any global pooling layer.
    """
    pools = (nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)
    features: list[Tensor] = []

    def after(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        # No earlier output is kept: reusing memory just freed is far faster than allocating more.
        if isinstance(module, pools):
            features[:] = inputs[:1]
        elif output.ndim == 4:
            features[:] = [output]
        if log_scales is not None and isinstance(module, nn.BatchNorm2d):
            log_scales.append(log_scale(inputs[0]))

    with listening(leaves(network), after):
        network(images)
    if not features:
        raise ProxyFailure("no module of the network outputs feature maps.")
    return features[0]


def log_scale(normalised: Tensor) -> float:
    """Half the log of the channel-averaged variance of a batch norm's input; 0 for a constant input."""
    variance = float(normalised.double().var((0, 2, 3), correction=0).mean())
    return math.log(variance) / 2 if variance > 0 else 0.0


PROXY = Zen()
