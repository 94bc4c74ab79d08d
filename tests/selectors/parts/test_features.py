"""Criteria that read feature maps, compared with the literal network's modules and with closed forms."""

import numpy as np
import torch
from torch import Tensor

from nas_selection_bench.bench.problem.space import AVG_POOL, CONV_1X1, CONV_3X3, NONE, SKIP
from nas_selection_bench.selectors.em_darts import gaussian_transfer
from nas_selection_bench.selectors.is_darts import metric_of
from nas_selection_bench.selectors.parts import registry
from tests.selectors import small


def scores(name: str) -> np.ndarray:
    return registry.find(name).select(small.search(name)).scores


@torch.no_grad()
def features(x: Tensor, weights: Tensor) -> dict[tuple[int, int], list[Tensor]]:
    """Outputs of the five operations on each (cell, edge) of the literal network, recorded by hooks."""
    net, seen = small.literal(), {}
    handles = [
        edge.operations[o].register_forward_hook(
            lambda _m, _i, out, key=(c, e): seen.setdefault(key, []).append(out.clone())
        )
        for c, cell in enumerate(net.cells)
        for e, edge in enumerate(cell.edges)
        for o in range(5)
    ]
    net(x, weights)
    for handle in handles:
        handle.remove()
    return seen


def test_similarity_is_the_mean_cosine_and_the_share_in_the_mixture() -> None:
    weights = small.alphas().softmax(-1)
    cosine, share = np.zeros((6, 5)), np.zeros((6, 5))
    for x, _ in small.batches():
        for (_, e), outputs in features(x, weights).items():
            for n in range(len(x)):
                mixed = sum(w * o[n] for w, o in zip(weights[e], outputs, strict=True)).flatten()
                for o in range(5):
                    part = outputs[o][n].flatten()
                    if o != NONE:
                        cosine[e, o] += float(part @ mixed / part.norm() / mixed.norm()) / 72
                    share[e, o] += float(weights[e, o] * (part @ mixed) / (mixed @ mixed)) / 72
    np.testing.assert_allclose(scores("similarity-to-edge"), cosine, atol=1e-6)
    found = scores("similarity-to-edge[measure=share]")
    np.testing.assert_allclose(found, share, atol=1e-6)
    np.testing.assert_allclose(found.sum(1), 1, err_msg="the shares of an edge make up the whole")


def information(source: Tensor, target: Tensor, past: Tensor) -> float:
    """-log(1 - r^2) / 2, where r correlates the residuals of source and target after regression on the past."""
    design = np.stack([past.flatten().numpy(), np.ones(past.numel())], axis=1)

    def residual(v: Tensor) -> np.ndarray:
        values = v.flatten().numpy()
        return values - design @ np.linalg.lstsq(design, values, rcond=None)[0]

    r = np.corrcoef(residual(source), residual(target))[0, 1]
    return float(-0.5 * np.log(1 - r**2))


def test_transfer_of_gaussians_has_its_closed_form() -> None:
    generator = torch.Generator().manual_seed(1)
    past, fresh, noise = torch.randn(3, 4000, generator=generator, dtype=torch.float64)
    source = 0.5 * past + fresh
    target = past + 0.7 * source + 0.4 * noise
    found = float(gaussian_transfer(source, target, past))
    np.testing.assert_allclose(found, information(source, target, past), rtol=1e-9)
    np.testing.assert_allclose(found, 0.5 * np.log(1 + 0.7**2 / 0.4**2), rtol=0.05)  # of the distribution itself
    assert float(gaussian_transfer(past, target, past)) == 0
    assert float(gaussian_transfer(torch.zeros_like(past), target, past)) == 0


def test_transfer_is_nothing_for_none_and_skip_and_something_for_the_rest() -> None:
    found = scores("em-darts")
    assert (found[:, [NONE, SKIP]] == 0).all()
    assert (found[:, [CONV_1X1, CONV_3X3, AVG_POOL]] > 0).all()


def test_transfer_is_averaged_over_cells_and_images() -> None:
    weights = small.alphas().softmax(-1)
    expected = np.zeros((6, 5))
    for x, _ in small.batches():
        for (_, e), outputs in features(x, weights).items():
            mixed = sum((w * o for w, o in zip(weights[e], outputs, strict=True)), torch.zeros(()).double())
            for o in (CONV_1X1, CONV_3X3, AVG_POOL):
                expected[e, o] += len(x) * information(outputs[o], mixed, outputs[SKIP]) / 72  # 24 images, three cells
    np.testing.assert_allclose(scores("em-darts"), expected, rtol=1e-5)


def test_is_darts_prunes_the_largest_metric_round_by_round() -> None:
    found = scores("is-darts")
    assert (np.sort(found, axis=1) == np.arange(5)).all()
    assert (found[:, NONE] == 0).all()
    kept = np.ones((6, 5), dtype=bool)
    kept[:, NONE] = False
    for step in (1, 2, 3):
        weights = torch.from_numpy(kept / 5)
        metric = np.zeros((6, 5))
        for x, _ in small.batches():
            for (_, e), outputs in features(x, weights).items():
                metric[e, 1:] += [float(metric_of(o)) * len(x) for o in outputs[1:]]
        worst = np.where(kept, metric, -np.inf).argmax(1)
        assert (found[np.arange(6), worst] == step).all()
        kept[np.arange(6), worst] = False
