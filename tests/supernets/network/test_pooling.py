"""The average pool against torch's own, byte for byte."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from nas_selection_bench.supernets.network import pooling
from nas_selection_bench.supernets.network.pooling import AveragePool, average_pool


def by_torch(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)


def everything(pool, x: Tensor, gradient: Tensor, twice: Tensor) -> list[Tensor]:
    """The pool's output without and with a gradient, its gradient, and the gradient of that."""
    x, gradient = x.clone().requires_grad_(), gradient.clone().requires_grad_()
    y = pool(x)
    (dx,) = torch.autograd.grad(y, x, gradient, create_graph=True)
    (dg,) = torch.autograd.grad(dx, gradient, twice)
    return [pool(x.detach()), y, dx, dg]


def same_bytes(mine: list[Tensor], theirs: list[Tensor]) -> bool:
    """Compares also the sign of zero, and the memory layout, on which later sums depend."""
    return all(
        a.stride() == b.stride() and a.detach().numpy().tobytes() == b.detach().numpy().tobytes()
        for a, b in zip(mine, theirs, strict=True)
    )


@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(*(st.integers(1, most) for most in (3, 4, 12, 12))),
    dtype=st.sampled_from([torch.float32, torch.float64]),
    cached=st.sampled_from([1, 300, 30_000]),
    worth_it=st.booleans(),
    seed=st.integers(0, 99),
)
def test_same_bytes_as_torch(shape, dtype, cached, worth_it, seed) -> None:
    generator = torch.Generator().manual_seed(seed)
    x, gradient, twice = (torch.randn(shape, generator=generator, dtype=dtype) for _ in range(3))
    x[0], gradient[:, 0], twice[..., 0] = -0.0, -0.0, -0.0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pooling, "CACHED_NUMBERS", cached)
        if worth_it:
            patch.setattr(pooling, "SMALLEST_PLANE", 1)
            patch.setattr(pooling, "SMALLEST_MAP", 1)
        assert same_bytes(everything(average_pool, x, gradient, twice), everything(by_torch, x, gradient, twice))


@pytest.mark.parametrize("shape", [(64, 8, 16, 16), (40, 16, 8, 8), (128, 8, 4, 4), (9, 8, 32, 32)])
def test_same_bytes_in_the_sizes_that_are_used(shape) -> None:
    x, gradient, twice = (torch.randn(shape, generator=torch.Generator().manual_seed(s)) for s in range(3))
    assert same_bytes(everything(AveragePool(), x, gradient, twice), everything(by_torch, x, gradient, twice))


def test_it_is_faster_code_that_runs(monkeypatch) -> None:
    """The comparisons above must not compare torch with itself."""
    seen = []
    real = pooling.pass_windows
    monkeypatch.setattr(pooling, "pass_windows", lambda x, **kw: seen.append(kw["divide_first"]) or real(x, **kw))
    x = torch.randn(64, 8, 16, 16, requires_grad=True)
    average_pool(x).sum().backward()
    assert seen == [False, True]


@pytest.mark.parametrize("change", ["half", "transposed", "empty"])
def test_what_it_is_not_made_for_goes_to_torch(change) -> None:
    x = torch.randn(64, 8, 16, 16)
    x = {"half": x.bfloat16(), "transposed": x.transpose(2, 3), "empty": x[:0]}[change]
    assert torch.equal(average_pool(x), by_torch(x))


def test_gradient_of_each_image_under_vmap(monkeypatch) -> None:
    """Gradients per image, as for the ntk score."""
    monkeypatch.setattr(pooling, "SMALLEST_MAP", 1)
    x, factors = torch.randn(5, 2, 3, 9, 8), torch.randn(2, 3, 9, 8)

    def of(pool):
        return torch.func.vmap(torch.func.grad(lambda image: (pool(image).pow(3) * factors).sum()))(x)

    one_by_one = [torch.func.grad(lambda image: (by_torch(image).pow(3) * factors).sum())(image) for image in x]
    torch.testing.assert_close(of(average_pool), torch.stack(one_by_one), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(of(average_pool), of(by_torch), rtol=0, atol=0)
