"""The batch-norm mode of a cell reaches every criterion, unless the criterion says that it prescribes its own."""

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.problem.space import NONE
from nas_selection_bench.selectors import proxies
from nas_selection_bench.selectors.parts import registry
from nas_selection_bench.selectors.parts.small_supernets import MEASURES, measured, one
from tests.selectors import small

POST = [name for name in registry.names() if name.endswith("-post")]
"""Every criterion whose name says that it scores the trained supernet."""

PRESCRIBES = "whatever --bn says"
"""Text in the description of a criterion that prescribes its own batch norm."""


@cache
def scores(name: str, bn: str) -> np.ndarray:
    """[1, 5] scores of the edge from input to output, with running statistics unlike those of any mini-batch."""
    search, rule = small.search(name, bn=bn), registry.find(name).rule  # type: ignore[attr-defined]
    if "linear-regions" in name:  # with more channels, every sample would be in a separate region
        search.network = small.network(channels=1)
    with search.withholding(rule.needs):
        found = np.asarray(rule.score(search, [3]))
    found.flags.writeable = False
    return found


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.thorough) if n.startswith("disc-zc-") else n for n in POST]
)
def test_running_statistics_change_the_scores_or_the_criterion_says_that_they_do_not(name: str) -> None:
    same = np.array_equal(scores(name, "batch"), scores(name, "running"))
    assert same == (PRESCRIBES in registry.find(name).differs)


@pytest.mark.parametrize("bn", ["batch", "running"])
def test_snip_is_that_of_the_supernet_with_the_statistics_asked_for(bn: str) -> None:
    search = small.search("zero-cost-pt-snip-post", bn=bn)
    x, y = search.proxy_batches(1)[0]
    net = small.literal(bn)
    net.zero_grad()
    torch.nn.functional.cross_entropy(net(x, small.alphas().softmax(-1)), y).backward()  # type: ignore[arg-type]
    layers = [m for m in net.modules() if isinstance(m, torch.nn.Conv2d | torch.nn.Linear)]
    expected = sum(float((m.weight.detach() * m.weight.grad).abs().sum()) for m in layers if m.weight.grad is not None)
    assert scores("zero-cost-pt-snip-post", bn)[0, NONE] == pytest.approx(-expected, rel=1e-9)


@pytest.mark.parametrize("proxy", ["", "-ntk", "-swap"])
def test_an_option_that_is_typed_is_kept_whatever_the_cell_says(proxy: str) -> None:
    name = f"zero-cost-pt{proxy}-post"
    assert registry.find(f"{name}[bn=asked]").name == name
    typed = {bn: registry.find(f"{name}[bn={bn}]").name for bn in ("batch", "running")}
    assert set(typed.values()) == {f"{name}[bn=batch]", f"{name}[bn=running]"}
    assert not np.array_equal(scores(name, "batch"), scores(name, "running"))
    for bn, text in typed.items():
        for asked in ("batch", "running"):
            np.testing.assert_array_equal(scores(text, asked), scores(name, bn))


@pytest.mark.parametrize("name", ["zero-cost-pt-ntk-post", "zero-cost-pt-ntk-post[bn=running]"])
def test_a_kernel_is_of_as_many_images_whatever_batch_norm_does(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen, real = [], proxies.scores

    def watched(proxy: Any, network: Any, variants: Any, images: torch.Tensor, *rest: Any, **words: Any) -> Any:
        seen.append(len(images))
        return real(proxy, network, variants, images, *rest, **words)

    monkeypatch.setattr(proxies, "scores", watched)
    for bn in ("batch", "running"):
        registry.find(name).select(small.search(name, bn=bn))
    assert len(seen) >= 2 and set(seen) == {8}, "the fewest that a kernel has"


def test_synflow_with_batch_statistics_is_that_whatever_the_cell_says() -> None:
    name = "zero-cost-pt-synflow-post[bn=batch]"
    np.testing.assert_array_equal(scores(name, "running"), scores(name, "batch"))


def test_untrained_networks_follow_as_well() -> None:
    """In mode `running`, fresh statistics make batch norm the identity, so the scores differ."""
    name = registry.find("zero-cost-rank-snip[architectures=3]").name
    found = [registry.find(name).select(small.search(name, bn=bn)).ranking for bn in ("batch", "running")]
    assert found[0] is not None
    assert found[1] is not None
    np.testing.assert_array_equal(found[0].codes, found[1].codes)
    assert (found[0].scores != found[1].scores).all()
    mask = torch.ones(6, 5, dtype=torch.bool)
    mask[0] = one(NONE)
    for measure in MEASURES:
        values = [
            measured(small.search("te-nas", bn=bn), measure, [mask, ~mask | one(4)], 0, 8, released=False)
            for bn in ("batch", "running")
        ]
        assert measure == "linear_regions" or (values[0] != values[1]).all()


def test_a_batch_norm_that_does_not_exist_is_a_usage_error() -> None:
    x, y = small.batches()[0]
    with pytest.raises(UsageError, match="bn='frozen'; it is batch or running"):
        proxies.score("snip", small.literal().mixture(small.alphas()), x, y, bn="frozen")
